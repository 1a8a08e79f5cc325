"""A mail as a program hands it over: fields with the bytes that they came in, and a body to stream.

What programs write is not always a mail: a line of mbox before the first field, no empty line
behind the last one, no field at all. It is taken as sendmail takes it. Only line ends change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason
from gpgmail.message.bodies import crlf
from gpgmail.message.headers import encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_MBOX = (b"From ", b">From ")
_LONGEST_HEADER = 1 << 20
_LONGEST_LINE = 1 << 16  # bytes that are looked at together; longer lines come in pieces
_LONGEST_ON_THE_WAY = 998  # RFC 5322 section 2.1.1
_FOLD = re.compile(r"\r\n(?=[ \t])")
_DOTS = (b".\n", b".\r\n", b".")


class RawField(NamedTuple):
    """A header field: its name, and its lines as they came, with CRLF; or one that is `ours`."""

    name: str
    lines: bytes
    ours: bool = False

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()

    @property
    def value(self) -> str:
        """What is behind the colon, without folds; bytes that are no UTF-8 count as Latin-1."""
        data = self.lines.partition(b":")[2]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return _FOLD.sub("", text).removesuffix("\r\n").strip(" \t")

    def rendered(self) -> bytes:
        """Return the lines as they may go out: as they came, unless no server takes them so.

        Raises:
            UsageError: If the value can be put into no field.
        """
        if self.ours:
            return self.lines
        lines = self.lines.split(b"\r\n")
        clean = self.lines.isascii() and b"\0" not in self.lines and b"\r" not in b"".join(lines)
        if clean and max(map(len, lines)) <= _LONGEST_ON_THE_WAY:
            return self.lines
        from gpgmail.message.headers import header_bytes

        text = re.sub(r"[\r\n\0]", " ", self.value)
        return header_bytes([(self.name, encode_text(self.name, text))])


def field(name: str, value: str) -> RawField:
    """Return a field of ours.

    Raises:
        UsageError: If it cannot stand in a header.
    """
    from gpgmail.message.headers import header_bytes

    return RawField(name, header_bytes([(name, value)]), ours=True)


class Handed(NamedTuple):
    """What was handed over; `body` can be read once, and has CRLF at the end of every line."""

    fields: tuple[RawField, ...]
    body: Iterator[bytes]

    def values(self, name: str) -> list[str]:
        """Return the values of all fields *name*."""
        return [one.value for one in self.fields if one.key == name.lower()]

    def has(self, name: str) -> bool:
        """Tell whether there is a field *name*."""
        return any(one.key == name.lower() for one in self.fields)


def take(stream: BinaryIO, *, ends_at_dot: bool = False) -> Handed:
    """Read the header of a mail from *stream*, and leave the body to be read from it.

    With *ends_at_dot* a line that is a dot alone ends the mail.

    Raises:
        MessageError: If it cannot be read, or its header is longer than a mebibyte.
    """
    lines = _until_dot(_lines(stream)) if ends_at_dot else _lines(stream)
    fields, first = _header(lines)
    return Handed(fields, _whole(_chained(first, lines)))


def taken_apart(data: bytes) -> Handed:
    """Return a mail, or an entity, that is there already.

    Raises:
        MessageError: As `take`.
    """
    import io

    return take(io.BytesIO(data))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    try:
        yield from iter(lambda: stream.readline(_LONGEST_LINE), b"")
    except (OSError, ValueError) as error:
        raise Situation.NO_INPUT.error(
            f"cannot be read: {reason(error)}", subject="the mail"
        ) from None


def _until_dot(lines: Iterable[bytes]) -> Iterator[bytes]:
    begins = True
    for line in lines:
        if begins and line in _DOTS:
            return
        yield line
        begins = line.endswith(b"\n")


def _header(lines: Iterator[bytes]) -> tuple[tuple[RawField, ...], bytes]:
    """Return the fields, and what was read of the body to find their end."""
    fields: list[RawField] = []
    size = 0
    for line in lines:
        ended = line.rstrip(b"\r\n") + b"\r\n"
        size += len(ended)
        if size > _LONGEST_HEADER:
            raise Situation.BAD_MESSAGE.error("is longer than a mebibyte", subject="the header")
        found = _FIELD.match(line)
        if fields and not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            raise Situation.BAD_MESSAGE.error("has a line of 64 kibibytes", subject="the header")
        if found is not None:
            fields.append(RawField(found[1].decode(), ended))
        elif fields and line[:1] in {b" ", b"\t"}:
            last = fields.pop()
            fields.append(RawField(last.name, last.lines + ended))
        elif fields or not line.startswith(_MBOX):
            return tuple(fields), b"" if ended == b"\r\n" else line
    return tuple(fields), b""


def _chained(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines with CRLF in larger pieces, the last line ended too."""
    last, group, size = b"", [], 0
    for line in crlf(lines):
        group.append(line)
        size += len(line)
        if size >= _LONGEST_LINE:
            yield b"".join(group)
            group, size = [], 0
        last = line[-2:] if len(line) > 1 else last[-1:] + line
    if last and last != b"\r\n":
        group.append(b"\n" if last.endswith(b"\r") else b"\r\n")
    if group:
        yield b"".join(group)
