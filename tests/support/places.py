"""Places that a machine may give a keyring: read-only, without /run/user, owned by others.

Made without touching the machine: what needs a mount is done in a mount namespace of its own.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import bare
from tests.support.operations import EVERYTHING

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def mounts_can_be_made() -> bool:
    """Whether this user may have a mount namespace of his own and mount in it."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    ran = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        check=False,
    )
    return ran.returncode == 0


needs_mounts = pytest.mark.skipif(
    not mounts_can_be_made(), reason="only root can mount, in a namespace that a container may deny"
)

RUN_USER = f"mount -t tmpfs none /run; mkdir -p /run/user; mkdir -m 700 /run/user/{os.geteuid()}"
NO_RUN_USER = "mount -t tmpfs none /run"


def read_only(place: Path) -> str:
    """The commands that make a directory read-only."""
    quoted = shlex.quote(os.fspath(place))
    return f"mount --bind {quoted} {quoted}; mount -o remount,ro,bind {quoted}"


def operate(place, who, *names, mounts: str = "", end: str = "", **environment) -> dict[str, str]:
    """Do operations in a process that finds no more than PATH and *environment*.

    Before it starts, the commands *mounts* are run in a mount namespace of its own, behind it those
    of *end*. Returns what came of each operation.
    """
    command = [sys.executable, "-m", "tests.support.operations", os.fspath(place or ""), who]
    command += names
    if mounts:
        script = f"set -e; {mounts}; {shlex.join(command)}; {end or ':'}"
        command = ["unshare", "--mount", "sh", "-c", script]
    path = os.pathsep.join([str(ROOT), *sys.path])
    ran = subprocess.run(
        command,
        env=bare(**environment) | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        errors="surrogateescape",
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [line.partition(" ") for line in ran.stdout.splitlines()]
    return {name: outcome for name, _, outcome in lines}


def all_ok(*names: str) -> dict[str, str]:
    """What `operate` returns where everything went well."""
    return dict.fromkeys(names or [one.__name__ for one in EVERYTHING], "ok")
