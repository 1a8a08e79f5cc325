"""What stands at the head of an encrypted OpenPGP message: for whom it is, and in what it is kept.

Pure and streaming: bytes go in as they come, nothing is kept but one unfinished packet or line of
armor. Only packet headers and the fields that name a recipient are read (RFC 9580 section 10.3:
session key packets stand before the encrypted data); everything else is gpg's to judge. Whatever
comes in, only `CryptoError` goes out.
"""

from __future__ import annotations

import binascii
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HIDDEN = "0" * 16  # the key id of a recipient who is not named (RFC 9580 section 5.1.8)

_LONGEST_PACKET = 1 << 16  # RSA-16384 takes 2 kB, the post-quantum methods less than 4 kB
_MOST_PACKETS = 10_000  # before the data: each takes time, and an empty one takes no room
_AT_ONCE = 1 << 16  # bytes
_LONGEST_LINE = 1 << 12  # of armor; RFC 9580 section 6.2 writes 76 characters

PKESK, _SKESK = 1, 3
BEFORE_DATA = {PKESK, _SKESK, 10, 21}  # marker and padding carry nothing (sections 5.8, 5.14)
_ARMOR_BEGIN = b"-----BEGIN PGP MESSAGE"
_ARMOR_TAIL = b"-----"


class Container(StrEnum):
    """The packet that follows the session keys: what the message is kept in."""

    SEIPD = "SEIPD"  # with integrity protection (RFC 9580 section 5.13)
    AEAD = "AEAD"  # GnuPG 2.3's own, protected (tag 20, reserved in RFC 9580 section 5)
    SED = "SED"  # without integrity protection (RFC 9580 section 5.7)
    OTHER = "other"  # not encrypted: compressed, signed or literal data

    @property
    def protected(self) -> bool:
        """Whether a change to the ciphertext is noticed."""
        return self in {Container.SEIPD, Container.AEAD}


# First octets of a new-format length (section 4.2.1), and what is to be taken off by header size.
_TWO_OCTETS, _PARTIAL, _FIVE_OCTETS = 192, 224, 255
_LENGTH_OFFSETS = {2: 0, 3: (192 << 8) - 192, 6: 255 << 32}
_INDETERMINATE = 3  # old-format length type (section 4.2.2)

_CONTAINERS = {9: Container.SED, 18: Container.SEIPD, 20: Container.AEAD}


class Head(NamedTuple):
    """What the packets before the data say.

    `recipients` are long key ids in the order of the message, zeros where hidden; `passphrases` is
    the number of passphrases that open it.
    """

    recipients: tuple[str, ...]
    passphrases: int
    container: Container


class HeadReader:
    """Reads the head of a message, armored or binary, from pieces of any size.

    Text before the armor is passed over, as gpg does.
    """

    def __init__(self) -> None:
        self._decode: Callable[[bytes], bytes] | None = None  # known from the first byte on
        self._buffer = bytearray()
        self._recipients: list[str] = []
        self._passphrases = 0
        self._packets = 0
        self._head: Head | None = None

    @property
    def done(self) -> bool:
        """Whether the head is complete, so that more data tells nothing."""
        return self._head is not None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            CryptoError: If they are no OpenPGP packets, or no armor (101, 105).
        """
        if self._decode is None and data:
            # Every packet begins with bit 7 set (RFC 9580 section 4.2), no armor does.
            self._decode = bytes if data[0] & 0x80 else _Armor().feed
        for start in range(0, len(data), _AT_ONCE):
            if self.done or self._decode is None:
                return
            self._buffer += self._decode(data[start : start + _AT_ONCE])
            while self._packet():
                pass

    def result(self) -> Head:
        """Return the head.

        Raises:
            CryptoError: If the data ended before it did.
        """
        if self._head is None:
            begun = self._recipients or self._passphrases or self._buffer
            situation = Situation.BAD_PACKET if begun else Situation.NO_OPENPGP_DATA
            raise situation.error("ends before any OpenPGP data begins")
        return self._head

    def _packet(self) -> bool:
        """Take one packet off the buffer; tell whether it was there."""
        header = packet_header(self._buffer)
        if header is None:
            return False
        if header.tag not in BEFORE_DATA:
            container = _CONTAINERS.get(header.tag, Container.OTHER)
            self._head = Head(tuple(self._recipients), self._passphrases, container)
            self._buffer.clear()
            return False
        if header.length is None or header.length > _LONGEST_PACKET:
            # RFC 9580 section 4.2.1.4: only data packets may come in parts.
            raise Situation.BAD_PACKET.error(f"packet of type {header.tag} has no sane length")
        end = header.size + header.length
        if len(self._buffer) < end:
            return False
        body = bytes(self._buffer[header.size : end])
        del self._buffer[:end]
        self._packets += 1
        if self._packets > _MOST_PACKETS:
            raise Situation.BAD_PACKET.error(f"more than {_MOST_PACKETS} packets before its data")
        if header.tag == PKESK:
            self._recipients.append(named_key(body))
        self._passphrases += header.tag == _SKESK
        return True


class HeadWatcher:
    """A sink that hands everything on to another, and reads the head as it goes by.

    What it sees is not judged here: bytes go on whatever they are, and `result()` tells.
    """

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        self._sink = sink
        self._reader = HeadReader()
        self._error: GpgmailError | None = None

    def __call__(self, data: bytes) -> None:
        """Pass *data* on."""
        if self._error is None and not self._reader.done:
            try:
                self._reader.feed(data)
            except GpgmailError as error:
                self._error = error
        self._sink(data)

    def result(self) -> Head:
        """Return the head of what went by.

        Raises:
            CryptoError: If it was no encrypted message, or not enough of one.
        """
        if self._error is not None:
            raise self._error
        return self._reader.result()


class PacketHeader(NamedTuple):
    """Type of a packet, and how long it is."""

    tag: int
    size: int  # of the header itself
    length: int | None  # of the body; None for parts and for "to the end"


def packet_header(data: bytearray) -> PacketHeader | None:
    """Read a packet header (RFC 9580 section 4.2), or return None when it is not all there.

    Raises:
        CryptoError: If no packet begins there.
    """
    if not data:
        return None
    first = data[0]
    if not first & 0x80:
        raise Situation.BAD_PACKET.error("data stands where a packet should begin")
    return _new_header(data, first & 0x3F) if first & 0x40 else _old_header(data, first)


def _new_header(data: bytearray, tag: int) -> PacketHeader | None:
    """RFC 9580 section 4.2.1: the first octet of the length says how many there are."""
    octet = data[1] if len(data) > 1 else 0
    if _PARTIAL <= octet < _FIVE_OCTETS:
        return PacketHeader(tag, 2, None)
    size = 2 + (octet >= _TWO_OCTETS) + 3 * (octet >= _FIVE_OCTETS)
    if len(data) < size:
        return None
    length = int.from_bytes(data[1:size], "big")
    return PacketHeader(tag, size, length - _LENGTH_OFFSETS[size])


def _old_header(data: bytearray, first: int) -> PacketHeader | None:
    """RFC 9580 section 4.2.2; the last length type reaches to the end of the data."""
    tag, length_type = first >> 2 & 0x0F, first & 0x03
    if length_type == _INDETERMINATE:
        return PacketHeader(tag, 1, None)
    size = 1 + (1 << length_type)
    if len(data) < size:
        return None
    return PacketHeader(tag, size, int.from_bytes(data[1:size], "big"))


def named_key(body: bytes) -> str:
    """Return the long key id that the *body* of a PKESK packet names (RFC 9580 section 5.1).

    Raises:
        CryptoError: If it is of a version that is not known.
    """
    version = body[0] if body else 0
    if version not in _RECIPIENTS:
        raise Situation.BAD_PACKET.error(f"session key packet of version {version} is not known")
    key_id = _RECIPIENTS[version](body)
    if len(key_id) != _KEY_ID_LENGTH:
        raise Situation.BAD_PACKET.error("session key packet names no known kind of key")
    return key_id.hex().upper()


def _recipient_v6(body: bytes) -> bytes:
    """Section 5.1.2: length of what follows, the key's version and its fingerprint; 0 if hidden."""
    length, named = body[1:2], body[2 : 2 + int.from_bytes(body[1:2], "big")]
    # Sections 5.5.4.2 and 5.5.4.3: which end of the fingerprint is the key id.
    key_ids = {b"\0": bytes(8), b"\x15\4": named[-8:], b"\x21\6": named[1:9]}
    return key_ids.get(length + named[:1], b"") if len(named) == sum(length) else b""


_KEY_ID_LENGTH = 8
_RECIPIENTS: dict[int, Callable[[bytes], bytes]] = {
    2: lambda body: body[1:9],  # PGP 2's differs in nothing that is read here
    3: lambda body: body[1:9],  # RFC 9580 section 5.1.1
    6: _recipient_v6,
}


class _Armor:
    """Decodes ASCII armor line by line (RFC 9580 section 6.2); checksums are left to gpg."""

    def __init__(self) -> None:
        self.begun = False
        self._in_headers = False
        self._line = bytearray()
        self._digits = b""

    def feed(self, data: bytes) -> bytes:
        """Return what the complete lines of *data* hold, decoded."""
        return b"".join(self._decode(line) for line in self._lines(data))

    def _lines(self, data: bytes) -> Iterator[bytes]:
        *complete, rest = data.split(b"\n")
        for piece in complete:
            yield bytes(self._line + piece).rstrip()
            self._line.clear()
        self._line += rest
        if len(self._line) > _LONGEST_LINE:
            if self.begun:
                raise Situation.BAD_ARMOR.error("a line of the armor is too long")
            del self._line[_LONGEST_LINE:]

    def _decode(self, line: bytes) -> bytes:
        if not self.begun:
            self.begun = self._in_headers = _begins(line)
            return b""
        if self._in_headers:
            self._in_headers = bool(line)
            return b""
        if line.startswith((b"=", _ARMOR_TAIL)):  # checksum (section 6.1.1) and tail
            return b""
        return self._base64(line)

    def _base64(self, line: bytes) -> bytes:
        digits = self._digits + line
        whole = len(digits) & ~3
        self._digits = digits[whole:]
        try:
            return binascii.a2b_base64(digits[:whole], strict_mode=True) if whole else b""
        except binascii.Error as error:
            raise Situation.BAD_ARMOR.error(f"the armor does not decode: {error}") from None


def _begins(line: bytes) -> bool:
    return line.startswith(_ARMOR_BEGIN) and line.endswith(_ARMOR_TAIL)
