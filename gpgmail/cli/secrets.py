"""Where the command line takes passphrases and passwords from: never from its arguments."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gpgmail.core.situations import Situation

_LIMIT = 60  # seconds for a helper command
_LONGEST = 64 * 1024


def secret_options(name: str, *, descriptor: bool) -> Callable[[Any], Any]:
    """Return a decorator that adds --NAME-file, --NAME-command and, where asked, --NAME-fd."""
    added = [
        click.option(
            f"--{name}-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=f"Read the {name} from the first line of FILE.",
        ),
        click.option(
            f"--{name}-command",
            metavar="COMMAND",
            help=f"Run COMMAND (no shell) and read the {name} from its first line.",
        ),
    ]
    if descriptor:
        added.append(
            click.option(
                f"--{name}-fd", type=int, metavar="N", help=f"Read the {name} from descriptor N."
            )
        )

    def decorate(function: Any) -> Any:
        for option in reversed(added):
            function = option(function)
        return function

    return decorate


def take_secret(
    name: str, file: Path | None, command: str | None, descriptor: int | None = None
) -> str | None:
    """Return the secret from the one source that was given, or None.

    Raises:
        UsageError: If more than one source was given, or it does not answer.
    """
    readers: dict[str, Callable[[], bytes]] = {}
    if file is not None:
        readers[f"--{name}-file {file}"] = file.read_bytes
    if command is not None:
        readers[f"--{name}-command"] = lambda: _run(command)
    if descriptor is not None:
        readers[f"--{name}-fd {descriptor}"] = lambda: _read_descriptor(descriptor)
    if len(readers) > 1:
        raise Situation.BAD_VALUE.error(f"give only one of {', '.join(readers)}", subject=name)
    for source, reader in readers.items():
        return _first_line(source, reader)
    return None


def _first_line(source: str, reader: Callable[[], bytes]) -> str:
    try:
        return reader().decode().split("\n", 1)[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise Situation.BAD_VALUE.error("is not UTF-8", subject=source) from None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # the text of a SubprocessError holds the command line, which is the user's own business
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise Situation.BAD_VALUE.error(f"gives nothing: {what}", subject=source) from None


def _run(command: str) -> bytes:
    words = shlex.split(command)
    if not words:
        raise ValueError("empty")
    done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
        words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_LIMIT, check=True
    )
    return done.stdout


def _read_descriptor(descriptor: int) -> bytes:
    taken = b""
    while len(taken) < _LONGEST and b"\n" not in taken:
        chunk = os.read(descriptor, _LONGEST)
        if not chunk:
            break
        taken += chunk
    return taken
