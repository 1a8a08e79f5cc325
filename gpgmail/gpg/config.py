"""What a user's gpg.conf would add to a message: recipients, signers, hiding, and groups.

Engines let gpg add nothing by itself; the plan adds what stands here, as exact keys. gpgconf tells
the groups. Of several `encrypt-to` lines it tells only the last, and it does not know
`hidden-encrypt-to`, `local-user` and `throw-keyids` (gpg 2.2.40), so those are read from the file:
an option and its argument a line, as gpg's manual says. Asked only where there is such a file, and
once until it changes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find, tool
from gpgmail.gpg.conf_lines import check, lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpgmail.gpg.conf_lines import Line
    from gpgmail.gpg.home import Home

_GLOBAL_SINCE = (2, 3, 0)  # the first that reads a gpg.conf for all users
_LIMIT = 10.0  # seconds that gpgconf may take
_VALUE = 9  # doc/gpgconf: fields of --list-options, counted from 0

_Identity = tuple[tuple[str, int, int, int], ...]
_known: dict[tuple[Path, _Identity], Additions] = {}


class Additions(NamedTuple):
    """What gpg.conf asks for; keys are named as its author wrote them."""

    encrypt_to: tuple[str, ...] = ()
    hidden_encrypt_to: tuple[str, ...] = ()
    encrypt_to_default_key: bool = False
    local_user: tuple[str, ...] = ()
    default_key: tuple[str, ...] = ()
    throw_keyids: bool = False
    trust_model: str = ""
    groups: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def members(self, name: str) -> tuple[str, ...]:
        """Return the names that a group stands for, or *name* itself; groups do not nest.

        As with gpg a group without members is none.
        """
        return self.groups.get(name, (name,))


_LISTS = ("encrypt-to", "hidden-encrypt-to", "local-user", "default-key")
_TRUST_MODEL = "trust-model"
_ALWAYS_TRUST = "always-trust"  # the older word for one of its values
_SWITCHES = ("encrypt-to-default-key", "throw-keyids")


def additions(home: Home) -> Additions:
    """Return what the configuration that gpg reads in *home* adds.

    Raises:
        EngineError: If gpgconf is missing or fails, or a file cannot be read.
        UsageError: If gpg does not take a line, or nothing could be sent with it (code 24).
    """
    files = tuple(_files(home))
    if not files:
        return Additions()
    directory = files[-1].parent
    try:
        key = directory, tuple(map(_identity, files))
        if key not in _known:
            _known[key] = _read(directory, files)
        return _known[key]
    except OSError as failure:
        raise Situation.GPG_FAILED.error(
            failure.strerror or "cannot be read", subject=str(failure.filename or directory)
        ) from failure


def options_file(directory: Path) -> Path | None:
    """Return the options file that gpg reads in a directory: that of the most exact version."""
    major, minor, patch = find().version
    versions = (f"-{major}.{minor}.{patch}", f"-{major}.{minor}", f"-{major}", "")
    paths = (directory / f"gpg.conf{version}" for version in versions)
    return next((path.absolute() for path in paths if path.is_file()), None)


def _files(home: Home) -> Iterator[Path]:
    """Give the files in the order in which gpg reads them."""
    binary = find()
    if home.prepared and home.options_file is None:
        return
    if binary.version >= _GLOBAL_SINCE:
        for directory in _system_directories(binary.path):
            found = options_file(directory)
            if found is not None:
                yield found
                break
    own = home.options_file or options_file(home.directory)
    if own is not None:
        yield own


def _system_directories(binary: str) -> tuple[Path, ...]:
    """Return where gpg.conf for all users may be: beside a gpg of its own prefix, or in /etc."""
    return Path(binary).resolve().parent.parent / "etc" / "gnupg", Path("/etc/gnupg")


def _identity(path: Path) -> tuple[str, int, int, int]:
    found = path.stat()
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns


def _read(directory: Path, files: Sequence[Path]) -> Additions:
    options = lines(files)
    check(options, directory, files[-1])
    lists: dict[str, list[str]] = {name: [] for name in _LISTS}
    switches = set()
    trust_model = ""
    for name, value in ((line.name, line.value) for line in options):
        if name in {_TRUST_MODEL, _ALWAYS_TRUST}:
            trust_model = "always" if name == _ALWAYS_TRUST else value.lower()
        elif name in lists and value:
            lists[name].append(value)
        elif name in _SWITCHES:
            switches.add(name)
        elif name.removeprefix("no-") in _SWITCHES:
            switches.discard(name.removeprefix("no-"))
    found: dict[str, Any] = {name: tuple(dict.fromkeys(lists[name])) for name in _LISTS}
    found |= {name: name in switches for name in _SWITCHES}
    named = {name.replace("-", "_"): value for name, value in found.items()}
    gone = _ungrouped(options)
    groups = {n: m for n, m in _groups(_gpgconf(directory)).items() if m and n not in gone}
    return Additions(groups=groups, trust_model=trust_model, **named)


def _ungrouped(options: Sequence[Line]) -> set[str]:
    """Return the groups that lines after theirs took back, which gpgconf goes on telling."""
    gone: set[str] = set()
    for at, line in enumerate(options):
        if line.name == "group":
            gone.discard(_group_name(line))
        elif line.name == "ungroup":
            gone.add(line.value)
        elif line.name == "no-groups":
            gone |= {_group_name(one) for one in options[:at] if one.name == "group"}
    return gone


def _group_name(line: Line) -> str:
    return line.value.partition("=")[0].strip()


def _gpgconf(directory: Path) -> dict[str, str]:
    """Return the values that gpgconf lists, by option."""
    command = [tool("gpgconf"), "--homedir", str(directory), "--list-options", "gpg"]
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.SubprocessError as failure:
        raise Situation.GPG_FAILED.error(
            "gpgconf does not tell what gpg.conf says", subject=str(directory)
        ) from failure
    rows = (line.split(":") for line in ran.stdout.decode("utf-8", "replace").split("\n"))
    return {row[0]: row[_VALUE] for row in rows if len(row) > _VALUE}


def _groups(values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Read `"team = alice bob,"all=carol`: entries parted by commas, each percent-escaped."""
    groups: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, values.get("group", "").split(",")):
        name, _, members = unquote(entry.removeprefix('"')).partition("=")
        added = tuple(members.replace(",", " ").split())
        groups[name.strip()] = groups.get(name.strip(), ()) + added
    return groups
