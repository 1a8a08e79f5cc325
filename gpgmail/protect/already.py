"""Whether a mail that a program handed over is protected already, so that it passes as it is.

It must not only say so: what is passed as ciphertext is looked at line by line, to its end, before
any of it is kept. A mail that says that it is encrypted and holds a line in clear is none.
"""

from __future__ import annotations

import binascii
import re
from email.message import Message
from enum import Enum, auto
from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError
from gpgmail.crypto.packets import Container, HeadReader
from gpgmail.protect.armor import kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.message.carried import Carried

_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"
_ARMOR_HEADER = re.compile(rb"(?:Version|Comment|MessageID|Hash|Charset): [^\r\n]*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{1,76}={0,2}|=[A-Za-z0-9+/]{4}")
_BEGUN_BASE64 = re.compile(rb"[A-Za-z0-9+/=-]{0,80}\r?")
_PART_HEADER = re.compile(
    rb"Content-[A-Za-z-]+:[^\r\n]*|[ \t][^\r\n]*|Version: 1"
    rb"|This is an OpenPGP/MIME encrypted message[^\r\n]*",
    re.IGNORECASE,
)
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature")
_SIGNATURES_OF_OLD = ("application/x-pkcs7-signature",)
_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SEALED = (  # envelopedData (RFC 5652 section 6.1), authEnvelopedData (RFC 5083)
    bytes.fromhex("06092a864886f70d010703"),
    bytes.fromhex("060b2a864886f70d0109100117"),
)
_SIGNED = bytes.fromhex("06092a864886f70d010702")
_BEGINNING = 96  # characters of base64 that hold the type of a CMS object


class Already(Enum):
    """How a mail is protected."""

    NOTHING = auto()
    SIGNED = auto()
    ENCRYPTED = auto()


def already(carried: Carried) -> Already:
    """Return how *carried* is protected; what is encrypted is kept then, anything else is not."""
    typed: Message[str, str] = Message()
    typed["Content-Type"] = carried.content_type
    kind_of = typed.get_content_type()
    look = _LOOKS.get(kind_of)
    return look(carried, typed) if look else Already.NOTHING


def _multipart_encrypted(carried: Carried, typed: Message[str, str]) -> Already:
    if str(typed.get_param("protocol", "")).lower() != "application/pgp-encrypted":
        return Already.NOTHING
    boundary = str(typed.get_param("boundary", "")).encode("ascii", "replace")
    return _ciphertext(carried, _Lines(b"--" + boundary) if boundary else None)


def _multipart_signed(_: Carried, typed: Message[str, str]) -> Already:
    protocol = str(typed.get_param("protocol", "")).lower()
    known = protocol in (*_SIGNATURES, *_SIGNATURES_OF_OLD)
    return Already.SIGNED if known else Already.NOTHING


def _text(carried: Carried, _: Message[str, str]) -> Already:
    begun = carried.begun.lstrip()
    if kind(begun) == b"SIGNED MESSAGE":
        ended = carried.whole and begun.rstrip().endswith(b"-----END PGP SIGNATURE-----")
        once = begun.count(b"-----BEGIN PGP SIGNED MESSAGE-----") == 1
        return Already.SIGNED if ended and once else Already.NOTHING
    return _ciphertext(carried, _Lines() if kind(begun) == b"MESSAGE" else None)


def _ciphertext(carried: Carried, lines: _Lines | None) -> Already:
    at = carried.begun.find(_BEGIN)
    if lines is None or at < 0 or not _begins_sealed(carried.begun[at:]):
        return Already.NOTHING
    kept = carried.keep(lines.look)
    if kept and lines.ended:
        return Already.ENCRYPTED
    if kept:
        carried.give_back()
    return Already.NOTHING


def _begins_sealed(armor: bytes) -> bool:
    """Tell whether armor holds ciphertext; what cannot be read holds none."""
    reader = HeadReader()
    try:
        reader.feed(armor.partition(_END)[0])
        head = reader.result()
    except CryptoError:
        return False
    return head.container is not Container.OTHER and bool(head.recipients or head.passphrases)


def _pkcs7(carried: Carried, _: Message[str, str]) -> Already:
    try:
        begun = b"".join(carried.begun[: 2 * _BEGINNING].split())[:_BEGINNING]
        der = binascii.a2b_base64(begun[: len(begun) // 4 * 4])[:64]
    except ValueError:
        return Already.NOTHING
    if _SIGNED in der:
        return Already.SIGNED
    lines = _Lines(of_base64=True)
    sealed = any(oid in der for oid in _SEALED) and carried.keep(lines.look)
    return Already.ENCRYPTED if sealed else Already.NOTHING


_LOOKS: dict[str, Callable[[Carried, Message[str, str]], Already]] = {
    "multipart/encrypted": _multipart_encrypted,
    "multipart/signed": _multipart_signed,
    "text/plain": _text,
    **dict.fromkeys(_PKCS7, _pkcs7),
}


class _Where(Enum):
    BEFORE = auto()
    ARMOR_HEADER = auto()
    DATA = auto()
    BEHIND = auto()


class _Lines:
    """Looks at lines that must be ciphertext, and what belongs around it in a mail."""

    def __init__(self, delimiter: bytes = b"", *, of_base64: bool = False) -> None:
        self._delimiter = delimiter
        self._where = _Where.DATA if of_base64 else _Where.BEFORE
        self._rest = b""

    @property
    def ended(self) -> bool:
        """Whether the ciphertext came to its end."""
        return self._where is _Where.BEHIND and not self._rest.strip()

    def look(self, piece: bytes) -> bool:
        """Take the next piece; tell whether all of it is what may be there."""
        *lines, self._rest = (self._rest + piece).split(b"\r\n")
        return all(map(self._line, lines)) and bool(_BEGUN_BASE64.fullmatch(self._rest))

    def _line(self, line: bytes) -> bool:
        line = line.rstrip()
        return _AT[self._where](self, line)

    def _before(self, line: bytes) -> bool:
        if line == _BEGIN:
            self._where = _Where.ARMOR_HEADER
            return True
        return not line or (bool(self._delimiter) and self._beside(line))

    def _beside(self, line: bytes) -> bool:
        return line.startswith(self._delimiter) or bool(_PART_HEADER.fullmatch(line))

    def _armor_header(self, line: bytes) -> bool:
        if not line:
            self._where = _Where.DATA
        return not line or bool(_ARMOR_HEADER.fullmatch(line))

    def _data(self, line: bytes) -> bool:
        if line == _END:
            self._where = _Where.BEHIND
            return True
        return not line or bool(_BASE64.fullmatch(line))

    def _behind(self, line: bytes) -> bool:
        return not line or (bool(self._delimiter) and line == self._delimiter + b"--")


_AT: dict[_Where, Callable[[_Lines, bytes], bool]] = {
    _Where.BEFORE: _Lines._before,  # noqa: SLF001 - the table of this class
    _Where.ARMOR_HEADER: _Lines._armor_header,  # noqa: SLF001 - as above
    _Where.DATA: _Lines._data,  # noqa: SLF001 - as above
    _Where.BEHIND: _Lines._behind,  # noqa: SLF001 - as above
}
