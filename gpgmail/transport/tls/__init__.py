"""TLS: when it starts, and whom it trusts."""
