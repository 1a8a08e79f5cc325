"""ASCII armor in a mail: line ends on its way out, and on its way in where a block lies.

Mails come mangled: lines are indented, doubled or end in blanks, the empty line before the data is
gone. Armor of a message is put right before gpg sees it, which changes nothing that counts: a
ciphertext proves itself. Text that is signed in clear is never touched.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.errors import CryptoError
from gpgmail.crypto.packets import Container, HeadReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.message.storage import Spooled

# Only the lines that begin and end a block are looked for: what a stranger writes between costs
# one pass. The kinds of the two lines must go together.
_MARK = re.compile(
    rb"^(?P<indent>[ \t]*)-----(?P<edge>BEGIN|END) PGP"
    rb" (?P<what>MESSAGE|SIGNED MESSAGE|SIGNATURE)-----[ \t\xa0\xc2]*\r?$",
    re.MULTILINE,
)
_MESSAGE, _SIGNED, _SIGNATURE = b"MESSAGE", b"SIGNED MESSAGE", b"SIGNATURE"
_ENDS = {_MESSAGE: _MESSAGE, _SIGNED: _SIGNATURE}
_FIRST_LINE = re.compile(rb"\s*-----BEGIN PGP (MESSAGE|SIGNED MESSAGE|SIGNATURE)-----")
_HEADER_LINE = re.compile(rb"[A-Za-z][A-Za-z-]*:( |$)")
_CHARSET = re.compile(rb"^Charset:[ \t]*([\w.:-]+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_QUOTED_CHECKSUM = re.compile(rb"=3D[A-Za-z0-9+/]{4}")
_MOST_MENDED = 4 * 1024 * 1024  # bytes; what is larger is left to gpg
_NO_BREAK_SPACE = b"\xc2\xa0"


def crlf_writer(into: Spooled) -> Callable[[bytes], None]:
    """Return a sink that stores the engine's LF lines as the CRLF lines of a mail."""

    def write(chunk: bytes) -> None:
        into.write(chunk.replace(b"\n", b"\r\n"))

    return write


class Block(NamedTuple):
    """An OpenPGP block in a text, and whether it is signed text or a message.

    `charset` is what the armor says of the text inside (RFC 9580 section 6.2.2), if it does.
    """

    data: bytes
    cleartext_signed: bool
    charset: str = ""


class Blocks(NamedTuple):
    """The OpenPGP blocks of a text in their order, and what stands before each and behind the last.

    `unfinished` is the number of blocks that begin and have no end.
    """

    blocks: tuple[Block, ...]
    outside: tuple[bytes, ...]
    unfinished: int = 0


def find_blocks(text: bytes) -> Blocks:
    """Return the OpenPGP blocks of a text body; a block in a quotation is none."""
    blocks: list[Block] = []
    outside: list[bytes] = []
    position = unfinished = 0
    for start, end, signed in _spans(text):
        if end is None:
            unfinished += 1
            continue
        outside.append(text[position:start])
        blocks.append(_block(text[start:end], signed=signed))
        position = end
    outside.append(text[position:])
    return Blocks(tuple(blocks), tuple(outside), unfinished)


def _spans(text: bytes) -> Iterator[tuple[int, int | None, bool]]:
    """Yield where a block begins and ends, the end None where there is none, and its kind."""
    begun: re.Match[bytes] | None = None
    for mark in _MARK.finditer(text):
        if mark["edge"] == b"BEGIN":
            if mark["what"] == _SIGNATURE or (mark["indent"] and mark["what"] != _MESSAGE):
                continue
            if begun is not None:
                yield begun.start(), None, False
            begun = mark
        elif begun is not None and mark["what"] == _ENDS[begun["what"]]:
            yield begun.start(), mark.end(), begun["what"] == _SIGNED
            begun = None
    if begun is not None:
        yield begun.start(), None, False


def _block(data: bytes, *, signed: bool) -> Block:
    if signed:
        return Block(data + b"\n", cleartext_signed=True)
    mended = mend(data)
    charset = _CHARSET.search(mended[: mended.find(b"\n\n") + 1])
    return Block(mended, cleartext_signed=False, charset=charset[1].decode() if charset else "")


def mend(message: bytes) -> bytes:
    """Return the armor of a message with one line end a line and nothing around its lines."""
    lines = message.replace(_NO_BREAK_SPACE, b" ").replace(b"\r", b"\n").split(b"\n")
    first, *rest = filter(None, (line.strip() for line in lines))
    headers = 0
    while headers < len(rest) and _HEADER_LINE.match(rest[headers]):
        headers += 1
    data = rest[headers:]
    if any(map(_QUOTED_CHECKSUM.fullmatch, data)):  # quoted-printable that nobody says it is
        data = binascii.a2b_qp(b"\n".join(data)).split(b"\n")
    return b"\n".join((first, *rest[:headers], b"", *data, b""))


def armored(ciphertext: bytes) -> bytes:
    """Return the armor of a message without what stands around it, put right; else as it is."""
    if len(ciphertext) > _MOST_MENDED or kind(ciphertext) != _MESSAGE:
        return ciphertext
    found = find_blocks(ciphertext)
    return found.blocks[0].data if len(found.blocks) == 1 else ciphertext


def kind(content: bytes) -> bytes:
    """Return what armor *content* begins with: MESSAGE, SIGNED MESSAGE, SIGNATURE, or nothing."""
    found = _FIRST_LINE.match(content)
    return found[1] if found else b""


def is_encrypted(message: bytes) -> bool:
    """Tell whether an armored message is encrypted and not only signed; a damaged one is."""
    reader = HeadReader()
    try:
        reader.feed(message)
        head = reader.result()
    except CryptoError:
        return True
    return head.container is not Container.OTHER or bool(head.recipients or head.passphrases)
