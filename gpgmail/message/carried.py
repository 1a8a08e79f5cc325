"""The content of a mail that was handed over: exactly as it came, or encoded so that it survives.

What is encrypted is carried byte by byte, and streams: nothing of it is kept, as no disk may see
it. What is only signed, or goes out in clear, is kept and looked at: a signature holds over what no
relay changes, and no server takes a lone CR. Where a body stands for that it goes out as it came;
otherwise its leaves are encoded anew.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.message import bodies
from gpgmail.message.handed import field
from gpgmail.message.part import Part, verbatim
from gpgmail.message.storage import IN_MEMORY, Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gpgmail.message.handed import RawField

_LONGEST_LINE = 998  # RFC 5321 section 4.5.3.1.6, without CRLF
_NOT_CARRIED = {"content-length"}  # of mboxes, and wrong as soon as anything is added
_ADDRESSED = b"From: x@localhost\r\nTo: x@localhost\r\n"  # what a parser of mails asks for


class Carried:
    """Content fields and body; *begun* is the beginning of the body, or all of it where `whole`."""

    def __init__(self, fields: Iterable[RawField], body: Iterator[bytes]) -> None:
        self._body: Iterator[bytes] | None = body
        self._kept: Kept | None = None
        taken = bytearray()
        self.whole = True
        for chunk in body:
            taken += chunk
            if len(taken) >= IN_MEMORY:
                self.whole = False
                break
        self.begun = bytes(taken)
        self.fields = self._declared(tuple(fields))

    @property
    def content_type(self) -> str:
        """The value of the first Content-Type."""
        return next(one.value for one in self.fields if one.key == "content-type")

    def exact(self) -> Part:
        """Return the content as it came, to be rendered once."""
        return verbatim(self._once)

    def keep(self, look: Callable[[bytes], bool] | None = None) -> bool:
        """Read the body to its end and keep it, as what may lie on a disk in clear.

        *look* is shown every piece first and may say that this one and all behind it must not be
        kept; then False is returned, and the content can still be had by `exact`.
        """
        spooled = Spooled()
        pieces = chain((self.begun,), self._rest())
        for piece in pieces:
            if look is not None and not look(piece):
                self._body = chain(spooled.chunks(), (piece,), pieces)
                self.begun = b""
                return False
            spooled.write(piece)
        self._kept = Kept(self.fields, spooled)
        return True

    def kept(self) -> Kept:
        """Return the content that was kept, or is kept now."""
        if self._kept is None:
            self.keep()
        if self._kept is None:
            raise AssertionError("nothing keeps it from being kept")
        return self._kept

    def give_back(self) -> None:
        """Let what was kept be read as if it was not."""
        self._body, self.begun, self._kept = self.kept().body.chunks(), b"", None

    def _declared(self, fields: tuple[RawField, ...]) -> tuple[RawField, ...]:
        """Return *fields* with a type that is true of a body that says none."""
        kept = tuple(one for one in fields if one.key not in _NOT_CARRIED)
        keys = {one.key for one in kept}
        if "content-type" in keys:
            return kept
        added = [field("Content-Type", f"text/plain; charset={self._charset()}")]
        if "content-transfer-encoding" not in keys and not (self.whole and self.begun.isascii()):
            added.append(field("Content-Transfer-Encoding", "8bit"))
        return (*kept, *added)

    def _charset(self) -> str:
        """Return the charset of a text: UTF-8 where it is that, as far as it is known."""
        if self.whole and self.begun.isascii():
            return "us-ascii"
        try:
            self.begun.decode()
        except UnicodeDecodeError as error:
            cut_off = not self.whole and error.start >= len(self.begun) - 3
            return "utf-8" if cut_off else "unknown-8bit"  # RFC 1428
        return "utf-8"

    def _once(self) -> Iterator[bytes]:
        rest = self._rest()
        yield b"".join(one.lines for one in self.fields) + b"\r\n"
        yield self.begun
        yield from rest

    def _rest(self) -> Iterator[bytes]:
        rest, self._body = self._body, None
        if rest is None:
            raise Situation.NO_INPUT.error("was read already", subject="the mail")
        return rest


class Kept(NamedTuple):
    """Content that was read to its end."""

    fields: tuple[RawField, ...]
    body: Spooled

    def to_sign(self) -> Part:
        """Return it so that no relay changes it: as it came, or with its leaves encoded anew.

        Raises:
            MessageError: If it must be encoded and cannot be taken apart.
        """
        head = b"".join(one.lines for one in self.fields)
        safe = head.isascii() and all(map(bodies.is_safe, self._lines()))
        return self.behind(self.fields) if safe else self.encoded()

    def can_be_sent(self) -> bool:
        """Tell whether a server takes it as it came."""
        head = all(one.lines.isascii() for one in self.fields)
        return head and all(map(_can_be_sent, self._lines()))

    def behind(self, fields: Iterable[RawField]) -> Part:
        """Return the body as it came, behind these fields in the place of its own."""
        head = b"".join(one.rendered() for one in fields) + b"\r\n"

        def chunks() -> Iterator[bytes]:
            yield head
            yield from self.body.chunks()

        eight_bit = not all(chunk.isascii() for chunk in self.body.chunks())
        return verbatim(chunks, size=len(head) + self.body.size, eight_bit=eight_bit)

    def encoded(self) -> Part:
        """Return it with its leaves encoded for seven bits.

        Raises:
            MessageError: If it cannot be taken apart.
        """
        import email

        from gpgmail.message.email_message import from_email

        return from_email(email.message_from_bytes(_ADDRESSED + self.data())).content

    def data(self) -> bytes:
        """Return the whole of it."""
        head = b"".join(one.lines for one in self.fields)
        return head + b"\r\n" + b"".join(self.body.chunks())

    def _lines(self) -> Iterator[bytes]:
        """Yield the body in pieces of whole lines, each from the beginning of one."""
        rest = b""
        for chunk in self.body.chunks():
            lines, end, begun = (rest + chunk).rpartition(b"\r\n")
            if end:
                yield lines + end
            rest = begun
        if rest:
            yield rest


def _can_be_sent(lines: bytes) -> bool:
    ends = lines.count(b"\r\n")
    return (
        lines.count(b"\r") == lines.count(b"\n") == ends
        and b"\0" not in lines
        and max(map(len, lines.split(b"\r\n"))) <= _LONGEST_LINE
    )
