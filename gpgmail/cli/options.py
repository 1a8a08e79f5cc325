"""How commands declare options: in groups, so that a long help text can be read.

Declaring only; what an option means is the verb's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpgmail.crypto.engines import AUTO, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

MAIL, KEYS, SERVER, GENERAL = "The mail", "Keys", "The server", "Options"
SECRETS = "Passphrase, where gpg-agent is not to be asked"


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


engine_option = option(
    "--engine",
    type=click.Choice(NAMES),
    default=AUTO,
    show_default=True,
    group=KEYS,
    help="What has gpg do its work: gnupg starts it, gpgme has libgpgme start it; auto is what"
    " GPGMAIL_ENGINE names, otherwise gnupg.",
)
json_option = option("--json", "as_json", is_flag=True, help="Report as JSON, failures included.")


def account_options(function: F) -> F:
    """Add --account and --config."""
    function = option("--config", metavar="FILE", help="Read this configuration file alone.")(
        function
    )
    return option("--account", metavar="NAME", help="The account, of a configuration file.")(
        function
    )


def secret_options(name: str, group: str, *, per_key: bool = False) -> Callable[[F], F]:
    """Return a decorator that adds --NAME-file and --NAME-command.

    With *per_key* they can be repeated for several keys, and --NAME-fd and --NAME-keyring too.
    """
    kinds = _SECRETS if per_key else dict(list(_SECRETS.items())[:2])
    added = [
        option(
            f"--{name}-{kind}",
            group=group,
            multiple=per_key,
            metavar=f"[KEY=]{metavar}" if per_key else metavar,
            help=words.format(name=name),
        )
        for kind, (metavar, words) in kinds.items()
    ]

    def decorate(function: F) -> F:
        for each in reversed(added):
            function = each(function)
        return function

    return decorate


_SECRETS = {
    "file": ("FILE", "Take the {name} from the first line of FILE, which only you may read."),
    "command": (
        "COMMAND",
        "Run COMMAND, not by a shell, and take the {name} from its first line.",
    ),
    "fd": ("N", "Take the {name} from the next line on descriptor N."),
    "keyring": (
        "SERVICE[/NAME]",
        "Take the {name} from the desktop's keyring; NAME is the key's fingerprint if not given.",
    ),
}
