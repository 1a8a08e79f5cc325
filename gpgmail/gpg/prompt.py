"""A pinentry that the user's agent has on his terminal, ended when the operation is.

The agent does not notice that gpg went away while a pinentry is up: without this, one that nobody
waits for would go on taking what is typed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from typing import Any


class Prompt:
    """What may come up on *terminal* while gpg runs; made before gpg is started."""

    def __init__(self, terminal: str) -> None:
        self._process = self._terminal = -1
        self._before: list[Any] = []
        with contextlib.suppress(OSError, termios.error):
            self._terminal = os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            self._before = termios.tcgetattr(self._terminal)

    def launched(self, pid: int) -> None:
        """Note a pinentry that was just started; its number may be a stranger's later."""
        self._let_go()
        with contextlib.suppress(OSError, AttributeError):  # gone by now, or not Linux
            self._process = os.pidfd_open(pid)

    def close(self, *, end: bool) -> None:
        """Let go of it; with *end* end it and leave the terminal as it was."""
        if end and self._process >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._process, signal.SIGTERM)
            if self._before:
                with contextlib.suppress(OSError, termios.error):
                    termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)
        self._let_go()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def _let_go(self) -> None:
        if self._process >= 0:
            os.close(self._process)
            self._process = -1
