"""The keeper of a program: a shell that ends it, and removes its directory, however we end.

It waits for a line or the end of a pipe from here. SIGKILL included, the pipe ends with this
process; the keeper then stops the program by the pid of its own child.
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SCRIPT = """
state=$1; shift
"$@" </dev/null &
program=$!
trap '' HUP INT TERM
read -r _
kill -TERM $program; wait $program
until rm -rf -- "$state" 2>/dev/null; do sleep 0.1; done
"""


class Keeper:
    """A program that was started, with *state* for everything that it writes.

    What it says goes to the file *said*; *who* are the account's arguments of Popen.
    """

    def __init__(
        self,
        state: Path,
        command: Sequence[str | Path],
        *,
        said: str,
        environment: Mapping[str, str],
        **who: object,
    ) -> None:
        with (state / said).open("wb") as output:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "keeper", state, *command],
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
                **who,  # type: ignore[call-overload]
            )

    def end(self, seconds: float) -> None:
        """Stop the program and remove the directory.

        Raises: subprocess.TimeoutExpired when that takes longer.
        """
        # A line as well, since a forked child of this process may hold a copy of the pipe's end.
        pipe = self._shell.stdin
        if pipe and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(b"\n")
            pipe.close()
        self._shell.wait(seconds)
