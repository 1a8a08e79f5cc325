"""A certificate for test servers on this machine, by an authority that is minted with it."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, ExtensionType, KeyUsage

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The certificate of an authority, and what a server with a certificate by it presents.

    `authority` is PEM; the certificate is for `localhost`, `127.0.0.1` and `::1`, until tomorrow.
    """

    authority: bytes
    context: ssl.SSLContext = field(repr=False)

    def client_context(self) -> ssl.SSLContext:
        """Return a verifying client context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.authority.decode())


@cache
def credentials() -> Credentials:
    """Return those of this process, minted when they are first asked for."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("gpgmail test authority", authority_key, authority_key)
    server = _certificate(NAMES[0], key, authority_key, authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = serialization.Encoding.PEM
    # OpenSSL takes a private key from a file alone.
    with tempfile.TemporaryDirectory(prefix="gpgmail-") as directory:
        file = Path(directory, "key.pem")
        file.touch(mode=0o600)
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + server.public_bytes(pem))
        context.load_cert_chain(file)
    return Credentials(authority.public_bytes(pem), context)


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    issuer: Certificate | None = None,
) -> Certificate:
    """Return a certificate, that of an authority where it has no *issuer*."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    own = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    extensions: tuple[ExtensionType, ...] = (
        x509.BasicConstraints(ca=issuer is None, path_length=None),
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own),
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        usage("key_cert_sign", "crl_sign") if issuer is None else usage("digital_signature"),
    )
    for one in extensions:
        critical = isinstance(one, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(one, critical=critical)
    if issuer is not None:
        names = [x509.DNSName(NAMES[0]), *(x509.IPAddress(ip_address(one)) for one in NAMES[1:])]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def usage(*named: str) -> KeyUsage:
    """Return what a key may be used for (RFC 5280 section 4.2.1.3), by the library's words."""
    from cryptography import x509

    return x509.KeyUsage(**{one: one in named for one in _USAGES})


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
