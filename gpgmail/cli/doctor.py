"""`gpgmail doctor`: what is wrong with this machine for an account, and what mends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.options import (
    KEYS,
    PASSPHRASES,
    SERVER,
    GroupedCommand,
    account_of,
    account_options,
    json_option,
    option,
    row_options,
)
from gpgmail.cli.report import one_line, show
from gpgmail.core.errors import GpgmailError
from gpgmail.delivery.doctor.checks import CHECKS, SECONDS, examine, exit_code
from gpgmail.delivery.doctor.finding import Level
from gpgmail.delivery.options import KeyringOptions, MailOptions, ServerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.finding import Finding

_WHO = ("from_", "sign", "signer")
_WIDTH = 11  # of the column with the names of checks


@click.command(cls=GroupedCommand)
@row_options(MailOptions, KEYS, only=_WHO)
@row_options(KeyringOptions, KEYS, groups=PASSPHRASES)
@row_options(ServerOptions, SERVER)
@account_options
@option(
    "--only",
    multiple=True,
    type=click.Choice([check.name for check in CHECKS]),
    metavar="CHECK",
    help="Make this check alone; its name is in the second column. May be repeated.",
)
@option("--no-network", is_flag=True, help="Connect to nothing.")
@option("--strict", is_flag=True, help="End with 1 where there are warnings and no errors.")
@option("--quiet", "-q", is_flag=True, help="Show warnings and errors alone.")
@option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long one check may take.",
)
@json_option
def command(**given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Look whether mails can be signed, encrypted and sent here, and say what is in the way.

    Signs a few random bytes with nobody to ask, and logs in to the account's server, but sends
    nothing and changes nothing. The exit code is 0 where there is no error, otherwise that of the
    first one, as sending would end.
    """
    findings: list[Finding] = []
    for found in _findings(given):
        findings.append(found)
        if not (given["as_json"] or (given["quiet"] and found.level is Level.OK)):
            _show(found)
    code = exit_code(findings, strict=given["strict"])
    if given["as_json"]:
        told = {"exit_code": code, "findings": [_json(one) for one in findings]}
        show(json.dumps(told, indent=2))
    elif not given["quiet"]:
        show(_summary(findings))
    return code


def _findings(given: dict[str, Any]) -> Iterator[Finding]:
    more = {"network": not given["no_network"], "seconds": given["seconds"], "only": given["only"]}
    try:
        account = account_of(given, MailOptions, KeyringOptions, ServerOptions)
    except GpgmailError as trouble:
        yield from examine(None, trouble=trouble, **more)
    else:
        yield from examine(account, **more)


def _show(found: Finding) -> None:
    show(f"{found.level:<7} {found.check:<{_WIDTH}} {one_line(found.what)}")
    if found.fix:
        show(f"{'':<8}fix: {found.fix}")
    if found.hint:
        show(f"{'':<8}{one_line(found.hint)}")


def _json(found: Finding) -> dict[str, Any]:
    return {
        "check": found.check,
        "level": str(found.level),
        "what": found.what,
        "fix": found.fix,
        "hint": found.hint,
    }


def _summary(findings: list[Finding]) -> str:
    counts = [(level, sum(one.level is level for one in findings)) for level in Level]
    words = {Level.OK: "fine", Level.WARNING: "warnings", Level.ERROR: "errors"}
    return ", ".join(f"{count} {words[level]}" for level, count in counts)
