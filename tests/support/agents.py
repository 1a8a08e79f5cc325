"""The agent of a home: its process, and having it stand still."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def agent_of(home: Path) -> int:
    """Return the process id of a home's agent, which is started where there is none."""
    asked = ["gpg-connect-agent", "--homedir", home, "GETINFO pid", "/bye"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30).stdout
    return int(re.search(r"D (\d+)", told)[1])


def state(pid: int) -> str:
    """Return the letter of proc(5) for what a process does."""
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def stopped(home: Path) -> Iterator[int]:
    """Inside, a home's agent runs and does not answer; give its process id."""
    pid = agent_of(home)
    until = time.monotonic() + 5
    while state(pid) != "T":  # one that was sent has been seen to come to nothing
        assert time.monotonic() < until
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)
