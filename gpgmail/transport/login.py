"""Logging in: whether it may happen here, by which mechanism, and the exchange (RFC 4954)."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation
from gpgmail.transport import sasl
from gpgmail.transport.sasl.base import Credentials, Exchange, Mechanism

if TYPE_CHECKING:
    from gpgmail.core.secret import Secret
    from gpgmail.transport.client import Client

CHALLENGE = 334
_LONGEST_INITIAL = 400  # the AUTH line has 512 bytes with its end (RFC 4954 section 4)


def authenticate(client: Client, user: str, password: Secret) -> tuple[int, bytes]:
    """Log in on a greeted connection; return the server's last reply.

    Raises:
        UsageError: If user or password cannot be sent.
        PolicyError: If no mechanism is in common, or the password would go out in clear.
        ServerError: If the server refuses; no other mechanism is tried.
    """
    credentials = _usable(user, password)
    mechanism = _mechanism(client)
    if mechanism.reveals:
        guard(client, mechanism.name)
    client.keep_secret(password.reveal(), _base64(password.reveal().encode()))
    exchange = mechanism.exchange(credentials)
    code, said = _begin(client, mechanism, next(exchange))
    while code == CHALLENGE:
        code, said = client.docmd(_answer(client, exchange, said))
    client.require(code)
    return code, said


def _usable(user: str, password: Secret) -> Credentials:
    for name, value in (("user", user), ("password", password.reveal())):
        if "\0" in value:
            raise Situation.INJECTION.error("holds NUL", subject=name)
        if not value:
            raise Situation.BAD_VALUE.error("is needed to log in", subject=name)
    return Credentials(user, password)


def _mechanism(client: Client) -> Mechanism:
    offered = client.extensions.get("AUTH", "").split()
    allowed = client.options.auth_mechanisms
    mechanism = sasl.choose(offered, allowed)
    if mechanism is None:
        limits = f", AuthMechanisms is {allowed}" if allowed else ""
        raise Situation.AUTH_UNAVAILABLE.error(
            f"the server offers {' '.join(offered) or 'no login'}{limits}",
            subject=str(client.peer),
            hint="" if offered else "leave user empty to send without a login",
        )
    return mechanism


def guard(client: Client, what: str) -> None:
    """Go on where credentials may go out as they are.

    Raises:
        PolicyError: If they would leave the machine in clear though nobody asked for that.
    """
    if not (client.tls_version or client.peer.loopback or client.options.allow_cleartext_auth):
        raise Situation.CLEARTEXT_CREDENTIALS.error(f"{what} without TLS", subject=str(client.peer))


def _begin(client: Client, mechanism: Mechanism, initial: bytes | None) -> tuple[int, bytes]:
    if initial is None:
        return client.docmd("AUTH", mechanism.name)
    response = _told(client, initial)
    if len(response) <= _LONGEST_INITIAL:
        return client.docmd("AUTH", f"{mechanism.name} {response}")
    code, said = client.docmd("AUTH", mechanism.name)
    return client.docmd(response) if code == CHALLENGE else (code, said)


def _answer(client: Client, exchange: Exchange, said: bytes) -> str:
    """Return the next line; `*` ends an exchange that makes no sense (RFC 4954 section 4)."""
    try:
        response = exchange.send(binascii.a2b_base64(said, strict_mode=True))
    except (binascii.Error, StopIteration):
        client.docmd("*")
        raise Situation.SERVER_REFUSED.error(
            "the server's questions do not follow the mechanism",
            subject=f"AUTH at {client.peer}",
            code=ErrorCode.SMTP_COMMUNICATION,
            reply=client.last_reply,
        ) from None
    return _told(client, response or b"")


def _told(client: Client, response: bytes) -> str:
    """Return a response as it is sent, and have it masked should the server repeat it."""
    line = _base64(response)
    client.keep_secret(line)
    return line


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
