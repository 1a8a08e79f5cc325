"""What a check found, and the lines for a shell that mend it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit
from gpgmail.core.errors import KeySelectionError
from gpgmail.core.text import quoted

if TYPE_CHECKING:
    from gpgmail.core.errors import GpgmailError


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is so; `fix` is a line for a shell that ends it, `hint` words where there is none.

    `exit_code` is that of sysexits.h for an error; `check` names who found it.
    """

    level: Level
    what: str
    fix: str = ""
    hint: str = ""
    exit_code: int = 0
    check: str = ""


def ok(what: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(level=Level.OK, what=what)


def warning(what: str, fix: str = "", hint: str = "") -> Finding:
    """Return that something may become a failure, or is one for some mails."""
    return Finding(level=Level.WARNING, what=what, fix=fix, hint=hint)


def error(what: str, fix: str = "", hint: str = "", exit_code: int = Exit.UNAVAILABLE) -> Finding:
    """Return that mails fail."""
    return Finding(level=Level.ERROR, what=what, fix=fix, hint=hint, exit_code=exit_code)


def raised(failure: GpgmailError, fix: str = "") -> Finding:
    """Return what an operation failed with."""
    about = f"{failure.subject}: " if failure.subject else ""
    if not fix and failure.hint.startswith(_COMMANDS):
        fix = failure.hint
    if not fix and isinstance(failure, KeySelectionError):
        fix = next((one.command for one in failure.candidates if one.command), "")
    return error(
        f"{failure.code.text}: {about}{failure.detail}",
        fix=fix,
        hint="" if fix else failure.hint,
        exit_code=failure.exit_code,
    )


_COMMANDS = ("pip install ", "chmod ", "keyring set ")  # hints that are no more than a command


def command(*words: str) -> str:
    """Return a line for a shell."""
    return " ".join(map(quoted, words))


def as_root(line: str) -> str:
    """Return a line that has to be run by root."""
    return line if os.geteuid() == 0 else f"sudo {line}"


def install(program: str) -> str:
    """Return the line that installs a program of GnuPG with this system's package manager."""
    found = next((name for name in _MANAGERS if shutil.which(name)), "apt-get")
    words, names = _MANAGERS[found]
    return as_root(f"{words} {names.get(program, names[''])}")


# Who installs, and what the package with a program is called; `gnupg2` has all of it.
_MANAGERS: dict[str, tuple[str, dict[str, str]]] = {
    "apt-get": (
        "apt-get install",
        {
            "": "gnupg",
            "gpg-agent": "gpg-agent",
            "gpgconf": "gpgconf",
            "pinentry": "pinentry-curses",
        },
    ),
    "dnf": ("dnf install", {"": "gnupg2", "pinentry": "pinentry"}),
    "zypper": ("zypper install", {"": "gpg2", "pinentry": "pinentry"}),
    "apk": ("apk add", {"": "gnupg", "pinentry": "pinentry-tty"}),
    "pacman": ("pacman -S", {"": "gnupg", "pinentry": "pinentry"}),
    "pkg": ("pkg install", {"": "gnupg", "pinentry": "pinentry-curses"}),
    "brew": ("brew install", {"": "gnupg", "pinentry": "pinentry"}),
}
