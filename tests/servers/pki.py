"""Certificates that trustme does not issue.

They have any kind of key, stand below intermediates, and name the places where their status is
asked.
"""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from gpgmail.testing.certificates import usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
_DAYS = 30
_SHA256 = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, and who issued it."""

    certificate: x509.Certificate
    key: Any = field(repr=False)
    issuer: Issued | None = None

    @classmethod
    def root(cls, name: str = "Root") -> Issued:
        """Make an authority that nobody stands above."""
        return _issue(name, KEYS["ec"](), None, (_AUTHORITY,))

    def authority(self, name: str) -> Issued:
        """Issue an authority below this one."""
        return _issue(name, KEYS["ec"](), self, (_AUTHORITY,))

    def client(self, name: str, kind: str = "ec") -> Issued:
        """Issue a client's certificate."""
        return _issue(name, KEYS[kind](), self, (x509.ExtendedKeyUsage([Usage.CLIENT_AUTH]),))

    def responder(self, name: str = "Responder") -> Issued:
        """Issue what may answer for this authority (RFC 6960 section 4.2.2.2)."""
        usages = x509.ExtendedKeyUsage([Usage.OCSP_SIGNING])
        return _issue(name, KEYS["ec"](), self, (usages, x509.OCSPNoCheck()))

    def server(self, *, ocsp: Sequence[str] = (), crl: Sequence[str] = ()) -> Issued:
        """Issue a certificate for localhost that names these URLs."""
        extensions: list[x509.ExtensionType] = [
            x509.SubjectAlternativeName([x509.DNSName("localhost")]),
            x509.ExtendedKeyUsage([Usage.SERVER_AUTH]),
        ]
        if ocsp:
            places = [x509.AccessDescription(Access.OCSP, _uri(url)) for url in ocsp]
            extensions.append(x509.AuthorityInformationAccess(places))
        if crl:
            points = [x509.DistributionPoint([_uri(url)], None, None, None) for url in crl]
            extensions.append(x509.CRLDistributionPoints(points))
        return _issue("localhost", KEYS["ec"](), self, extensions)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM, without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def issuers(self) -> list[Issued]:
        """The authorities between this one and the root."""
        chain, above = [], self.issuer
        while above is not None and above.issuer is not None:
            chain.append(above)
            above = above.issuer
        return chain

    def write(self, path: Path, *parts: bytes) -> Path:
        """Write a file 0600: what is given, or else key, certificate and intermediates."""
        path.touch(mode=0o600)
        path.write_bytes(
            b"".join(parts or (self.key_pem, self.pem, *(one.pem for one in self.issuers)))
        )
        return path

    def server_context(self, directory: Path) -> ssl.SSLContext:
        """Return a server's context with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.write(directory / f"{id(self)}.pem"))
        return context

    def revoking(self, *revoked: Issued, since: float = 1, until: float = 24) -> bytes:
        """Return a list of revoked certificates in DER, issued and ending these hours from now."""
        begin, end = _now() - _hours(since), _now() + _hours(until)
        made = x509.CertificateRevocationListBuilder(self.certificate.subject, begin, end)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder(one.certificate.serial_number, begin)
            made = made.add_revoked_certificate(entry.build())
        made = made.add_extension(x509.CRLNumber(1), critical=False)
        return made.sign(self.key, _SHA256).public_bytes(serialization.Encoding.DER)


_AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)


def _issue(
    name: str, key: Any, issuer: Issued | None, extensions: Sequence[x509.ExtensionType]
) -> Issued:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    above = issuer.certificate.subject if issuer else subject
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _hours(24))
        .not_valid_after(_now() + _hours(24 * _DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    for extension in extensions:
        made = made.add_extension(extension, critical=extension is _AUTHORITY)
    if _AUTHORITY in extensions:
        made = made.add_extension(_SIGNS, critical=True)
    return Issued(made.sign(signer, _SHA256), key, issuer)


_SIGNS = usage("digital_signature", "key_cert_sign", "crl_sign")


def _uri(url: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(url)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)
