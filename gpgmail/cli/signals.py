"""Signals end a command in order: what was made is removed, and the exit code says that it ended.

SIGTERM and SIGHUP count like SIGINT: their default would leave gpg, agents and directories behind.
One that was ignored at the start (nohup) stays ignored. Whatever comes once the end has begun does
not disturb it, up to the last exit handler; cleaning up has time limits of its own.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Ended(BaseException):
    """A signal ends the command.

    Not KeyboardInterrupt: one that passes through `exec`, which dataclasses use, makes CPython die
    of SIGINT in the end, whatever exit code was given.
    """


_INSTANT = 0.01  # seconds
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    """Raise `Ended` at the first signal, for the rest of the process."""
    signal.signal(signal.SIGALRM, lambda *_: _raise())
    sys.unraisablehook = _again
    _install(_Steps(_raise))


def ignore_signals() -> None:
    """Let nothing change the exit code any more; Python's own end would restore the defaults."""
    for number in (*_ENDING, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def signals_call(stop: Callable[[], None]) -> Iterator[None]:
    """Call *stop* at the first signal, and raise `Ended` at the second.

    *stop* cancels what runs, so that the error can say whether the server may have the mail.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread only
        return
    steps = _Steps(stop, _raise)
    before = _install(steps)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, _Steps() if steps.taken else handler)


class _Steps:
    """A handler that takes its next step at each signal, and then does nothing."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        self.taken = 0
        self._steps = steps

    def __call__(self, *_: object) -> None:
        step, self.taken = self.taken, self.taken + 1
        if step < len(self._steps):
            self._steps[step]()


def _install(handler: _Steps) -> dict[signal.Signals, Any]:
    """Install a handler where the signal is not ignored, and return what was there."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    found = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
    for number in found:
        signal.signal(number, handler)
    return {number: old or signal.SIG_DFL for number, old in found.items()}


def _raise() -> None:
    raise Ended


def _again(lost: sys.UnraisableHookArgs) -> None:
    """Raise anew, soon, what a destructor or weak reference's callback could not pass on."""
    if lost.exc_type is Ended:
        signal.setitimer(signal.ITIMER_REAL, _INSTANT)
    else:
        sys.__unraisablehook__(lost)
