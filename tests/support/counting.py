"""Counting gpg processes from outside: a gpg that stands in front of the real one in PATH."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def count_gpg(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return what tells how many gpg processes were started, questions for its version apart."""
    log, front = directory / "started", directory / "front" / "gpg"
    log.write_text("")
    front.parent.mkdir()
    front.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {shutil.which("gpg")} "$@"\n')
    front.chmod(0o755)
    monkeypatch.setenv("PATH", f"{front.parent}{os.pathsep}{os.environ['PATH']}")
    return lambda: sum("--version" not in line for line in log.read_text().splitlines())
