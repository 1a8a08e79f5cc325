"""One configuration file: read safely, and held against the rows.

    default = "work"              the account when none is named

    [defaults]                    what every account has that does not say otherwise
    [account.work]                any row of `AccountOptions`
    [policy]                      address, domain or "*" = { encrypt = "require", sign = true }

A file says which commands run and where mails go, so that one that others could have written is
refused; so is one that holds a secret and that others may read. A path in it is relative to the
directory of the file.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gpgmail.core.declare import rows
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.delivery.options import (
    PATHS,
    AccountOptions,
    RecipientOptions,
    for_key,
    without_secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpgmail.core.declare import Declared, Row

_CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd's, for LoadCredential
_PINNED = "pinned:"
_TABLES = ("defaults", "account", "policy")
_ENCRYPT = {True: "require", False: "never"}


class ConfigFile(NamedTuple):
    """What a file says, as values that the rows accept."""

    path: Path
    default: str
    defaults: Mapping[str, Any]
    accounts: Mapping[str, Mapping[str, Any]]
    policy: Mapping[str, Mapping[str, Any]]


def load(path: Path) -> ConfigFile:
    """Read a configuration file.

    Raises:
        UsageError: With code 24 if it cannot be read, is no TOML, others could have written it, it
            has a key that does not exist or a value that is not allowed, or it shows a secret.
    """
    text, mode = _read(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        raise _bad(f"is no TOML: {failure}", path) from None
    _known(table, ("default", *_TABLES), path, "it")
    for name in _TABLES:
        _require(isinstance(table.get(name, {}), dict), f"{name} is no table", path)
    default = table.get("default", "")
    _require(isinstance(default, str), "default names no account", path)
    found = ConfigFile(
        path=path,
        default=default,
        defaults=_values(AccountOptions, table.get("defaults", {}), path, "defaults"),
        accounts=_tables(AccountOptions, table.get("account", {}), path, "account"),
        policy=_tables(RecipientOptions, table.get("policy", {}), path, "policy"),
    )
    _refuse_shown_secrets(found, mode)
    return found


def _read(path: Path) -> tuple[str, int]:
    try:
        # Opened without waiting: a pipe of that name would otherwise hang every command.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise _bad("is no file", path)
            if found.st_uid not in (os.geteuid(), 0):
                raise _bad("belongs to another user, who could have it run commands", path)
            if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                hint = f"chmod go-w {path}"
                raise _bad("can be written by others, who could have it run commands", path, hint)
            return file.read(), found.st_mode
    except OSError as failure:
        raise _bad(failure.strerror or "cannot be read", path) from failure
    except UnicodeDecodeError:
        raise _bad("is not UTF-8", path) from None


def _tables(
    kind: type[Declared], tables: Mapping[str, Any], path: Path, what: str
) -> dict[str, dict[str, Any]]:
    for name, values in tables.items():
        _require(isinstance(values, dict), f"{what}.{name} is no table", path)
    return {name: _values(kind, table, path, f"{what}.{name}") for name, table in tables.items()}


def _values(
    kind: type[Declared], table: Mapping[str, Any], path: Path, where: str
) -> dict[str, Any]:
    """Return the values of a table by the names of their rows."""
    known = {key_of(row): row for row in rows(kind)}
    _known(table, known, path, where)
    return {known[key].name: _value(known[key], value, path, where) for key, value in table.items()}


def _value(row: Row, value: Any, path: Path, where: str) -> Any:  # noqa: ANN401 - any row's
    if row.type is tuple:
        value = (value,) if isinstance(value, str) else value
        listed = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        _require(listed, f"{where}.{key_of(row)} takes an array of strings", path)
        value = tuple(value)
    elif row.name == "encrypt" and isinstance(value, bool):
        value = _ENCRYPT[value]
    try:
        return _place(row, row.accept(value), path)
    except GpgmailError as error:
        raise _bad(f"{where}.{key_of(row)}: {error.detail}", path, error.hint) from None


def _place(row: Row, value: Any, path: Path) -> Any:  # noqa: ANN401 - any row's
    """Return a value in which names of files are meant as the file means them."""
    if row.name == "trust" and value.startswith(_PINNED):
        return _PINNED + _located(value.removeprefix(_PINNED), path)
    if row.name not in PATHS or not value:
        return value
    if isinstance(value, tuple):
        return tuple(_located(one, path) for one in value)
    return _located(value, path)


def _located(text: str, path: Path) -> str:
    """Return a path with `~`, systemd's credentials, or beside the configuration file.

    The key that it is for stays before it.
    """
    key, text = for_key(text)
    if key:
        return f"{key}={_located(text, path)}"
    for written in (f"${{{_CREDENTIALS}}}", f"${_CREDENTIALS}"):
        if text.startswith(written):
            place = os.environ.get(_CREDENTIALS)
            if not place:
                hint = f"elsewhere: {_CREDENTIALS}=DIRECTORY gpgmail …"
                raise _bad(f"{_CREDENTIALS} is not set: systemd sets it for a unit", path, hint)
            return f"{place}{text.removeprefix(written)}"
    return str(path.parent.absolute() / Path(text).expanduser())


def key_of(row: Row) -> str:
    """Return what a row is called in a file."""
    return row.name.rstrip("_")


def _known(table: Iterable[str], known: Iterable[str], path: Path, where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            from difflib import get_close_matches

            near = get_close_matches(key, names, n=1)
            hint = f"{near[0]} is the nearest" if near else f"it may have {', '.join(names)}"
            raise _bad(f"{where} has no {key!r}", path, hint)


def _refuse_shown_secrets(found: ConfigFile, mode: int) -> None:
    shown = any(
        without_secret(row, table[row.name]) != table[row.name]
        for table in (found.defaults, *found.accounts.values())
        for row in rows(AccountOptions)
        if row.name in table
    )
    if shown and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _bad("holds a secret that others can read", found.path, f"chmod 600 {found.path}")


def _require(holds: bool, detail: str, path: Path) -> None:  # noqa: FBT001 - private
    if not holds:
        raise _bad(detail, path)


def _bad(detail: str, path: Path, hint: str = "") -> GpgmailError:
    return Situation.BAD_CONFIG.error(detail, subject=str(path), hint=hint)
