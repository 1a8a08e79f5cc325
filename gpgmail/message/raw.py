"""A mail, or the body of one, that its author encoded himself and that goes out as it is.

Only line ends change: LF becomes CRLF, as every mail has it, and the last line gets one. What
begins with header fields and has From among them is a whole mail; anything else is a body, to be
sent under fields from elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.message.bodies import crlf
from gpgmail.message.part import Part, verbatim
from gpgmail.message.sources import Source, look_at
from gpgmail.message.storage import Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gpgmail.message.headers import Field

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_KEPT = 998  # bytes of a line that are looked at, as long as a line may be: a name is among them
_BLIND = {"bcc", "resent-bcc"}


@dataclass(frozen=True, slots=True)
class Raw:
    """What was looked at: its bytes with CRLF, their number, and what they are."""

    chunks: Callable[[], Iterator[bytes]]
    size: int
    names: frozenset[str]  # of the header fields, in lower case; none where it is a body alone
    ascii_head: bool
    ascii_body: bool

    @property
    def whole(self) -> bool:
        """Whether this is a whole mail."""
        return bool(self.names)

    def mail(self) -> Part:
        """Return the whole mail, header included, as one part."""
        return verbatim(self.chunks, size=self.size, eight_bit=not self.ascii_body)

    def body(self, fields: tuple[Field, ...]) -> Part:
        """Return the body under MIME *fields*.

        Raises:
            UsageError: If it is not ASCII, and the fields do not say how it is encoded.
        """
        named = any(name.lower() == "content-transfer-encoding" for name, _ in fields)
        eight_bit = not (self.ascii_head and self.ascii_body)
        if eight_bit and not named:
            raise Situation.BAD_VALUE.error(
                "has bytes above 127 and no Content-Transfer-Encoding",
                subject="raw message",
                hint="encode it, or name its encoding in other_headers",
            )
        return Part(fields, self.chunks, self.size, eight_bit)


def look(source: Source, run: Run | None = None) -> Raw:
    """Read *source* once and return what it is; a stream is kept, a file read again when sent.

    Raises:
        MessageError: If it cannot be read.
        Cancelled, TimeLimitError: If *run* ends while it is read.
        UsageError: If it has a lone CR, or a Bcc field.
    """
    run = run or Run()
    readable = look_at(source, run)
    again = isinstance(source, bytes) or (isinstance(source, str) and Path(source).is_file())
    chunks = readable.chunks if again else _kept(readable.chunks())
    seen = _Scan()
    for chunk in _lines(chunks()):
        run.check("reading the raw message")
        run.touch()
        seen.feed(chunk)
    if seen.lone_cr:
        raise Situation.BAD_VALUE.error(
            "holds a CR without LF, which no mail can", subject="raw message"
        )
    names = seen.head.names()
    if names & _BLIND:
        raise Situation.BAD_VALUE.error(
            "would tell everybody who else got the mail",
            subject="Bcc field of a raw message",
            hint="take it out, and set b_cc",
        )
    return Raw(lambda: _lines(chunks()), seen.size, names, seen.ascii_head, seen.ascii_body)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines that end in CRLF, the last one too, as the end of SMTP data would make it."""
    last = b""
    for chunk in crlf(chunks):
        last = (last + chunk)[-2:]
        yield chunk
    if last and last != b"\r\n" and not last.endswith(b"\r"):
        yield b"\r\n"


def _kept(chunks: Iterable[bytes]) -> Callable[[], Iterator[bytes]]:
    spooled = Spooled()
    for chunk in chunks:
        spooled.write(chunk)
    return spooled.chunks


class _Scan:
    """What is to be known of the bytes before the first of them goes out."""

    def __init__(self) -> None:
        self.size = 0
        self.head = _Head()
        self.ascii_head = self.ascii_body = True
        self._lone_cr = False
        self._last = b""

    @property
    def lone_cr(self) -> bool:
        """Whether there is a CR that no LF follows."""
        return self._lone_cr or bool(self._last)

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes, in which every LF has its CR."""
        ends = self.head.feed(chunk)
        self.ascii_head = self.ascii_head and chunk[:ends].isascii()
        self.ascii_body = self.ascii_body and chunk[ends:].isascii()
        joined = self._last + chunk
        self._last = b"\r" if joined.endswith(b"\r") else b""
        whole = joined[: len(joined) - len(self._last)]
        self._lone_cr = self._lone_cr or whole.count(b"\r") != whole.count(b"\n")
        self.size += len(chunk)


class _Head:
    """Follows a header line by line to its end, however far that is, and keeps its names alone."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._line = b""  # the beginning of the one that is not complete yet
        self._open = True

    def feed(self, chunk: bytes) -> int:
        """Return how much of *chunk* can belong to the header."""
        at = 0
        while self._open and at < len(chunk):
            end = chunk.find(b"\n", at) + 1
            piece = chunk[at : end or None]
            self._line += piece[: _KEPT - len(self._line)]
            at += len(piece)
            if end:
                self._judge()
        return at

    def names(self) -> frozenset[str]:
        """Return the names of the fields, none where this is no header of a mail."""
        if self._line:
            self._judge()
        return frozenset(self._names if "from" in self._names else ())

    def _judge(self) -> None:
        line, self._line = self._line, b""
        field = _FIELD.match(line)
        if field is not None:
            self._names.add(field[1].decode().lower())
        elif not (self._names and line.startswith((b" ", b"\t"))):
            self._open = False
            if line != b"\r\n":
                self._names.clear()
