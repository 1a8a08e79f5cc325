"""What a TLS handshake came out with, as far as `ssl` tells.

What it does not tell stays empty: the group before Python 3.15, unless only one was offered.
"""

from __future__ import annotations

import _ssl
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from gpgmail.transport.tls import groups, suites

if TYPE_CHECKING:
    from gpgmail.transport.tls.agreement import AgreementOptions

_MODERN = "TLSv1.3"
_ELLIPTIC, _FINITE = "ECDHE", "DHE"


class Negotiated(NamedTuple):
    """A connection's TLS; all fields are empty in clear.

    `cipher` is OpenSSL's name of the suite and `suite` the IANA's, `strength` the bits of the
    cipher's key, `chain` what the server sent, its own certificate first, in DER.
    """

    version: str = ""
    cipher: str = ""
    suite: str = ""
    strength: int | None = None
    key_exchange: str = ""
    key_exchange_strength: int | None = None
    chain: tuple[bytes, ...] = ()

    @property
    def certificate(self) -> bytes:
        """The server's own certificate in DER."""
        return self.chain[0] if self.chain else b""

    @classmethod
    def of(cls, sock: ssl.SSLSocket, options: AgreementOptions) -> Negotiated:
        """Return what *sock* agreed on, under *options*."""
        cipher, _, strength = sock.cipher() or ("", "", 0)
        version = sock.version() or ""
        exchange, bits = _exchange(sock, options, version, cipher)
        return cls(
            version=version,
            cipher=cipher,
            suite=suites.standard_name(cipher),
            strength=strength,
            key_exchange=exchange,
            key_exchange_strength=bits,
            chain=_chain(sock),
        )


def _exchange(
    sock: ssl.SSLSocket, options: AgreementOptions, version: str, cipher: str
) -> tuple[str, int | None]:
    exchange = suites.key_exchange(cipher)
    group = _group(sock, options) if exchange in ("", _ELLIPTIC) else None
    if group is None:
        return exchange, None
    name, bits = group
    if version == _MODERN:
        exchange = _FINITE if name.startswith("ffdhe") else _ELLIPTIC
    return exchange, bits


def _group(sock: ssl.SSLSocket, options: AgreementOptions) -> tuple[str, int] | None:
    if hasattr(sock, "group"):
        return groups.known(str(sock.group()))
    offered = groups.offered(options)
    return groups.GROUPS[offered[0]] if len(offered) == 1 else None


def _chain(sock: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return what the server sent; a resumed session knows its own certificate alone."""
    own = sock.getpeercert(binary_form=True)
    sent = _sent(sock)
    return sent if sent[:1] == (own,) else (own,) if own else ()


def presented(sock: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - a socket, maybe not one of ssl
    """Return the chain that the server sent, also in a handshake that failed over it.

    Empty where that is not known: OpenSSL keeps it from 3.0 on.
    """
    try:
        return _sent(sock)
    except (AttributeError, ValueError, ssl.SSLError):
        return ()


def _sent(sock: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - public from Python 3.13 on
    if hasattr(sock, "get_unverified_chain"):
        return tuple(sock.get_unverified_chain())
    chain = sock._sslobj.get_unverified_chain() or ()  # noqa: SLF001 - what that calls
    return tuple(one.public_bytes(_ssl.ENCODING_DER) for one in chain)
