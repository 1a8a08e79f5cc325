"""A directory of queue files: adding one so that it is whole or not there, and taking one out.

A file's state is its extension. Who takes a mail holds a lock on its file (flock) from before it is
renamed to `.sending` until it got its last name: of several processes one has it, and a `.sending`
that nobody has locked was left by a process that ended. A lock is on the file and not on its name,
so whoever got it looks whether the name still means that file. A file gets its new name before it
loses the old one, since only that never overwrites another; who finds both ends the change. Every
change of a name is made durable before the next step begins.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import chain, count
from typing import TYPE_CHECKING, Self

from gpgmail.core.codes import Retry
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.spool import queuefile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.spool.queuefile import Queued


class State(StrEnum):
    """What becomes of a mail, as the extension of its file."""

    QUEUED = ".queued"
    SENDING = ".sending"
    SENT = ".sent"
    FAILED = ".failed"
    HELD = ".held"  # encrypted to a key of this machine, until a recipient has one


_UNFINISHED = ".writing"
_ONLY_OWNER = 0o600
_BUFFER = 1 << 18
# What passes without anybody touching this directory.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EIO)
# What a file system says that has no links, or no more of them.
_WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_HINTS = {errno.ENOENT: "it must be there already"}


def add(directory: Path, mail: Queued, run: Run, state: State = State.QUEUED) -> Path:
    """Write *mail* into *directory* and return its file, which is on the disk then.

    Only its owner can read it. A failure leaves nothing behind; a process that is killed may leave
    a hidden file ending in `.writing`, which is never taken for a mail.

    Raises:
        MessageError: If it cannot be written, or the content cannot be read.
        Cancelled, TimeLimitError: If *run* says so.
    """
    name = _new_name()
    path, unfinished = directory / f"{name}{state}", directory / f".{name}{_UNFINISHED}"
    try:
        _write(unfinished, mail, run)
        with _writing(directory):
            unfinished.rename(path)
            try:
                _sync(directory)
            except OSError:
                path.unlink(missing_ok=True)  # what is reported as failed is not there either
                raise
    except BaseException:
        with suppress(OSError, ValueError):
            unfinished.unlink(missing_ok=True)
        raise
    return path


def require(directory: Path) -> None:
    """Go on where `add` could write into *directory*; nothing is written.

    Raises:
        MessageError: If it could not.
    """
    with _writing(directory):
        os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY))
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def listed(directory: Path, state: State) -> list[Path]:
    """Return the names with the extension of *state*, oldest first, whatever they are.

    Raises:
        MessageError: If *directory* is missing, no directory, or not readable.
    """
    try:
        names = os.listdir(directory)  # noqa: PTH208 - iterdir opens nothing until it is read
    except (OSError, ValueError) as error:
        raise _failed(Situation.QUEUE_OPEN, error, directory) from error
    return sorted(path for name in names if (path := directory / name).suffix == state)


class Claim:
    """A queue file that this process has locked; closing it lets go of the lock.

    `path` is its name now. `unsure` says that it was left by a process that ended after it had
    handed all of the content to a server; `handed_over` that this process did so.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.handed_over = False
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self.unsure = path.suffix == State.SENDING and self._has_mark()

    def begin(self) -> None:
        """Rename the file to `.sending`.

        Raises:
            MessageError: As `move` does.
        """
        if self.path.suffix != State.SENDING:
            self.move(State.SENDING)

    def read(self, run: Run) -> Queued:
        """Return the mail, checked; its content can be read as long as this is open.

        Raises:
            MessageError: If the file is damaged or cannot be read.
            Cancelled, TimeLimitError: If *run* says so.
        """
        name = shown(self.path)

        def tick() -> None:
            run.check(f"reading {name}")
            run.touch()

        return queuefile.parse(self._read_at, self._size, name, tick)

    def handing_over(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield *content* to who sends it, and mark the file before he learns that it ended."""
        yield from content
        self._mark(queuefile.UNSURE)
        self.handed_over = True

    def move(self, state: State) -> None:
        """Rename the file to *state*; where that name is taken, to one with a number.

        Raises:
            MessageError: If that fails; the file has its old name, alone or too.
        """
        # The mark goes first, so that a file whose fate is known is never left as one of unknown
        # fate. A mail that was sent keeps it: to be left without would mean to be sent again.
        if state is not State.SENT and self._has_mark():
            self._mark(queuefile.UNSENT)
        with _writing(self.path):
            target = _renamed(self.path, self.path.with_suffix(state))
            _sync(target.parent)
        self.path = target

    def remove(self) -> None:
        """Delete the file.

        Raises:
            MessageError: If that fails.
        """
        with _writing(self.path):
            self.path.unlink()
            _sync(self.path.parent)

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_at(self, position: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, position)
        except OSError as error:
            raise _failed(Situation.QUEUE_OPEN, error, self.path) from error

    def _has_mark(self) -> bool:
        position = max(0, self._size - queuefile.END_SIZE)
        return queuefile.is_unsure(self._read_at(position, queuefile.END_SIZE))

    def _mark(self, word: bytes) -> None:
        with _writing(self.path):
            os.pwrite(self._descriptor, word, queuefile.word_position(self._size))
            os.fsync(self._descriptor)


def claim(path: Path) -> Claim | None:
    """Lock the queue file *path* for this process; None where another one has it or had it.

    Raises:
        MessageError: If it is no regular file (links are not followed), or cannot be opened.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _odd(path)
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(Situation.QUEUE_OPEN, error, path) from error
    claimed = None
    try:
        if _locked(descriptor) and _means(path, descriptor) and not _ended(path):
            claimed = Claim(path, descriptor)
    except OSError as error:
        raise _failed(Situation.QUEUE_OPEN, error, path) from error
    finally:
        if claimed is None:
            os.close(descriptor)
    return claimed


# ------------------------------------------------------------------------------------------- within


def _new_name() -> str:
    """Return a name that sorts by time and that no other process makes."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
    return f"{moment}-{rest:09d}-{os.urandom(8).hex()}"


def _write(path: Path, mail: Queued, run: Run) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with _writing(path.parent):
        descriptor = os.open(path, flags, _ONLY_OWNER)
    waiting = bytearray()

    def flush() -> None:
        with _writing(path.parent):
            while waiting:
                del waiting[: os.write(descriptor, waiting)]

    try:
        for chunk in queuefile.encode(mail):
            run.check(f"writing into {shown(path.parent)}")
            run.touch()
            waiting += chunk
            if len(waiting) >= _BUFFER:
                flush()
        flush()
        with _writing(path.parent):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _means(path: Path, descriptor: int) -> bool:
    """Tell whether *path* still is the name of an open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _renamed(path: Path, target: Path) -> Path:
    """Rename *path* to *target*, or to the first name like it that is not taken; return that."""
    others = (target.with_stem(f"{target.stem}-{number}") for number in count(1))
    names = chain((target,), others)
    while True:
        name = next(names)
        if name != path and _same(path, name):
            path.unlink()
            return name
        if not os.path.lexists(name):
            with suppress(FileExistsError):
                return _linked(path, name)


def _linked(path: Path, name: Path) -> Path:
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        path.rename(name)
    else:
        path.unlink()
    return name


def _ended(path: Path) -> bool:
    """Tell whether a file has the name of one that is done with too, and end that change."""
    done = [path.with_suffix(state) for state in (State.SENT, State.FAILED)]
    if path in done or not any(_same(path, other) for other in done):
        return False
    path.unlink()
    _sync(path.parent)
    return True


def _same(path: Path, other: Path) -> bool:
    try:
        return os.path.samestat(path.lstat(), other.lstat())
    except FileNotFoundError:
        return False


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the system's errors of the block into ours; nothing else is called in such blocks."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _failed(Situation.QUEUE_WRITE, error, path) from error


def _failed(situation: Situation, error: Exception, path: Path) -> GpgmailError:
    number = getattr(error, "errno", None)
    return situation.error(
        reason(error),
        subject=shown(path),
        hint=_HINTS.get(number or 0),
        retry=Retry.LATER if number in _PASSING else None,
    )


def _odd(path: Path) -> GpgmailError:
    return Situation.QUEUE_OPEN.error(
        "is no regular file and was left alone", subject=shown(path), hint="links are not followed"
    )
