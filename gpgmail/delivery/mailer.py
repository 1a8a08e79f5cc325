"""`Mailer`: the toolkit face. It holds what mails have in common, and one warm session."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gpgmail.core.events import Event
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms
from gpgmail.crypto.engines import AUTO
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.delivery.ending import WARN_DAYS, Endings
from gpgmail.delivery.letter import Desk, Letter
from gpgmail.delivery.routes import Routes, route
from gpgmail.delivery.wishes import Wished, Wishes
from gpgmail.keys.keyrings import Keyrings, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import EmailMessage
    from pathlib import Path
    from typing import Unpack

    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.options import BccPolicy, Format
    from gpgmail.delivery.plan import Wish
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.rehearsal import Rehearsal
    from gpgmail.delivery.routes import Fetch
    from gpgmail.keys.trust import Trust
    from gpgmail.message.draft import Draft
    from gpgmail.protect.variant import Variant

E = TypeVar("E", bound=Event)
T = TypeVar("T")


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
    *timeout* is in seconds without any progress, 0 for none. Of a key that ends within *warn_days*
    a `KeyExpires` event and the log `gpgmail` tell once; 0 is for never.

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
        warn_days: int = WARN_DAYS,
    ) -> None:
        way = server and route(
            server,
            user=user,
            password=None if password is None else _fetching(password),
            token=None if token is None else _fetching(token),
            ca_file=None if ca_file is None else str(ca_file),
            proxy=proxy,
        )
        self._routes = Routes(way) if way else Routes()
        self._desk = Desk(
            engine=get_engine(engine),
            keyrings=Keyrings(keyring, more_keyrings, trust=trust),
            algorithms=algorithms,
            passphrases=Passphrases.of(passphrase),
            endings=Endings(warn_days),
        )
        self._timeout = timeout
        self._handlers: dict[type[Event], list[Callable[[Any], object]]] = {}
        self._busy = threading.Lock()
        self._run: Run | None = None

    @classmethod
    def from_account(
        cls,
        name: str | None = None,
        *,
        config: str | Path | None = None,
        **given: Any,  # noqa: ANN401 - the values of rows
    ) -> Self:
        """Return a mailer for an account of the configuration files, as `gpgmail config` shows it.

        Without a *name* it is the one of GPGMAIL_ACCOUNT, the files' default, or the only one;
        without any account what the environment says holds. *config* is a file to read instead;
        *given* has values that count before all others, by their names in a file (`from_` for
        `from`). A mail is signed and encrypted as the account's policy says where `send` is not
        told, and goes through its fallback accounts where its server cannot be had.

        Raises:
            UsageError: With code 24 if a file cannot be used or has no such account.
        """
        from gpgmail.delivery.accounts import open_account

        return cls.of_account(
            open_account(name, config=config, given=given, called=lambda row: row.name)
        )

    @classmethod
    def of_account(cls, account: Account) -> Self:
        """Return a mailer for an account that was opened.

        Raises:
            UsageError: If a value of it cannot be used.
        """
        from gpgmail.delivery.account_routes import routes_of
        from gpgmail.delivery.secrets import passphrases_of

        options = account.options
        keyring, *more = options.keyring or (None,)
        mailer = cls(
            None,
            keyring=keyring,
            more_keyrings=more,
            passphrase=passphrases_of(account),
            trust=options.trust or None,
            engine=options.engine,
            timeout=options.timeout,
            warn_days=options.warn_days,
        )
        mailer._routes = Routes(*routes_of(account))
        mailer._desk = replace(mailer._desk, account=account)
        return mailer

    def on(self, event: type[E], handler: Callable[[E], object]) -> Callable[[], None]:
        """Call *handler* for every event of that type; return a callable that ends it."""
        handlers = self._handlers.setdefault(event, [])
        handlers.append(handler)
        return lambda: handlers.remove(handler) if handler in handlers else None

    def send(
        self,
        message: EmailMessage | Draft,
        *,
        sign: Wish | None = None,
        encrypt: Wish | None = None,
        format: Format | None = None,
        bcc: BccPolicy | None = None,
        symmetric: str | Secret | None = None,
        variant: Variant | None = None,
        save_wire: str | Path | None = None,
    ) -> Receipt:
        """Protect and deliver a mail; connect first where there is no connection yet.

        *sign* True takes the key of the From address, *encrypt* True a key for each recipient; both
        take fingerprints or addresses instead. *format* is `"pgpmime"` or `"inline"`; *bcc* says
        how Bcc recipients of an encrypted mail stay unknown: `"separate"` copies, `"hidden"` keys
        in one copy, or `"forbid"` them. None leaves each of these to the account's policy; without
        an account that is neither signed nor encrypted, and the first of these words.
        *symmetric* is a passphrase that opens the mail too, beside keys or in place of them.
        *variant* builds the mail in another form, for tests of readers. *save_wire* is a file for
        the mail as it goes over the wire, each line with CRLF, but for the dots that DATA doubles;
        what further copies hold goes to the same name with `.2`, `.3` behind it. The connection
        stays open until `close()`; one that the server ended is made anew.

        Raises:
            KeySelectionError: If a key is missing, unusable, ambiguous or not trusted.
            PassphraseError: If a passphrase is missing or wrong.
            PolicyError: If Bcc recipients are forbidden and there are some, or the policy wants for
                one recipient what it excludes for another.
            ServerError: If the server took no recipient; partial refusals are in the receipt.
            DeliveryError: If the connection failed, with `retry` saying whether that is safe.
            GpgmailError: Whatever else; until the connection is made nothing was sent.
        """
        wishes = Wishes.of(
            sign=sign, encrypt=encrypt, format=format, bcc=bcc, symmetric=symmetric, variant=variant
        )
        with self._working() as run:
            self._routes.require()
            letter = self._desk.write(message, wishes, run)
            if save_wire is None:
                return self._routes.deliver(letter, run)
            from gpgmail.delivery.wire import Wire

            with Wire(save_wire) as wire:
                return self._routes.deliver(wire.watching(letter), run)

    def write(
        self,
        message: EmailMessage | Draft,
        *,
        then: Callable[[Letter, Run], None] | None = None,
        **wished: Unpack[Wished],
    ) -> Letter:
        """Protect a mail as `send` does, and return it instead of delivering it.

        *wished* are its `sign`, `encrypt`, `format`, `bcc`, `symmetric` and `variant`. *then* is
        called with the letter while the call still runs, so that it can be interrupted.
        """
        wishes = Wishes.of(**wished)
        with self._working() as run:
            letter = self._desk.write(message, wishes, run)
            if then is not None:
                then(letter, run)
            return letter

    def rehearse(self, message: EmailMessage | Draft, **wished: Unpack[Wished]) -> Rehearsal:
        """Do all that `send` does up to the login, name no mail to the server, and tell the plan.

        *wished* are its `sign`, `encrypt`, `format`, `bcc`, `symmetric` and `variant`.

        Raises:
            GpgmailError: As `send`, as far as that can be known before the server hears of a mail.
        """
        wishes = Wishes.of(**wished)
        with self._working() as run:
            self._routes.require()
            return self._routes.rehearse(self._desk.write(message, wishes, run), run)

    def within(self, work: Callable[[Desk, Routes, Run], T]) -> T:
        """Call *work* with what mails are written with, the ways to servers, and the run.

        For what neither `send` nor `write` does; it can be interrupted as they can.
        """
        with self._working() as run:
            return work(self._desk, self._routes, run)

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
            try:
                self._routes.close(run)
            finally:
                self._desk.engine.close()
                self._desk.keyrings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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


def _fetching(stated: str | Callable[[], str]) -> Fetch:
    """Return what gives a secret that was stated, or that a callable returns."""
    if callable(stated):
        return lambda _: Secret(stated())
    secret = Secret(stated)
    return lambda _: secret
