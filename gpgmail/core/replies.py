"""What an SMTP server said, as a value (RFC 5321 section 4.2, RFC 3463)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# First digits of a reply code (RFC 5321 section 4.2.1).
_POSITIVE, _TEMPORARY = (2, 3), (4,)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: three-digit code, the lines of text, and the enhanced status where one was given."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str:
        """The RFC 3463 status such as `5.1.1`, or empty."""
        found = _ENHANCED.match(self.lines[0]) if self.lines else None
        return found.group(1) if found else ""

    @property
    def text(self) -> str:
        """The lines joined by blanks."""
        return " ".join(self.lines)

    @property
    def positive(self) -> bool:
        """Whether the server agreed (2xx or 3xx)."""
        return self.code // 100 in _POSITIVE

    @property
    def temporary(self) -> bool:
        """Whether the server asks to try later (4xx)."""
        return self.code // 100 in _TEMPORARY

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()
