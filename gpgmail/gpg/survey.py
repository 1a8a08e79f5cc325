"""What is there of GnuPG on this machine, seen without changing anything.

For `gpgmail doctor`, and for errors. Nothing is started here but programs that print their version,
and no agent.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.errors import EngineError, GpgmailError, TimeLimitError
from gpgmail.core.run import Run
from gpgmail.core.text import shown
from gpgmail.gpg import proof
from gpgmail.gpg.binary import Binary, probe, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT = 5.0  # seconds that gpgconf may take
_LOOK = 2.0  # seconds in which an agent that is alive says who it is
_LOCK = re.compile(r"\s*(\d+)\n(.*)\n?")  # gnupg, common/dotlock.c: process id and host name
_AGENT = "gpg-agent"
_UNIX, _INODE, _SOCKET_PATH = Path("/proc/net/unix"), 6, 7
_PATH_FIELD = 2  # of gpgconf --list-components


class AgentState(Enum):
    """What an agent does."""

    ABSENT = auto()
    DEAF = auto()
    ANSWERS = auto()


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent of a home; `pid` is 0 where it is not known."""

    state: AgentState
    version: str = ""
    pid: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a program of GnuPG holds on a file of a home, or left there."""

    path: Path
    pid: int
    host: str

    @property
    def abandoned(self) -> bool:
        """Whether gpg would wait for it for ever: it takes away only those of its own host."""
        return bool(self.host) and self.host != os.uname().nodename

    @property
    def holder(self) -> str:
        """The process of that number as people are told of it, empty where none lives here.

        It may be a stranger: numbers are given again, and gpg does not look at more than that.
        """
        if self.abandoned:
            return ""
        with contextlib.suppress(OSError):
            name = Path("/proc", str(self.pid), "comm").read_text("utf-8", "replace")
            return f"process {self.pid} ({shown(name.strip())})"
        return ""


def in_path(name: str) -> tuple[Binary, ...]:
    """Return the programs of that name in PATH, each once, as far as they say their version."""
    found: dict[Path, Binary] = {}
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = Path(directory or ".", name)
        with contextlib.suppress(EngineError, OSError):  # a directory that we may not look into
            if path.is_file() and os.access(path, os.X_OK):
                found.setdefault(path.resolve(), probe(str(path)))
    return tuple(found.values())


def agent(directory: Path) -> Agent:
    """Return what the agent of a home does; none is started."""
    try:
        version = proof.agent_version(directory, Run(timeout=_LOOK, absolute=True))
    except TimeLimitError:
        pid = _listener(directory)
        return Agent(AgentState.DEAF, pid=pid, stopped=_is_stopped(pid))
    except GpgmailError:
        return Agent(AgentState.DEAF)
    if version is None:
        return Agent(AgentState.ABSENT)
    return Agent(AgentState.ANSWERS, version)


def _listener(directory: Path) -> int:
    """Return the agent that listens for a home, 0 where the system does not tell.

    The credentials of the socket are those of the process that made it, which is gone. An agent's
    descriptors are root's to see: others go by its arguments, and only for one that is stopped,
    which does no harm where it is another home's.
    """
    path = proof.led(proof.socket_path(directory))
    agents = tuple(_agents())
    with contextlib.suppress(OSError):
        rows = (line.split(maxsplit=_SOCKET_PATH) for line in _UNIX.read_text().splitlines())
        listening = {f"socket:[{row[_INODE]}]" for row in rows if row[_SOCKET_PATH:] == [path]}
        for pid in agents:
            if _holds(pid, listening):
                return pid
    return next((pid for pid in agents if _is_stopped(pid) and _is_for(pid, directory)), 0)


def _agents() -> Iterator[int]:
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().strip() == _AGENT:
                yield int(comm.parent.name)


def _holds(pid: int, sockets: set[str]) -> bool:
    with contextlib.suppress(OSError):
        return any(str(one.readlink()) in sockets for one in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _is_for(pid: int, directory: Path) -> bool:
    """Whether an agent was started for a home, the usual one where it was not told of any."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        at = words.index(b"--homedir") + 1 if b"--homedir" in words else 0
        named = Path(os.fsdecode(words[at])) if at else Path.home() / ".gnupg"
        return named == directory
    return False


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
        return pid > 0 and state in {"T", "t"}
    return False


def pinentry(directory: Path) -> str:
    """Return the pinentry that the agent of a home starts by default."""
    command = [tool("gpgconf"), "--homedir", str(directory), "--list-components"]
    listed = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False
    )
    rows = (line.split(":") for line in os.fsdecode(listed.stdout).splitlines())
    return next((row[_PATH_FIELD] for row in rows if row[0] == "pinentry"), "")


def locks(directory: Path) -> Iterator[Lock]:
    """Give the locks in a home."""
    for path in sorted(directory.glob("*.lock")):
        with contextlib.suppress(OSError):
            found = _LOCK.fullmatch(path.read_text("utf-8", "replace")) if path.is_file() else None
            if found is not None:
                yield Lock(path, int(found[1]), found[2])
