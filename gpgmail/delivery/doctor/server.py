"""Checks of the ways to a server: its name, the connection, TLS, the login. Never a mail.

The login is apart from the connection, so that what is seen of TLS is told although it fails.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import GpgmailError, TlsError
from gpgmail.delivery.account_routes import routes_of
from gpgmail.delivery.doctor.finding import command, error, ok, raised, warning
from gpgmail.delivery.rehearsal import certificate_of
from gpgmail.transport import connecting, login
from gpgmail.transport.firewall import is_asked_for, server_name
from gpgmail.transport.session import Session
from gpgmail.transport.tls.options import EXPLICIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding
    from gpgmail.delivery.routes import Route

_SOON = timedelta(days=14)
_OLD = "TLSv1.2"  # the newest of those that are not TLS 1.3


def server(case: Case) -> Iterator[Finding]:
    """Whether each server of the account can be had, proves who it is, and lets us in."""
    ways = tuple(routes_of(case.account))
    if not ways:
        yield ok("no server is named")
    for way in ways:
        yield from _way(way, case)


def _way(way: Route, case: Case) -> Iterator[Finding]:
    case.run.touch()
    with ExitStack() as held:
        user, mechanisms = way.options.user, way.options.auth_mechanisms
        way.options.user = way.options.auth_mechanisms = ""
        try:
            yield from _named(way, case)
            session = held.enter_context(Session.open(way.options, case.run))
        except GpgmailError as failure:
            yield _unreached(way, failure)
            return
        yield _connected(way, session)
        yield from _secured(session)
        way.options.user, way.options.auth_mechanisms = user, mechanisms
        try:
            yield from _logged_in(way, session, case)
        except GpgmailError as failure:
            yield raised(failure)


def _named(way: Route, case: Case) -> Iterator[Finding]:
    """Say what the name resolves to, where that is done here."""
    options = way.options
    if options.unix_socket or is_asked_for(options):
        return
    host = server_name(options)
    found = connecting.resolve(host, options.mail_port, options.use_ipv6, case.run)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if addresses != [host]:
        yield ok(f"{host} is {', '.join(addresses)}")


def _unreached(way: Route, failure: GpgmailError) -> Finding:
    options = way.options
    host, port = server_name(options), str(options.mail_port)
    if failure.code in _NAMES:
        return raised(failure, fix=command("getent", "hosts", host))
    found = raised(failure)
    if isinstance(failure, TlsError) and host and not options.unix_socket:
        start = ("-starttls", "smtp") if options.ssl_start_mode == EXPLICIT else ()
        look = command("openssl", "s_client", "-connect", f"{host}:{port}", *start, "-showcerts")
        first = failure.hint or "an authority of your own is a ca_file"
        hint = f"{first}; see what it shows: {look} </dev/null"
        return error(found.what, hint=hint, exit_code=found.exit_code)
    return found


_NAMES = frozenset(
    {
        ErrorCode.DNS_NOT_FOUND,
        ErrorCode.DNS_TRY_AGAIN,
        ErrorCode.DNS_NO_RECOVERY,
        ErrorCode.DNS_NO_DATA,
    }
)


def _connected(way: Route, session: Session) -> Finding:
    through = f" through {session.peer.through}" if session.peer.through else ""
    who = f"{way}: " if way.account else ""
    return ok(f"{who}{session.peer}{through} answers, {_offers(session)}")


def _offers(session: Session) -> str:
    mechanisms = session.extensions.get("AUTH", "")
    return f"with logins by {mechanisms}" if mechanisms else "without logins"


def _secured(session: Session) -> Iterator[Finding]:
    if not session.tls_version:
        if session.peer.loopback or session.peer.is_socket:
            yield ok("the connection is in clear and does not leave this machine")
        else:
            yield warning(
                f"mails to {session.peer} go out in clear",
                hint="name the server with smtp:// or smtps://",
            )
        return
    agreed = session.negotiated
    yield ok(f"{agreed.version}, {agreed.cipher}" + _older(agreed.version))
    ends = min(certificate_of(one).expires for one in agreed.chain)
    left = (ends - datetime.now(UTC)).days
    said = f"the server's certificate verifies and ends in {left} days ({ends:%Y-%m-%d})"
    if ends - datetime.now(UTC) < _SOON:
        yield warning(said, hint="its owner renews it")
    else:
        yield ok(said)


def _older(version: str) -> str:
    return "; TLS 1.3 would be newer" if version <= _OLD else ""


def _logged_in(way: Route, session: Session, case: Case) -> Iterator[Finding]:
    options = way.options
    if not login.wanted(options):
        if options.mail_port in _SUBMISSION and session.extensions.get("AUTH"):
            yield warning(
                f"no user is named, and {session.peer} is for logins",
                hint="set user in the account",
            )
        return
    if way.password is not None and not options.password:
        options.password = way.password(case.run).reveal()
    if way.token is not None:
        options.authorization_identity = way.token(case.run).reveal()
    session.login(options.user, options.password)
    yield ok(f"{options.user} is logged in by {session.mechanism}")


_SUBMISSION = frozenset({465, 587})  # RFC 8314, RFC 6409
