"""Running a foreign program: on pipes, or on a terminal where it works on nothing else."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.servers.unpacked import environment, program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SECONDS = 30
_PIECE = 1 << 16


def run(
    name: str,
    *arguments: str | Path,
    data: bytes = b"",
    where: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `usr/bin/NAME` of the unpacked tree; what it answers is the caller's to judge."""
    return subprocess.run(
        [program(f"usr/bin/{name}"), *arguments],
        input=data,
        capture_output=True,
        check=False,
        cwd=where,
        env=environment(**(env or {})),
        timeout=_SECONDS,
    )


def on_terminal(
    command: Sequence[str | Path],
    env: dict[str, str],
    where: Path,
    answers: Sequence[tuple[bytes, bytes]] = (),
    *,
    whenever: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """Run a program on a terminal of its own until it ends; return what it put on the screen.

    *answers* are words to wait for on the screen, and what is then typed, one after the other.
    *whenever* has those that may come at any time, or not.

    Raises:
        TimeoutError: If it does not end; the text has the end of the screen.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=where, start_new_session=True
    )
    os.close(slave)
    screen = bytearray()
    try:
        _watch(master, process, screen, list(answers), whenever or {})
    finally:
        os.close(master)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return bytes(screen)


def _watch(
    master: int,
    process: subprocess.Popen[bytes],
    screen: bytearray,
    answers: list[tuple[bytes, bytes]],
    whenever: Mapping[bytes, bytes],
) -> None:
    seen = 0
    end = time.monotonic() + _SECONDS
    while True:
        if time.monotonic() > end:
            raise TimeoutError(f"it waits for a person: {bytes(screen[-500:])!r}")
        ready, _, _ = select.select([master], [], [], 0.05)
        if not ready:
            if process.poll() is not None:
                return
            continue
        try:
            screen += os.read(master, _PIECE)
        except OSError:  # the program's side is closed
            return
        asked = next((words for words in whenever if words in screen[seen:]), None)
        if asked is not None:
            seen = len(screen)
            os.write(master, whenever[asked])
        elif answers and answers[0][0] in screen[seen:]:
            seen = len(screen)
            os.write(master, answers.pop(0)[1])
