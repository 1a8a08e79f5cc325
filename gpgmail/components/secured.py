"""What a component shows of its TLS connection: what was agreed on, and the server's certificate.

It stays after the connection's end, until there is another one.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, ClassVar

from gpgmail.components.types.certificate import Certificate
from gpgmail.core.situations import Situation
from gpgmail.transport.tls.negotiated import Negotiated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.transport.session import Session


class Secured:
    """The base of components that connect; `_session` is their last connection."""

    _read_only_settings: ClassVar[Mapping[str, str]] = {
        "SSLNegotiatedCipher": "negotiated.cipher",
        "SSLNegotiatedCipherStrength": "negotiated.strength",
        "SSLNegotiatedCipherSuite": "negotiated.suite",
        "SSLNegotiatedKeyExchange": "negotiated.key_exchange",
        "SSLNegotiatedKeyExchangeStrength": "negotiated.key_exchange_strength",
        "SSLNegotiatedProtocol": "negotiated.version",
        "SSLNegotiatedVersion": "negotiated.version",
    }

    _session: Session | None
    ssl_accept_server_cert_encoded: bytes

    @property
    def negotiated(self) -> Negotiated:
        """What the last TLS handshake came out with; empty fields without one."""
        return Negotiated() if self._session is None else self._session.negotiated

    @property
    def ssl_server_cert_encoded(self) -> bytes:
        """The certificate of the server in PEM; empty without TLS."""
        found = self.negotiated.certificate
        return ssl.DER_cert_to_PEM_cert(found).encode() if found else b""

    def get_ssl_server_cert_encoded(self) -> bytes:
        """Return `ssl_server_cert_encoded`."""
        return self.ssl_server_cert_encoded

    @property
    def ssl_server_cert(self) -> Certificate:
        """The certificate of the server; one that names none without TLS."""
        return Certificate(encoded=self.ssl_server_cert_encoded)

    @property
    def ssl_accept_server_cert(self) -> Certificate:
        """The certificate that the server must have; setting it copies what it names.

        It is `ssl_accept_server_cert_encoded` with its facts.
        """
        return Certificate(encoded=self.ssl_accept_server_cert_encoded)

    @ssl_accept_server_cert.setter
    def ssl_accept_server_cert(self, value: Certificate) -> None:
        if not isinstance(value, Certificate):
            raise Situation.BAD_VALUE.error(
                f"takes Certificate, not {type(value).__name__}", subject="ssl_accept_server_cert"
            )
        self.ssl_accept_server_cert_encoded = b"" if value.blank else value.facts().encoded.encode()
