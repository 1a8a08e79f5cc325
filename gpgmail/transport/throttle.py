"""How fast may be sent: a number of bytes a second, held by waiting before each piece."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.transport.sockets import SocketOptions

_TURN = 0.1  # seconds' worth of bytes that go out in one piece


class Throttle:
    """Holds one connection to `max_transfer_rate`, which may change while it lasts."""

    def __init__(self, options: SocketOptions) -> None:
        self._options = options
        self._free = 0.0  # when the next piece may go

    def wait(self, size: int, run: Run, what: str) -> int:
        """Wait for a turn; return how many of *size* bytes it has.

        What is held back here is no inactivity of the server's, but a limit on the whole holds.

        Raises:
            Cancelled, TimeLimitError: If the Run ends meanwhile.
        """
        rate = self._options.max_transfer_rate
        if not rate:
            return size
        while (left := self._free - time.monotonic()) > 0:
            run.check(what)
            time.sleep(min(left, run.slice()))
            run.touch()
        return min(size, max(1, int(rate * _TURN)))

    def sent(self, size: int) -> None:
        """Take note of what went out."""
        rate = self._options.max_transfer_rate
        if rate:  # a turn that began late may be made up for, a pause of the caller's may not
            self._free = max(self._free, time.monotonic() - _TURN) + size / rate
