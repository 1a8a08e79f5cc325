"""`CertificateFacts`: all that a certificate, or a key without one, says about itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from gpgmail.certificates import names
from gpgmail.certificates.entry import key_der
from gpgmail.certificates.source import unreadable
from gpgmail.core.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from cryptography.x509 import Certificate, ExtensionType

    from gpgmail.certificates.entry import Entry

E = TypeVar("E", bound="ExtensionType")

# RFC 5280 section 4.2.1.3; the flags are the first byte of the extension's bit string.
_USAGES = (
    (0x80, "digital_signature", "Digital Signature"),
    (0x40, "content_commitment", "Non-Repudiation"),
    (0x20, "key_encipherment", "Key Encipherment"),
    (0x10, "data_encipherment", "Data Encipherment"),
    (0x08, "key_agreement", "Key Agreement"),
    (0x04, "key_cert_sign", "Certificate Signing"),
    (0x02, "crl_sign", "CRL Signing"),
    (0x01, "encipher_only", "Encipher Only"),
)
# Module and class of the library, what the algorithm is called, its length where it has but one.
_ALGORITHMS = (
    ("rsa", "RSAPublicKey", "RSA", 0),
    ("ec", "EllipticCurvePublicKey", "EC", 0),
    ("ed25519", "Ed25519PublicKey", "Ed25519", 256),
    ("ed448", "Ed448PublicKey", "Ed448", 456),
    ("dsa", "DSAPublicKey", "DSA", 0),
    ("x25519", "X25519PublicKey", "X25519", 256),
    ("x448", "X448PublicKey", "X448", 448),
    ("dh", "DHPublicKey", "DH", 0),
)
_THUMBPRINTS = {"md5": "thumbprint_md5", "sha1": "thumbprint_sha1", "sha256": "thumbprint_sha256"}
_FINGERPRINTS = {"md5": "fingerprint", "sha1": "fingerprint_sha1", "sha256": "fingerprint_sha256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate as data; a key without one has the fields of its key and its fingerprints.

    Thumbprints are of a certificate, in upper case with colons as openssl prints them. Fingerprints
    are the same in lower case; those of a bare key are of its SSH form (RFC 4253 section 6.6), as
    `ssh-keygen` prints them, or of its SubjectPublicKeyInfo where SSH has no form for it.
    """

    subject: str = ""
    issuer: str = ""
    serial_number: str = ""  # hexadecimal, two digits a byte
    version: str = ""  # V1 or V3
    effective_date: datetime | None = None  # in UTC
    expiration_date: datetime | None = None
    signature_algorithm: str = ""
    subject_alt_names: str = ""
    usage: str = ""
    usage_flags: int = 0
    extended_key_usage: str = ""  # OIDs, separated by commas
    thumbprint_md5: str = ""
    thumbprint_sha1: str = ""
    thumbprint_sha256: str = ""
    fingerprint: str = ""  # MD5
    fingerprint_sha1: str = ""
    fingerprint_sha256: str = ""
    public_key: str = ""  # PEM, as all that follow
    public_key_algorithm: str = ""
    public_key_length: int = 0  # bits
    private_key: Secret  # empty too where it does not open
    private_key_available: bool = False
    private_key_container: str = ""  # exists only on Windows
    encoded: str = ""  # the certificate

    @classmethod
    def of(cls, entry: Entry) -> CertificateFacts:
        """Return the facts of *entry*.

        Raises:
            TlsError: With code 271 if something in the certificate does not parse.
        """
        try:
            facts: dict[str, Any] = _key_facts(entry)
            if entry.certificate is not None:
                facts |= _certificate_facts(entry.certificate, known=entry.public_key is not None)
        except Exception:  # noqa: BLE001 - the library has several that share no base
            raise unreadable("has a part that does not parse", "certificate") from None
        return cls(**facts)


def _key_facts(entry: Entry) -> dict[str, Any]:
    key, private = entry.public_key, entry.private_key
    facts: dict[str, Any] = {
        "private_key": Secret("" if private is None else _private_pem(private)),
        "private_key_available": entry.has_private_key,
    }
    if key is not None:
        algorithm, length = _algorithm(key)
        facts |= {
            "public_key": _public_pem(key),
            "public_key_algorithm": algorithm,
            "public_key_length": length or getattr(key, "key_size", 0),
        }
        if entry.certificate is None:
            facts |= _digests(_fingerprinted(key), _FINGERPRINTS)
    return facts


def _algorithm(key: PublicKeyTypes) -> tuple[str, int]:
    asymmetric = "cryptography.hazmat.primitives.asymmetric"
    for module, kind, name, length in _ALGORITHMS:
        if isinstance(key, getattr(import_module(f"{asymmetric}.{module}"), kind)):
            return name, length
    return type(key).__name__.removesuffix("PublicKey"), 0


def _public_pem(key: PublicKeyTypes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private_pem(key: PrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _fingerprinted(key: PublicKeyTypes) -> bytes:
    """Return what the fingerprints of a bare key are made of."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return key_der(key)
    return base64.b64decode(line.split()[1])


def _certificate_facts(certificate: Certificate, *, known: bool) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = certificate.public_bytes(Encoding.DER)
    alternatives = _extension(certificate, x509.SubjectAlternativeName)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    flags = _usage_flags(_extension(certificate, x509.KeyUsage))
    return {
        "subject": names.distinguished(certificate.subject),
        "issuer": names.distinguished(certificate.issuer),
        "serial_number": _hex(certificate.serial_number),
        "version": certificate.version.name.upper(),
        "effective_date": certificate.not_valid_before_utc,
        "expiration_date": certificate.not_valid_after_utc,
        "signature_algorithm": names.signature_algorithm(certificate.signature_algorithm_oid),
        "subject_alt_names": names.alternatives(alternatives or ()),
        "usage": ",".join(words for flag, _, words in _USAGES if flags & flag),
        "usage_flags": flags,
        "extended_key_usage": ",".join(oid.dotted_string for oid in extended or ()),
        "encoded": certificate.public_bytes(Encoding.PEM).decode(),
        **{field: text.upper() for field, text in _digests(der, _THUMBPRINTS).items()},
        **_digests(der, _FINGERPRINTS),
        **_unknown_algorithm(certificate, known=known),
    }


def _unknown_algorithm(certificate: Certificate, *, known: bool) -> dict[str, str]:
    """Name by its OID the algorithm of a key that the library does not know (from 43 on)."""
    oid = None if known else getattr(certificate, "public_key_algorithm_oid", None)
    return {} if oid is None else {"public_key_algorithm": oid.dotted_string}


def _extension(certificate: Certificate, kind: type[E]) -> E | None:
    from cryptography.x509 import ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except ExtensionNotFound:
        return None


def _usage_flags(usage: Any) -> int:  # noqa: ANN401 - attributes of the class are read by name
    """Return the flags; `encipher_only` means something only along with `key_agreement`."""
    if usage is None:
        return 0
    return sum(
        flag
        for flag, name, _ in _USAGES
        if (name != "encipher_only" or usage.key_agreement) and getattr(usage, name)
    )


def _hex(number: int) -> str:
    text = f"{abs(number):X}"
    return "-" * (number < 0) + "0" * (len(text) % 2) + text


def _digests(data: bytes, fields: dict[str, str]) -> dict[str, str]:
    return {
        field: hashlib.new(digest, data, usedforsecurity=False).digest().hex(":")
        for digest, field in fields.items()
    }
