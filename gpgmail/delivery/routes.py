"""Ways out: servers with their logins, tried in their order where one cannot be had.

The next one is tried only while nobody can have the mail, and only where the server itself could
not be had or said "later": a mail that a server refused for good is refused, one that a server may
have taken is not sent again, and a server that does not prove who it is is not gone around.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gpgmail.core.codes import Retry
from gpgmail.core.errors import ConnectError, DeliveryError
from gpgmail.core.situations import Situation
from gpgmail.delivery.courier import deliver
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.delivery.letter import Letter
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.rehearsal import Rehearsal
    from gpgmail.transport.options import TransportOptions

    Fetch = Callable[[Run], Secret]

Told = TypeVar("Told", "Receipt", "Rehearsal")

_FOR_TOKENS = "OAUTHBEARER,XOAUTH2"


class Route(NamedTuple):
    """A server with its login; *account* is what a configuration file calls it.

    Password and token are fetched when a connection wants them, a token at each.
    """

    options: TransportOptions
    account: str = ""
    password: Fetch | None = None
    token: Fetch | None = None

    def open(self, run: Run) -> Session:
        """Return a new session.

        Raises:
            GpgmailError: As `Session.open`, and if a secret cannot be had.
        """
        if self.password is not None and not self.options.password:
            self.options.password = self.password(run).reveal()
        if self.token is not None:
            self.options.authorization_identity = self.token(run).reveal()
        return Session.open(self.options, run)

    def __str__(self) -> str:
        server = self.options.unix_socket or self.options.mail_server
        return f"account {self.account}" if self.account else server


def route(
    server: str,
    *,
    user: str | None = None,
    password: Fetch | None = None,
    token: Fetch | None = None,
    ca_file: str | None = None,
    proxy: str | None = None,
    hello: str = "",
    account: str = "",
) -> Route:
    """Return the way to the server of a URL.

    Raises:
        UsageError: If an argument cannot be used.
    """
    options = parse(server)
    if user is not None:
        options.user = user
    if hello:
        options.hello = hello
    if ca_file is not None:
        options.openssl_ca_file = ca_file
    if proxy is not None:
        from gpgmail.transport.proxy.url import state

        state(options, proxy)
    if token is not None:
        if not options.user:
            raise Situation.BAD_VALUE.error("is needed with a token", subject="user")
        options.auth_mechanisms = _FOR_TOKENS
    return Route(options=options, account=account, password=password, token=token)


class Routes:
    """The ways of a mailer, the first one first, and the one connection that is kept."""

    def __init__(self, *routes: Route) -> None:
        self._routes = routes
        self._session: Session | None = None
        self._way: Route | None = None  # the session's

    def require(self) -> None:
        """Go on where there is a way.

        Raises:
            UsageError: If there is none.
        """
        if not self._routes:
            raise Situation.NO_SERVER.error("this mailer has none")

    def deliver(self, letter: Letter, run: Run) -> Receipt:
        """Deliver over the connection that there is, or else the first way that can be had.

        Raises:
            DeliveryError: If none can be had, or one refused; notes tell of those before it.
        """
        return self._first(letter, run, lambda way: self._deliver(way, letter, run))

    def rehearse(self, letter: Letter, run: Run) -> Rehearsal:
        """Go as far as `deliver` goes before it names the mail, and return what would happen.

        Raises:
            GpgmailError: As `deliver`.
        """
        from gpgmail.delivery.rehearsal import rehearse

        return self._first(letter, run, lambda way: rehearse(letter, self._connected(way, run)))

    def close(self, run: Run) -> None:
        """End the connection."""
        session, self._session, self._way = self._session, None, None
        if session is not None:
            session.use(run).close()

    def _first(self, letter: Letter, run: Run, go: Callable[[Route], Told]) -> Told:
        """Return what the first way gave that could be had."""
        failed: list[str] = []
        ways = tuple(self._ordered())
        for way in ways:
            try:
                return replace(go(way), account=way.account, passed_over=tuple(failed))
            except DeliveryError as error:
                if way is ways[-1] or not self._may_go_on(error, letter):
                    for words in failed:
                        error.add_note(f"before that, {words}")
                    raise
                failed.append(f"{way}: {error}")
                run.status(f"{failed[-1]}; the next one is tried")
                run.touch()
        raise Situation.NO_SERVER.error("this mailer has none")

    def _may_go_on(self, error: DeliveryError, letter: Letter) -> bool:
        """Tell whether nobody can have the mail, and all of it can be read again."""
        begun = self._session is not None and self._session.content_begun
        again = not begun or all(copy.size is not None for copy in letter.copies)
        return again and is_unreachable(error)

    def _deliver(self, way: Route, letter: Letter, run: Run) -> Receipt:
        """Deliver over the way's connection; one that the server was ending is made anew."""
        warm = self._session
        session = self._connected(way, run)
        try:
            return deliver(letter, session)
        except DeliveryError as error:
            if session is not warm or not session.was_ending(error):
                raise
            return deliver(letter, self._connected(way, run))

    def _connected(self, way: Route, run: Run) -> Session:
        kept = self._session if self._way is way else None
        if kept is None or not kept.use(run).still_there():
            self.close(run)
            self._session, self._way = way.open(run), way
            return self._session
        return kept

    def _ordered(self) -> Iterator[Route]:
        """Give the ways, that of the connection that there is before all others."""
        kept = self._way if self._session is not None and self._session.connected else None
        if kept is not None:
            yield kept
        yield from (way for way in self._routes if way is not kept)


def is_unreachable(error: DeliveryError) -> bool:
    """Tell whether a server could not be had, or said "later", and nobody has the mail."""
    if error.accepted or error.retry is Retry.UNKNOWN:
        return False
    return error.retry is Retry.LATER or isinstance(error, ConnectError)
