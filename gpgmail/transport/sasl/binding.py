"""What names a TLS connection to a login mechanism: tls-server-end-point (RFC 5929 section 4)."""

from __future__ import annotations

import hashlib

_WEAK = frozenset({"md5", "sha1"})


def end_point(certificate: bytes) -> bytes | None:
    """Return the hash of the server's certificate, given as DER.

    None where its signature names no single hash function, as Ed25519: the RFC defines none then.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return None
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in _WEAK else algorithm.name
    return hashlib.new(name, certificate).digest()
