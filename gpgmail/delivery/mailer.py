"""`Mailer`: the toolkit face. It holds what mails have in common, and one warm session."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gpgmail.core.errors import DeliveryError
from gpgmail.core.events import Event
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms
from gpgmail.crypto.engines import AUTO
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.delivery.courier import deliver
from gpgmail.delivery.letter import Desk, Format, Letter
from gpgmail.keys.keyrings import Keyrings, Where
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import EmailMessage
    from pathlib import Path

    from gpgmail.delivery.plan import Wish
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.sharing import BccPolicy
    from gpgmail.keys.trust import Trust
    from gpgmail.message.draft import Draft
    from gpgmail.transport.options import TransportOptions

E = TypeVar("E", bound=Event)


class Mailer:
    """Signs, encrypts and delivers mails over one connection.

    *server* is a server URL (see README), or None for a mailer that only writes mails. *keyring*
    is a `Keyring`, or what `Keyring.open` takes, and has the signing keys; *more_keyrings* add
    public keys. *passphrase* is a text or a `Passphrase` for every key, a mapping of fingerprints
    to such, or a callable that gets a `KeyPassphrase` event and returns a text; without it the
    user's gpg-agent answers. *token* is a bearer token for *user* in place of *password*, or a
    callable that returns one and is asked at each connection. *proxy* is a proxy URL such as
    `socks5h://user:password@host:1080` (http, socks4, socks4a, socks5, socks5h), or `"environment"`
    for what ALL_PROXY, HTTPS_PROXY and NO_PROXY say; without it they are not looked at. *trust* is
    `"gnupg"`, `"always"`, `"pinned:FILE"` or a policy; by default what the keyring's kind asks for.
    *engine* is `"gnupg"`, `"gpgme"` or `"auto"`, which is what GPGMAIL_ENGINE names or the former.
    *timeout* is in seconds without any progress, 0 for none.

    Raises:
        UsageError: If an argument cannot be used.
        UnsupportedError: If the engine's package is not installed.
    """

    def __init__(
        self,
        server: str | None,
        *,
        keyring: Where = None,
        more_keyrings: Sequence[Where] = (),
        passphrase: PassphraseSource = None,
        user: str | None = None,
        password: str | None = None,
        token: str | Callable[[], str] | None = None,
        ca_file: str | Path | None = None,
        proxy: str | None = None,
        trust: str | Trust | None = None,
        engine: str = AUTO,
        algorithms: Algorithms = Algorithms(),  # noqa: B008 - a frozen value
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._options = _transport(server, user, password, ca_file, proxy) if server else None
        self._token = _token_source(token, self._options)
        self._desk = Desk(
            engine=get_engine(engine),
            keyrings=Keyrings(keyring, more_keyrings, trust=trust),
            algorithms=algorithms,
            passphrases=Passphrases.of(passphrase),
        )
        self._timeout = timeout
        self._handlers: dict[type[Event], list[Callable[[Any], object]]] = {}
        self._busy = threading.Lock()
        self._run: Run | None = None
        self._session: Session | None = None

    def on(self, event: type[E], handler: Callable[[E], object]) -> Callable[[], None]:
        """Call *handler* for every event of that type; return a callable that ends it."""
        handlers = self._handlers.setdefault(event, [])
        handlers.append(handler)
        return lambda: handlers.remove(handler) if handler in handlers else None

    def send(
        self,
        message: EmailMessage | Draft,
        *,
        sign: Wish = False,
        encrypt: Wish = False,
        format: Format = "pgpmime",
        bcc: BccPolicy = "separate",
        symmetric: str | Secret | None = None,
    ) -> Receipt:
        """Protect and deliver a mail; connect first where there is no connection yet.

        *sign* True takes the key of the From address, *encrypt* True a key for each recipient; both
        take fingerprints or addresses instead. *bcc* says how Bcc recipients of an encrypted mail
        stay unknown: `"separate"` copies, `"hidden"` keys in one copy, or `"forbid"` them.
        *symmetric* is a passphrase that opens the mail too, beside keys or in place of them. The
        connection stays open until `close()`; one that the server ended is made anew.

        Raises:
            KeySelectionError: If a key is missing, unusable, ambiguous or not trusted.
            PassphraseError: If a passphrase is missing or wrong.
            PolicyError: If Bcc recipients are forbidden and there are some.
            ServerError: If the server took no recipient; partial refusals are in the receipt.
            DeliveryError: If the connection failed, with `retry` saying whether that is safe.
            GpgmailError: Whatever else; until the connection is made nothing was sent.
        """
        with self._working() as run:
            if self._options is None:
                raise Situation.NO_SERVER.error("this mailer has none")
            letter = self._desk.write(
                message,
                sign=sign,
                encrypt=encrypt,
                form=format,
                bcc=bcc,
                symmetric=None if symmetric is None else Secret(symmetric),
                run=run,
            )
            return self._deliver(letter, self._options, run)

    def write(
        self,
        message: EmailMessage | Draft,
        *,
        sign: Wish = False,
        encrypt: Wish = False,
        format: Format = "pgpmime",
        bcc: BccPolicy = "separate",
        symmetric: str | Secret | None = None,
        then: Callable[[Letter, Run], None] | None = None,
    ) -> Letter:
        """Protect a mail as `send` does, and return it instead of delivering it.

        *then* is called with the letter while the call still runs, so that it can be interrupted.
        """
        with self._working() as run:
            letter = self._desk.write(
                message,
                sign=sign,
                encrypt=encrypt,
                form=format,
                bcc=bcc,
                symmetric=None if symmetric is None else Secret(symmetric),
                run=run,
            )
            if then is not None:
                then(letter, run)
            return letter

    def interrupt(self) -> None:
        """Stop the running call from another thread or a signal handler; it raises `Cancelled`."""
        run = self._run
        if run is not None:
            run.cancel()

    def close(self) -> None:
        """End the connection and what was made for keyrings that this mailer opened.

        The mailer can be used again, and connects anew. A second call does nothing.

        Raises:
            StateError: With code 166 if a call is running: `interrupt` it first.
        """
        with self._working() as run:
            session, self._session = self._session, None
            try:
                if session is not None:
                    session.use(run).close()
            finally:
                self._desk.engine.close()
                self._desk.keyrings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _deliver(self, letter: Letter, options: TransportOptions, run: Run) -> Receipt:
        """Deliver over the connection that there is; one that the server was ending is renewed."""
        warm = self._session
        session = self._connected(options, run)
        try:
            return deliver(letter, session)
        except DeliveryError as error:
            if session is not warm or not session.was_ending(error):
                raise
            return deliver(letter, self._connected(options, run))

    def _connected(self, options: TransportOptions, run: Run) -> Session:
        if self._session is None or not self._session.use(run).still_there():
            self._session = None
            if self._token is not None:
                options.authorization_identity = self._token()
            self._session = Session.open(options, run)
        return self._session

    def _emit(self, event: Event) -> None:
        for handler in tuple(self._handlers.get(type(event), ())):
            handler(event)

    def _hears(self, kind: type[Event]) -> bool:
        return bool(self._handlers.get(kind))

    @contextmanager
    def _working(self) -> Iterator[Run]:
        if not self._busy.acquire(blocking=False):
            raise Situation.BUSY.error("a mailer does one thing at a time", subject="Mailer")
        try:
            self._run = Run(emit=self._emit, hears=self._hears, timeout=self._timeout)
            self._desk.passphrases.begin()
            yield self._run
        finally:
            self._run = None
            self._busy.release()


def _transport(
    server: str,
    user: str | None,
    password: str | None,
    ca_file: str | Path | None,
    proxy: str | None,
) -> TransportOptions:
    options = parse(server)
    given = {"user": user, "password": password, "openssl_ca_file": ca_file and str(ca_file)}
    for name, value in given.items():
        if value is not None:
            setattr(options, name, value)
    if proxy is not None:
        from gpgmail.transport.proxy.url import state

        state(options, proxy)
    return options


def _token_source(
    token: str | Callable[[], str] | None, options: TransportOptions | None
) -> Callable[[], str] | None:
    if token is None or options is None:
        return None
    if not options.user:
        raise Situation.BAD_VALUE.error("is needed with a token", subject="user")
    options.auth_mechanisms = "OAUTHBEARER,XOAUTH2"
    return token if callable(token) else Secret(token).reveal
