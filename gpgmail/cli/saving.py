"""Saving the parts of a mail as files: whoever wrote the mail chose their names.

A name is one component without control characters, leading dots and what other systems read as
something else; a file is made new, mode 0600, and nothing that is there is ever written over.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.protect.verdict import ReadPart

_LONGEST = 200  # bytes, which leaves room for a number; file systems take 255
_MOST_NUMBERS = 1000
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_ENDINGS = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html"}


def save(parts: Sequence[ReadPart], directory: str) -> dict[int, Path]:
    """Write every part that has a name or is no text into *directory*, made where it is missing.

    Returns:
        The files by the index of their parts.

    Raises:
        MessageError: If one cannot be written; those before it stay.
    """
    place = Path(directory)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _failed(place, error) from error
    return {
        at: _write(place, safe_name(part, at + 1), part.content)
        for at, part in enumerate(parts)
        if part.name or not part.content_type.startswith("text/")
    }


def safe_name(part: ReadPart, number: int) -> str:
    """Return a file name for a part, in which *number* stands where it has none."""
    name = "".join(char if char.isprintable() else "_" for char in _UNSAFE.sub("_", part.name))
    name = re.sub(r"^[.\s-]+", "_", name).rstrip(". ")
    if _RESERVED.match(name):
        name = f"_{name}"
    if not name.strip("_"):
        name = f"part-{number}{_ENDINGS.get(part.content_type, '.bin')}"
    stem, ending = Path(name).stem, Path(name).suffix
    kept = _LONGEST - len(ending.encode())
    if kept <= 0:
        stem, ending, kept = name, "", _LONGEST
    return stem.encode()[:kept].decode(errors="ignore") + ending


def _write(place: Path, name: str, content: bytes) -> Path:
    stem, ending = Path(name).stem, Path(name).suffix
    for number in range(_MOST_NUMBERS):
        path = place / (f"{stem}-{number}{ending}" if number else name)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise _failed(path, error) from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError as error:
            with suppress(OSError):
                path.unlink()
            raise _failed(path, error) from error
        return path
    raise Situation.WORKING_FILE.error(
        f"and {_MOST_NUMBERS - 1} more names like it are taken",
        subject=str(place / name),
        code=ErrorCode.PGP_WRITE_FILE,
    )


def _failed(path: Path, error: OSError) -> GpgmailError:
    return Situation.WORKING_FILE.error(
        reason(error), subject=str(path), code=ErrorCode.PGP_WRITE_FILE
    )
