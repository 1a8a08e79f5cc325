"""Checks of homes: whether they open, whose they are, their sockets, locks and space."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit
from gpgmail.core.text import shown
from gpgmail.delivery.doctor.finding import as_root, command, error, ok, raised, warning
from gpgmail.gpg import survey
from gpgmail.gpg.home import Home
from gpgmail.gpg.owned import base_for_keys
from gpgmail.gpg.standing import agent_can_run, writable
from gpgmail.keys.place import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding

_OTHERS = 0o077
_SECRETS = "private-keys-v1.d"
_NEEDED = 16 << 20  # bytes: keys, ciphertext on its way, a queue
_MOST_SHOWN = 3
_KEY = ("future-default", "default", "2y")  # what gpg 2.4 makes by default, in 2.2 too


def keyrings(case: Case) -> Iterator[Finding]:
    """Whether each keyring opens, and what it is."""
    for failure in case.unopened:
        yield raised(failure)
    for ring in case.rings:
        place = ring.place
        if place.kind is not Kind.ABSENT:
            yield ok(f"{place.name} is a {_KINDS[place.kind]}")
            continue
        where = () if os.environ.get("GNUPGHOME") is None else ("--homedir", place.name)
        yield warning(
            f"{place.name} has no keys yet",
            fix=command("gpg", *where, "--quick-generate-key", _user_id(case), *_KEY),
        )


_KINDS = {
    Kind.HOME: "home of gpg 2.1 or newer",
    Kind.LEGACY: "directory of gpg 1.4, which is only read",
    Kind.FILE: "file with keys, which is only read",
}


def _user_id(case: Case) -> str:
    return (
        case.account.options.from_ or f"{pwd.getpwuid(os.geteuid()).pw_name}@{os.uname().nodename}"
    )


def permissions(case: Case) -> Iterator[Finding]:
    """Whether others can read a home, or parts of it belong to somebody else."""
    for home in case.homes:
        found = [*_open_to_others(home), *_of_others(home)]
        yield from found or [ok(f"{shown(home)} is its owner's alone")]


def _open_to_others(home: Path) -> Iterator[Finding]:
    secrets = home / _SECRETS
    opened = [path for path in (home, secrets, *secrets.glob("*")) if _is_open(path)]
    if opened:
        within = home if home in opened else secrets
        fix = command("chmod", "-R", "go-rwx", os.fspath(within))
        what = f"other users may look into {', '.join(map(shown, opened[:_MOST_SHOWN]))}"
        if opened == [home]:  # what is in it they cannot read
            yield warning(what, fix=fix)
        else:
            yield error(what, fix=fix, exit_code=Exit.NO_PERMISSION)


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _of_others(home: Path) -> Iterator[Finding]:
    """Name what root left in a home when he worked there: its owner cannot use it."""
    owner = home.stat().st_uid
    foreign = [
        path
        for path in (*home.iterdir(), *(home / _SECRETS).glob("*"))
        if path.lstat().st_uid != owner
    ]
    if foreign:
        user = pwd.getpwuid(owner).pw_name
        yield error(
            f"{', '.join(map(shown, foreign[:_MOST_SHOWN]))} in the home of {user} belongs to "
            "another user",
            fix=as_root(command("chown", "-R", user, os.fspath(home))),
            exit_code=Exit.NO_PERMISSION,
        )


def sockets(case: Case) -> Iterator[Finding]:
    """Whether the agent of a home finds a place for its sockets."""
    for home in case.homes:
        if agent_can_run(Home(directory=home, writable=writable(home))):
            yield ok(f"the agent of {shown(home)} can have its sockets")
            continue
        short = Path.home() / ".g"
        yield warning(
            f"the agent of {shown(home)} has no place for its sockets: the path is too long, holds "
            "a colon or is read-only, and there is no /run/user. Another agent works in its place, "
            "without what that one has in its cache",
            fix=f"{command('ln', '-s', os.fspath(home), os.fspath(short))} && "
            f"export GNUPGHOME={short}",
            hint="or name the link as keyring",
        )


def locks(case: Case) -> Iterator[Finding]:
    """Whether a lock was left behind for which gpg waits for ever."""
    for home in case.homes:
        left = list(survey.locks(home))
        abandoned = [lock for lock in left if lock.abandoned]
        if abandoned:
            hosts = ", ".join(dict.fromkeys(shown(lock.host) for lock in abandoned))
            yield error(
                f"{', '.join(shown(lock.path) for lock in abandoned)} was locked on {hosts}, and "
                "gpg waits for it",
                fix=command("rm", "-f", *(os.fspath(lock.path) for lock in abandoned)),
                hint="not while gpg works there on that host",
            )
        for lock in left:
            if lock.holder:
                yield warning(
                    f"{shown(lock.path)} is held by {lock.holder}",
                    fix=command("ps", "-p", str(lock.pid)),
                    hint="if that is no program of GnuPG remove the file",
                )
        if not left:
            yield ok(f"no locks in {shown(home)}")


def space(case: Case) -> Iterator[Finding]:
    """Whether there is room, in homes and where keys are prepared."""
    places = {base_for_keys(case.run): "keys are prepared in"}
    places |= dict.fromkeys(case.homes, "the home is")
    for place, what in places.items():
        found = os.statvfs(place)
        free = found.f_bavail * found.f_frsize
        if free < _NEEDED or (found.f_files and not found.f_favail):
            room = f"{free >> 10} KiB" if found.f_favail or not found.f_files else "no inode"
            yield error(
                f"{what} {shown(place)}, where {room} is left",
                fix=command("df", "-h", os.fspath(place)),
                hint="make room there",
                exit_code=Exit.IO,
            )
        else:
            yield ok(f"{what} {shown(place)}, where {free >> 20} MiB are left")
