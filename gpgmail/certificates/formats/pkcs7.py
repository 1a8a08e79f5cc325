"""PKCS #7 (RFC 5652 section 5.1), PEM or DER: certificates without keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.certificates.entry import Entry

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gpgmail.certificates.source import Source


def read(source: Source) -> list[Entry]:
    """Return the certificates in *source*."""
    return [Entry(certificate) for certificate in certificates(source.data)]


def certificates(data: bytes) -> list[Certificate]:
    """Return the certificates in *data*."""
    from cryptography.hazmat.primitives.serialization import pkcs7

    pem = b"-----BEGIN " in data
    load = pkcs7.load_pem_pkcs7_certificates if pem else pkcs7.load_der_pkcs7_certificates
    return load(data)
