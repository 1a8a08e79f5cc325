"""Java key stores of type JKS (what JDK 1.2 to 8 wrote without being asked).

Java's own protection of keys is a stream of SHA-1 sums, which no library here knows. Later JDKs
write PKCS #12 under the same file names, which is read too.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NoReturn

from gpgmail.certificates import der
from gpgmail.certificates.entry import Entry
from gpgmail.certificates.formats import pfx
from gpgmail.core.errors import PassphraseError
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.certificates.source import Source
    from gpgmail.core.secret import Secret

MAGIC, _JCEKS = bytes.fromhex("feedfeed"), bytes.fromhex("cececece")
MAGICS = (MAGIC, _JCEKS)
_KEY, _TRUSTED = 1, 2
_SUM = 20  # bytes of a SHA-1 sum, and of the salt
_PROTECTION = bytes.fromhex("2b060104012a021101 01".replace(" ", ""))  # 1.3.6.1.4.1.42.2.17.1.1
_MIGHTY = b"Mighty Aphrodite"  # JDK's own, mixed into the sum of the whole


def read(source: Source) -> list[Entry]:
    """Return the entries in the order of the file; of a key's chain the first certificate."""
    if der.is_pfx(source.data):
        return pfx.read(source)
    if source.data.startswith(_JCEKS):
        _refuse_jceks(source)
    if not source.data.startswith(MAGIC) or len(source.data) < _SUM:
        raise ValueError("is no JKS")
    _check_sum(source)
    body = _Body(source.data[len(MAGIC) : -_SUM])
    version, count = body.number(4), body.number(4)
    return [entry for _ in range(count) for entry in _entry(source, body, version)]


def _refuse_jceks(source: Source) -> NoReturn:
    raise Situation.UNSUPPORTED_HERE.error(
        "is of type JCEKS, which is not read",
        subject=source.name,
        hint="keytool -importkeystore -deststoretype PKCS12 converts it",
    )


def _check_sum(source: Source) -> None:
    """Hold the store against its sum where there is a password for it, as Java does."""
    if not source.store_password:
        return
    content, stated = source.data[:-_SUM], source.data[-_SUM:]
    if not hmac.compare_digest(_sum(source.store_password, _MIGHTY + content), stated):
        raise source.wrong()


def _sum(password: Secret, data: bytes) -> bytes:
    return hashlib.sha1(password.reveal().encode("utf-16-be") + data).digest()  # noqa: S324


class _Body:
    """Reads big-endian numbers, strings with a length, and certificates, one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise ValueError("is cut off")
        self._at += length
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def string(self, length_bytes: int) -> bytes:
        return self.take(self.number(length_bytes))

    def certificate(self, version: int) -> bytes:
        if version > 1:
            self.string(2)  # its type, always X.509
        return self.string(4)


def _entry(source: Source, body: _Body, version: int) -> list[Entry]:
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    from cryptography.x509 import load_der_x509_certificate

    tag = body.number(4)
    body.string(2)  # alias
    body.take(8)  # when it was made
    if tag == _TRUSTED:
        return [Entry(load_der_x509_certificate(body.certificate(version)))]
    if tag != _KEY:
        raise ValueError("has an entry of unknown kind")
    protected = body.string(4)
    first, *rest = (
        load_der_x509_certificate(body.certificate(version)) for _ in range(body.number(4))
    )
    try:  # each key may have a password of its own
        key = load_der_private_key(_unprotected(source, protected), None)
    except PassphraseError as error:
        return [Entry(first, refusal=error.with_traceback(None)), *map(Entry, rest)]
    return [Entry(first, key), *map(Entry, rest)]


def _unprotected(source: Source, data: bytes) -> bytes:
    """Return the PKCS #8 key in *data*, an EncryptedPrivateKeyInfo of Java's own algorithm."""
    algorithm = der.value(outer := der.value(data).content)
    if der.value(algorithm.content).content != _PROTECTION:
        raise ValueError("has a key of unknown protection")
    protected = der.value(outer, algorithm.end).content
    salt, cipher, stated = protected[:_SUM], protected[_SUM:-_SUM], protected[-_SUM:]
    if not source.key_password:
        raise source.locked()
    stream, part = b"", salt
    while len(stream) < len(cipher):
        part = _sum(source.key_password, part)
        stream += part
    plain = bytes(a ^ b for a, b in zip(cipher, stream, strict=False))
    if not hmac.compare_digest(_sum(source.key_password, plain), stated):
        raise source.wrong()
    return plain
