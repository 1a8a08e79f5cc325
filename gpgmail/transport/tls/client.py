"""The client certificate: which one it is, and how it gets into a TLS context.

Python's ssl takes keys from files alone. Ours goes there encrypted with a random passphrase that
nobody but this process ever has, in a file that lies in memory where the system has such files, and
is gone again before the first byte is sent.
"""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from gpgmail.certificates.naming import STORE, Naming
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

    from gpgmail.certificates.entry import Entry
    from gpgmail.core.errors import GpgmailError

_PREFIX = "ssl_cert_"
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_LIMIT = 10  # certificates between a client's and its root; OpenSSL's own limit is of that size


def _known_type(number: int) -> int:
    from gpgmail.certificates.stores import known_type

    return known_type(number)


def _in_place_of(other: str) -> Callable[[Any], Mapping[str, Any]]:
    """Return what naming a certificate in one way means for the other: it names none any more."""
    return lambda value: {other: type(value)()} if value else {}


class ClientCertificateOptions(Declared):
    """With which certificate this machine shows who it is, where a server asks."""

    ssl_cert_store_type: int = prop(
        default=0,
        check=_known_type,
        doc="Type of the store by its number in the reference; 99 looks at what is in it.",
    )
    ssl_cert_store: bytes = prop(
        default=STORE,
        secret=True,  # it may hold a private key
        check=lambda value: value or STORE,
        doc="The store of the client certificate: a path or the content, by its type.",
    )
    ssl_cert_store_password: str = prop(default="", secret=True, doc="Password of the store.")
    ssl_cert_key_password: str = setting(
        default="",
        key="SSLCertKeyPassword",
        secret=True,
        doc="Password of the private key; until set, the store's. Ours.",
    )
    ssl_cert_subject: str = prop(
        default="",
        check=str.strip,
        implies=_in_place_of("ssl_cert_encoded"),
        doc="The full subject of the client certificate; set it, a part of it, `*` for any, or "
        "`Thumbprint=...`. Drops ssl_cert_encoded.",
    )
    ssl_cert_encoded: bytes = prop(
        default=b"",
        secret=True,  # it may bring its private key
        implies=_in_place_of("ssl_cert_subject"),
        doc="The client certificate in PEM or DER; its key is along, or in the store. Drops "
        "ssl_cert_subject.",
    )
    ssl_ca_certs: str = setting(
        default="",
        key="SSLCACerts",
        doc="Certificates in PEM that are sent behind the client certificate, in this order; empty "
        "for those of its issuers that the store has.",
    )


def naming(options: ClientCertificateOptions) -> Naming:
    """Return what *options* say of the client certificate."""
    return Naming.of(options, _PREFIX)


def present(context: ssl.SSLContext, options: ClientCertificateOptions) -> None:
    """Have *context* show the client certificate that *options* name, if they name one.

    Raises:
        TlsError: With code 281 if there is no certificate with a private key that TLS can use, 271
            if its store does not open, 272 if nothing in it matches.
        PassphraseError: If a password is missing or wrong.
        UnsupportedError: If stores of this type cannot be read here.
    """
    named = naming(options)
    if named.blank:
        return
    entry, beside = named.found()
    certificate, key = _usable(entry, named.shown_store)
    chain = _stated_chain(options.ssl_ca_certs) or _issuers(certificate, beside)
    passphrase = os.urandom(32).hex()
    content = _pem([certificate, *chain]) + _encrypted(key, passphrase)
    try:
        with _file_of(content) as path:
            context.load_cert_chain(path, password=lambda: passphrase)
    except ssl.SSLError as error:
        words = (error.reason or "is not to OpenSSL's liking").lower().replace("_", " ")
        raise _unusable(f"OpenSSL refuses it: {words}", named.shown_store) from None


def _usable(entry: Entry, store: str) -> tuple[Certificate, PrivateKeyTypes]:
    if entry.refusal is not None:
        raise entry.refusal
    if entry.certificate is None:
        raise _unusable("has a key without a certificate for it", store)
    if entry.private_key is None:
        raise _unusable("has a certificate without a private key for it", store)
    return entry.certificate, entry.private_key


def _unusable(detail: str, store: str) -> GpgmailError:
    return Situation.CLIENT_CERTIFICATE.error(detail, subject=store)


def _stated_chain(text: str) -> list[Certificate]:
    """Return the certificates of SSLCACerts.

    Raises:
        TlsError: With code 271 if there is something else.
    """
    from cryptography import x509

    if not text.strip():
        return []
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise Situation.CERTIFICATE_STORE.error(
            "holds something that is no certificate in PEM", subject="SSLCACerts"
        ) from None


def _issuers(certificate: Certificate, beside: Sequence[Entry]) -> list[Certificate]:
    """Return the issuers of *certificate* as far as they stand beside it, without a root."""
    others = [entry.certificate for entry in beside if entry.certificate is not None]
    chain: list[Certificate] = []
    current: Certificate | None = certificate
    while current is not None and len(chain) < _LIMIT:
        below = current
        current = next((other for other in others if _issued(other, below)), None)
        if current is not None:
            chain.append(current)
    return chain


def _issued(issuer: Certificate, certificate: Certificate) -> bool:
    """Tell whether *issuer* signed *certificate*; nothing is trusted for that."""
    if issuer.subject != certificate.issuer or issuer.subject == issuer.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - a chain that is not found is not sent, the server judges it
        return False
    return True


def _pem(certificates: Sequence[Certificate]) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _encrypted(key: PrivateKeyTypes, passphrase: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """Give the name of a file with *content*, which is gone afterwards."""
    file, name = _new_file()
    with file:
        file.write(content)
        file.flush()
        yield name


def _new_file() -> tuple[IO[bytes], str]:
    """Return a file that is nobody else's, in memory where the system has such files (Linux)."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("gpgmail")
        return os.fdopen(descriptor, "wb"), f"/proc/self/fd/{descriptor}"
    import tempfile

    file = tempfile.NamedTemporaryFile(prefix="gpgmail-")  # noqa: SIM115 - the caller closes it
    return cast("IO[bytes]", file), file.name
