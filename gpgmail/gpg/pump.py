"""Moving data to and from a child without ever standing still on one side.

One thread, one poll over all pipes: gpg may write much before it has read all, or the reverse.
Memory stays at a few blocks whatever the size of the data.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.gpg.process import Pipe, Process

BLOCK = 64 * 1024
_LARGE_PIPE = 1024 * 1024  # what Linux gives an ordinary user for a pipe
_READ = 256 * 1024
_NAP = 0.001  # seconds in which gpg gets through a tenth of a large pipe
_WRITES_AT_ONCE = 16  # then the other pipes get a look
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
_WRITABLE = select.POLLOUT | select.POLLHUP | select.POLLERR


class Move(Enum):
    """What one turn at a pipe came to."""

    NONE = "nothing moved"
    SOME = "something moved"
    LAST = "this pipe is done"


Take = Callable[[bytes], object]


class Feeder:
    """Writes an iterable of bytes into a pipe, as much as fits, and closes it at the end."""

    def __init__(self, pipe: Pipe, source: Iterable[bytes]) -> None:
        self.pipe = pipe
        self._source: Iterator[bytes] = iter(source)
        self._block = memoryview(b"")
        self._small = True
        self.large = False

    def move(self) -> Move:
        """Write until the pipe is full, or the source or the reader is at its end."""
        moved = Move.NONE
        for _ in range(_WRITES_AT_ONCE):
            if not self._block and not self._refill():
                self.pipe.close()
                return Move.LAST
            if not self._write_some():
                return moved if self.pipe.open else Move.LAST
            moved = Move.SOME
        return moved

    def _write_some(self) -> int:
        try:
            written = _write(self.pipe.ours, self._block)
        except BlockingIOError:
            self._grow()
            return 0
        except BrokenPipeError:  # gpg wants no more; its exit code says whether that is an error
            self.pipe.close()
            return 0
        self._block = self._block[written:]
        return written

    def _refill(self) -> bool:
        """Gather small pieces to a block, so that lines do not cost a system call each."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._source:
            pieces.append(piece)
            size += len(piece)
            if size >= BLOCK:
                break
        self._block = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        return bool(self._block)

    def _grow(self) -> None:
        """Make the pipe larger, once, when it proved too small."""
        if self._small:
            self._small = False
            self.large = enlarge(self.pipe)


def enlarge(pipe: Pipe) -> bool:
    """Ask the kernel for a larger pipe, and tell whether it had one to give."""
    try:
        fcntl.fcntl(pipe.ours, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)
    except (OSError, AttributeError):  # the user has too many large pipes, or it is not Linux
        return False
    return True


def pump(
    process: Process,
    takers: Mapping[Pipe, Take],
    feeders: Sequence[Feeder],
    run: Run,
    what: str,
) -> None:
    """Feed and drain all pipes until the child closed its side of those that we read.

    Raises:
        TimeLimitError: If nothing moved for as long as *run* allows.
        Cancelled: If the caller asked to stop.
    """
    moves = {pipe.ours: _drainer(pipe, take) for pipe, take in takers.items()}
    reading = set(moves)
    moves |= {feeder.pipe.ours: feeder.move for feeder in feeders}
    poll = select.poll()
    for descriptor in moves:
        poll.register(descriptor, _READABLE if descriptor in reading else _WRITABLE)
    pace = _Pace(feeders, takers)
    while reading:
        run.check(what)
        ready = poll.poll(run.slice() * 1000)
        if not ready and process.ended:
            ready = poll.poll(0)  # what it wrote at the last, between the two looks
            if not ready:
                return  # somebody it left behind holds a pipe open: all of its own was read
        for descriptor, _ in ready:
            move = moves[descriptor]()
            if move is not Move.NONE:
                run.touch()
            if move is Move.LAST:
                poll.unregister(descriptor)
                reading.discard(descriptor)
        pace.rest()


class _Pace:
    """Short rests while there is much to move, in which gpg empties and fills large pipes.

    Without them every page that gpg takes wakes us, and costs more than the page itself.
    """

    def __init__(self, feeders: Sequence[Feeder], takers: Iterable[Pipe]) -> None:
        self._feeders = feeders
        self._takers = takers
        self._wide: bool | None = None

    def rest(self) -> None:
        """Rest if the pipes are large enough to keep gpg at work meanwhile."""
        if not any(feeder.large and feeder.pipe.open for feeder in self._feeders):
            return
        if self._wide is None:
            self._wide = all(map(enlarge, self._takers))
        if self._wide:
            time.sleep(_NAP)


def _drainer(pipe: Pipe, take: Take) -> Callable[[], Move]:
    def drain() -> Move:
        try:
            data = os.read(pipe.ours, _READ)
        except BlockingIOError:
            return Move.NONE
        if not data:
            return Move.LAST
        take(data)
        return Move.SOME

    return drain


def _write(descriptor: int, data: memoryview) -> int:
    """Write to a pipe that may be broken, also where SIGPIPE would end this program.

    Scripts set SIGPIPE to its default so that `| head` ends them; gpg ending early must not.
    """
    if signal.getsignal(signal.SIGPIPE) is not signal.SIG_DFL:
        return os.write(descriptor, data)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        return os.write(descriptor, data)
    except BrokenPipeError:
        if signal.SIGPIPE not in before:
            signal.sigwait({signal.SIGPIPE})  # pending for this thread: take it off
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def write_line(pipe: Pipe, line: bytes) -> None:
    """Write a short line that surely fits, or nothing; a reader that is gone takes none."""
    if line:
        with contextlib.suppress(BrokenPipeError):
            _write(pipe.ours, memoryview(line))
