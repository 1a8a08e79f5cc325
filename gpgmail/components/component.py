"""What every component is, whatever it sends: busy or idle, interruptible, set by text.

One call runs at a time. What it raises is told to `on_error` before.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from gpgmail.components import identity
from gpgmail.components.collection import Owner
from gpgmail.components.handlers import HandlerTable
from gpgmail.components.options import ComponentOptions
from gpgmail.core.checks import text
from gpgmail.core.config import configure
from gpgmail.core.errors import GpgmailError, ServerError
from gpgmail.core.events import ErrorReport, Event, Status
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpgmail.core.run import Run

_MILLISECONDS = 1000


class Component(HandlerTable, Owner, ComponentOptions):
    """The base of all components."""

    _read_only_settings: ClassVar[Mapping[str, str]] = {
        "BuildInfo": "build_info",
        "LicenseInfo": "license_info",
    }

    def _set_up(self) -> None:
        super()._set_up()
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._last_reply = ""
        self._interrupted = threading.Event()

    @property
    def idle(self) -> bool:
        """Whether no call is running."""
        return not self._lock.locked()

    def get_idle(self) -> bool:
        """Return `idle`."""
        return self.idle

    @property
    def build_info(self) -> str:
        """Versions of gpgmail, Python and gpg."""
        return identity.build_info()

    @property
    def license_info(self) -> str:
        """The licence of gpgmail."""
        return identity.LICENSE

    def interrupt(self) -> None:
        """Stop the call that runs in another thread: it raises `Cancelled`, code 301.

        A wait in do_events() ends at once.
        """
        self._interrupted.set()
        run = self._run
        if run is not None:
            run.cancel()

    def do_events(self) -> None:
        """Wait as long as SelectWaitMillis says: events are delivered by the call that runs."""
        self._interrupted.clear()
        self._interrupted.wait(self.select_wait_millis / _MILLISECONDS)

    def config(self, configuration_string: str) -> str:
        """Set a setting by `Name=Value`, or read one by `Name`; return its value as text.

        Raises:
            UsageError: If there is no such setting, or the value does not fit.
        """
        return configure(self, text(configuration_string, "config"))

    def _new_run(self) -> Run:
        """Return the Run of the next call."""
        raise NotImplementedError

    def _dispatch(self, event: Event) -> None:
        if not isinstance(event, Status) or event.level <= self.log_level:
            self.fire(event)

    @contextmanager
    def _working(self, busy: Situation = Situation.BUSY) -> Iterator[Run]:
        """Do one thing at a time, and tell `on_error` what is raised."""
        if not self._lock.acquire(blocking=False):
            raise busy.error("is in the middle of another call", subject=type(self).__name__)
        self._run = run = self._new_run()
        try:
            yield run
        except GpgmailError as error:
            if isinstance(error, ServerError) and error.reply is not None:
                self._last_reply = str(error.reply)  # of a connection that was never complete
            self._dispatch(ErrorReport(error.code.number, run.redactor.clean(str(error))))
            raise
        finally:
            self._run = None
            self._lock.release()
