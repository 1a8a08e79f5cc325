"""The checksum of ASCII armor (RFC 9580 section 6.1.1), with a way to change a message's beginning.

It is linear: what another beginning changes is known without reading what follows it again.
"""

from __future__ import annotations

from functools import cache

_GENERATOR, _INITIAL = 0x1864CFB, 0xB704CE
_TOP = 1 << 24
_BITS = _TOP - 1


def checksum(data: bytes) -> int:
    """Return the checksum of *data*, of which a second is enough for some megabytes."""
    state, table = _INITIAL, _table()
    for octet in data:
        state = (state << 8 & _BITS) ^ table[state >> 16 ^ octet]
    return state


@cache
def _table() -> tuple[int, ...]:
    """Return what each byte makes of an empty state."""
    return tuple(_times(octet << 16, 1 << 8) for octet in range(256))


def with_head(whole: int, old: bytes, new: bytes, behind: int) -> int:
    """Return the checksum of a message that begins with *new* where it began with *old*.

    *whole* is that of the message with *old*, *behind* the number of bytes after it.
    """
    return whole ^ _times(checksum(old) ^ checksum(new), _shift(behind))


def _shift(octets: int) -> int:
    """Return what a state is multiplied with when *octets* bytes of zero follow: x^(8n)."""
    power, square = 1, 1 << 8
    while octets:
        if octets & 1:
            power = _times(power, square)
        square = _times(square, square)
        octets >>= 1
    return power


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        if other & 1:
            product ^= one
        one = _doubled(one)
        other >>= 1
    return product


def _doubled(state: int) -> int:
    state <<= 1
    return state ^ _GENERATOR if state & _TOP else state
