"""Run: what one operation carries down into every room that waits, asks or reports.

It is passed explicitly. Whoever waits calls `check()` at least every `SLICE` seconds and `touch()`
when data moved; whoever has something to tell calls `emit()`. No room knows who listens.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpgmail.core.events import Event, Status
from gpgmail.core.secret import Redactor
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLICE = 0.1  # seconds between two looks at deadline and cancel while waiting
DEFAULT_TIMEOUT = 60.0


def ignore(event: Event) -> None:
    """Take an event and do nothing."""


def nobody(kind: type[Event]) -> bool:  # noqa: ARG001 - what every listener's answer takes
    """Say that nobody answers events of that type."""
    return False


class Run:
    """One operation: where events go, how long it may take, and whether it was cancelled.

    *timeout* is in seconds, 0 for none. It limits the time without any data moving, or with
    *absolute* the whole time. *hears* tells whether anybody answers events of a type, for what is
    worth doing only then. Of an *unattended* operation no person is asked anything, also where
    there is a terminal.
    """

    def __init__(
        self,
        *,
        emit: Callable[[Event], None] = ignore,
        hears: Callable[[type[Event]], bool] = nobody,
        timeout: float = DEFAULT_TIMEOUT,
        absolute: bool = False,
        redactor: Redactor | None = None,
        unattended: bool = False,
    ) -> None:
        self.emit = emit
        self.hears = hears
        self.timeout = timeout
        self.redactor = redactor or Redactor()
        self.unattended = unattended
        self._absolute = absolute
        self._cancelled = threading.Event()
        self._started = time.monotonic()

    def touch(self) -> None:
        """Note that data moved, which begins an inactivity limit anew."""
        if not self._absolute:
            self._started = time.monotonic()

    def remaining(self) -> float | None:
        """Return the seconds left, not below zero, or None where there is no limit."""
        if not self.timeout:
            return None
        return max(0.0, self._started + self.timeout - time.monotonic())

    def slice(self) -> float:
        """Return how many seconds a single wait may last before the next `check()`."""
        remaining = self.remaining()
        return SLICE if remaining is None else min(SLICE, remaining)

    @contextmanager
    def within(self, seconds: float, *, absolute: bool = False) -> Iterator[None]:
        """Give what the block does *seconds* of its own; 0 leaves it the operation's limit.

        With *absolute* they are for the whole block, whatever moves meanwhile.
        """
        outer = self.timeout, self._started, self._absolute
        if seconds:
            self.timeout, self._started = seconds, time.monotonic()
            self._absolute = self._absolute or absolute
        try:
            yield
        finally:
            self.timeout, self._started, self._absolute = outer
            self.touch()

    def cancel(self) -> None:
        """Ask the operation to stop; safe from another thread and from a signal handler."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the operation to stop."""
        return self._cancelled.is_set()

    def check(self, what: str) -> None:
        """Go on, or stop here; *what* names the wait in the error.

        Raises:
            Cancelled: If `cancel()` was called.
            TimeLimitError: If the time is over.
        """
        if self.cancelled:
            raise Situation.INTERRUPTED.error("interrupted by the caller", subject=what)
        if self.remaining() == 0.0:
            raise Situation.TIME_LIMIT.error(f"nothing moved for {self.timeout:g} s", subject=what)

    def status(self, message: str, level: int = 1) -> None:
        """Tell people something; known secrets are masked."""
        self.emit(Status(self.redactor.clean(message), level))
