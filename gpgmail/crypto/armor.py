"""What is changed of gpg's ASCII armor as it goes by: header lines (RFC 9580 section 6.2.2), CRC.

gpg itself writes a comment but no version of the caller's choice; both are written here, so that
they stand in one place and in one order. Signed text gets them in its signature block: before the
text only `Hash` may stand (section 7.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.crypto.engine import Algorithms, Sink

_LONGEST = 900  # it becomes one line of a mail, and those end at 998 (RFC 5322 2.1.1)
_FIRST_LINES = (b"-----BEGIN PGP MESSAGE-----\n", b"-----BEGIN PGP SIGNATURE-----\n")
_CHECKSUM = re.compile(rb"^=[A-Za-z0-9+/]{4}\n", re.MULTILINE)
_BEGIN = re.compile(b"^(?:" + b"|".join(map(re.escape, _FIRST_LINES)) + b")", re.MULTILINE)


def one_header(name: str) -> Callable[[str], str]:
    """Return a check that accepts what can stand in one header line called *name*."""

    def check(value: str) -> str:
        refuse_controls(value, name)
        if not (value.isascii() and value.isprintable() and len(value) <= _LONGEST):
            raise Situation.BAD_VALUE.error(
                f"must be printable ASCII of at most {_LONGEST} characters", subject=name
            )
        return value

    return check


def header_lines(wanted: Algorithms) -> bytes:
    """Return the header lines that were asked for.

    Raises:
        UsageError: If one cannot be a line of armor.
    """
    values = {"Version": wanted.version, "Comment": wanted.comment}
    lines = (f"{name}: {one_header(name)(value)}\n" for name, value in values.items() if value)
    return "".join(lines).encode("ascii")


class ArmorWriter:
    """A sink that hands armor on to another, with *lines* after the first line of its block."""

    def __init__(self, sink: Sink, lines: bytes) -> None:
        self._sink = sink
        self._lines = lines
        self._held = b""  # what may become the first line of the block
        self._at_line_start = True

    def __call__(self, data: bytes) -> None:
        """Pass *data* on."""
        if self._lines and data:
            data = self._with_lines(self._held + data)
        if data:
            self._sink(data)

    def end(self) -> None:
        """Say that everything came by.

        Raises:
            CryptoError: If there was no armor to put the lines into.
        """
        if self._lines:
            raise Situation.PLAN_BROKEN.error("gpg's result has no armor for the header lines")

    def _with_lines(self, data: bytes) -> bytes:
        start = 0 if self._at_line_start else data.find(b"\n") + 1 or len(data)
        found = _BEGIN.search(data, start)
        if found is not None:
            lines, self._lines = self._lines, b""
            return data[: found.end()] + lines + data[found.end() :]
        begin = max(start, data.rfind(b"\n") + 1)
        rest = data[begin:]
        self._held = rest if any(line.startswith(rest) for line in _FIRST_LINES) else b""
        self._at_line_start = bool(self._held) or data.endswith(b"\n")
        return data[: len(data) - len(self._held)]


class ChecksumWriter:
    """A sink that hands armor on to another, without its CRC line (RFC 9580 section 6.1).

    That is where it is *wanted* False. True makes sure that there is one, None lets all pass.
    """

    def __init__(self, sink: Sink, *, wanted: bool | None) -> None:
        self._sink = sink
        self._wanted = wanted
        self._held = b""  # the beginning of a line
        self._in_block = False
        self._seen = False

    def __call__(self, data: bytes) -> None:
        """Pass *data* on."""
        if self._wanted is None:
            self._sink(data)
            return
        whole, newline, self._held = (self._held + data).rpartition(b"\n")
        if newline:
            self._sink(self._looked_at(whole + newline))

    def end(self) -> None:
        """Say that everything came by.

        Raises:
            UnsupportedError: If a checksum is wanted, and this gpg writes none.
        """
        if self._held:
            self._sink(self._held)
        if self._wanted and not self._seen:
            raise Situation.ENGINE_CANNOT.error("this gpg writes none", subject="armor checksum")

    def _looked_at(self, lines: bytes) -> bytes:
        """Return whole lines as they go on; of signed text only those behind it have a checksum."""
        before = b""
        if not self._in_block:
            begin = _BEGIN.search(lines)
            if begin is None:
                return lines
            self._in_block = True
            before, lines = lines[: begin.end()], lines[begin.end() :]
        found = _CHECKSUM.search(lines)
        if found is None:
            return before + lines
        self._seen = True
        if self._wanted:
            return before + lines
        return before + lines[: found.start()] + lines[found.end() :]
