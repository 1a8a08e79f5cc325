"""Content in counted chunks instead of behind DATA: no dots doubled, no question before (RFC 3030).

    BDAT 65536
    BDAT 1234 LAST

Each chunk has its answer. What is sent stays canonical text; nothing here is for binary content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpgmail.transport.content import Checker, blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXTENSION = "CHUNKING"
LARGEST = 256 * 1024  # bytes of a chunk; most mails are one

# Whoever does not know the command takes the chunk for commands.
NOT_KNOWN = frozenset({500, 501, 502, 504})


class Chunk(NamedTuple):
    """One command, and the octets that belong right behind it."""

    data: bytes
    last: bool

    @property
    def command(self) -> bytes:
        """The line that says how many octets follow."""
        return b"BDAT %d%b\r\n" % (len(self.data), b" LAST" if self.last else b"")


def chunks(content: Iterable[bytes], *, eight_bit: bool) -> Iterator[Chunk]:
    """Yield *content* in chunks of at most LARGEST, but for a last line end that it lacked.

    Each comes when the next piece of its source is there: only once no source and no handler can
    object any more there is one that is marked as the last.

    Raises:
        MessageError: If it is not canonical, or not 7-bit though nobody said so.
    """
    checker = Checker(eight_bit=eight_bit)
    waiting = b""
    for block in blocks(content, LARGEST):
        if waiting:
            yield Chunk(waiting, last=False)
        checker.feed(block)
        waiting = block
    yield Chunk(waiting + checker.end(), last=True)
