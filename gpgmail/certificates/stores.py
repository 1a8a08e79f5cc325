"""The types of stores by the reference's numbers, and how each is opened.

A type says whether the store is a file's name or its content, and which format reads it. Content
may be Base64. Type 99 looks at what it is given.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.certificates import der, work
from gpgmail.certificates.formats import jks, jwk, pem, pfx, pkcs7, ppk, ssh, xml
from gpgmail.certificates.kinds import AUTO, USER
from gpgmail.certificates.source import Source, checked_size, read_file, unreadable
from gpgmail.core.errors import GpgmailError
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.certificates.entry import Entry

_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]+=*\s*")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of store: its format's name, its reader, and whether it is named by a path."""

    words: str
    read: Callable[[Source], list[Entry]]
    is_file: bool


def _detected(source: Source) -> list[Entry]:
    return _reader_of(source.data)(source)


_FORMATS: dict[tuple[int, int], tuple[str, Callable[[Source], list[Entry]]]] = {
    (2, 3): ("PKCS #12", pfx.read),
    (4, 5): ("Java key store", jks.read),
    (6, 7): ("PEM or DER key", pem.read),
    (8, 9): ("PEM or DER certificate", pem.read),
    (13, 10): ("SSH public key", ssh.read),
    (11, 12): ("PKCS #7", pkcs7.read),
    (14, 15): ("PuTTY private key", ppk.read),
    (16, 17): ("XML key", xml.read),
    (18, 19): ("JSON web key", jwk.read),
}
KINDS = {
    number: Kind(words, read, is_file)
    for numbers, (words, read) in _FORMATS.items()
    for number, is_file in zip(numbers, (True, False), strict=True)
}
_WINDOWS = "stores of this kind exist only on Windows"
_BCFKS = "no Python library reads BCFKS: convert it with keytool to PKCS #12"
_PKCS11 = "Python's ssl takes private keys from files alone, and this one stays in its device"
UNSUPPORTED = {USER: _WINDOWS, 1: _WINDOWS, 21: _BCFKS, 22: _BCFKS, 23: _PKCS11}

# How the formats begin, asked in this order.
_SIGNS: tuple[tuple[Callable[[bytes], object], Callable[[Source], list[Entry]]], ...] = (
    (lambda data: data.startswith(jks.MAGICS), jks.read),
    (lambda data: data.startswith(ppk.MAGIC), ppk.read),
    (lambda data: b"-----BEGIN " in data, pem.read),
    (lambda data: ssh.RFC4716 in data or ssh.LINE.search(data) or ssh.name_of(data), ssh.read),
    (lambda data: data.lstrip()[:1] == b"{" and b'"k' in data, jwk.read),
    (lambda data: data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<", xml.read),
    (der.is_pfx, pfx.read),
    (der.is_pkcs7, pkcs7.read),
    (der.is_whole, pem.read),
)


def known_type(number: int) -> int:
    """Accept a type of store that can be opened here, or the default.

    Raises:
        ValueError: If the reference has no such number.
        UnsupportedError: If it has, and stores of this type cannot be opened here.
    """
    if number in {USER, AUTO} or number in KINDS:
        return number
    if number in UNSUPPORTED:
        raise _unsupported(number)
    raise ValueError(f"{number} is no type of store")


def open_store(
    number: int,
    store: bytes,
    *,
    store_password: Secret | None = None,
    key_password: Secret | None = None,
) -> list[Entry]:
    """Return the entries of a store: never none.

    *store* is a path or the content, by its type *number*; *key_password* opens the keys in it and
    is the store's where it is None.

    Raises:
        TlsError: With code 271 if it does not open.
        PassphraseError: If a password is missing or wrong.
        UnsupportedError: If stores of this type, or its protection, cannot be read here.
    """
    kind = _kind(number, store)
    name = os.fsdecode(store) if kind.is_file else f"the given {kind.words}"
    data = read_file(name) if kind.is_file else store
    checked_size(len(data), name)
    password = store_password or Secret("")
    source = Source(
        name, _plain(data), password, password if key_password is None else key_password
    )
    try:
        entries = kind.read(source)
    except GpgmailError:
        raise
    except work.TooMuchError as error:
        raise unreadable(str(error), name, hint="protect it anew with less of it") from None
    except Exception:  # noqa: BLE001 - whatever a parser says of bytes that are not its own
        raise unreadable(f"is no readable {kind.words}", name) from None
    if not entries:
        raise unreadable("is empty", name)
    return entries


def is_content(store: bytes) -> bool:
    """Tell whether *store* is itself a store, and not a path to one."""
    data = _plain(store)
    return any(sign(data) for sign, _ in _SIGNS)


def _kind(number: int, store: bytes) -> Kind:
    if number == AUTO:
        return Kind("certificate or key", _detected, is_file=not is_content(store))
    if number in UNSUPPORTED:
        raise _unsupported(number)
    return KINDS[number]


def _unsupported(number: int) -> GpgmailError:
    return Situation.UNSUPPORTED_HERE.error(UNSUPPORTED[number], subject=f"store type {number}")


def _reader_of(data: bytes) -> Callable[[Source], list[Entry]]:
    for sign, read in _SIGNS:
        if sign(data):
            return read
    raise ValueError("is of no known format")


def _plain(data: bytes) -> bytes:
    """Return *data* decoded where all of it is Base64 of something binary."""
    if not _BASE64.fullmatch(data):
        return data
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data
    binary = der.is_whole(decoded) or decoded.startswith(jks.MAGICS) or ssh.name_of(decoded)
    return decoded if binary else data
