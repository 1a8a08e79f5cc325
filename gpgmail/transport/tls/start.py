"""When TLS starts, decided by the rows and by where the connection really leads.

The decision is made once the peer's address is known and before anything was read or sent. There is
no way from a secured start to plaintext: a server that cannot do what is decided here gets nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from gpgmail.core.declare import is_set
from gpgmail.core.situations import Situation
from gpgmail.transport.tls.options import AUTOMATIC, EXPLICIT, IMPLICIT, NONE

if TYPE_CHECKING:
    from gpgmail.transport.address import Peer
    from gpgmail.transport.options import TransportOptions

_STARTTLS_PORTS = frozenset({25, 587})  # RFC 5321, RFC 6409; elsewhere mode 0 means TLS at once


class Start(Enum):
    """How a connection begins."""

    IMPLICIT = auto()
    STARTTLS = auto()
    PLAIN = auto()


def start_for(options: TransportOptions, peer: Peer) -> Start:
    """Return how the connection to *peer* begins.

    Raises:
        PolicyError: If nobody asked for plaintext and it would leave this machine.
    """
    mode = options.ssl_start_mode
    if mode == AUTOMATIC:
        mode = EXPLICIT if options.mail_port in _STARTTLS_PORTS else IMPLICIT
    if mode == EXPLICIT and options.plain_on_loopback and peer.loopback:
        return Start.PLAIN
    if mode == NONE and not (peer.loopback or is_set(options, "ssl_start_mode")):
        raise Situation.CLEARTEXT_MAIL.error(
            "the server is not on this machine",
            subject=str(peer),
            hint="set ssl_start_mode: 0, 1 or 2 for TLS, 3 for plaintext all the same",
        )
    return {IMPLICIT: Start.IMPLICIT, EXPLICIT: Start.STARTTLS, NONE: Start.PLAIN}[mode]
