"""Reply lines as RFC 5321 section 4.2 has them; anything else is refused.

    Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF

What a server says ends up on terminals and in logs: `printable` takes out what could act there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOTAL_LIMIT = 64 * 1024  # bytes of all lines of one reply

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """One line: its code, whether more follow, and its text as it came."""

    code: int
    more: bool
    text: bytes


def parse_line(line: bytes) -> ReplyLine | None:
    """Return what a line without its end says, or None where it is no reply line."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    code, separator, text = found.groups(default=b"")
    return ReplyLine(int(code), separator == b"-", text.strip())


def printable(text: str) -> str:
    """Return *text* with everything that does not print written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def decoded(data: bytes) -> str:
    """Return a server's bytes as printable text: UTF-8 (RFC 6531), or escapes."""
    return printable(data.decode("utf-8", "backslashreplace"))
