"""The command line: a verb a file, each loaded only when it is asked for.

Verbs raise `GpgmailError`; here it becomes a line on stderr (or JSON) and a sysexits exit code.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError

VERBS = {
    "send": "gpgmail.cli.send",
    "read": "gpgmail.cli.read",
    "demo": "gpgmail.cli.demo",
}


class Verbs(click.Group):
    """A group whose commands are the table above; each module has its own as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb."""
        del ctx
        module = VERBS.get(cmd_name)
        command: click.Command | None = import_module(module).command if module else None
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gpgmail", message="%(prog)s %(version)s")
def gpgmail() -> None:
    """Sign and encrypt mail with the GnuPG keys of this machine, and deliver it."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; the exit code is one of sysexits.h."""
    try:
        gpgmail.main(arguments, prog_name="gpgmail", standalone_mode=False)
    except GpgmailError as error:
        click.echo(f"gpgmail: {error}", err=True)
        sys.exit(error.code.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("gpgmail: interrupted", err=True)
        sys.exit(Exit.TRY_AGAIN)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
