"""Replacing a small text file whole: its readers see the old one or the new one.

Loaded only by whoever writes pins.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown

_MODE = 0o644  # of a new file: it holds no secret, and is meant to be shared


def replace_text(path: Path, text: str) -> None:
    """Write *text* to *path*; mode and links of a file that stands there are kept.

    Raises:
        KeyringError: If it cannot be written.
    """
    try:
        target = path.resolve()
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _MODE
        _replace(target, text.encode(), mode)
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(reason(failure), subject=shown(path)) from failure


def _replace(target: Path, content: bytes, mode: int) -> None:
    number, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(made).unlink()
        raise
