"""The rows that decide how a server is reached.

Names and defaults are those of the reference pages; a row that says "Ours" is not on them. Every
row here is honoured by this room. Those of its parts stand with them: `dialogue`,
`firewall`, `lmtp`, `sasl`, `sockets`, `tls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import between, port, seconds
from gpgmail.core.declare import prop, setting
from gpgmail.core.run import Run, ignore, nobody
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.transport.dialogue import DialogueOptions
from gpgmail.transport.firewall import FirewallOptions
from gpgmail.transport.lmtp import LmtpOptions
from gpgmail.transport.sasl.options import AuthOptions
from gpgmail.transport.sockets import SocketOptions
from gpgmail.transport.tls.client import ClientCertificateOptions
from gpgmail.transport.tls.options import TlsOptions
from gpgmail.transport.tls.revocation import RevocationOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.core.events import Event
    from gpgmail.core.secret import Redactor

_NOT_IN_HOSTS = frozenset('/@?#<>"\\*')


def host(value: str) -> str:
    """Accept a host name or an address, an IPv6 one with or without brackets."""
    refuse_controls(value, "mail_server")
    if any(char.isspace() or char in _NOT_IN_HOSTS for char in value):
        raise ValueError("must be a host name or an IP address")
    return value.removeprefix("[").removesuffix("]")


def server(value: str) -> str:
    """Accept a host as mail_server: before it, `*` leaves its resolution to the firewall."""
    name = host(value.removeprefix("*"))
    if value and not name:
        raise ValueError("must be a host name or an IP address, also behind *")
    return "*" * value.startswith("*") + name


def hello(value: str) -> str:
    """Accept the argument of EHLO: one word of printable ASCII (RFC 5321 section 4.1.1.1)."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be one word of printable ASCII")
    return value


class TransportOptions(
    AuthOptions,
    FirewallOptions,
    LmtpOptions,
    SocketOptions,
    ClientCertificateOptions,
    RevocationOptions,
    TlsOptions,
    DialogueOptions,
):
    """Which server, how it is reached, and who logs in."""

    mail_server: str = prop(
        default="",
        check=server,
        locked=Situation.SERVER_LOCKED,
        doc="Name or address of the server; after * a name that the firewall resolves.",
    )
    mail_port: int = prop(
        default=25, check=port, locked=Situation.PORT_LOCKED, doc="Port of the server."
    )
    timeout: int = prop(
        default=60,
        check=seconds,
        doc="Seconds without data moving, or with AbsoluteTimeout in all; 0 for no limit.",
    )
    allow_extensions: bool = prop(
        default=True, doc="Greet with EHLO, then HELO; False greets with HELO alone."
    )
    local_host: str = prop(
        default="",
        key="LocalHost",
        check=host,
        locked=Situation.LOCAL_HOST_LOCKED,
        doc="Local address that the connection starts from.",
    )
    hello: str = setting(
        default="",
        key="Hello",
        check=hello,
        doc="Argument of EHLO; by default the full local name, else the local address.",
    )
    connection_timeout: int = setting(
        default=0,
        key="ConnectionTimeout",
        check=seconds,
        doc="Seconds for finding and connecting the server; 0 for the same as timeout.",
    )
    absolute_timeout: bool = setting(
        default=False,
        key="AbsoluteTimeout",
        doc="timeout limits the whole of a call and not the time without data moving.",
    )
    local_port: int = setting(
        default=0,
        key="LocalPort",
        check=port,
        locked=Situation.LOCAL_PORT_LOCKED,
        doc="Local port that the connection starts from; 0 for any.",
    )
    max_line_length: int = setting(
        default=2048,
        key="MaxLineLength",
        check=between(256, 1 << 20),
        locked=Situation.LINE_LENGTH_LOCKED,
        doc="Bytes that a line of the server may have.",
    )
    use_ipv6: int = setting(
        default=0,
        key="UseIPv6",
        check=between(0, 2),
        doc="Which addresses of a name are tried: with 0 those of IPv4, with 1 those of IPv6, with "
        "2 all in the system's order, which has IPv6 first where it can be used.",
    )


def new_run(
    options: TransportOptions,
    *,
    emit: Callable[[Event], None] = ignore,
    hears: Callable[[type[Event]], bool] = nobody,
    redactor: Redactor | None = None,
) -> Run:
    """Return a Run with the time limit that `timeout` and `AbsoluteTimeout` ask for."""
    return Run(
        emit=emit,
        hears=hears,
        timeout=options.timeout,
        absolute=options.absolute_timeout,
        redactor=redactor,
    )
