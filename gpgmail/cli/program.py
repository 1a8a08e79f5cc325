"""The command `gpgmail`: finds the verb, runs it, and says in two lines what it raised.

A verb is a click command that returns its exit code, one of sysexits.h, and raises `GpgmailError`.
What is raised becomes a line on stderr here, and a second one with what to do: no failure shows a
traceback, which only a developer can read and which could hold what must not be shown.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module

import click

from gpgmail import __version__
from gpgmail.cli import VERBS
from gpgmail.cli.report import lines, show, silence
from gpgmail.cli.signals import Ended, end_on_signals, ignore_signals
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError

TRACEBACK = "GPGMAIL_TRACEBACK"  # set in the environment, it shows where an unexpected error arose


class Verbs(click.Group):
    """A group whose commands are the table above; each module has its own as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a verb."""
        if cmd_name not in VERBS:
            return None
        module, _ = VERBS[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the verbs without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`gpgmail COMMAND --help` explains a command. Exit codes are those of sysexits.h.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def gpgmail() -> None:
    """Sign and encrypt mail with the GnuPG keys of this machine, and deliver it."""


def main() -> None:
    """Run the command line of this process and exit."""
    code: int = Exit.TRY_AGAIN
    try:
        end_on_signals()
        code = run()
        ignore_signals()
    except Ended:
        pass  # it came between two steps: what the command had made of it stands
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code, one of sysexits.h."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding cannot express is escaped: it must not end a finished job.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _run(arguments)
    silence()
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        return gpgmail.main(arguments, prog_name="gpgmail", standalone_mode=False) or 0
    except GpgmailError as error:
        for text in lines(error):
            _complain(text)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (Ended, click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return Exit.TRY_AGAIN
    except Exception as error:  # noqa: BLE001 - the last resort: a line instead of a traceback
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    advice = f"please report this, with what {TRACEBACK}=1 shows"
    _complain(f"unexpected {type(error).__name__}: {error} ({advice})")
    return Exit.OS if isinstance(error, OSError) else Exit.SOFTWARE


def _complain(text: str) -> None:
    show(f"gpgmail: {text}", err=True)
