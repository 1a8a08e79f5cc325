"""`gpgmail send --idempotency-key`: a mail that goes out once, however often a script is run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.options import MAIL, option
from gpgmail.cli.report import show
from gpgmail.core.situations import Situation
from gpgmail.delivery.facts import of_entry
from gpgmail.delivery.options import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.cli.options import F
    from gpgmail.delivery.once import Once
    from gpgmail.spool.record import Entry


def once_options(function: F) -> F:
    """Add --idempotency-key and --if-uncertain."""
    function = option(
        "--if-uncertain",
        type=click.Choice(UNCERTAIN),
        group=MAIL,
        help="What to do where the mail of the key may have arrived: the connection or the process "
        "ended before the server's answer. By default fail.",
    )(function)
    return option(
        "--idempotency-key",
        metavar="KEY",
        group=MAIL,
        help="Say which mail this is, as 'backup 2026-11-22': one that was accepted under the same "
        "key, for the same account, from you on this machine, is not sent again.",
    )(function)


def once_of(given: Mapping[str, Any], account: str) -> Once | None:
    """Return what makes the mail go out once, None where it has no key.

    Raises:
        UsageError: If the key is empty, or an option does not fit.
    """
    key, uncertain = given["idempotency_key"], given["if_uncertain"]
    if key is None:
        if uncertain:
            raise Situation.BAD_VALUE.error(
                "is of a mail that has a key", subject="--if-uncertain", hint="--idempotency-key"
            )
        return None
    if given["output"]:
        raise Situation.BAD_VALUE.error("nothing is sent", subject="--idempotency-key")
    from gpgmail.delivery.once import Once

    return Once(key, account=account, uncertain=uncertain or UNCERTAIN[0])


def report_repeat(entry: Entry, *, as_json: bool, quiet: bool) -> None:
    """Print that the mail was sent before; with *quiet* nothing but JSON is printed."""
    if as_json:
        show(json.dumps(of_entry(entry), indent=2))
    elif not quiet:
        when = f"{entry.time:%Y-%m-%d %H:%M} UTC"
        show(f"sent before, on {when}, with the same key: {entry.message_id}")
        for address in entry.accepted:
            show(f"accepted: {address}")
