"""ASCII armor on its way into and out of a mail: line ends, and where a block begins and ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gpgmail.message.storage import Spooled

_BLOCK = re.compile(
    rb"^-----BEGIN PGP (?P<kind>SIGNED MESSAGE|MESSAGE)-----[ \t]*\r?$"
    rb".*?"
    rb"^-----END PGP (?P<end>SIGNATURE|MESSAGE)-----[ \t]*\r?$",
    re.MULTILINE | re.DOTALL,
)
_ENDS = {b"SIGNED MESSAGE": b"SIGNATURE", b"MESSAGE": b"MESSAGE"}


def crlf_writer(into: Spooled) -> Callable[[bytes], None]:
    """Return a sink that stores the engine's LF lines as the CRLF lines of a mail."""

    def write(chunk: bytes) -> None:
        into.append(chunk.replace(b"\n", b"\r\n"))

    return write


@dataclass(frozen=True, slots=True)
class Block:
    """An OpenPGP block in a text: `data` itself, and whether it is signed text or a message."""

    data: bytes
    cleartext_signed: bool
    alone: bool  # nothing but white space stands around it


def find_blocks(text: bytes) -> tuple[Block, ...]:
    """Return the OpenPGP blocks of a text body, in order."""
    found = [match for match in _BLOCK.finditer(text) if _ENDS[match["kind"]] == match["end"]]
    outside = _BLOCK.sub(b"", text).strip()
    alone = len(found) == 1 and not outside
    return tuple(
        Block(match.group(0) + b"\n", match["kind"] == b"SIGNED MESSAGE", alone)
        for match in found
    )
