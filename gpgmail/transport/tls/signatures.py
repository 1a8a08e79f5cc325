"""What the server's certificate may be signed with, looked at before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.transport.tls.agreement import AgreementOptions
    from gpgmail.transport.tls.negotiated import Negotiated

_HASHES = ("sha512", "sha384", "sha256", "sha224", "sha1")
KNOWN_1_2 = tuple(f"{digest}-{key}" for digest in _HASHES for key in ("ecdsa", "rsa", "dsa"))
KNOWN_1_3 = (
    *(f"rsa_pss_{digest}" for digest in ("sha256", "sha384", "sha512")),
    *(f"rsa_pkcs1_{digest}" for digest in ("sha256", "sha384", "sha512")),
    *("ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512"),
    *("ed25519", "ed448"),
)
DEFAULT_1_2, DEFAULT_1_3 = ",".join(KNOWN_1_2), ",".join(KNOWN_1_3)

_PSS = "1.2.840.113549.1.1.10"  # its hash is among its parameters
_RSA, _ECDSA, _DSA = "1.2.840.113549.1.1", "1.2.840.10045.4", "2.16.840.1.101.3.4.3"

# The algorithm's OID -> its name in TLS 1.2 and in TLS 1.3, empty where it has none there. A
# certificate does not tell the curve of its issuer: the names of TLS 1.3 stand for their hash.
_NAMES = {
    f"{_RSA}.5": ("sha1-rsa", ""),
    f"{_RSA}.14": ("sha224-rsa", ""),
    f"{_RSA}.11": ("sha256-rsa", "rsa_pkcs1_sha256"),
    f"{_RSA}.12": ("sha384-rsa", "rsa_pkcs1_sha384"),
    f"{_RSA}.13": ("sha512-rsa", "rsa_pkcs1_sha512"),
    f"{_ECDSA}.1": ("sha1-ecdsa", ""),
    f"{_ECDSA}.3.1": ("sha224-ecdsa", ""),
    f"{_ECDSA}.3.2": ("sha256-ecdsa", "ecdsa_secp256r1_sha256"),
    f"{_ECDSA}.3.3": ("sha384-ecdsa", "ecdsa_secp384r1_sha384"),
    f"{_ECDSA}.3.4": ("sha512-ecdsa", "ecdsa_secp521r1_sha512"),
    "1.2.840.10040.4.3": ("sha1-dsa", ""),
    f"{_DSA}.1": ("sha224-dsa", ""),
    f"{_DSA}.2": ("sha256-dsa", ""),
    f"{_DSA}.3": ("sha384-dsa", ""),
    f"{_DSA}.4": ("sha512-dsa", ""),
    "1.3.101.112": ("", "ed25519"),
    "1.3.101.113": ("", "ed448"),
}


def listed(known: tuple[str, ...]) -> Callable[[str], str]:
    """Return a check that accepts some of *known*, separated by commas, or nothing for any."""

    def check(value: str) -> str:
        if not _named(value) <= set(known):
            raise ValueError(f"takes some of {', '.join(known)}, separated by commas")
        return value

    return check


def check(options: AgreementOptions, agreed: Negotiated, subject: str) -> None:
    """Look whether the server's certificate is signed as the settings say.

    Raises:
        TlsError: With code 280 if it is not.
    """
    rules = {
        "TLSv1.2": ("TLS12SignatureAlgorithms", options.tls12_signature_algorithms, DEFAULT_1_2, 0),
        "TLSv1.3": ("TLS13SignatureAlgorithms", options.tls13_signature_algorithms, DEFAULT_1_3, 1),
    }
    key, value, default, version = rules.get(agreed.version, ("", "", "", 0))
    if not value or value == default:
        return
    found = signed_with(agreed.certificate)[version]
    if found not in _named(value):
        raise Situation.TLS_VERIFY.error(
            f"the certificate is signed with {found or 'what has no name there'}",
            subject=subject,
            hint=f"{key} does not name it",
        )


def signed_with(certificate: bytes) -> tuple[str, str]:
    """Return the signature algorithm of a certificate in DER as TLS 1.2 and TLS 1.3 call it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import load_der_x509_certificate

    try:
        parsed = load_der_x509_certificate(certificate)
        oid = parsed.signature_algorithm_oid.dotted_string
        if oid == _PSS and parsed.signature_hash_algorithm is not None:
            digest = parsed.signature_hash_algorithm.name
            return f"{digest}-rsa", f"rsa_pss_{digest}"
    except (UnsupportedAlgorithm, ValueError):
        return "", ""
    return _NAMES.get(oid, ("", ""))


def _named(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",") if name.strip()}
