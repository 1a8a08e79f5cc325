"""The mail on its way out: told about while it is sent, and readable afterwards as it was sent."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gpgmail.components.collection import Collection
from gpgmail.components.types.header import Header
from gpgmail.core.situations import Situation
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from gpgmail.core.run import Run
    from gpgmail.message.composed import Composed
    from gpgmail.message.part import Part

_END_OF_HEAD = b"\r\n\r\n"
_FOLD = re.compile(r"\r\n(?=[ \t])")


class Telling:
    """Tells listeners about the texts and attachments that it wraps, while there is a run.

    The parts can be read again later, without a run, and then nobody is told.
    """

    def __init__(self) -> None:
        self.run: Run | None = None

    def __call__(self, part: Part) -> Part:
        """Return *part*, whose body is told about."""
        return replace(part, chunks=lambda: self._chunks(part))

    def _chunks(self, part: Part) -> Iterator[bytes]:
        chunks = part.chunks()
        return chunks if self.run is None else told(chunks, part.body_size, self.run)


class Sent:
    """A mail that goes out and can be read again: its bytes are not kept, their hash is.

    What it was made of, *stated*, tells whether it still is the component's mail.
    """

    def __init__(self, composed: Composed, stated: object) -> None:
        self._composed = composed
        self._stated = stated
        self._hash = sha256()

    def chunks(self) -> Iterator[bytes]:
        """Yield the mail as it goes out."""
        for chunk in self._composed.render():
            self._hash.update(chunk)
            yield chunk

    def is_of(self, stated: object) -> bool:
        """Tell whether the mail was made of *stated*."""
        return bool(self._stated == stated)

    def head(self) -> str:
        """Return the header, with the empty line that ends it."""
        return head_of(self._composed)

    def body(self) -> str:
        """Return the body as it went over the wire, before its dots were doubled.

        Raises:
            MessageError: If a file or stream does not give again what was sent.
        """
        seen = sha256()
        head, first, rest = _split(self._composed)
        pieces = [first, *rest]
        for piece in (head, *pieces):
            seen.update(piece)
        if seen.digest() != self._hash.digest():
            raise Situation.ATTACHMENT.error(
                "was changed since the mail was sent", subject="a source of the mail"
            )
        return _text(b"".join(pieces))


def head_of(composed: Composed) -> str:
    """Return the header of a mail, with the empty line that ends it."""
    return _text(_split(composed)[0])


def fields_of(head: str) -> Collection[Header]:
    """Return the fields of a header, their lines unfolded; the collection cannot be changed."""
    lines = filter(None, _FOLD.sub("", head).split("\r\n"))
    fields = (line.partition(":") for line in lines)
    headers = (Header(name, value.strip()) for name, _, value in fields)
    return Collection(Header, _refuse, "message_headers", headers)


def _refuse() -> NoReturn:
    raise Situation.BAD_VALUE.error(
        "can only be read", subject="message_headers", hint="set other_headers"
    )


def _split(composed: Composed) -> tuple[bytes, bytes, Iterator[bytes]]:
    """Return the header, the beginning of the body, and what follows that."""
    rendered = composed.render()
    beginning = b""
    for chunk in rendered:
        beginning += chunk
        head, end, body = beginning.partition(_END_OF_HEAD)
        if end:
            return head + end, body, rendered
    return beginning, b"", rendered


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
