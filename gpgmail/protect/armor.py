"""ASCII armor on its way into and out of a mail: line ends, and where a block begins and ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError
from gpgmail.crypto.packets import Container, HeadReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.message.storage import Spooled

# A block begins and ends at line starts; the kinds of its two lines must go together.
_BLOCK = re.compile(
    rb"^-----BEGIN PGP MESSAGE-----[ \t]*\r?\n.*?^-----END PGP MESSAGE-----[ \t]*\r?$"
    rb"|^(?P<signed>-----BEGIN PGP SIGNED MESSAGE-----)[ \t]*\r?\n"
    rb".*?^-----END PGP SIGNATURE-----[ \t]*\r?$",
    re.MULTILINE | re.DOTALL,
)


def crlf_writer(into: Spooled) -> Callable[[bytes], None]:
    """Return a sink that stores the engine's LF lines as the CRLF lines of a mail."""

    def write(chunk: bytes) -> None:
        into.write(chunk.replace(b"\n", b"\r\n"))

    return write


@dataclass(frozen=True, slots=True)
class Block:
    """An OpenPGP block in a text, and whether it is signed text or a message."""

    data: bytes
    cleartext_signed: bool


@dataclass(frozen=True, slots=True)
class Blocks:
    """The OpenPGP blocks of a text in their order, and what stands around them."""

    blocks: tuple[Block, ...]
    outside: bytes


def find_blocks(text: bytes) -> Blocks:
    """Return the OpenPGP blocks of a text body."""
    blocks = tuple(
        Block(found[0] + b"\n", found["signed"] is not None) for found in _BLOCK.finditer(text)
    )
    return Blocks(blocks, _BLOCK.sub(b"", text))


def is_encrypted(message: bytes) -> bool:
    """Tell whether an armored message is encrypted and not only signed; a damaged one is."""
    reader = HeadReader()
    try:
        reader.feed(message)
        head = reader.result()
    except CryptoError:
        return True
    return head.container is not Container.OTHER or bool(head.recipients or head.passphrases)
