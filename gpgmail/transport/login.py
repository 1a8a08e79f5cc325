"""Logging in: whether it may happen here, by which mechanism, and the exchange (RFC 4954)."""

from __future__ import annotations

import binascii
import re
import ssl
from typing import TYPE_CHECKING

from gpgmail.core.aside import aside
from gpgmail.core.codes import ErrorCode, Retry
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.transport import failures, sasl
from gpgmail.transport.replies import printable
from gpgmail.transport.sasl import bearer
from gpgmail.transport.sasl.base import Credentials, NonsenseError, Takes, UnprovenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.transport.client import Client
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.sasl.base import Exchange, Mechanism

CHALLENGE = 334
_HALVES = re.compile("[\ud800-\udfff]")
_REFUSES = 400
_LONGEST_INITIAL = 400  # the AUTH line has 512 bytes with its end (RFC 4954 section 4)
_EMPTY_INITIAL = "="  # how such a response is written there


def wanted(options: TransportOptions) -> bool:
    """Tell whether to log in: who has no user does so only by mechanisms that he asked for."""
    takes = {mechanism.takes for mechanism in sasl.named(options.auth_mechanisms)}
    return bool(options.user) or Takes.NOTHING in takes


def authenticate(client: Client, user: str, password: Secret) -> tuple[int, bytes]:
    """Log in on a greeted connection; return the server's last reply.

    Raises:
        UsageError: If something that the mechanism needs is missing or cannot be sent.
        PolicyError: If no mechanism is in common, the password would go out in clear, or the
            server does not prove that it is the right one.
        UnsupportedError: If the mechanism's library is not installed.
        ServerError: If the server refuses; no other mechanism is tried.
    """
    offered = client.extensions.get("AUTH", "").upper().split()
    mechanism, credentials = _chosen(client, offered, _credentials(client, user, password, offered))
    _check(mechanism, credentials)
    if mechanism.reveals:
        guard(client, mechanism.name)
    _keep_secret(client, mechanism, credentials)
    said = _Login(client, mechanism, credentials).run()
    client.mechanism = mechanism.name
    return said


def guard(client: Client, what: str) -> None:
    """Go on where credentials may go out as they are.

    Raises:
        PolicyError: If they would leave the machine in clear though nobody asked for that.
    """
    if not (client.tls_version or client.peer.loopback or client.options.allow_cleartext_auth):
        raise Situation.CLEARTEXT_CREDENTIALS.error(f"{what} without TLS", subject=str(client.peer))


def _credentials(
    client: Client, user: str, password: Secret, offered: Sequence[str]
) -> Credentials:
    found = Credentials(
        user,
        password,
        Secret(client.options.authorization_identity),
        host=client.peer.host,
        port=client.peer.port,
        binding=_binding(client) if any(name.startswith("SCRAM-") for name in offered) else None,
        ntlm_v2=client.options.use_ntlm_v2,
    )
    values = {"user": user, "password": password.reveal()}
    for name, value in {**values, "AuthorizationIdentity": found.identity.reveal()}.items():
        if "\0" in value:
            raise Situation.INJECTION.error("holds NUL", subject=name)
        # Found before it is encoded: the exception for that would hold what it failed over.
        if _HALVES.search(value):
            raise Situation.BAD_VALUE.error("holds half a character", subject=name)
    return found


def _binding(client: Client) -> bytes | None:
    if not isinstance(client.sock, ssl.SSLSocket):
        return None
    from gpgmail.transport.sasl.binding import end_point

    return end_point(client.sock.getpeercert(binary_form=True) or b"")


def _chosen(
    client: Client, offered: Sequence[str], credentials: Credentials
) -> tuple[Mechanism, Credentials]:
    allowed = client.options.auth_mechanisms
    if not (allowed or credentials.password or credentials.identity):
        raise Situation.BAD_VALUE.error("is needed to log in", subject="password")
    mechanism = sasl.choose(offered, credentials, allowed)
    if mechanism is None:
        limits = f", AuthMechanisms is {allowed}" if allowed else ""
        raise Situation.AUTH_UNAVAILABLE.error(
            f"the server offers {' '.join(offered) or 'no login'}{limits}",
            subject=str(client.peer),
            hint="" if offered else "leave user empty to send without a login",
        )
    # Who could be bound and is not says so, but not to a server that offers it.
    spare = not mechanism.bound and any(name.endswith("-PLUS") for name in offered)
    binding = None if spare else credentials.binding
    return mechanism, credentials._replace(mechanism=mechanism.name, binding=binding)


def _check(mechanism: Mechanism, credentials: Credentials) -> None:
    """Go on where everything is there that the mechanism needs, and nothing that it cannot say."""
    needs = {
        Takes.PASSWORD: {"user": credentials.user, "password": credentials.password},
        Takes.TOKEN: {"user": credentials.user, "AuthorizationIdentity": credentials.identity},
        Takes.NOTHING: {},
    }
    for name, value in needs[mechanism.takes].items():
        if not value:
            raise Situation.BAD_VALUE.error(f"is needed for {mechanism.name}", subject=name)
    if mechanism.takes is Takes.PASSWORD and credentials.identity and not mechanism.acts_for_others:
        raise Situation.BAD_VALUE.error(
            f"cannot be said by {mechanism.name}", subject="AuthorizationIdentity"
        )


def _keep_secret(client: Client, mechanism: Mechanism, credentials: Credentials) -> None:
    """Have what is secret masked, should the server repeat it."""
    secrets = [credentials.password.reveal()]
    if mechanism.takes is Takes.TOKEN:
        secrets += [credentials.identity.reveal(), bearer.token(credentials.identity)]
    client.keep_secret(*secrets, *(_base64(secret.encode()) for secret in secrets))


class _Login:
    """One exchange, from AUTH to the server's verdict."""

    def __init__(self, client: Client, mechanism: Mechanism, credentials: Credentials) -> None:
        self._client = client
        self._mechanism = mechanism
        self._exchange: Exchange = sasl.exchange(mechanism, credentials)
        self._challenge = b""

    def run(self) -> tuple[int, bytes]:
        code, said = self._begin(self._next(None))
        while code == CHALLENGE:
            code, said = self._client.docmd(self._answer(said))
        if code >= _REFUSES:
            raise self._refusal()
        self._client.require(code)
        self._over()
        return code, said

    def _begin(self, initial: bytes | None) -> tuple[int, bytes]:
        name = self._mechanism.name
        if initial is None:
            return self._client.docmd("AUTH", name)
        response = self._told(initial)
        if len(response) <= _LONGEST_INITIAL:
            return self._client.docmd("AUTH", f"{name} {response or _EMPTY_INITIAL}")
        code, said = self._client.docmd("AUTH", name)
        return self._client.docmd(response) if code == CHALLENGE else (code, said)

    def _answer(self, said: bytes) -> str:
        """Return the next line; `*` ends an exchange that makes no sense (RFC 4954 section 4)."""
        try:
            self._challenge = binascii.a2b_base64(said, strict_mode=True)
            return self._told(self._next(self._challenge) or b"")
        except (binascii.Error, StopIteration, NonsenseError) as error:
            self._client.docmd("*")
            why = f": {printable(str(error))}" if isinstance(error, NonsenseError) else ""
            raise Situation.SERVER_REFUSED.error(
                f"the server's questions do not follow the mechanism{self._clean(why)}",
                subject=self._client.subject,
                hint="name another mechanism in AuthMechanisms",
                code=ErrorCode.SMTP_COMMUNICATION,
                retry=Retry.NO,
                reply=self._client.last_reply,
            ) from None

    def _next(self, challenge: bytes | None) -> bytes | None:
        """Let the mechanism go on; a server that does not prove what it must is left at once."""
        try:
            if self._mechanism.waits:
                return aside(
                    lambda: self._exchange.send(challenge), self._client.run, self._mechanism.name
                )
            return self._exchange.send(challenge)
        except UnprovenError as error:
            raise self._unproven(str(error)) from None

    def _over(self) -> None:
        """Hold that the mechanism is at its end too: then the server proved what it had to."""
        try:
            self._next(None)
        except StopIteration:
            return
        raise self._unproven("it said welcome before it was told all")

    def _unproven(self, why: str) -> Exception:
        error = Situation.SERVER_UNPROVEN.error(
            self._clean(printable(why)),
            subject=f"{self._mechanism.name} at {self._client.peer}",
        )
        self._client.abort(error)
        return error

    def _refusal(self) -> Exception:
        takes_token = self._mechanism.takes is Takes.TOKEN
        words = bearer.words(self._challenge) if takes_token else ""
        return failures.refusal(
            self._client.reply,
            self._client.subject,
            words=self._clean(printable(words)),
            hint=f"check user and {'token' if takes_token else 'password'}",
        )

    def _clean(self, text: str) -> str:
        return self._client.run.redactor.clean(text)

    def _told(self, response: bytes) -> str:
        """Return a response as it is sent, and have it masked should the server repeat it."""
        line = _base64(response)
        self._client.keep_secret(line)
        return line


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
