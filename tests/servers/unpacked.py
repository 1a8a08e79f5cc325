"""Where the unpacked servers and readers are, and what a test does when they are absent.

Rules of this file:
- `scripts/fetch-servers.sh` makes the tree, this module only looks into it; nothing is downloaded
  from within a test.
- A program of the tree runs with the tree's libraries in front, so that a copy of the same server
  installed on the machine is neither used nor disturbed.
- Absent means skipped with the reason, except under `CI=true`: there it is a failure, since a suite
  that quietly tests less is worse than one that is red.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

PROJECT = Path(__file__).resolve().parents[2]


class ServerUnavailableError(Exception):
    """A real server or reader cannot run here; the text says why and what to do."""


def tree() -> Path:
    """The unpacked tree: `$GPGMAIL_SERVERS`, by default `.cache/servers` in the project."""
    return Path(os.environ.get("GPGMAIL_SERVERS") or PROJECT / ".cache" / "servers").absolute()


def program(name: str) -> Path:
    """An executable of the tree by its path in it, such as `usr/bin/notmuch`.

    Raises: ServerUnavailableError when it was not fetched.
    """
    path = tree() / name
    if not os.access(path, os.X_OK):
        raise ServerUnavailableError(f"{path} is absent: run scripts/fetch-servers.sh (needs apt)")
    return path


def environment(**more: str) -> dict[str, str]:
    """The environment for a program of the tree: a plain PATH, the tree's libraries, and `more`."""
    root = tree()
    libraries = [
        root / "usr/lib/postfix",
        *root.glob("usr/lib/*-linux-gnu*"),
        *root.glob("lib/*-linux-gnu*"),
    ]
    plugins = [*root.glob("usr/lib/*-linux-gnu*/sasl2")]
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "SASL_PATH": ":".join(map(str, plugins)),
        **more,
    }


def skip_or_fail(error: ServerUnavailableError) -> NoReturn:
    """End the test: skipped with the reason on a developer's machine, failed in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))
