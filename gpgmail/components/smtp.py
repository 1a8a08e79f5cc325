"""`SMTP`: plain mail, with the names of the reference pages."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from gpgmail.components._accessors import SmtpAccessors
from gpgmail.components.life import Act, Step, advance
from gpgmail.core.config import configure
from gpgmail.core.declare import rows
from gpgmail.core.envelope import RecipientType
from gpgmail.core.errors import GpgmailError, ServerError
from gpgmail.core.events import ErrorReport, Event, Status
from gpgmail.core.situations import Situation
from gpgmail.message.draft import compose
from gpgmail.message.options import MessageOptions, draft_from
from gpgmail.transport.options import new_run
from gpgmail.transport.progress import told
from gpgmail.transport.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.declare import Row
    from gpgmail.core.run import Run
    from gpgmail.message.content import Attachment
    from gpgmail.message.draft import Composed

CONTENT = frozenset({"message_text", "attachments"})
_STOP_ON = (RecipientType.TO, RecipientType.CC)


class SMTP(SmtpAccessors):
    """Sends mail through a server.

    Set the properties, then call `send()`; it connects when there is no connection. What a method
    raises is told to `on_error` before. An object does one thing at a time; `interrupt()` may be
    called from another thread. The rows are documented in docs/reference.md.

    Raises:
        UsageError: If a value does not fit its property.
    """

    def _set_up(self) -> None:
        super()._set_up()
        self._step = Step.COMPOSE
        self._session: Session | None = None
        self._opening = False
        self._last_reply = ""
        self._lock = threading.Lock()
        self._run: Run | None = None

    # ---- the connection ----

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._session is not None and self._session.connected

    @property
    def idle(self) -> bool:
        """Whether no call is running."""
        return not self._lock.locked()

    @property
    def last_reply(self) -> str:
        """The server's last reply: its code, and its lines joined by blanks."""
        reply = self._session.last_reply if self._session is not None else None
        return self._last_reply if reply is None else str(reply)

    def get_connected(self) -> bool:
        """Return `connected`."""
        return self.connected

    def get_idle(self) -> bool:
        """Return `idle`."""
        return self.idle

    def get_last_reply(self) -> str:
        """Return `last_reply`."""
        return self.last_reply

    def connect(self) -> None:
        """Connect to the server, greet it, and log in where `user` is set.

        Raises:
            StateError: With code 104 if there is a connection already.
            DeliveryError: If the server cannot be reached, verified, or says no.
        """
        with self._working() as run:
            if self.connected:
                raise Situation.ALREADY_CONNECTED.error(
                    "has a connection", subject=self.mail_server
                )
            self._open(run)

    def disconnect(self) -> None:
        """Say QUIT and close the connection; without one, do nothing."""
        with self._working() as run:
            if self._session is not None and self._session.connected:
                self._session.use(run).close()

    # ---- the mail ----

    def send(self) -> None:
        """Send the message; without a connection make one, and close it after success.

        A refused recipient in `send_to` or `cc` stops the mail; one in `b_cc` is told to
        `on_error`.

        Raises:
            UsageError: With code 163, 164 or 165 if server, sender or recipient is not set.
            StateError: If the message's protection failed, until the message is set anew.
            ServerError: If the server refuses.
            DeliveryError: If the connection fails.
        """
        with self._working() as run:
            advance(self._step, Act.SEND)
            if not self.mail_server:
                raise Situation.NO_SERVER.error("is empty", subject="mail_server")
            composed = self._compose()
            if self._session is not None and self._session.connected:
                self._hand_over(composed, self._session.use(run))
            else:
                session = self._open(run)
                self._hand_over(composed, session)
                session.close()

    def interrupt(self) -> None:
        """Stop the call that runs in another thread: it raises `Cancelled`, code 301."""
        run = self._run
        if run is not None:
            run.cancel()

    def do_events(self) -> None:
        """Do nothing: events are delivered while a call runs, there is no loop to turn."""

    def config(self, configuration_string: str) -> str:
        """Set a setting by `Name=Value`, or read one by `Name`; return its value as text.

        Raises:
            UsageError: If there is no such setting, or the value does not fit.
        """
        return configure(self, configuration_string)

    def reset_headers(self) -> None:
        """Set every header and recipient property back to its default."""
        for row in rows(MessageOptions):
            if row.prop and row.name not in CONTENT:
                setattr(self, row.name, row.default)

    def close(self) -> None:
        """Let go of the connection; the object can be used again."""
        self.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- within ----

    def _compose(self) -> Composed:
        """Return the finished mail; PSMTP puts the protected content in."""
        return compose(draft_from(self, self._stated()))

    def _stated(self) -> tuple[Attachment, ...]:
        return tuple(one.stated() for one in self.attachments)

    def _open(self, run: Run) -> Session:
        self._opening = True
        try:
            self._session = Session.open(self, run)
        finally:
            self._opening = False
        return self._session

    def _hand_over(self, composed: Composed, session: Session) -> None:
        delivery = session.deliver(
            composed.envelope,
            told(composed.render(), composed.size, session.run),
            size=composed.size,
            needs_utf8=composed.needs_utf8,
            needs_8bit=composed.eight_bit,
            stop_on=_STOP_ON,
        )
        for address, reply in delivery.refused.items():
            error = Situation.SERVER_REFUSED.error(str(reply), subject=address)
            self._dispatch(ErrorReport(error.code.number, str(error)))

    def _dispatch(self, event: Event) -> None:
        if not isinstance(event, Status) or event.level <= self.log_level:
            self.fire(event)

    @contextmanager
    def _working(self, busy: Situation = Situation.BUSY) -> Iterator[Run]:
        """Do one thing at a time, and tell `on_error` what is raised."""
        if not self._lock.acquire(blocking=False):
            raise busy.error("is in the middle of another call", subject=type(self).__name__)
        self._run = run = new_run(self, emit=self._dispatch)
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

    def _before_set(self, row: Row) -> None:
        if row.locked is not None and (self._opening or self.connected):
            raise row.locked.error("there is a connection", subject=row.name)
        advance(self._step, _act(row.name))

    def _after_set(self, row: Row) -> None:
        self._step = advance(self._step, _act(row.name))

    def _collection_changing(self, name: str) -> None:
        self._step = advance(self._step, _act(name))


def _act(name: str) -> Act:
    return Act.CHANGE if name in CONTENT else Act.ADDRESS
