"""Reading what may keep one waiting: pipes, terminals, connections, and streams of unknown kinds.

Who waits here looks at the Run of the call, and tells it of each piece that came.
"""

from __future__ import annotations

import select
from functools import partial
from io import BufferedIOBase, BufferedReader, FileIO
from typing import TYPE_CHECKING, Protocol

from gpgmail.core.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.core.run import Run

_MILLISECONDS = 1000


class Reads(Protocol):
    """What every source can do."""

    def read(self, size: int, /) -> object:
        """Return at most *size* bytes, none at the end."""


def waiting(stream: Reads, run: Run, label: str) -> Reads:
    """Return *stream*, which cannot seek, as one whose reads end when *run* does.

    Raises:
        OSError, ValueError: If it is closed.
    """
    run.touch()  # what was composed may be read long after
    what, read = f"reading {label}", _as_it_comes(stream)
    # Bytes that a BufferedReader holds need not be polled for: more will come, or the end.
    source = stream.raw if type(stream) is BufferedReader else stream
    if type(source) is FileIO:
        return _Polled(source.fileno(), read, run, what)
    return _Aside(read, run, what)


def _as_it_comes(stream: Reads) -> Callable[[int], object]:
    """Return the read that gives what there is; `read` waits for all of it in some streams."""
    has_one = getattr(type(stream), "read1", BufferedIOBase.read1) is not BufferedIOBase.read1
    read: Callable[[int], object] = getattr(stream, "read1" if has_one else "read")
    return read


class _Polled:
    """A descriptor that is read when it has something, or its end."""

    def __init__(self, descriptor: int, read: Callable[[int], object], run: Run, what: str) -> None:
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._read = read
        self._run = run
        self._what = what

    def read(self, size: int, /) -> object:
        while not self._poll.poll(self._run.slice() * _MILLISECONDS):
            self._run.check(self._what)
        self._run.touch()
        return self._read(size)


class _Aside:
    """A stream of which nobody knows what it waits for; a read may be left behind in its thread."""

    def __init__(self, read: Callable[[int], object], run: Run, what: str) -> None:
        self._read = read
        self._run = run
        self._what = what

    def read(self, size: int, /) -> object:
        return aside(partial(self._read, size), self._run, self._what)
