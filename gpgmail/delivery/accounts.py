"""Accounts: where a value comes from, and which one counts.

A value that was given on the command line or by the caller counts before one of the environment
(`GPGMAIL_SERVER`), that before one of a file, and that before the default. Of files the user's
counts before the system's; in both the account's own table counts before `[defaults]`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpgmail.core.declare import rows
from gpgmail.core.situations import Situation
from gpgmail.delivery.configfile import ConfigFile, key_of, load
from gpgmail.delivery.options import AccountOptions, PolicyOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpgmail.core.declare import Row

SYSTEM = Path("/etc/gpgmail/config.toml")
NAMES_FILE, NAMES_ACCOUNT = "GPGMAIL_CONFIG", "GPGMAIL_ACCOUNT"
_ENVIRONMENT = "GPGMAIL_"
DEFAULT = "default"
# Of these one counts: a file that is named beats a command that a lower place names.
_EITHER_OR = (
    ("password", "password_file", "password_command"),
    ("passphrase_file", "passphrase_command"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and the place that says it."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What holds for a mail, each value with its origin; `name` is empty where no file has any.

    `found` has for each row every place that says something, the one that counts first.
    """

    name: str
    config: Path | None  # the one file that was named
    options: AccountOptions
    found: Mapping[str, Sequence[Found]]
    policy: Mapping[str, PolicyOptions]

    def origin(self, name: str) -> str:
        """Return the place that says the value of a row that counts."""
        return self.found[name][0].origin if name in self.found else DEFAULT


def open_account(
    name: str | None = None,
    *,
    config: str | Path | None = None,
    given: Mapping[str, Any] | None = None,
) -> Account:
    """Return the account *name*, or the one that counts where none is named.

    That is the one of GPGMAIL_ACCOUNT, of `default` in a file, or the only one. *config* is the one
    file to read in place of the user's and the system's; *given* has values, by the rows' names,
    that count before all others.

    Raises:
        UsageError: With code 24 if a file cannot be used or has no such account, with code 2 if a
            value of the environment does not fit.
    """
    files = tuple(load(path) for path in config_files(config))
    name = _chosen(name, files)
    layers = tuple(_layers(name, files, given or {}))
    _refuse_both(layers)
    found: dict[str, list[Found]] = {}
    for origin, table in layers:
        for row_name, value in table.items():
            if not _beaten(row_name, found):
                found.setdefault(row_name, []).append(Found(value, origin))
    options = AccountOptions(**{row_name: places[0].value for row_name, places in found.items()})
    policy: dict[str, PolicyOptions] = {}
    for file in reversed(files):
        policy |= {who.lower(): PolicyOptions(**table) for who, table in file.policy.items()}
    return Account(
        name=name,
        config=None if config is None else Path(config),
        options=options,
        found=found,
        policy=policy,
    )


def account_names(config: str | Path | None = None) -> tuple[str, ...]:
    """Return the names of the accounts that the files have.

    Raises:
        UsageError: With code 24 if a file cannot be used.
    """
    return _names(tuple(load(path) for path in config_files(config)))


def config_files(named: str | Path | None = None) -> tuple[Path, ...]:
    """Return the configuration files that there are, the one that counts first.

    Raises:
        UsageError: With code 24 if one was named and is not there.
    """
    named = named or os.environ.get(NAMES_FILE)
    if named:
        return (Path(named).expanduser(),)
    from platformdirs import user_config_path

    return tuple(
        path for path in (user_config_path("gpgmail") / "config.toml", SYSTEM) if path.exists()
    )


def environment_name(row: Row) -> str:
    """Return the variable that a row is read from."""
    return f"{_ENVIRONMENT}{key_of(row).upper()}"


def _names(files: Sequence[ConfigFile]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for file in files for name in file.accounts))


def _chosen(name: str | None, files: Sequence[ConfigFile]) -> str:
    names = _names(files)
    name = name or os.environ.get(NAMES_ACCOUNT)
    if not name:
        said = [file.default for file in files if file.default]
        name = next(iter(said), names[0] if len(names) == 1 else "")
    if name and name not in names:
        near = get_close_matches(name, names, n=1)
        where = " and ".join(str(file.path) for file in files) or "no configuration file"
        raise Situation.BAD_CONFIG.error(
            f"no such account in {where}",
            subject=name,
            hint=f"{near[0]} is the nearest" if near else f"there is {', '.join(names) or 'none'}",
        )
    return name


def _layers(
    name: str, files: Sequence[ConfigFile], given: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row_name, value in given.items():
        yield f"--{row_name.rstrip('_').replace('_', '-')}", {row_name: value}
    for row in rows(AccountOptions):
        text = os.environ.get(environment_name(row))
        if text is not None:
            yield environment_name(row), {row.name: row.accept(row.parse(text))}
    for file in files:
        yield f"{file.path} [account.{name}]", file.accounts.get(name, {})
    for file in files:
        yield f"{file.path} [defaults]", file.defaults


def _beaten(name: str, found: Mapping[str, object]) -> bool:
    """Tell whether a place that counts more has another of its kind."""
    return any(
        name in group and any(one in found for one in group if one != name) for group in _EITHER_OR
    )


def _refuse_both(layers: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    for origin, table in layers:
        for group in _EITHER_OR:
            both = [name for name in group if name in table]
            if len(both) > 1:
                raise Situation.BAD_CONFIG.error(
                    f"says {' and '.join(both)}, of which one can count", subject=origin
                )
