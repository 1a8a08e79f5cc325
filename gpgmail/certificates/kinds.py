"""Types of stores that code calls by name: the reference's numbers; `stores` has all of them."""

USER, PUBLIC_KEY_FILE, PUBLIC_KEY_BLOB, AUTO = 0, 8, 9, 99
