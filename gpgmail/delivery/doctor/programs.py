"""Checks of programs and packages: which gpg, its tools, libgpgme, Python's packages."""

from __future__ import annotations

import os
import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.crypto.engines import VARIABLE
from gpgmail.delivery.doctor.finding import error, install, ok, raised, warning
from gpgmail.gpg import survey
from gpgmail.gpg.binary import CHOSEN_BY, OLDEST_FOR_SECRETS, find, probe, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding

_TOOLS = ("gpgconf", "gpg-agent")
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?:>=\s*([0-9.]+))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_PROJECT = "gpgmail"


def gpg(_: Case) -> Iterator[Finding]:
    """Which gpg works, and whether it is new enough."""
    try:
        found = find()
    except GpgmailError as failure:
        yield raised(failure, fix=_other_gpg() or install("gpg"))
        return
    said = f"gpg {found.shown_version} is {found.path}"
    if os.environ.get(CHOSEN_BY):
        said += f", which {CHOSEN_BY} names"
    if found.version < OLDEST_FOR_SECRETS:
        needed = ".".join(map(str, OLDEST_FOR_SECRETS[:2]))
        yield error(f"{said}; {needed} or newer is needed", fix=_other_gpg() or install("gpg"))
    else:
        yield ok(said)


def _other_gpg() -> str:
    """Return the line that takes a gpg which would do, if PATH has one."""
    there = survey.in_path("gpg")
    able = [one for one in there if one.version >= OLDEST_FOR_SECRETS]
    if not able:
        return ""
    if able[0] == there[0]:
        return f"unset {CHOSEN_BY}"  # which names another one: this is the first in PATH
    return f"export {CHOSEN_BY}={max(able, key=lambda one: one.version).path}"


def several(_: Case) -> Iterator[Finding]:
    """Whether PATH has gpgs of different versions, which would work on one home."""
    there = survey.in_path("gpg")
    if len({one.version for one in there}) > 1 and not os.environ.get(CHOSEN_BY):
        shown = ", ".join(f"{one.path} ({one.shown_version})" for one in there)
        newest = max(there, key=lambda one: one.version)
        yield warning(
            f"PATH has gpg in several versions: {shown}; cron and services may find another one",
            fix=f"export {CHOSEN_BY}={newest.path}",
        )


def tools(_: Case) -> Iterator[Finding]:
    """Whether gpg's tools are there and of its version."""
    own = find()
    for name in _TOOLS:
        try:
            found = probe(tool(name))
        except GpgmailError as failure:
            yield raised(failure, fix=install(name))
            continue
        said = f"{name} {found.shown_version} is {found.path}"
        if found.version == own.version:
            yield ok(said)
        else:
            yield warning(f"{said}, and gpg is {own.shown_version}", fix=install("gpg"))


def gpgme(case: Case) -> Iterator[Finding]:
    """Whether the engine that the account names can be had."""
    from gpgmail.crypto.engines import engine

    wanted = case.account.options.engine
    named = os.environ.get(VARIABLE, "") if wanted == "auto" else wanted
    try:
        engine(wanted).close()
    except GpgmailError as failure:
        yield raised(failure, fix="pip install 'gpgmail[gpgme]'" if named == "gpgme" else "")
        return
    yield ok(f"engine {named or 'gnupg'}; {_version_of_gpgme()}")


def _version_of_gpgme() -> str:
    try:
        import gpgme as library
    except ImportError:
        return "pygpgme is not installed (only the engine gpgme needs it)"
    version = getattr(library, "gpgme_version", "of an unknown version")
    return f"libgpgme {version} can be used"


def packages(case: Case) -> Iterator[Finding]:
    """Whether Python and the packages are new enough, and which extras are there."""
    yield ok(f"Python {sys.version.split()[0]} is {sys.executable}")
    needed, extras = _required()
    for name, least in needed.items():
        yield from _package(name, least)
    there = [extra for extra, names in extras.items() if all(map(_version, names))]
    missing = sorted(set(extras) - set(there))
    if extras:
        yield ok(f"extras: {', '.join(sorted(there)) or 'none'}; without {', '.join(missing)}")
    if case.account.options.passphrase_keyring and not _version("keyring"):
        yield error(
            "passphrase_keyring is set and the package keyring is not installed",
            fix="pip install 'gpgmail[keyring]'",
        )


def _required() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the packages that are needed, and those of each extra; none for a bare checkout."""
    needed: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    try:
        stated = metadata.requires(_PROJECT) or []
    except metadata.PackageNotFoundError:
        stated = []
    for text in stated:
        found, extra = _REQUIREMENT.match(text), _EXTRA.search(text)
        if found is None or found[1].lower() == _PROJECT:
            continue
        if extra is None:
            needed[found[1]] = found[2] or ""
        else:
            extras.setdefault(extra[1], []).append(found[1])
    return needed, extras


def _package(name: str, least: str) -> Iterator[Finding]:
    version = _version(name)
    fix = f"pip install '{name}>={least}'" if least else f"pip install {name}"
    if not version:
        yield error(f"the package {name} is not installed", fix=fix, exit_code=Exit.UNAVAILABLE)
    elif _numbers(version) < _numbers(least):
        yield warning(f"{name} {version} is older than {least}", fix=fix)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
