"""How commands declare options: from the rows of accounts, in groups that can be read.

Declaring only; what an option means is the verb's business. An option that was made from a row has
no default of its own: what was not given is for the environment and the configuration files to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpgmail.core.checks import OneOf
from gpgmail.core.declare import rows
from gpgmail.delivery.accounts import open_account, option_name
from gpgmail.delivery.options import KeyringOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gpgmail.core.declare import Declared, Row
    from gpgmail.delivery.accounts import Account

F = TypeVar("F", bound="Callable[..., Any]")

MAIL, KEYS, SERVER, GENERAL = "The mail", "Keys", "The server", "Options"
VARIANT = "Variants, for tests of mail readers"
SECRETS = "Passphrase, where gpg-agent is not to be asked"
PASSPHRASES = {
    row.name: SECRETS for row in rows(KeyringOptions) if row.name.startswith("passphrase_")
}


class GroupedOption(click.Option):
    """An option that knows under which title the help text lists it."""

    def __init__(self, *args: Any, group: str = GENERAL, **more: Any) -> None:  # noqa: ANN401 - click's signature
        super().__init__(*args, **more)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help text lists its options under their titles."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group, in the order of the first option of each."""
        groups: dict[str, list[tuple[str, str]]] = {}
        general: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None or isinstance(parameter, click.Argument):
                continue
            group = getattr(parameter, "group", GENERAL)
            (general if group == GENERAL else groups.setdefault(group, [])).append(record)
        for title, records in {**groups, GENERAL: general}.items():
            with formatter.section(title):
                formatter.write_dl(records)


def option(*names: str, **more: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own arguments
    """Return click's decorator for an option, with `group` beside click's own arguments."""
    return click.option(*names, cls=GroupedOption, **more)


json_option = option("--json", "as_json", is_flag=True, help="Report as JSON, failures included.")


def account_options(function: F) -> F:
    """Add --account and --config."""
    function = option("--config", metavar="FILE", help="Read this configuration file alone.")(
        function
    )
    return option("--account", metavar="NAME", help="The account, of a configuration file.")(
        function
    )


def row_options(
    kind: type[Declared],
    group: str,
    *,
    only: Collection[str] = (),
    groups: Mapping[str, str] | None = None,
    words: Mapping[str, tuple[str, str]] | None = None,
) -> Callable[[F], F]:
    """Return a decorator that adds an option for each row of *kind*; a secret never is one.

    *only* names the rows that become options, by default all; *groups* the titles of rows that are
    listed elsewhere. *words* are of rows that are options without a value too: what `--x` alone and
    `--no-x` stand for.
    """
    chosen = [row for row in rows(kind) if not row.secret and (not only or row.name in only)]
    without_value = words or {}
    added = [
        made
        for row in chosen
        for made in _made(row, (groups or {}).get(row.name, group), without_value.get(row.name))
    ]

    def decorate(function: F) -> F:
        for each in reversed(added):
            function = each(function)
        return function

    return decorate


_OPENS = "A passphrase that opens the mail too, without --encrypt in place of keys: "
SYMMETRIC = {
    "file": ("FILE", "the first line of FILE."),
    "command": ("COMMAND", "the first line that COMMAND prints."),
    "fd": ("N", "the next line on descriptor N."),
}


def symmetric_options(function: F) -> F:
    """Add --symmetric-file, --symmetric-command and --symmetric-fd."""
    for kind, (metavar, words) in reversed(SYMMETRIC.items()):
        added = option(
            f"--symmetric-{kind}", group=SECRETS, metavar=metavar, help=f"{_OPENS}{words}"
        )
        function = added(function)
    return function


def given_rows(
    kinds: Collection[type[Declared]],
    given: Mapping[str, Any],
    words: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return, by their rows' names, what was given of the options of `row_options`."""
    found = {
        row.name: given[row.name]
        for kind in kinds
        for row in rows(kind)
        if given.get(row.name) not in (None, ())
    }
    for name, (_, negative) in (words or {}).items():
        if given.get(f"{_NO}{name}"):
            found[name] = negative
    return found


def account_of(
    given: Mapping[str, Any],
    *kinds: type[Declared],
    words: Mapping[str, tuple[str, str]] | None = None,
) -> Account:
    """Return the account of `account_options`, with what was given of the options of *kinds*.

    Raises:
        UsageError: As `open_account`.
    """
    return open_account(
        given["account"], config=given["config"], given=given_rows(kinds, given, words)
    )


def _made(row: Row, group: str, words: tuple[str, str] | None) -> list[Callable[[F], F]]:
    flag = option_name(row)
    stated = f" By default {row.default}." if row.default and row.type is not tuple else ""
    more: dict[str, Any] = {"group": group, "help": row.doc + stated, "default": None}
    if row.type is bool:
        return [option(f"{flag}/--no-{flag[2:]}", row.name, **more)]
    more["metavar"] = _METAVARS.get(row.name) or _METAVARS.get(row.name.rpartition("_")[2], "WORD")
    if isinstance(row.check, OneOf):
        more |= {"type": click.Choice(row.check.choices), "metavar": None}
    if row.type is int:
        more["type"] = int
    if row.type is tuple:
        more |= {"multiple": True, "help": f"{row.doc} May be repeated."}
    if words is None:
        return [option(flag, row.name, **more)]
    negative = {"is_flag": True, "group": group, "help": f"The same as {flag} {words[1]}."}
    return [
        option(flag, row.name, is_flag=False, flag_value=words[0], **more),
        option(f"--no-{flag[2:]}", f"{_NO}{row.name}", **negative),
    ]


_NO = "no_"
_METAVARS = {
    "server": "URL",
    "proxy": "URL",
    "user": "NAME",
    "fallback": "ACCOUNT",
    "timeout": "SECONDS",
    "days": "DAYS",
    "keyring": "PLACE",
    "trust": "POLICY",
    "signer": "KEY",
    "from_": "ADDRESS",
    "passphrase_file": "[KEY=]FILE",
    "passphrase_command": "[KEY=]COMMAND",
    "passphrase_fd": "[KEY=]N",
    "passphrase_keyring": "[KEY=]SERVICE[/NAME]",
    "file": "FILE",
    "command": "COMMAND",
}
