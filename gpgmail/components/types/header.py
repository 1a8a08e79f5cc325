"""`Header`: one field of a message, as it goes out."""

from __future__ import annotations

from gpgmail.core.declare import Declared, prop


class Header(Declared):
    """A header field: its name in the letters in which it goes out, and its unfolded value."""

    field: str = prop(default="", doc="Name of the field.")
    value: str = prop(default="", doc="What stands in it, encoded as it goes out, on one line.")

    def __init__(self, field: str = "", value: str = "") -> None:
        super().__init__(field=field, value=value)
