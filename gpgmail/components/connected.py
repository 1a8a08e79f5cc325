"""`Connected`: a component with a connection to a server, and what it may ask of one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gpgmail.components._accessors import SmtpAccessors
from gpgmail.components.secured import Secured
from gpgmail.components.types.certificate import Certificate
from gpgmail.components.types.firewall import Firewall
from gpgmail.core.checks import text
from gpgmail.core.events import Expand
from gpgmail.core.situations import Situation
from gpgmail.transport.options import new_run
from gpgmail.transport.session import Session
from gpgmail.transport.tls.resume import Resumption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.declare import Row
    from gpgmail.core.run import Run

_CERTIFICATE = {"ssl_cert_subject": "subject", "ssl_cert_encoded": "encoded_b"}
_LOCAL = {"local_host": 0, "local_port": 1}  # where they stand in a socket's own name


class Connected(SmtpAccessors, Secured):
    """The base of the components that talk to a mail server."""

    def _set_up(self) -> None:
        super()._set_up()
        self._session: Session | None = None
        self._opening = False
        self._resumption = Resumption()

    # ---- the connection ----

    @property
    def connected(self) -> bool:
        """Whether there is a connection; setting it connects or disconnects."""
        return self._session is not None and self._session.connected

    @connected.setter
    def connected(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise Situation.BAD_VALUE.error(
                f"takes bool, not {type(value).__name__}", subject="connected"
            )
        if value is not self.connected:
            (self.connect if value else self.disconnect)()

    @property
    def last_reply(self) -> str:
        """The server's last reply: its code, and its lines joined by blanks."""
        reply = self._session.last_reply if self._session is not None else None
        return self._last_reply if reply is None else str(reply)

    def get_connected(self) -> bool:
        """Return `connected`."""
        return self.connected

    def set_connected(self, value: bool) -> None:  # noqa: FBT001 - the reference's form
        """Set `connected`."""
        self.connected = value

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

    # ---- what is asked of the server ----

    def verify(self, email_address: str) -> None:
        """Ask the server whether it knows an address; `last_reply` has what it says.

        Without a connection it makes one, which stays.

        Raises:
            ServerError: With code 161 if it does not, or does not tell.
            DeliveryError: If the connection fails.
        """
        with self._working() as run:
            self._session_for(run).verify(text(email_address, "email_address"))

    def expand(self, email_address: str) -> None:
        """Ask the server whom a mailing list stands for: `on_expand` is told each address.

        Without a connection it makes one, which stays.

        Raises:
            ServerError: With code 161 if it does not tell.
            DeliveryError: If the connection fails.
        """
        with self._working() as run:
            for address in self._session_for(run).expand(text(email_address, "email_address")):
                run.emit(Expand(address))

    def send_command(self, command: str) -> None:
        """Say *command* to the server as it is; `last_reply` has the answer, whatever it is.

        Raises:
            StateError: With code 1117 if there is no connection.
            UsageError: If it is empty, or holds CR, LF or NUL.
            PolicyError: If the session could not go on after it, such as DATA.
        """
        with self._working() as run:
            if self._session is None or not self._session.connected:
                raise Situation.NOT_CONNECTED.error("no connection", subject="send_command")
            self._session.use(run).command(text(command, "command"))

    @property
    def command(self) -> str:
        """What `send_command` is to say; it can only be set."""
        raise AttributeError("command can only be set; last_reply has the answer")

    @command.setter
    def command(self, value: str) -> None:
        self.send_command(value)

    def set_command(self, value: str) -> None:
        """Set `command`."""
        self.command = value

    # ---- what is stated as one value ----

    @property
    def firewall(self) -> Firewall:
        """The `firewall_x` properties as one value; setting it copies its fields."""
        return Firewall.of(self)

    @firewall.setter
    def firewall(self, value: Firewall) -> None:
        if not isinstance(value, Firewall):
            raise Situation.BAD_VALUE.error(
                f"takes Firewall, not {type(value).__name__}", subject="firewall"
            )
        value.copy_to(self)

    @property
    def ssl_cert(self) -> Certificate:
        """The `ssl_cert_x` properties as one value; setting it copies what it names."""
        return Certificate.of(self)

    @ssl_cert.setter
    def ssl_cert(self, value: Certificate) -> None:
        if not isinstance(value, Certificate):
            raise Situation.BAD_VALUE.error(
                f"takes Certificate, not {type(value).__name__}", subject="ssl_cert"
            )
        value.copy_to(self)

    # ---- within ----

    @contextmanager
    def _in_session(self, run: Run) -> Iterator[Session]:
        """Give the connection that there is, or a new one, which is closed after success."""
        stays = self.connected
        session = self._session_for(run)
        yield session
        if not stays:
            session.close()

    def _session_for(self, run: Run) -> Session:
        session = self._session
        if session is not None and session.connected and session.use(run).still_there():
            return session
        return self._open(run)

    def _open(self, run: Run) -> Session:
        self._forget_session()
        self._opening = True
        try:
            self._session = Session.open(self, run, self._resumption)
        finally:
            self._opening = False
        return self._session

    def _forget_session(self) -> None:
        self._session, self._last_reply = None, ""

    def _new_run(self) -> Run:
        return new_run(self, emit=self._dispatch, hears=self.hears)

    def _current(self, row: Row, value: Any) -> Any:  # noqa: ANN401 - any row's
        if row.name in _CERTIFICATE:
            return getattr(Certificate.of(self), _CERTIFICATE[row.name])
        if row.name in _LOCAL and self._session is not None and self._session.connected:
            return self._session.local_name[_LOCAL[row.name]]
        return value

    def _before_set(self, row: Row) -> None:
        if row.locked is not None and (self._opening or self.connected):
            raise row.locked.error("there is a connection", subject=row.name)
