"""Telling listeners how content goes out.

What is told is what a caller hands over: `Mailer` and the queue runner the whole mail, header lines
included, a component each text and attachment apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.events import EndTransfer, StartTransfer, Transfer
from gpgmail.transport.content import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpgmail.core.run import Run

_CLIENT = 0  # sends, in the numbers of these events
_UNKNOWN = -1


def told(chunks: Iterable[bytes], size: int | None, run: Run) -> Iterator[bytes]:
    """Yield the same bytes in blocks of at most 64 KiB, and tell *run* of each before it goes out.

    *size* is their number if known; without it no percentage is. Of nothing nothing is told.
    What a handler raises leaves from here into whoever sends.
    """
    sent = 0
    for block in blocks(chunks):
        if not sent:
            run.emit(StartTransfer(_CLIENT))
        sent += len(block)
        percent = min(100, sent * 100 // size) if size else _UNKNOWN
        run.emit(Transfer(_CLIENT, sent, percent, block))
        yield block
    if sent:
        run.emit(EndTransfer(_CLIENT))
