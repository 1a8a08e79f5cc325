"""Where the command line takes passphrases and passwords from: never from its arguments.

Of a helper command an error repeats nothing but the exit code: its words may hold the secret.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIMIT = 60  # seconds for a helper command
_LONGEST = 64 * 1024


def take_secret(name: str, given: Mapping[str, Any]) -> str | None:
    """Return the secret from the one option of `secret_options` that was given, or None.

    Raises:
        UsageError: If more than one was given, or what was given does not answer.
    """
    readers: dict[str, Callable[[Any], bytes]] = {
        "file": _read_file,
        "command": _run,
        "fd": _read_descriptor,
    }
    wanted = [kind for kind in readers if given.get(f"{name}_{kind}") is not None]
    if len(wanted) > 1:
        options = ", ".join(f"--{name}-{kind}" for kind in wanted)
        raise Situation.BAD_VALUE.error(f"give only one of {options}", subject=name)
    for kind in wanted:
        return _first_line(f"--{name}-{kind}", readers[kind], given[f"{name}_{kind}"])
    return None


def _first_line(source: str, reader: Callable[[Any], bytes], value: object) -> str:
    try:
        line = reader(value).split(b"\n", 1)[0].removesuffix(b"\r").decode()
        why = "" if line else "it is empty"
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except OSError as error:
        why = error.strerror or type(error).__name__
    except subprocess.CalledProcessError as error:
        why = f"the command ended with {error.returncode}"
    except subprocess.TimeoutExpired:
        why = f"the command did not end within {_LIMIT} s"
    except ValueError:
        why = "the command cannot be taken apart into words"
    if why:
        raise Situation.BAD_VALUE.error(f"gives nothing: {why}", subject=source) from None
    return line


def _read_file(name: str) -> bytes:
    with Path(name).open("rb") as file:
        return file.readline(_LONGEST)


def _run(command: str) -> bytes:
    words = shlex.split(command)
    if not words:
        raise ValueError
    done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
        words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_LIMIT, check=True
    )
    return done.stdout


def _read_descriptor(descriptor: int) -> bytes:
    """Read up to the line's end and not further: what follows may be the text of the mail."""
    taken = b""
    while len(taken) < _LONGEST and not taken.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        taken += byte
    return taken
