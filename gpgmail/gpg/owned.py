"""Working directories that this process owns: made, held, removed, and swept after a crash.

Owning is an flock on a file in the directory, not a process id: it ends with the last process that
holds the file open, a forked child included. Only the process that made a directory removes it; one
whose lock is free belongs to nobody any more, and the next process that makes one removes it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg import proof
from gpgmail.gpg.binary import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "gpgmail-"
_RANDOM = 6  # bytes behind it: other directories of that beginning are somebody else's
_LOCK = "owned"
_MEMORY = Path("/dev/shm")  # noqa: S108 - the directory made there has mode 0700
_LAST_RESORT = Path("/tmp")  # noqa: S108 - the same, where TMPDIR has too long a path
_PRIVATE = 0o700
_LONGEST_BASE = 60  # bytes; an agent's socket path must stay under 108, 104 on BSD and macOS
_YOUNG = 60.0  # seconds in which a directory without a lock is one that is just being made
_PAUSES = (0.05, 0.2, 0.5)  # seconds between tries to remove a directory
_LIMIT = 5.0  # seconds that ending a home's programs may take


class OwnedDirectory:
    """A directory with mode 0700 that holds a home; `path` is valid until `remove()`.

    Where programs are to be started from it, it is not on a file system that forbids that, as long
    as there is another.
    """

    def __init__(self, run: Run, *, for_programs: bool = False) -> None:
        self.path, self._lock = _make(_base_for_programs() if for_programs else base_for_keys(run))
        self._maker = os.getpid()

    def remove(self) -> None:
        """End the programs that run there and remove it; a forked child leaves it alone."""
        # Taken out at once: where a signal interrupts this, a second call must not close a number
        # that is somebody else's by then. What is left is removed at the end of the process.
        lock, self._lock = self._lock, -1
        if lock < 0:
            return
        if os.getpid() == self._maker:
            _demolish(self.path)
            _noted.discard((self._maker, self.path))
        os.close(lock)


def sweep() -> list[Path]:
    """Remove the directories of this user that nobody owns any more, and return them."""
    return [path for base in _memory_bases() + _disk_bases() for path in _abandoned(base)]


def _make(base: Path) -> tuple[Path, int]:
    while True:
        path = base / f"{_PREFIX}{os.urandom(_RANDOM).hex()}"
        _noted.add((os.getpid(), path))
        path.mkdir(mode=_PRIVATE)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if _take(path, lock):
            return path, lock
        os.close(lock)  # swept in the instant before it was locked


def _take(path: Path, lock: int) -> bool:
    """Lock the file, and tell whether it is still the one in the directory."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return (path / _LOCK).stat().st_ino == os.fstat(lock).st_ino
    except OSError:
        return False


def base_for_keys(run: Run) -> Path:
    """Return where keys are prepared: in memory if that can be.

    Raises:
        MessageError: If there is no place.
    """
    for base in _memory_bases():
        return base
    for base in _disk_bases():
        run.status(
            f"neither XDG_RUNTIME_DIR nor /dev/shm can be used: keys are prepared on disk in {base}"
        )
        return base
    raise _no_base()


def _no_base() -> GpgmailError:
    return Situation.WORKING_FILE.error(
        "no directory for prepared keys: XDG_RUNTIME_DIR, /dev/shm and TMPDIR cannot be used",
        hint="set TMPDIR to a writable directory with a short path",
    )


def _base_for_programs() -> Path:
    """Return a base that is not mounted `noexec`, if there is one; no key is ever kept there."""
    bases = _memory_bases() + _disk_bases()
    if not bases:
        raise _no_base()
    forbids = getattr(os, "ST_NOEXEC", 0)
    return next((base for base in bases if not os.statvfs(base).f_flag & forbids), bases[0])


def _memory_bases() -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    bases = [Path(runtime)] if runtime and _is_ours(Path(runtime)) else []
    return [*filter(_usable, [*bases, _MEMORY])]


def _disk_bases() -> list[Path]:
    return [*filter(_usable, dict.fromkeys([Path(tempfile.gettempdir()), _LAST_RESORT]))]


def _usable(base: Path) -> bool:
    fits = len(os.fsencode(base)) <= _LONGEST_BASE and ":" not in os.fspath(base)
    return fits and base.is_dir() and os.access(base, os.W_OK | os.X_OK)


def _is_ours(path: Path) -> bool:
    """Whether a directory, and no link to one, belongs to this user and to nobody else."""
    try:
        found = path.lstat()
    except OSError:
        return False
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return mine and stat.S_IMODE(found.st_mode) == _PRIVATE


def _abandoned(base: Path) -> Iterator[Path]:
    for path in base.glob(_PREFIX + "[0-9a-f]" * (2 * _RANDOM)):
        if _is_ours(path) and _sweep_one(path):
            yield path


def _sweep_one(path: Path) -> bool:
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _sweep_unlocked(path)
    except OSError:
        return False
    try:
        if not _take(path, lock):
            return False
        _demolish(path)
    finally:
        os.close(lock)
    return True


def _sweep_unlocked(path: Path) -> bool:
    """Remove a directory whose maker died before it had a lock, or whose sweeper died."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _YOUNG:
            _demolish(path)
            return True
    return False


def _demolish(path: Path) -> None:
    """End what runs there and remove the directory, again where something was still writing."""
    for pause in _PAUSES:
        _demolish_once(path)
        if not path.exists():
            return
        time.sleep(pause)


def _demolish_once(path: Path) -> None:
    """End the home's programs, remove their sockets, and remove the directory, its lock last."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired, GpgmailError):
        sockets = Path(proof.socket_path(path)).parent
        names = {entry.name for entry in sockets.glob("S.*")}
        if names - proof.AGENT_SOCKETS:
            _gpgconf(path, "--kill", "all")
        elif names:
            proof.end_agent(path, Run(timeout=_LIMIT))
        if sockets != path and sockets.is_dir():
            _gpgconf(path, "--remove-socketdir")
    with contextlib.suppress(OSError):  # what others remove meanwhile
        for entry in list(path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != _LOCK:
                entry.unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def _end() -> None:
    """Remove what this process made and did not remove, as when a signal came while it was made."""
    for maker, path in tuple(_noted):
        if maker == os.getpid() and path.is_dir():
            _demolish(path)


def _gpgconf(path: Path, *action: str) -> None:
    subprocess.run(
        [tool("gpgconf"), "--homedir", str(path), *action],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_LIMIT,
        check=False,
    )


_noted: set[tuple[int, Path]] = set()  # the maker and the place, from before it is there
atexit.register(_end)
