"""The gpg programs of a machine, for tests that are to run with each of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gpgmail.core.errors import EngineError
from gpgmail.gpg.binary import CHOSEN_BY, OLDEST_FOR_SECRETS, Binary, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = ("gpg", "gpg2")


def found(named: Iterable[str] = ()) -> dict[str, Binary]:
    """Return each gpg once, by a name for it: those in *named*, GPGMAIL_GPG's, those of PATH.

    Versions before 2.1, which keep secret keys in another way, are left out unless they are named.

    Raises:
        EngineError: If one that is named is no gpg, or too old.
    """
    programs: dict[str, Binary] = {}
    for path in named:
        _add(programs, path, _required(path))
    for path in _nearby():
        try:
            binary = find(path)
        except EngineError:
            continue
        if binary.version >= OLDEST_FOR_SECRETS:
            _add(programs, path, binary)
    return programs


def environment(program: Binary) -> dict[str, str]:
    """Return what makes *program* the gpg of gpgmail and of whatever looks in PATH."""
    path = os.environ.get("PATH", os.defpath)
    return {
        CHOSEN_BY: program.path,
        "PATH": f"{os.path.dirname(program.path)}{os.pathsep}{path}",  # noqa: PTH120 - as it is named
    }


def _required(path: str) -> Binary:
    from gpgmail.gpg.binary import require_secret

    return require_secret(find(os.path.abspath(path)))  # noqa: PTH100 - as it is named


def _nearby() -> Iterator[str]:
    if chosen := os.environ.get(CHOSEN_BY):
        yield chosen
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for name in _NAMES:
            path = os.path.join(directory, name)  # noqa: PTH118 - as PATH has it
            if os.access(path, os.X_OK):
                yield path


def _add(programs: dict[str, Binary], path: str, binary: Binary) -> None:
    same = {os.path.realpath(one.path) for one in programs.values()}
    if os.path.realpath(path) in same:
        return
    name, number = binary.shown_version, 2
    while name in programs:  # the same version twice, as two builds of it are
        name, number = f"{binary.shown_version}-{number}", number + 1
    programs[name] = binary
