"""PKCS #12 (RFC 7292): a key, its certificate and further ones, under one password.

Old RC2 and triple DES files open as the modern AES ones do. Of several private keys the library
gives the first alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.certificates import der, work
from gpgmail.certificates.entry import joined

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

    from gpgmail.certificates.entry import Entry
    from gpgmail.certificates.source import Source


def read(source: Source) -> list[Entry]:
    """Return the key with its certificate, then the others."""
    if not der.is_pfx(source.data):
        raise ValueError("is no PKCS #12")
    work.check_pfx(source.data)
    store = _opened(source)
    certificates = [one.certificate for one in (store.cert, *store.additional_certs) if one]
    return joined(certificates, [store.key] if store.key else [])


def _opened(source: Source) -> PKCS12KeyAndCertificates:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    try:
        return load_pkcs12(source.data, source.store_password.reveal().encode())
    except ValueError:
        if source.store_password:
            raise source.wrong() from None
    try:  # RFC 7292 knows two ways of having no password
        return load_pkcs12(source.data, None)
    except ValueError:
        raise source.locked() from None
