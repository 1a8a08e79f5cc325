"""The mail on its way out: told about while it is sent, and readable afterwards as it was sent."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.components.collection import Collection
from gpgmail.components.types.header import Header
from gpgmail.core.situations import Situation
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from gpgmail.core.run import Run
    from gpgmail.message.draft import Composed
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


def head_of(composed: Composed) -> str:
    """Return the header of a mail, with the empty line that ends it."""
    return _text(_split(composed)[0])


def body_of(composed: Composed) -> str:
    """Return the body of a mail as it goes over the wire, before its dots are doubled."""
    first, rest = _split(composed)[1:]
    return _text(b"".join((first, *rest)))


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
