"""One child process and the pipes to it: starting, ending, nothing about gpg.

The child leads its own session and process group, so that a Ctrl-C at the terminal does not reach
it and all that it started can be ended with it. Our ends of the pipes never block.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpgmail.core.run import Run

_GRACE = 0.3  # seconds between asking a group to end (gpg removes its locks then) and ending it
_LOOK = 0.01


class Pipe:
    """A pipe of which one end is the child's."""

    __slots__ = ("child", "ours")

    def __init__(self, *, to_child: bool) -> None:
        reading, writing = os.pipe()
        self.ours, self.child = (writing, reading) if to_child else (reading, writing)
        os.set_blocking(self.ours, False)

    @property
    def open(self) -> bool:
        """Whether our end is open."""
        return self.ours >= 0

    def close_child(self) -> None:
        """Close the child's end, which it has by now."""
        if self.child >= 0:
            os.close(self.child)
            self.child = -1

    def close(self) -> None:
        """Close our end; closing twice does no harm."""
        if self.ours >= 0:
            os.close(self.ours)
            self.ours = -1


class Process:
    """A running child with pipes for its standard streams and any number more.

    Raises:
        OSError: If it does not start; the pipes are closed then.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        standard: tuple[Pipe, Pipe, Pipe],
        further: Sequence[Pipe] = (),
        environment: Mapping[str, str],
    ) -> None:
        self._pipes = (*standard, *further)
        try:
            self._child = subprocess.Popen(
                arguments,
                stdin=standard[0].child,
                stdout=standard[1].child,
                stderr=standard[2].child,
                pass_fds=[pipe.child for pipe in further],
                start_new_session=True,
                env=environment,
            )
        except OSError:
            self.close()
            raise
        finally:
            for pipe in self._pipes:
                pipe.close_child()

    @property
    def pid(self) -> int:
        """The child's process id, which is its group's too."""
        return self._child.pid

    @property
    def ended(self) -> bool:
        """Whether the child ended."""
        return self._child.poll() is not None

    def wait(self, run: Run, what: str) -> int:
        """Wait for the child's end and return its exit code; *run* limits the wait."""
        while self._child.poll() is None:
            run.check(what)
            self._sleep(run.slice())
        return self._child.returncode

    def _sleep(self, seconds: float) -> None:
        """Sleep until the child ends, at most *seconds*."""
        try:
            handle = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or a kernel before 5.3
            time.sleep(min(seconds, _LOOK))
            return
        try:
            select.select([handle], [], [], seconds)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Close our ends of the pipes."""
        for pipe in self._pipes:
            pipe.close()

    def stop(self) -> None:
        """End the whole group and close the pipes; returns when the child is gone."""
        self.close()
        if self._child.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        until = time.monotonic() + _GRACE
        # Left unreaped until the group got SIGKILL: its number cannot go to strangers before.
        while not self._dead_but_unreaped() and time.monotonic() < until:
            time.sleep(_LOOK)
        self._signal(signal.SIGKILL)
        self._child.wait()

    def _dead_but_unreaped(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
