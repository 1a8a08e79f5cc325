"""Signals end a command in order: what was made is removed, and the exit code says that it ended.

SIGTERM and SIGHUP count like SIGINT: their default would leave gpg, agents and directories behind.
One that was ignored at the start (nohup) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_end() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal; later ones do not disturb the cleaning up."""
    with _handling(_raise):
        yield


@contextmanager
def signals_call(stop: Callable[[], None]) -> Iterator[None]:
    """Call *stop* at the first signal, and raise KeyboardInterrupt at the second.

    *stop* cancels what runs, so that the error can say whether the server may have the mail.
    """
    with _handling(stop, _raise):
        yield


@contextmanager
def _handling(*steps: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread only
        return
    coming = iter(steps)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _ENDING}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, lambda *_: next(coming, _nothing)())
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise() -> None:
    raise KeyboardInterrupt


def _nothing() -> None:
    pass
