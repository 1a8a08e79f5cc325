"""What is seen of a command while it works: a bar at a terminal, or the protocol with --debug.

Both go to standard error. The protocol is what the transcript tells, in which secrets are masked;
it goes through `logging`, so that the lines have times and other handlers can have them too.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from gpgmail.cli.report import show
from gpgmail.core.events import (
    Direction,
    KeyExpires,
    PITrail,
    Progress,
    SSLStatus,
    Status,
    Transfer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.core.events import Event
    from gpgmail.delivery.mailer import Mailer

_LOG = logging.getLogger("gpgmail")
_WHO = {Direction.CLIENT: ">", Direction.SERVER: "<", Direction.INFO: "."}
_SHOWN_AFTER = 0.7  # seconds: what is done before needs no bar
_WHOLE = 100


@contextmanager
def watched(mailer: Mailer, given: dict[str, Any]) -> Iterator[None]:
    """Show what *mailer* does while the block runs, as --debug, --quiet and --json allow."""
    with ExitStack() as held:
        if given["debug"]:
            held.enter_context(_logged(mailer))
        else:
            held.enter_context(_warned(mailer))
            if not (given["quiet"] or given["as_json"]) and _at_terminal():
                held.enter_context(_shown(mailer))
        yield


def _at_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def _warned(mailer: Mailer) -> Iterator[None]:
    """Say which keys end soon, in place of `logging`, which would say it without our name."""
    silent = logging.NullHandler()
    _LOG.addHandler(silent)
    mailer.on(KeyExpires, lambda event: show(f"gpgmail: warning: {event}", err=True))
    try:
        yield
    finally:
        _LOG.removeHandler(silent)


@contextmanager
def _logged(mailer: Mailer) -> Iterator[None]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    level = _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.DEBUG)
    for kind, words in _LINES.items():
        mailer.on(kind, _telling(words))
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)


def _telling(words: Callable[[Any], str]) -> Callable[[Event], None]:
    return lambda event: _LOG.debug("%s", _printable(words(event)))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


_LINES: dict[type[Event], Callable[[Any], str]] = {
    PITrail: lambda event: f"{_WHO[Direction(event.direction)]} {event.message}",
    SSLStatus: lambda event: f". TLS: {event.message}",
    Status: lambda event: f". {event.message}",
}


@contextmanager
def _shown(mailer: Mailer) -> Iterator[None]:
    bar = _Bar()
    endings = [
        mailer.on(Progress, lambda event: bar.move("encrypting", event.percent_processed)),
        mailer.on(Transfer, lambda event: bar.move("sending", event.percent_done)),
    ]
    try:
        yield
    finally:
        for end in endings:
            end()
        bar.close()


class _Bar:
    """A bar that appears when the work takes some time, and leaves nothing behind.

    rich keeps colours out where NO_COLOR is set, and the bar out of terminals that cannot move.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}

    def move(self, what: str, percent: int) -> None:
        """Show how much of *what* is done, -1 where that is not known."""
        if self._progress is None:
            if time.monotonic() - self._begun < _SHOWN_AFTER:
                return
            self._open()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=None)
        known = {} if percent < 0 else {"total": _WHOLE, "completed": percent}
        self._progress.update(self._tasks[what], **known)

    def close(self) -> None:
        """Take it away."""
        if self._progress is not None:
            self._progress.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        self._progress = Bars(console=Console(stderr=True), transient=True)
        self._progress.start()
