"""`gpgmail sendmail`: the same as `gpgmail-sendmail`, whose arguments are not click's."""

from __future__ import annotations

import click

from gpgmail.cli.sendmail import run


class _AsTheyAre(click.Command):
    """A command that leaves all of its arguments to somebody else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = args
        return args


@click.command(cls=_AsTheyAre)
@click.pass_context
def command(context: click.Context) -> int:
    """Take a mail as sendmail does, protect it as the account says, and send it."""
    return run(context.args)
