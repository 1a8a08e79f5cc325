"""SSH public keys: a line of OpenSSH, RFC 4716, or the bare binary form (RFC 4253 section 6.6)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from gpgmail.certificates.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.certificates.source import Source

RFC4716 = b"---- BEGIN SSH2 PUBLIC KEY ----"
LINE = re.compile(rb"^(?:ssh-|ecdsa-|sk-)\S+[ \t]+AAAA", re.MULTILINE)
_END = b"---- END SSH2 PUBLIC KEY ----"
_LENGTH = 4
_LONGEST_NAME = 64


def read(source: Source) -> list[Entry]:
    """Return an entry for each key."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    return [Entry(bare_key=load_ssh_public_key(line)) for line in _lines(source.data)]


def name_of(blob: bytes) -> bytes:
    """Return the algorithm that a key in binary form begins with, empty if *blob* is none."""
    length = int.from_bytes(blob[:_LENGTH], "big")
    name = blob[_LENGTH : _LENGTH + length] if length <= _LONGEST_NAME else b""
    return name if name.startswith((b"ssh-", b"ecdsa-", b"sk-")) else b""


def _lines(data: bytes) -> Iterable[bytes]:
    if RFC4716 in data:
        return [_as_line(base64.b64decode(_body(data)))]
    if name_of(data):
        return [_as_line(data)]
    return [line.strip() for line in data.splitlines() if line.strip() and line[:1] != b"#"]


def _as_line(blob: bytes) -> bytes:
    return name_of(blob) + b" " + base64.b64encode(blob)


def _body(data: bytes) -> bytes:
    """Return the Base64 of RFC 4716 without its header lines, which a backslash continues."""
    text = data.partition(RFC4716)[2].partition(_END)[0].replace(b"\r", b"").replace(b"\\\n", b"")
    return b"".join(line for line in text.splitlines() if b":" not in line)
