"""The one check that keeps control characters out of headers, addresses and commands."""

from __future__ import annotations

from gpgmail.core.situations import Situation

_NAMES = {"\r": "CR", "\n": "LF", "\0": "NUL"}


def refuse_controls(value: str, subject: str) -> str:
    """Return *value* unchanged when it holds no CR, LF or NUL; *subject* names it in the error.

    Raises:
        UsageError: If it does; nothing after such a character may reach a header or a command.
    """
    found = next((name for char, name in _NAMES.items() if char in value), None)
    if found is not None:
        raise Situation.INJECTION.error(f"holds {found}", subject=subject)
    return value
