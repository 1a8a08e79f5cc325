"""Running the command line: as a process of its own, or inside this one where only speed differs.

What a person would see comes back as it is. The package is the one under test, wherever the process
runs and whatever its environment holds.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import gpgmail
from gpgmail import cli
from tests.support.leftovers import MARK

PACKAGE = str(Path(gpgmail.__file__).resolve().parents[1])
PROGRAM = (sys.executable, "-m", "gpgmail.cli")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code, and what was written."""

    code: int
    output: bytes
    errors: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.output.decode()


def environment(**changes: str | None) -> dict[str, str]:
    """The environment of this process, able to find the package, with changes; None removes."""
    found = {**os.environ, "PYTHONPATH": PACKAGE, **changes}
    return {name: value for name, value in found.items() if value is not None}


def bare(**more: str) -> dict[str, str]:
    """What cron may leave: PATH, and no HOME, locale or runtime directory."""
    kept = {name: os.environ[name] for name in ("PATH", MARK) if name in os.environ}
    return {**kept, "PYTHONPATH": PACKAGE, **more}


def start(*arguments, env=None, **more) -> subprocess.Popen[bytes]:
    """Start the command line, without a terminal."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*PROGRAM, *map(os.fspath, arguments)],
        env=environment() if env is None else env,
        start_new_session=True,
        **streams | more,
    )


def run(*arguments, env=None, stdin: bytes | None = None, timeout=60, **more) -> Outcome:
    """Run the command line as a process to its end."""
    if stdin is not None:
        more["stdin"] = subprocess.PIPE
    with start(*arguments, env=env, **more) as process:
        try:
            output, errors = process.communicate(stdin, timeout)
        except BaseException:
            process.kill()
            raise
    return Outcome(process.returncode, output or b"", (errors or b"").decode("utf-8", "replace"))


def call(*arguments, stdin: bytes = b"") -> Outcome:
    """Run the command line within this process."""
    streams = {name: io.BytesIO() for name in ("stdout", "stderr")}
    wrapped = {name: io.TextIOWrapper(raw, "utf-8") for name, raw in streams.items()}
    wrapped["stdin"] = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    with patch.multiple(sys, **wrapped):
        code = cli.run([os.fspath(one) for one in arguments])
    for stream in wrapped.values():
        stream.flush()
    output, errors = (raw.getvalue() for raw in streams.values())
    return Outcome(code, output, errors.decode())
