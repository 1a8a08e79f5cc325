"""Finding gpg and its tools, and what version they are.

gpg is the one that the environment's GPGMAIL_GPG names, otherwise the first in PATH; its tools are
those beside it, so that no two versions work on one home. A binary is asked for its version once,
until the file changes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from gpgmail.core.situations import Situation

CHOSEN_BY = "GPGMAIL_GPG"  # the environment variable that names the gpg to use
Version = tuple[int, int, int]
OLDEST_FOR_SECRETS: Version = (2, 1, 0)  # the first without secring.gpg: its agent holds the keys
_VERSION_LINE = re.compile(r"\(GnuPG[^)]*\) (\d+)\.(\d+)(?:\.(\d+))?")
_VERSION_LIMIT = 10.0  # seconds that a binary may take to print its version


class Binary(NamedTuple):
    """A program of GnuPG and its version."""

    path: str
    version: Version

    @property
    def shown_version(self) -> str:
        """The version as gpg writes it."""
        return ".".join(map(str, self.version))


def find(name: str = "gpg") -> Binary:
    """Return the program *name*, a file name looked up in PATH, or a path.

    For `gpg` itself GPGMAIL_GPG in the environment says which, in the same way.

    Raises:
        EngineError: If there is none, or it does not say which version of GnuPG it is.
    """
    chosen = os.environ.get(CHOSEN_BY, "") if name == "gpg" else ""
    name = chosen or name
    searched = os.environ.get("PATH", os.defpath)
    path = shutil.which(name, path=searched)
    if path is None:
        where = "there is no such program" if "/" in name else f"not found in PATH ({searched})"
        said = f"{where}, and {CHOSEN_BY} names it" if chosen else where
        raise Situation.GPG_MISSING.error(said, subject=name)
    return probe(path)


def probe(path: str) -> Binary:
    """Return the program of GnuPG at *path*.

    Raises:
        EngineError: If it does not say which version of GnuPG it is.
    """
    return _probe(path, Path(path).stat().st_mtime_ns)


def require_secret(binary: Binary) -> Binary:
    """Return *binary* when it is new enough to work with secret keys.

    Raises:
        EngineError: If it is older than 2.1.
    """
    if binary.version < OLDEST_FOR_SECRETS:
        raise Situation.GPG_TOO_OLD.error(
            f"is version {binary.shown_version}, and secret keys need 2.1 or newer",
            subject=binary.path,
        )
    return binary


def tool(name: str) -> str:
    """Return the path of a tool such as `gpgconf`: the one beside gpg, otherwise that in PATH.

    Raises:
        EngineError: If there is none.
    """
    beside = Path(find().path).resolve().with_name(name)
    path = str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
    if path is None:
        raise Situation.GPG_MISSING.error(
            f"not found beside {find().path} nor in PATH", subject=name
        )
    return path


@lru_cache(maxsize=32)
def _probe(path: str, _modified: int) -> Binary:
    try:
        ran = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_VERSION_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Situation.GPG_MISSING.error(f"does not run: {failure}", subject=path) from failure
    found = _VERSION_LINE.search(ran.stdout.decode("utf-8", "replace"))
    if found is None:
        raise Situation.GPG_MISSING.error("does not say which version of GnuPG it is", subject=path)
    major, minor, patch = (int(number or 0) for number in found.groups())
    return Binary(path, (major, minor, patch))
