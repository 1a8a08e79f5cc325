"""What became of mails that must not be sent twice: a file for each, which outlives every crash.

Lines are only added to a file, and each is on the disk before the next step begins: of a line that
a crash cut off nothing counts, and the one before it still says what is known. So a file whose last
line is `begun` is of a mail that may have arrived. Who sends holds a lock on the file (flock), so
that of several processes one sends and the others see what became of it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from gpgmail.core.replies import Reply
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run

_ONLY_OWNER = 0o600
_OWN_DIRECTORY = 0o700


class Fate(StrEnum):
    """What is known of a mail."""

    BEGUN = "begun"  # its content began to go out, and nothing was heard of it since
    ACCEPTED = "accepted"  # for every recipient
    PARTLY = "partly"  # for some; the server refused the others
    UNKNOWN = "unknown"  # the connection was lost after all of it was sent
    FAILED = "failed"  # nobody has it

    @property
    def certain(self) -> bool:
        """Whether it is known who has the mail."""
        return self not in {Fate.BEGUN, Fate.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line: what is known of a mail since when, and who has it; `refused` has the words said."""

    fate: Fate
    message_id: str
    recipients: tuple[str, ...]
    time: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    accepted: tuple[str, ...] = ()
    refused: Mapping[str, Reply] = field(default_factory=dict)


class Record:
    """The file of a mail, locked by this process; `last` is its last entry."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.last = _last(descriptor, path)

    def add(self, entry: Entry) -> None:
        """Add an entry, which is on the disk then.

        Raises:
            MessageError: If it cannot be written.
        """
        try:
            # A line that was cut off is ended first: joined to it, this one could not be read.
            _write(self._descriptor, b"\n" * (not _ends_line(self._descriptor)) + _encoded(entry))
            os.fsync(self._descriptor)
        except OSError as error:
            raise _failed(Situation.WORKING_FILE, error, self._path) from error
        self.last = entry


@contextmanager
def held(directory: Path, name: str, run: Run) -> Iterator[Record]:
    """Give the record *name*, made where there is none; wait for who has it, as *run* says.

    Raises:
        MessageError: If it cannot be made or read.
        Cancelled, TimeLimitError: If *run* says so while another process has it.
    """
    path = directory / name
    try:
        _make(directory)
    except OSError as error:
        raise _failed(Situation.WORKING_FILE, error, directory) from error
    descriptor = _locked(path, run)
    try:
        yield Record(path, descriptor)
    finally:
        os.close(descriptor)


def known(directory: Path, name: str) -> Entry | None:
    """Return the last entry of the record *name*, None where there is none; nothing is made.

    Raises:
        MessageError: If it cannot be read.
    """
    path = directory / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(Situation.QUEUE_OPEN, error, path) from error
    try:
        return _last(descriptor, path)
    finally:
        os.close(descriptor)


def prune(directory: Path, older_than: float) -> None:
    """Remove the records whose last entry is older than so many seconds, and that nobody has."""
    limit = time.time() - older_than
    with suppress(OSError):
        for path in directory.iterdir():
            with suppress(OSError):
                if path.lstat().st_mtime < limit:
                    _remove(path)


# ------------------------------------------------------------------------------------------- within


def _make(directory: Path) -> None:
    """Make the directory; one in which others could say what was sent is refused."""
    directory.mkdir(mode=_OWN_DIRECTORY, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "others can write there", os.fspath(directory))


def _locked(path: Path, run: Run) -> int:
    """Return the file, opened and locked."""
    while True:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(path.lstat(), os.fstat(descriptor)):
                return descriptor
        except BlockingIOError:
            pass
        except FileNotFoundError:
            pass  # removed by who had it: it is made anew
        except OSError as error:
            os.close(descriptor)
            raise _failed(Situation.WORKING_FILE, error, path) from error
        os.close(descriptor)
        run.check(f"waiting for who sends the same mail, {shown(path)}")
        time.sleep(run.slice())


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, _ONLY_OWNER)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _failed(Situation.WORKING_FILE, error, path) from error
    return descriptor


def _remove(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _ends_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"


def _last(descriptor: int, path: Path) -> Entry | None:
    """Return the last entry that was written whole.

    Raises:
        MessageError: If the file cannot be read, or holds what nobody here wrote.
    """
    try:
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    except OSError as error:
        raise _failed(Situation.QUEUE_OPEN, error, path) from error
    whole = data.split(b"\n")[:-1]
    entries = [entry for line in whole if (entry := _decoded(line)) is not None]
    if whole and not entries:
        raise Situation.QUEUE_DAMAGED.error(
            "is no record of a mail", subject=shown(path), hint="look at it, then remove it"
        )
    return entries[-1] if entries else None


def _encoded(entry: Entry) -> bytes:
    line = {
        "fate": entry.fate,
        "time": entry.time.isoformat(),
        "message_id": entry.message_id,
        "recipients": entry.recipients,
        "accepted": entry.accepted,
        "refused": {address: [one.code, *one.lines] for address, one in entry.refused.items()},
    }
    return json.dumps(line).encode("ascii") + b"\n"


def _decoded(line: bytes) -> Entry | None:
    """Return the entry of a line, None where it was cut off."""
    try:
        found = json.loads(line)
        return Entry(
            fate=Fate(found["fate"]),
            message_id=found["message_id"],
            recipients=tuple(found["recipients"]),
            time=datetime.fromisoformat(found["time"]),
            accepted=tuple(found["accepted"]),
            refused={
                address: Reply(code, tuple(lines))
                for address, (code, *lines) in found["refused"].items()
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _failed(situation: Situation, error: OSError, path: Path) -> GpgmailError:
    return situation.error(
        reason(error), subject=shown(path), hint="XDG_STATE_HOME can name another directory"
    )
