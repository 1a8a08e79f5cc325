"""How commands declare options: in groups, so that a long help text can be read.

Declaring only; what an option means is the verb's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

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


json_option = option("--json", "as_json", is_flag=True, help="Report as JSON, failures included.")


def secret_options(name: str, group: str, *, descriptor: bool = False) -> Callable[[F], F]:
    """Return a decorator that adds --NAME-file, --NAME-command and, where asked, --NAME-fd."""
    added = [
        option(
            f"--{name}-file",
            group=group,
            metavar="FILE",
            help=f"Take the {name} from the first line of FILE.",
        ),
        option(
            f"--{name}-command",
            group=group,
            metavar="COMMAND",
            help=f"Run COMMAND, without a shell, and take the {name} from its first line.",
        ),
    ]
    if descriptor:
        added.append(
            option(
                f"--{name}-fd",
                type=click.IntRange(min=0),
                group=group,
                metavar="N",
                help=f"Take the {name} from the first line on descriptor N.",
            )
        )

    def decorate(function: F) -> F:
        for each in reversed(added):
            function = each(function)
        return function

    return decorate
