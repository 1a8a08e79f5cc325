"""Accounts: where a value comes from, and which one counts.

A value that was given on the command line or by the caller counts before one of the environment
(`GPGMAIL_SERVER`), that before one of a file, and that before the default. Of files the user's
counts before the system's; in both the account's own table counts before `[defaults]`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gpgmail.core.declare import rows, unknown
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.delivery.configfile import ConfigFile, key_of, load
from gpgmail.delivery.options import LOGIN, AccountOptions, RecipientOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gpgmail.core.declare import Row

    _Layer = Mapping[str, "Found"]  # by the names of rows

SYSTEM = Path("/etc/gpgmail/config.toml")
NAMES_FILE, NAMES_ACCOUNT = "GPGMAIL_CONFIG", "GPGMAIL_ACCOUNT"
_ENVIRONMENT = "GPGMAIL_"
DEFAULT = "default"
# Of these one counts: a file that is named beats a command that a lower place names.
_EITHER_OR = (
    ("password", "password_file", "password_command", "token_file", "token_command"),
    ("passphrase_file", "passphrase_command", "passphrase_fd", "passphrase_keyring"),
)
_ONE_OF_A_PLACE = _EITHER_OR[:1]  # of the others each may be of another key
_OF_THE_SERVER = LOGIN | {"fallback"}


class Place(Enum):
    """Who says a value."""

    GIVEN = auto()  # the caller himself
    ENVIRONMENT = auto()
    FILE = auto()


class Found(NamedTuple):
    """A value, the place that says it, and what that place calls it."""

    value: Any
    origin: str
    called: str
    place: Place


class Account(NamedTuple):
    """What holds for a mail, each value with its origin; `name` is empty where no file has any.

    `found` has for each row every place that says something and may count, the one that does
    first; `beaten` those that cannot, each with the reason.
    """

    name: str
    config: Path | None  # the one file that was named
    options: AccountOptions
    found: Mapping[str, Sequence[Found]]
    policy: Mapping[str, RecipientOptions]
    beaten: Mapping[str, Sequence[tuple[Found, str]]] = MappingProxyType({})

    def origin(self, name: str) -> str:
        """Return the place that says the value of a row that counts."""
        return self.found[name][0].origin if name in self.found else DEFAULT

    def called(self, name: str) -> str:
        """Return what whoever said the value of a row knows it by."""
        return self.found[name][0].called if name in self.found else name

    def given(self, name: str) -> bool:
        """Tell whether the caller himself gave the value of a row."""
        return name in self.found and self.found[name][0].place is Place.GIVEN


def open_account(
    name: str | None = None,
    *,
    config: str | Path | None = None,
    given: Mapping[str, Any] | None = None,
    called: Callable[[Row], str] | None = None,
) -> Account:
    """Return the account *name*, or the one that counts where none is named.

    That is the one of GPGMAIL_ACCOUNT, of `default` in a file, or the only one. *config* is the one
    file to read in place of the user's and the system's; *given* has values, by the rows' names,
    that count before all others; *called* says what a row is named where they were given, by
    default `--name`.

    Where *given* or the environment names the server, no login and no fallback of a file counts:
    they are another server's.

    Raises:
        UsageError: With code 24 if a file cannot be used or has no such account, with code 2 if a
            value that was given or is in the environment does not fit.
    """
    files = tuple(load(path) for path in config_files(config))
    name = _chosen(name, files)
    return _made(name, config, files, (_given(given or {}, called or option_name), _environment()))


def fallbacks(account: Account) -> tuple[Account, ...]:
    """Return the accounts to send through where the server of *account* cannot be had.

    They are what the files say of them: the environment and the caller named another server.

    Raises:
        UsageError: With code 24 if there is no such account.
    """
    if not account.options.fallback:
        return ()
    files = tuple(load(path) for path in config_files(account.config))
    return tuple(
        _made(_chosen(name, files), account.config, files, ())
        for name in account.options.fallback
        if name != account.name
    )


def _made(
    name: str,
    config: str | Path | None,
    files: Sequence[ConfigFile],
    nearer: Sequence[_Layer],
) -> Account:
    found: dict[str, list[Found]] = {}
    beaten: dict[str, list[tuple[Found, str]]] = {}
    for layer in (*nearer, *_said(name, files)):
        _refuse_both(layer)
        before = frozenset(found)
        for row_name, one in layer.items():
            why = _beaten(row_name, one, before, found)
            if why:
                beaten.setdefault(row_name, []).append((one, why))
            else:
                found.setdefault(row_name, []).append(one)
    options = AccountOptions(**{row_name: places[0].value for row_name, places in found.items()})
    policy: dict[str, RecipientOptions] = {}
    for file in reversed(files):
        policy |= {who.lower(): RecipientOptions(**table) for who, table in file.policy.items()}
    return Account(
        name=name,
        config=None if config is None else Path(config),
        options=options,
        found=found,
        policy=policy,
        beaten=beaten,
    )


def account_names(config: str | Path | None = None) -> tuple[str, ...]:
    """Return the names of the accounts that the files have.

    Raises:
        UsageError: With code 24 if a file cannot be used.
    """
    return _names(tuple(load(path) for path in config_files(config)))


def require_choice(account: Account) -> None:
    """Go on where an account was chosen, no file has one, or there is a server all the same.

    Otherwise what the accounts say of servers and protection would be left out unsaid.

    Raises:
        UsageError: With code 24 if files have several, and nothing says which one counts.
    """
    names = () if account.name or account.options.server else account_names(account.config)
    if names:
        raise Situation.BAD_CONFIG.error(
            "none of them is chosen",
            subject=f"accounts {', '.join(names)}",
            hint=f"name one as the account, in {NAMES_ACCOUNT}, or as default in the file",
        )


def config_files(named: str | Path | None = None) -> tuple[Path, ...]:
    """Return the configuration files that there are, the one that counts first.

    One that was named is returned whether or not it is there.

    Raises:
        UsageError: With code 24 if it cannot be known whether there is one.
    """
    named = named or os.environ.get(NAMES_FILE)
    if named:
        return (Path(named).expanduser(),)
    return tuple(path for path in (_own() / "config.toml", SYSTEM) if _is_there(path))


def _is_there(path: Path) -> bool:
    """Tell whether a file is there; one that cannot be seen may say what has to be encrypted."""
    try:
        return path.exists()
    except OSError as failure:
        raise Situation.BAD_CONFIG.error(
            failure.strerror or "cannot be looked for",
            subject=str(path),
            hint=f"HOME or XDG_CONFIG_HOME may be another user's; {NAMES_FILE} names a file",
        ) from None


def _own() -> Path:
    """Return the user's directory for configuration files.

    Where it is as XDG has it, this takes what platformdirs would say: loading that costs a tenth of
    the start of a command.
    """
    if sys.platform in {"darwin", "win32"}:
        from platformdirs import user_config_path

        return user_config_path("gpgmail")
    place = Path(os.environ.get("XDG_CONFIG_HOME", "").strip())
    return (place if place.is_absolute() else Path.home() / ".config") / "gpgmail"


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
        from difflib import get_close_matches

        near = get_close_matches(name, names, n=1)
        where = " and ".join(str(file.path) for file in files) or "no configuration file"
        raise Situation.BAD_CONFIG.error(
            f"no such account in {where}",
            subject=name,
            hint=f"{near[0]} is the nearest" if near else f"there is {', '.join(names) or 'none'}",
        )
    return name


def option_name(row: Row) -> str:
    """Return the option of the command line that a row is."""
    return f"--{key_of(row).replace('_', '-')}"


def _given(values: Mapping[str, Any], called: Callable[[Row], str]) -> _Layer:
    known = {row.name: row for row in rows(AccountOptions)}
    layer = {}
    for name, value in values.items():
        if name not in known:
            raise unknown(AccountOptions, name)
        row = known[name]
        one = (value,) if row.type is tuple and isinstance(value, str) else value
        word = called(row)
        with _named(word):
            layer[name] = Found(row.accept(one), word, word, Place.GIVEN)
    return layer


def _environment() -> _Layer:
    layer = {}
    for row in rows(AccountOptions):
        variable = environment_name(row)
        text = os.environ.get(variable)
        if text is not None:
            with _named(variable):
                value = row.accept(row.parse(text))
            layer[row.name] = Found(value, variable, variable, Place.ENVIRONMENT)
    return layer


@contextmanager
def _named(called: str) -> Iterator[None]:
    """Have an error say what the place of a value calls it."""
    try:
        yield
    except GpgmailError as error:
        raise Situation.BAD_VALUE.error(error.detail, subject=called, hint=error.hint) from None


def _said(name: str, files: Sequence[ConfigFile]) -> Iterator[_Layer]:
    """Give what the files say of an account, what counts first first."""
    for file in files:
        yield _table(f"{file.path} [account.{name}]", file.accounts.get(name, {}))
    for file in files:
        yield _table(f"{file.path} [defaults]", file.defaults)


def _table(origin: str, table: Mapping[str, Any]) -> _Layer:
    return {
        name: Found(value, origin, f"{origin} {name.rstrip('_')}", Place.FILE)
        for name, value in table.items()
    }


def _beaten(
    name: str, one: Found, before: frozenset[str], found: Mapping[str, Sequence[Found]]
) -> str:
    """Return why a value cannot count, nothing where it can.

    A place that counts more has another of its kind, or names another server.
    """
    for group in _EITHER_OR:
        for other in group:
            if name in group and other != name and other in before:
                return f"{found[other][0].called} takes its place"
    if name not in _OF_THE_SERVER or one.place is not Place.FILE or "server" not in found:
        return ""
    server = found["server"][0]
    return "" if server.place is Place.FILE else f"{server.called} names another server"


def _refuse_both(layer: _Layer) -> None:
    for group in _ONE_OF_A_PLACE:
        both = [layer[name].called for name in group if name in layer]
        if len(both) > 1:
            raise Situation.BAD_CONFIG.error(
                f"give only one of {', '.join(both)}", subject="password"
            )
