"""What a store holds: entries, each a certificate with its key, or a key alone.

Keys and certificates are joined by their public keys, since few formats say which belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from cryptography.x509 import Certificate

    from gpgmail.core.errors import PassphraseError


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate, a private key, or both; `bare_key` is a public key without a certificate.

    Where a password is missing or wrong, `refusal` is the error that says so in place of the key:
    the certificate can be read without it.
    """

    certificate: Certificate | None = None
    private_key: PrivateKeyTypes | None = field(default=None, repr=False)
    bare_key: PublicKeyTypes | None = None
    refusal: PassphraseError | None = field(default=None, repr=False)

    @property
    def has_private_key(self) -> bool:
        """Whether there is a private key, one that does not open included."""
        return self.private_key is not None or self.refusal is not None

    @property
    def public_key(self) -> PublicKeyTypes | None:
        """The public key, or None where its algorithm is not known to the library."""
        from cryptography.exceptions import UnsupportedAlgorithm

        if self.certificate is not None:
            try:
                return self.certificate.public_key()
            except (UnsupportedAlgorithm, ValueError):
                return None
        if self.private_key is not None:
            return self.private_key.public_key()
        return self.bare_key

    @property
    def key_der(self) -> bytes | None:
        """The public key as SubjectPublicKeyInfo (RFC 5280 section 4.1), for comparing."""
        key = self.public_key
        return None if key is None else key_der(key)


def key_der(key: PublicKeyTypes) -> bytes:
    """Return a public key as SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def joined(
    certificates: Iterable[Certificate], private_keys: Iterable[PrivateKeyTypes]
) -> list[Entry]:
    """Return an entry for each certificate, with its key, and one for each key that is left."""
    keys = {key_der(key.public_key()): key for key in private_keys}
    used = set()
    entries = []
    for certificate in certificates:
        entry = Entry(certificate)
        der = entry.key_der
        if der is not None and der in keys:
            used.add(der)
            entry = Entry(certificate, keys[der])
        entries.append(entry)
    entries += [Entry(private_key=key) for der, key in keys.items() if der not in used]
    return entries
