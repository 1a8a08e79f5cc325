"""A session with a mail server: opened as the options say, used for any number of mails, closed.

The steps of a connection and of a mail stand here in their order. How bytes move is `client`'s
matter, what MAIL and RCPT carry `esmtp`'s, what a failure means `failures`'.
"""

from __future__ import annotations

import re
import smtplib
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError, ServerError
from gpgmail.core.situations import Situation
from gpgmail.transport import esmtp, failures, login, pipelining, verbs
from gpgmail.transport.client import Client
from gpgmail.transport.failures import Step
from gpgmail.transport.tls import wanting
from gpgmail.transport.tls.admission import LookAgainError
from gpgmail.transport.tls.start import Start
from gpgmail.transport.transaction import Delivery, Target, Transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType

    from gpgmail.core.envelope import Envelope, RecipientType
    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.tls.resume import Resumption

_WORD = re.compile(r"[A-Za-z0-9-]+")
_FULL_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ASKS_FOR_MORE = 3  # the first digit of such a reply (RFC 5321 section 4.2.1)
_AUTH, _QUIT = "AUTH", "QUIT"


class Session(Client):
    """A connection to a mail server; made by `open`, then a context manager, or closed by `close`.

    `peer` is whom it leads to, `tls_version` and `extensions` what was agreed, `mechanism` how it
    was logged in, `last_reply` the server's last words. `use(run)` hands it from one operation to
    the next.
    """

    _to_forget = False  # whether the server has to be told so before the next mail

    @classmethod
    def open(
        cls, options: TransportOptions, run: Run, resumption: Resumption | None = None
    ) -> Session:
        """Connect, secure, greet and log in, as *options* say.

        *resumption* keeps TLS sessions from one connection to the next, for ReuseSSLSession.

        Raises:
            UsageError: With code 163 if no server is given.
            ConnectError, TimeLimitError, TlsError: If there is no way to the server.
            ServerError: With code 161 if the server refuses.
            PolicyError: If mail or credentials would go out in clear though nobody asked for that.
        """
        if not (options.mail_server or options.unix_socket):
            raise Situation.NO_SERVER.error("empty", subject="mail_server")
        if not (options.mail_port or options.unix_socket):
            raise Situation.ZERO_PORT.error("0", subject="mail_port")
        session = cls(options, run, resumption)
        try:
            session._establish()
        except BaseException as error:
            wanting.explain(error, session)
            session.abort(error)
            raise
        return session

    def deliver(
        self,
        envelope: Envelope,
        content: Iterable[bytes],
        *,
        size: int | None = None,
        needs_utf8: bool = False,
        needs_8bit: bool = False,
        stop_on: Collection[RecipientType] = (),
        verb: str = verbs.MAIL,
    ) -> Delivery:
        """Send one mail; the session may be used for the next one afterwards.

        *content* is canonical: CRLF line ends, and 7-bit unless *needs_8bit* or *needs_utf8* says
        otherwise. *size* is its length in bytes if known. A refused recipient of a type in
        *stop_on* stops the mail; by default it goes to those whom the server takes. *verb* SEND,
        SOML or SAML asks for delivery to the users' terminals (RFC 821 section 3.4).

        Raises:
            UsageError: If *verb* is none of these, or needs extensions that are not allowed.
            ServerError: If it is refused, at any step or for every recipient; `refused` has the
                server's words for each.
            UnsupportedError: If the server lacks an extension that the mail needs or its envelope
                asks for; nothing was sent.
            ConnectError: If the connection is lost. After the final dot the server may have taken
                the mail: that is code 13 of family gpgmail, and `retry` is UNKNOWN.
            MessageError: If the content is not canonical; nothing was delivered.
        """
        verb = verbs.beginning(verb, extensions_allowed=self.options.allow_extensions)
        self.run.touch()
        needs = esmtp.needs_of(envelope, size=size, utf8=needs_utf8, eight_bit=needs_8bit)
        transaction = self._transaction(envelope, needs, verb, stop_on)
        self.eight_bit = needs.eight_bit
        anew, self._to_forget = self._to_forget, False
        try:
            return transaction.run(content, anew=anew)
        except ServerError as error:
            # One of some other session's, raised by a handler, keeps its own words.
            if error.reply is self.last_reply and not error.refused:
                error.refused = transaction.words_for_all(self.reply)
            self._recover()
            raise
        except BaseException as error:
            self.abort(error)
            raise

    def check(
        self,
        envelope: Envelope,
        *,
        size: int | None = None,
        needs_utf8: bool = False,
        needs_8bit: bool = False,
    ) -> None:
        """Raise what `deliver` would before it says anything; the server hears nothing.

        Raises:
            UnsupportedError: If the server lacks an extension that the mail needs or its envelope
                asks for, or takes no mail of that size.
        """
        needs = esmtp.needs_of(envelope, size=size, utf8=needs_utf8, eight_bit=needs_8bit)
        self._transaction(envelope, needs, verbs.MAIL, ())

    def verify(self, address: str) -> Reply:  # type: ignore[override] # smtplib's is `vrfy`
        """Ask whether the server knows *address*, a mailbox or a user's name (VRFY).

        With code 252 it does not say, and would take mail for it.

        Raises:
            UsageError: If it is empty or holds CR, LF or NUL.
            ServerError: If the server says no, with code 161; the connection stays.
            ConnectError: If the connection is lost.
        """
        return self._ask("VRFY", address)

    def expand(self, name: str) -> tuple[str, ...]:
        """Return whom the mailing list or user *name* stands for, one entry an address (EXPN).

        An entry is an address, or a name with its address in angle brackets.

        Raises:
            UsageError: If it is empty or holds CR, LF or NUL.
            ServerError: If the server says no, with code 161; the connection stays.
            ConnectError: If the connection is lost.
        """
        return verbs.members(self._ask("EXPN", name))

    def command(self, line: str) -> Reply:
        """Say *line* exactly as it is and return the answer, whatever that is.

        Behind AUTH nothing is shown in the transcript; each answer to a challenge is a command too.

        Raises:
            UsageError: If it is empty or holds CR, LF or NUL.
            PolicyError: If the session could not go on after it (DATA, BDAT, STARTTLS, TURN), or it
                is a login that would go out in clear.
            ServerError: If the server ends the connection (421).
            ConnectError: If the connection is lost, or the answer asks for content.
        """
        self._connection()
        answers = self.last_reply is not None and self.last_reply.code == login.CHALLENGE
        verb = _AUTH if answers else verbs.own_command(line)
        data = verbs.encoded(line, verb)
        if verb == _AUTH:
            login.guard(self, "a login")
            self.keep_secret(*([line] if answers else line.split()[2:]))
        with self._kept_in_step():
            if self._to_forget:
                self._begin_anew()
            reply = self._exchange(data)
            if reply.code // 100 == _ASKS_FOR_MORE and reply.code != login.CHALLENGE:
                raise self.nonsense(f"an answer that asks for content: {reply}")
        if verb == _QUIT:
            self.abort()
        return reply

    def reset(self) -> None:
        """Have the server forget a mail that was begun and not ended.

        By RSET, or where SendRSET is False by a new greeting.

        Raises:
            ServerError: If it refuses.
            ConnectError: If the connection is lost.
        """
        self._connection()
        with self._kept_in_step():
            self._begin_anew()

    def was_ending(self, error: GpgmailError) -> bool:
        """Tell whether *error* says no more than that the server ended the connection.

        Nothing of a mail was taken from its source since `use`, so it can go over a new one.
        """
        return not self.connected and not self.content_begun and failures.is_goodbye(error)

    def still_there(self) -> bool:
        """Tell, without waiting, whether the connection can take another mail, or else end it.

        A server that speaks in a pause says goodbye (RFC 5321 section 3.8); nothing was sent then.
        """
        try:
            usable = self._wire is not None and not self._wire.spoken()
        except (EOFError, OSError):
            usable = False
        if not usable:
            self.abort(Situation.DROPPED.error("between two mails", subject=str(self.peer)))
        return usable

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None or issubclass(kind, GpgmailError):
            self.close()
        else:
            self.abort()

    def _transaction(
        self, envelope: Envelope, needs: esmtp.Needs, verb: str, stop_on: Collection[RecipientType]
    ) -> Transaction:
        """Return a mail that is ready to be said, of which nothing was said yet."""
        self._connection()
        if not envelope.recipients:
            raise Situation.NO_RECIPIENT.error("none", subject="envelope")
        mail = esmtp.mail(verb, envelope.sender, self._parameters(envelope, needs))
        return Transaction(self, mail, self._targets(envelope, stop_on))

    def _parameters(self, envelope: Envelope, needs: esmtp.Needs) -> tuple[str, ...]:
        """Return what MAIL carries: what the mail needs, and what its envelope asks for."""
        server, extensions, secured = str(self.peer), self.extensions, bool(self.tls_version)
        wanted = esmtp.envelope_parameters(envelope.options, extensions, server, secured=secured)
        return (*esmtp.mail_parameters(needs, extensions, server), *wanted)

    def _targets(self, envelope: Envelope, stop_on: Collection[RecipientType]) -> list[Target]:
        server, extensions = str(self.peer), self.extensions
        return [
            Target(
                recipient.address,
                esmtp.rcpt(recipient, esmtp.recipient_parameters(recipient, extensions, server)),
                stops=recipient.recipient_type in stop_on,
            )
            for recipient in envelope.recipients
        ]

    def _ask(self, verb: str, about: str) -> Reply:
        self._connection()
        line = verbs.question(verb, about, self.extensions, str(self.peer))
        data = verbs.encoded(line, verb)
        with self._kept_in_step():
            reply = self._exchange(data)
            self.require(reply.code)
        return reply

    def _exchange(self, line: bytes) -> Reply:
        """Say *line*, which is without its end, and return the answer."""
        self.run.touch()
        self.send(line + b"\r\n")
        self.getreply()
        return self.reply

    @contextmanager
    def _kept_in_step(self) -> Iterator[None]:
        """End the connection where the block fails and leaves no reply to its last command."""
        try:
            yield
        except BaseException as error:
            if not self._in_step:
                self.abort(error)
            raise

    def _establish(self) -> None:
        self.use(self.run)
        while not self._reached():
            self._admission.again(self.run)
        if login.wanted(self.options):
            self.login(self.options.user, self.options.password)

    def _reached(self) -> bool:
        """Connect, greet and secure; return whether that is the connection to go on with."""
        try:
            self.require(self.connect(self.options.mail_server, self.options.mail_port)[0])
            self.local_hostname = self.options.hello or self._own_name()
            self._greet()
            if self.start is Start.STARTTLS:
                self.starttls()
                self._greet()
        except LookAgainError:
            self.abort()
            self._forget_greeting()
            return False
        return True

    def _greet(self) -> None:
        if self.options.lmtp:  # which knows no other way
            self.require(self.ehlo()[0])
            return
        if not self.options.allow_extensions:
            self.require(self.helo()[0])
            return
        try:
            self.ehlo_or_helo_if_needed()
        except smtplib.SMTPException as error:
            raise failures.judge(error, Step.READ, self.subject) from None

    def _own_name(self) -> str:
        """Return a full name, or else our address (RFC 5321 section 4.1.4).

        The machine's own name is taken as it stands: looking it up may wait, and tells the DNS.
        """
        name = socket.gethostname()
        if _FULL_NAME.fullmatch(name):
            return name
        own, _ = self.local_name
        if not own:  # of a Unix socket
            return name if _WORD.fullmatch(name) else "localhost"
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"

    def _recover(self) -> None:
        """Make the connection ready for the next mail, or end it."""
        if not self._in_step:  # a handler's own ServerError, somewhere within
            self.abort()
            return
        if self.options.send_rset and self.offers(pipelining.EXTENSION):
            self._to_forget = True  # RSET leaves with the next mail
            return
        try:
            self._begin_anew()
        except GpgmailError as error:
            self.abort(error)
        except BaseException:
            self.abort()
            raise

    def _begin_anew(self) -> None:
        """Have the server forget what was begun; EHLO does so too (RFC 5321 section 4.1.4)."""
        self._to_forget = False
        if self.options.send_rset:
            self.require(self._exchange(b"RSET").code)
        else:
            self.helo_resp = self.ehlo_resp = None
            self._greet()
