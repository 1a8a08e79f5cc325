"""`gpgmail config`: which accounts there are, what they say, and where each value comes from."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.options import GroupedCommand, account_options, json_option
from gpgmail.cli.report import line, show
from gpgmail.core.codes import Exit
from gpgmail.core.declare import is_set, rows, stated
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.delivery.accounts import Account, account_names, environment_name, open_account
from gpgmail.delivery.checking import check
from gpgmail.delivery.configfile import key_of
from gpgmail.delivery.options import AccountOptions, without_secret

if TYPE_CHECKING:
    from gpgmail.core.declare import Declared, Row

_ROWS = {key_of(row): row for row in rows(AccountOptions)}


@click.group()
def command() -> None:
    """Show and check the configuration files, and where each value comes from."""


@command.command("show", cls=GroupedCommand)
@account_options
@json_option
def show_all(*, account: str | None, config: str | None, as_json: bool) -> int:
    """Show the values that count, each with the place that says it."""
    found = open_account(account, config=config)
    values = {
        key: (_shown(row, found), found.origin(row.name), found.beaten.get(row.name, ()))
        for key, row in _ROWS.items()
    }
    if as_json:
        told = {
            key: {
                "value": value,
                "origin": origin,
                "beaten": [{"origin": one.origin, "why": why} for one, why in beaten],
            }
            for key, (value, origin, beaten) in values.items()
        }
        policies = {who: _stated(policy) for who, policy in found.policy.items()}
        show(json.dumps({"account": found.name, "values": told, "policy": policies}, indent=2))
        return 0
    show(f"account: {found.name or 'none'}")
    for key, (value, origin, beaten) in values.items():
        others = "".join(f"; {one.origin} does not count, as {why}" for one, why in beaten)
        show(f"{key} = {_toml(value)}  # {origin}{others}")
    for who, policy in found.policy.items():
        said = ", ".join(f"{key} = {_toml(value)}" for key, value in _stated(policy).items())
        show(f"policy.{_toml(who)} = {{ {said} }}")
    return 0


@command.command("explain", cls=GroupedCommand)
@click.argument("name")
@account_options
def explain(name: str, *, account: str | None, config: str | None) -> int:
    """Explain a value: what it means, where it can be said, and which place counts."""
    row = _row(name)
    found = open_account(account, config=config)
    key = key_of(row)
    show(f"{key}: {row.doc}")
    show(f"  {key} in a configuration file, {environment_name(row)} in the environment")
    show(f"  value: {_toml(_shown(row, found))}")
    places = [one.origin for one in found.found.get(row.name, ())] or ["default"]
    show(f"  from: {places[0]}")
    for origin in places[1:]:
        show(f"  does not count: {origin}")
    for one, why in found.beaten.get(row.name, ()):
        show(f"  does not count: {one.origin}, as {why}")
    return 0


@command.command("check", cls=GroupedCommand)
@account_options
def check_all(*, account: str | None, config: str | None) -> int:
    """Check every account, or the one that was named, as far as that needs no server."""
    names = (account,) if account else account_names(config) or (None,)
    bad = 0
    for name in names:
        try:
            complaints = check(open_account(name, config=config))
        except GpgmailError as error:
            complaints = (line(error),)
        bad += bool(complaints)
        for complaint in complaints or ("fine",):
            show(f"{name or 'no account'}: {complaint}")
    return Exit.CONFIG if bad else 0


def _row(name: str) -> Row:
    key = name.replace("-", "_").lower()
    if key in _ROWS:
        return _ROWS[key]
    near = get_close_matches(key, _ROWS, n=1)
    raise Situation.BAD_VALUE.error(
        "there is no such value",
        subject=name,
        hint=f"{near[0]} is the nearest" if near else f"there is {', '.join(_ROWS)}",
    )


def _stated(policy: Declared) -> dict[str, Any]:
    """Return what is said of somebody, without what is not."""
    return {
        key_of(row): stated(policy, row.name)
        for row in rows(type(policy))
        if is_set(policy, row.name)
    }


def _toml(value: Any) -> str:  # noqa: ANN401 - any row's
    return json.dumps(value, ensure_ascii=False)


def _shown(row: Row, account: Account) -> Any:  # noqa: ANN401 - any row's
    return without_secret(row, getattr(account.options, row.name))
