"""ASCII armor as gpg reads it.

The checksum line of armor is optional (RFC 9580 section 6.1), and newer programs write none. gpg
1.4, 2.2 and 2.4 then read on into the last line of the block wherever the data before it ends
without padding, that is in one block of three: the message does not open, the key is not imported.
So such a block gets its checksum before gpg sees it.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from typing import TYPE_CHECKING

from gpgmail.gpg.crc24 import checksum
from gpgmail.gpg.framing import first_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC_ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
SECRET_ARMOR = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"
KEY_ARMOR = (PUBLIC_ARMOR, SECRET_ARMOR)

_BEGIN = re.compile(
    rb"^-----BEGIN PGP (?:MESSAGE|SIGNATURE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)-----[ \t]*\r?\n",
    re.MULTILINE,
)
_END = b"-----END PGP "
_HEADER = re.compile(rb"(?:[A-Za-z][A-Za-z-]*:[^\n]*\n)*[ \t]*\r?\n")
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{4}")
_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_FIRST = {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 18, 20}  # packets that begin something (RFC 9580 10)
_MOST = 4 * 1024 * 1024  # bytes of a block whose checksum is counted; a message needs none
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def unmarked(data: bytes) -> bytes:
    """Return text that editors and shells of Windows saved with a byte order mark as gpg takes it.

    Anything else as it stands. No packet of OpenPGP that a key begins with looks like a mark.
    """
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding, "replace").encode("utf-8")
    return data


def readable(data: bytes) -> bytes:
    """Return *data* in a form that gpg reads as what it is; anything but armor as it stands.

    A message comes as packets without armor, which asks for no checksum.
    """
    gaps = list(_gaps(data))
    if not gaps:
        return data
    whole = data.lstrip().startswith(_MESSAGE) and b"\n" not in data[gaps[0][0] :].strip()
    if len(gaps) == 1 and whole:
        return gaps[0][1]
    pieces: list[bytes] = []
    position = 0
    for end, packets in gaps:
        if len(packets) <= _MOST:
            line = b"=" + base64.b64encode(checksum(packets).to_bytes(3, "big"))
            ending = b"\r\n" if data[:end].endswith(b"\r\n") else b"\n"
            pieces += (data[position:end], line + ending)
            position = end
    return b"".join((*pieces, data[position:]))


def _gaps(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where a checksum is missing, and the packets that it would be of."""
    position = 0
    while found := _BEGIN.search(data, position):
        end = data.find(b"\n" + _END, found.end() - 1) + 1
        if not end:
            return
        position = end
        header = _HEADER.match(data, found.end(), end)
        start = header.end() if header else found.end()
        last = data[start:end].rstrip().rpartition(b"\n")[2].strip()
        if last.endswith(b"=") or _CHECKSUM.fullmatch(last):
            continue
        try:
            packets = binascii.a2b_base64(data[start:end])
        except binascii.Error:
            continue
        if _begins(packets):
            yield end, packets


def _begins(packets: bytes) -> bool:
    """Whether that can be OpenPGP: garbage gets no checksum that would speak for it."""
    return first_tag(packets) in _FIRST
