"""Where a command tells what it did that nobody watches: standard error, and the system's log.

A cron job has nobody to read its standard error, so that what fails is in the log too, among the
words of other mail programs. Addresses, message ids and keys stand there, never a subject.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gpgmail.core.text import shown

if TYPE_CHECKING:
    import logging

    from gpgmail.core.errors import GpgmailError

SOCKET = "/dev/log"
_ERROR, _WARNING, _INFO = 40, 30, 20  # of logging, which is loaded when something is logged


class Journal:
    """Tells people and the log; *tag* is its name there.

    A *quiet* one tells people nothing, one that is not *logged* tells nobody else.
    """

    def __init__(
        self, tag: str, *, quiet: bool = False, verbose: bool = False, logged: bool = True
    ) -> None:
        self._tag = tag
        self._quiet = quiet
        self._verbose = verbose
        self._handler: logging.Handler | None = None
        self._tried = not logged

    def say(self, text: str) -> None:
        """Tell people alone, who asked for it."""
        if self._verbose:
            self._print(text)

    def note(self, text: str) -> None:
        """Log what went as it should."""
        self._log(_INFO, text)
        self.say(text)

    def warn(self, text: str) -> None:
        """Tell what a person should know, though the mail is taken care of."""
        self._log(_WARNING, text)
        self._print(text)

    def still(self, text: str) -> None:
        """Tell that nothing has changed: people who look, or who asked for it.

        Cron would make a mail of it, which waits with the others, at each run one more.
        """
        self._log(_WARNING, text)
        if self._verbose or (sys.stderr is not None and sys.stderr.isatty()):
            self._print(text)

    def fail(self, text: str, hint: str = "") -> None:
        """Tell what failed, and what to do about it."""
        self._log(_ERROR, f"{text} ({hint})" if hint else text)
        self._print(text)
        if hint:
            self._print(hint)

    def failed(self, error: GpgmailError) -> None:
        """Tell of an error in two lines."""
        about = f"{error.subject}: " if error.subject else ""
        notes = "; ".join(getattr(error, "__notes__", ()))
        behind = f"; {notes}" if notes else ""
        self.fail(f"{error.code.text}: {about}{error.detail}{behind}", error.hint)

    def close(self) -> None:
        """Let go of the log."""
        if self._handler is not None:
            self._handler.close()
            self._handler = None

    def _print(self, text: str) -> None:
        if self._quiet or sys.stderr is None:
            return
        try:
            print(f"{self._tag}: {_line(text)}", file=sys.stderr)  # noqa: T201 - click costs more
        except (OSError, ValueError):
            self._quiet = True

    def _log(self, level: int, text: str) -> None:
        handler = self._opened()
        if handler is not None:
            import logging

            # Not for a logger: handlers of the process would have it a second time.
            handler.handle(logging.LogRecord(self._tag, level, "", 0, _line(text), (), None))

    def _opened(self) -> logging.Handler | None:
        if self._tried or not os.path.exists(SOCKET):  # noqa: PTH110 - pathlib costs more
            return self._handler
        self._tried = True
        from logging.handlers import SysLogHandler

        try:
            handler = SysLogHandler(SOCKET, SysLogHandler.LOG_MAIL)
        except OSError:
            return None
        handler.ident = f"{self._tag}[{os.getpid()}]: "
        handler.append_nul = False
        handler.handleError = lambda record: None  # type: ignore[method-assign]  # noqa: ARG005 - a log that fails fails no mail
        self._handler = handler
        return handler


def _line(text: str) -> str:
    return shown(" ".join(text.split()))
