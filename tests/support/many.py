"""Thousands of public keys, made in seconds: packets written here, signed by `cryptography`.

gpg makes 30 keys a second. These are what it makes of `ed25519` with a `cv25519` subkey (RFC 9580
section 5.5.2, RFC 6637), without the secret parts. Only for tests of numbers: what else a key may
be is in `fixtures/keyrings/`.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

if TYPE_CHECKING:
    from pathlib import Path

MADE = 1704067200  # 2024-01-01
SIGNATURE, PRIMARY, USER_ID, SUBKEY = 2, 6, 13, 14  # packets
EDDSA, ECDH, SHA256 = 22, 18, 8
CURVES = {
    EDDSA: bytes.fromhex("092b06010401da470f01"),
    ECDH: bytes.fromhex("0a2b060104019755010501"),
}
KDF = bytes((3, 1, 8, 7))  # SHA-256 and AES-128
CERTIFIES_AND_SIGNS, ENCRYPTS = 0x03, 0x0C


def address(number: int) -> str:
    """The address of a key."""
    return f"user{number}@example.org"


def keys(count: int) -> bytes:
    """The public keys of so many people, one behind the other."""
    return b"".join(_key(number) for number in range(count))


def write(directory: Path, count: int) -> None:
    """Write them as a file, in armor, and as a legacy directory."""
    data = keys(count)
    (directory / "keys.gpg").write_bytes(data)
    armor = subprocess.run(["gpg", "--enarmor"], input=data, check=True, capture_output=True)
    text = armor.stdout.replace(b"PGP ARMORED FILE", b"PGP PUBLIC KEY BLOCK")
    (directory / "keys.asc").write_bytes(text)
    (directory / "legacy").mkdir()
    (directory / "legacy" / "pubring.gpg").write_bytes(data)


def _key(number: int) -> bytes:
    signer, other = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    primary = _body(EDDSA, signer.public_key().public_bytes_raw())
    subkey = _body(ECDH, other.public_key().public_bytes_raw()) + KDF
    user_id = f"User {number} (test) <{address(number)}>".encode()
    bound = _hashed(primary) + b"\xb4" + struct.pack(">I", len(user_id)) + user_id
    return b"".join(
        (
            _packet(PRIMARY, primary),
            _packet(USER_ID, user_id),
            _signature(signer, 0x13, bound, primary, CERTIFIES_AND_SIGNS, first=True),
            _packet(SUBKEY, subkey),
            _signature(signer, 0x18, _hashed(primary) + _hashed(subkey), primary, ENCRYPTS),
        )
    )


def _packet(tag: int, body: bytes) -> bytes:
    short = len(body) < 256
    return struct.pack(">BB" if short else ">BH", 0x80 | tag << 2 | (not short), len(body)) + body


def _body(algorithm: int, point: bytes) -> bytes:
    return struct.pack(">BIB", 4, MADE, algorithm) + CURVES[algorithm] + _number(b"\x40" + point)


def _number(value: bytes) -> bytes:
    value = value.lstrip(b"\0")
    return struct.pack(">H", 8 * len(value) - 8 + value[0].bit_length()) + value


def _hashed(body: bytes) -> bytes:
    return b"\x99" + struct.pack(">H", len(body)) + body


def _signature(signer, kind, bound, primary, flags, *, first=False) -> bytes:
    fingerprint = hashlib.sha1(_hashed(primary), usedforsecurity=False).digest()
    told = _sub(33, b"\x04" + fingerprint) + _sub(2, struct.pack(">I", MADE))
    told += _sub(27, bytes((flags,)))
    if first:  # ciphers, hashes, and a container with integrity protection
        told += _sub(11, bytes((9, 8, 7))) + _sub(21, bytes((SHA256,))) + _sub(30, b"\x01")
    head = struct.pack(">BBBBH", 4, kind, EDDSA, SHA256, len(told)) + told
    trailer = b"\x04\xff" + struct.pack(">I", len(head))
    digest = hashlib.sha256(bound + head + trailer).digest()
    signature = signer.sign(digest)
    issuer = _sub(16, fingerprint[-8:])
    numbers = _number(signature[:32]) + _number(signature[32:])
    return _packet(SIGNATURE, head + struct.pack(">H", len(issuer)) + issuer + digest[:2] + numbers)


def _sub(kind: int, data: bytes) -> bytes:
    return bytes((len(data) + 1, kind)) + data
