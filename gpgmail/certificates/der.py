"""As much of DER as it takes to tell formats apart and to unpack what the library does not.

Values are given out as they stand; nothing here decides whether they are sound.
"""

from __future__ import annotations

from typing import NamedTuple

SEQUENCE, INTEGER, OID = 0x30, 0x02, 0x06

_PFX_VERSION = b"\x03"  # RFC 7292 section 4
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_LONG = 0x80  # a length byte with this bit counts the length bytes that follow
_MOST_LENGTH_BYTES = 4


class Value(NamedTuple):
    """One value: its tag, its content, and where the next one begins."""

    tag: int
    content: bytes
    end: int


def value(data: bytes, at: int = 0) -> Value:
    """Return the value that begins at *at*.

    Raises:
        ValueError: If it is cut off, or its length is not definite.
    """
    head = data[at : at + 2]
    if len(head) < 2:  # noqa: PLR2004 - a tag and a length
        raise ValueError("DER is cut off")
    tag, length = head
    start = at + 2
    if length >= _LONG:
        count = length - _LONG
        if not 0 < count <= _MOST_LENGTH_BYTES:
            raise ValueError("DER has a length that is not definite")
        start += count
        length = int.from_bytes(data[at + 2 : start], "big")
    if start + length > len(data):
        raise ValueError("DER is cut off")
    return Value(tag, data[start : start + length], start + length)


def members(data: bytes) -> list[Value]:
    """Return the values that stand one after another in *data*.

    Raises:
        ValueError: If one is cut off, or its length is not definite.
    """
    found, at = [], 0
    while at < len(data):
        found.append(value(data, at))
        at = found[-1].end
    return found


def is_whole(data: bytes) -> bool:
    """Tell whether *data* is one sequence and nothing more."""
    try:
        found = value(data)
    except ValueError:
        return False
    return found.tag == SEQUENCE and found.end == len(data)


def is_pfx(data: bytes) -> bool:
    """Tell whether *data* begins as PKCS #12 does: with its version."""
    return _first(data) == (INTEGER, _PFX_VERSION)


def is_pkcs7(data: bytes) -> bool:
    """Tell whether *data* begins as signed data does: with its content type."""
    return _first(data) == (OID, _SIGNED_DATA)


def _first(data: bytes) -> tuple[int, bytes] | None:
    if not is_whole(data):
        return None
    try:
        first = value(value(data).content)
    except ValueError:
        return None
    return first.tag, first.content
