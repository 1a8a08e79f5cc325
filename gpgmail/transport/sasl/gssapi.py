"""GSSAPI: a Kerberos ticket for the service smtp of the server (RFC 4752).

The ticket is that of the machine's user, or that of `user`, asked for with `password` if set. No
security layer is agreed: TLS is ours.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.transport.sasl.base import NonsenseError, UnprovenError, heard

if TYPE_CHECKING:
    from collections.abc import Iterator

    import gssapi

    from gpgmail.transport.sasl.base import Credentials, Exchange

_NO_LAYER = 1
_OFFER_BYTES = 4


def exchange(credentials: Credentials) -> Exchange:
    """Show the ticket, have the server show that it can read it, and decline further layers."""
    with _ticket(credentials):
        context = _context(credentials)
        token = context.step()
    with _proof():
        while not context.complete:
            token = context.step(heard((yield token)))
        offer = context.unwrap(heard((yield token or b""))).message
        if len(offer) != _OFFER_BYTES or not offer[0] & _NO_LAYER:
            raise NonsenseError("the server wants a security layer of its own")
        choice = bytes([_NO_LAYER, 0, 0, 0]) + credentials.identity.reveal().encode()
        yield context.wrap(choice, encrypt=False).message


def _context(credentials: Credentials) -> gssapi.SecurityContext:
    import gssapi

    name = gssapi.Name(f"smtp@{credentials.host}", gssapi.NameType.hostbased_service)
    flags = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity
    own = _own(credentials)
    return gssapi.SecurityContext(name=name, creds=own, flags=flags, usage="initiate")


def _own(credentials: Credentials) -> gssapi.Credentials | None:
    import gssapi

    if not credentials.user:
        return None
    name = gssapi.Name(credentials.user, gssapi.NameType.kerberos_principal)
    if not credentials.password:
        return gssapi.Credentials(name=name, usage="initiate")
    password = credentials.password.reveal().encode()
    acquired = gssapi.raw.acquire_cred_with_password(name, password, usage="initiate")
    return gssapi.Credentials(base=acquired.creds)


@contextmanager
def _ticket(credentials: Credentials) -> Iterator[None]:
    from gssapi.exceptions import GSSError

    try:
        yield
    except GSSError as error:
        raise Situation.NO_TICKET.error(
            str(error), subject=f"smtp@{credentials.host}", hint="kinit, or set user and password"
        ) from None


@contextmanager
def _proof() -> Iterator[None]:
    from gssapi.exceptions import GSSError

    try:
        yield
    except GSSError as error:
        raise UnprovenError(str(error)) from None
