"""Content on its way out: regrouped, checked, for DATA with dots doubled (RFC 5321 section 4.5.2).

What comes here is canonical: CRLF line ends and nothing else. A lone CR or LF is refused, since
servers disagree on what one means: a mail could end, and another begin, where its author had text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 64 * 1024
_CRLF = b"\r\n"


def blocks(chunks: Iterable[bytes], most: int = BLOCK) -> Iterator[bytes]:
    """Yield the same bytes in pieces of at most *most*, small ones joined; none is empty."""
    group: list[bytes] = []
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk), most):
            piece = chunk[start : start + most]
            if size + len(piece) > most:
                yield b"".join(group)
                group, size = [], 0
            group.append(piece)
            size += len(piece)
    if group:
        yield b"".join(group)


class Checker:
    """Looks at a content block by block, whether it is canonical.

    *eight_bit* says that the server was told of bytes above 127.
    """

    def __init__(self, *, eight_bit: bool) -> None:
        self._eight_bit = eight_bit
        self._last = _CRLF  # the two bytes before the next block: content begins at a line's start
        self._open_crs = 0

    def feed(self, block: bytes) -> bytes:
        """Return the two bytes before *block* and itself.

        Raises:
            MessageError: If it is not canonical, or not 7-bit though nobody said so.
        """
        joined = self._last + block
        self._check(block, joined)
        self._last = joined[-2:]
        return joined

    def end(self) -> bytes:
        """Return the last line end where the content lacks it.

        Raises:
            MessageError: If the content ends in a lone CR.
        """
        if self._open_crs:
            raise _not_canonical()
        return b"" if self._last == _CRLF else _CRLF

    def _check(self, block: bytes, joined: bytes) -> None:
        pairs = joined.count(_CRLF, 1)  # one that begins in the block before counts here
        crs = self._open_crs + block.count(b"\r")
        self._open_crs = block.endswith(b"\r")
        if block.count(b"\n") != pairs or crs - self._open_crs != pairs:
            raise _not_canonical()
        if not (self._eight_bit or block.isascii()):
            raise Situation.BAD_MESSAGE.error(
                "has bytes above 127, which the server was not told of",
                subject="content",
                hint="encode it for 7 bits, or say that it needs 8",
            )


class DotStuffer(Checker):
    """Takes a content block by block; what it returns, joined, goes behind DATA."""

    def feed(self, block: bytes) -> bytes:
        """Return *block* with the dots at line starts doubled.

        Raises:
            MessageError: If it is not canonical, or not 7-bit though nobody said so.
        """
        return super().feed(block).replace(b"\r\n.", b"\r\n..")[2:]

    def end(self) -> bytes:
        """Return what ends the content: its last line end where it lacks one, and the final dot.

        Raises:
            MessageError: If the content ends in a lone CR.
        """
        return super().end() + b".\r\n"


def _not_canonical() -> Exception:
    return Situation.BAD_MESSAGE.error(
        "has a line end that is not CRLF", subject="content", hint="nothing was delivered"
    )
