"""`gpgmail keys`: what the keyrings can do, for whom, until when, and why not."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli import monitoring
from gpgmail.cli.key_facts import as_json as key_json
from gpgmail.cli.key_facts import brief, candidate_lines, whole
from gpgmail.cli.options import (
    KEYS,
    GroupedCommand,
    account_of,
    account_options,
    json_option,
    option,
    row_options,
)
from gpgmail.cli.report import line, show
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.delivery.facts import of_candidate
from gpgmail.delivery.options import KeyringOptions
from gpgmail.delivery.watching import everything, watch
from gpgmail.keys.key import Key, Purpose
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.mending import command_for, search
from gpgmail.keys.pinfile import replace_text
from gpgmail.keys.watch import CRITICAL_DAYS, WARN_DAYS, Level, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpgmail.delivery.accounts import Account
    from gpgmail.keys.watch import Watched

_PURPOSES = {"sign": Purpose.SIGN, "encrypt": Purpose.ENCRYPT}
_ROWS = ("keyring", "trust")
_keyring_options = row_options(KeyringOptions, KEYS, only=_ROWS)


@click.group()
def command() -> None:
    """Show the keys of the keyrings, why one is taken, and which end soon."""


class _Opened:
    """The account that counts, and its keyrings."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.run = Run(timeout=account.options.timeout)
        self.rings = [Keyring.open(place) for place in account.options.keyring or (None,)]

    def keyrings(self) -> Keyrings:
        first, *more = self.rings
        return Keyrings(first, more, trust=self.account.options.trust or None)

    def keys(self, query: str = "", *, secret: bool) -> Iterator[tuple[Keyring, Key]]:
        """Give the keys that gpg finds; only with their secret parts it is known what can sign."""
        for ring in self.rings:
            for key in ring.keys(query, secret=True, run=self.run):
                if key.secret_available or not secret:
                    yield ring, key


@contextmanager
def _opened(given: dict[str, Any]) -> Iterator[_Opened]:
    with ExitStack() as held:
        found = _Opened(account_of(given, KeyringOptions))
        for ring in found.rings:
            held.callback(ring.close)
        yield found


# ---- list and show ----


@command.command("list", cls=GroupedCommand)
@click.argument("query", default="")
@option("--secret", is_flag=True, help="Only keys with a secret part here.")
@_keyring_options
@account_options
@json_option
def list_all(query: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """List the keys, all or those that QUERY finds: what each can do, until when, for whom.

    The exit code is 67 where QUERY finds none.
    """
    with _opened(given) as opened:
        found = list(opened.keys(query, secret=given["secret"]))
        places = ", ".join(ring.name for ring in opened.rings)
    if not (found or given["as_json"]):
        show(f"no {'secret ' * given['secret']}key{f' for {query}' * bool(query)} in {places}")
    _show_keys(found, brief, as_json=given["as_json"])
    return Exit.NO_USER if query and not found else 0


@command.command("show", cls=GroupedCommand)
@click.argument("key")
@_keyring_options
@account_options
@json_option
def show_one(key: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Show every fact of KEY: a fingerprint, key id, address or a part of a user id."""
    with _opened(given) as opened:
        found = list(opened.keys(key, secret=False))
        places = ", ".join(ring.name for ring in opened.rings)
    if not found:
        raise Situation.KEY_NOT_FOUND.error(f"nothing in {places}", subject=key)
    _show_keys(found, whole, as_json=given["as_json"])
    return 0


def _show_keys(found: Sequence[tuple[Keyring, Key]], lines: Any, *, as_json: bool) -> None:  # noqa: ANN401 - brief or whole
    now = datetime.now(UTC)
    if as_json:
        told = [key_json(key, ring.name, now) for ring, key in found]
        show(json.dumps({"keys": told}, indent=2))
        return
    before = ""
    for ring, key in found:
        if ring.name != before:
            show(f"{ring.name}:")
            before = ring.name
        show("\n".join(f"  {text}" for text in lines(key, now)))


# ---- why ----


@command.command("why", cls=GroupedCommand)
@click.argument("address")
@option(
    "--for",
    "purpose",
    type=click.Choice(list(_PURPOSES)),
    default="encrypt",
    show_default=True,
    help="What the key is wanted for.",
)
@_keyring_options
@account_options
@json_option
def why(address: str, purpose: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Show every key that ADDRESS could mean, and why it is taken or not.

    Any other name of a key will do as well. The exit code is 67 where none is taken.
    """
    wanted = _PURPOSES[purpose]
    with _opened(given) as opened:
        found = opened.keyrings().why(address, opened.run, wanted)
        commands = [command_for(one, opened.rings, wanted, opened.run) for one in found]
        near = "" if any(one.taken for one in found) else search(address, opened.rings[0])
        places = [ring.name for ring in opened.rings]
    if given["as_json"]:
        told = [
            {**of_candidate(one), "taken": one.taken, "command": line}
            for one, line in zip(found, commands, strict=True)
        ]
        show(json.dumps({"address": address, "for": purpose, "candidates": told}, indent=2))
    else:
        for one, line in zip(found, commands, strict=True):
            show("\n".join(candidate_lines(one, line)))
        if not found:
            show(f"no key for {address} in {', '.join(places)}")
        if near and not any(commands):
            show(f"to look for one: {near}")
    return 0 if any(one.taken for one in found) else Exit.NO_USER


# ---- check ----


class _Plugin(GroupedCommand):
    """A command whose failures are UNKNOWN to monitoring, wrong usage too."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:  # noqa: ANN401 - click's signature
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            show(monitoring.unknown_line(error.format_message()))
            raise click.exceptions.Exit(Level.UNKNOWN) from None


@command.command("check", cls=_Plugin)
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@option("--signer", "signers", multiple=True, metavar="KEY", help="Check KEY for signing.")
@option("--all", "all_keys", is_flag=True, help="Check all keys that can be used today.")
@option(
    "--warn-days",
    "warn",
    type=click.FloatRange(min=0),
    default=WARN_DAYS,
    show_default=True,
    metavar="DAYS",
    help="A warning from so many days before the end on.",
)
@option(
    "--critical-days",
    "critical",
    type=click.FloatRange(min=0),
    default=CRITICAL_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Critical from so many days before the end on.",
)
@option("--verbose", "-v", is_flag=True, help="Add a line for each key that is not well.")
@option("--prometheus", is_flag=True, help="Print metrics instead of the line.")
@option(
    "--textfile",
    metavar="FILE",
    help="Write metrics to FILE whole, for the textfile collector of node_exporter.",
)
@_keyring_options
@account_options
@json_option
def check(addresses: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Check whether keys are there and last, as a Nagios plugin does: exit code 0, 1, 2 or 3.

    Without an ADDRESS and --signer those that the account counts on: recipients that its policy,
    pins, hold key and gpg.conf name, its signers.
    """
    limits = Limits(warn_days=given["warn"], critical_days=given["critical"])
    try:
        found = _look(addresses, given)
        _write(found, limits, given)
    except GpgmailError as error:
        show(monitoring.unknown_line(line(error)))
        return Level.UNKNOWN
    return monitoring.worst(found, limits, datetime.now(UTC))


def _look(addresses: tuple[str, ...], given: dict[str, Any]) -> tuple[Watched, ...]:
    with _opened(given) as opened:
        if given["all_keys"]:
            return everything(opened.rings, opened.run)
        return watch(
            opened.account,
            opened.rings,
            opened.run,
            recipients=addresses,
            signing=given["signers"],
        )


def _write(found: Sequence[Watched], limits: Limits, given: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    metrics = monitoring.prometheus(found, limits, now)
    if given["textfile"]:
        replace_text(Path(given["textfile"]), metrics)
    if given["as_json"]:
        show(json.dumps(monitoring.as_json(found, limits, now), indent=2))
    elif given["prometheus"]:
        show(metrics.removesuffix("\n"))
    else:
        show(monitoring.status_line(found, limits, now))
        if given["verbose"]:
            for text in monitoring.remedies(found, limits, now):
                show(text)
