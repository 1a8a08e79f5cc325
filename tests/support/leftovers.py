"""What a test run may not leave behind: programs of GnuPG, temporary homes, directories of sockets.

Ours are told from those of other runs on the machine by a mark: it is in the environment that every
program of this run inherits, in the names of the homes that tests make, and in the directory that
prepared homes go to. Zombies are dead; what is just ending gets a moment. With xdist each worker is
a run of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "GPGMAIL_TEST_RUN"  # in the environment, and part of names
PROGRAMS = ("gpg", "gpg-agent", "dirmngr", "scdaemon", "keyboxd", "gpgsm", "pinentry")
# Seconds: an agent whose home is gone while it starts ends when it next looks, once a minute.
PATIENCE = 90.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable name in it
_SOCKETS = ("/run/gnupg", f"/run/gnupg/user/{os.geteuid()}", f"/run/user/{os.geteuid()}/gnupg")
_PLACES = (_MEMORY, Path(tempfile.gettempdir()))


def fast_place() -> Path:
    """Where tests make homes: in memory where there is such a place."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def home_prefix() -> str:
    """How the name of a home begins that a test of this run makes."""
    return f"gt-{os.environ.get(MARK, 'x')}-"


def new_mark() -> str:
    """A mark that no other run has, short enough for paths with sockets."""
    return os.urandom(4).hex()


def processes(mark: str) -> list[str]:
    """Return what runs of the run with *mark*: number and command line."""
    return [
        f"{path.name}: {line}"
        for path in Path("/proc").glob("[0-9]*")
        if (line := _command(path, mark))
    ]


def _command(path: Path, mark: str) -> str:
    try:
        state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        name = (path / "comm").read_text().strip()
        words = (path / "cmdline").read_bytes().split(b"\0")
        environment = (path / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    if state == "Z" or not name.startswith(PROGRAMS):
        return ""
    ours = f"{MARK}={mark}".encode() in environment or any(mark.encode() in word for word in words)
    return b" ".join(words).decode(errors="replace").strip() if ours else ""


def socket_directories() -> set[Path]:
    """Return the directories below /run in which gpg's programs have sockets."""
    return {path for place in _SOCKETS for path in Path(place).glob("d.*")}


def homes(mark: str, runtime: Path) -> list[Path]:
    """Return the temporary homes of the run with *mark*, and what it has in *runtime*."""
    named = [path for place in _PLACES for path in place.glob(f"gt-{mark}-*")]
    return sorted({*named, *runtime.iterdir()})


def left(mark: str, runtime: Path, sockets_before: set[Path]) -> list[str]:
    """Return everything that a run has left, empty where nothing is."""
    sockets = socket_directories() - sockets_before
    # A socket that somebody answers belongs to a program, which is found above if it is ours.
    dead = [path for path in sockets if not _answered(path)]
    return [*processes(mark), *map(str, homes(mark, runtime)), *map(str, dead)]


def _answered(directory: Path) -> bool:
    import socket

    for path in directory.glob("S.*"):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(str(path))
            except OSError:
                continue
            return True
    return False


def left_at_last(mark: str, runtime: Path, sockets: set[Path], patience: float) -> list[str]:
    """Return what is left once *patience* seconds are over; nothing as soon as nothing is."""
    until = time.monotonic() + patience
    while (found := left(mark, runtime, sockets)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def no_leftovers() -> Iterator[Path]:
    """Mark the run, give it a runtime directory, and fail it when something of it is left."""
    mark, sockets = new_mark(), socket_directories()
    runtime = Path(tempfile.mkdtemp(prefix=f"gm-{mark}-", dir=fast_place()))
    with pytest.MonkeyPatch.context() as env:
        env.setenv(MARK, mark)
        env.setenv("XDG_RUNTIME_DIR", str(runtime))
        yield runtime
        _as_at_exit()
        found = left_at_last(mark, runtime, sockets, PATIENCE)
    shutil.rmtree(runtime, ignore_errors=True)
    assert not found, "the run left behind:\n" + "\n".join(found)


def _as_at_exit() -> None:
    """Do what this process would do at its end."""
    from gpgmail.gpg import owned, prepared

    prepared._end()
    owned._end()
