"""Whether bytes are a whole sequence of OpenPGP packets (RFC 9580 section 4.2), and of which kinds.

And what tells a keybox, in which gpg keeps keys, from that by its first bytes.

Only the packets' frames are read. gpg itself skips to the end of a keyring that was cut off without
a word when it looks a key up, so a copy is held against this before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_KEY, PUBLIC_KEY = 5, 6
KEYBOX_MAGIC = b"KBXf"
_KEYBOX_MAGIC_AT = 8
_PACKET, _NEW_FORMAT = 0x80, 0x40
_USUAL = _PACKET | _NEW_FORMAT
_OLD_LENGTHS = (1, 2, 4)
_MOST_OCTETS = 4
_FOUR_OCTETS = 255
_PARTIAL = 224
_TWO_OCTETS = 192


class FramingError(ValueError):
    """The bytes are not a sequence of packets; the text says where and why."""


def is_keybox(data: bytes) -> bool:
    """Whether *data* begins as a keybox does."""
    return data[_KEYBOX_MAGIC_AT:].startswith(KEYBOX_MAGIC)


def first_tag(data: bytes) -> int | None:
    """Return the tag of the packet that *data* begins with; None where it begins with none."""
    head = data[0] if data else 0
    if not head & _PACKET:
        return None
    return head & 63 if head & _NEW_FORMAT else (head >> 2) & 15


def packets(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Give each packet's tag, start and end.

    Raises:
        FramingError: If the data ends within a packet, or is something else.
    """
    at, size = 0, len(data)
    while at < size:
        start = at
        head = data[at]
        if head & _USUAL == _PACKET:  # what gpg writes: this loop decides what a large file costs
            octets = 1 << (head & 3)
            length = data[at + 1 : at + 1 + octets]
            at += 1 + octets + int.from_bytes(length, "big")
            if at <= size and len(length) == octets <= _MOST_OCTETS:
                yield (head >> 2) & 15, start, at
                continue
            at = start
        if not head & _PACKET:
            raise FramingError(f"is no OpenPGP packet at byte {at}")
        try:
            tag, at = _new(data, at + 1, head) if head & _NEW_FORMAT else _old(data, at + 1, head)
        except IndexError:
            at = size + 1
            tag = 0
        if at > size:
            raise FramingError(f"is cut off: the packet at byte {start} does not end")
        yield tag, start, at


def body(packet: bytes) -> bytes:
    """Return what a packet that `packets` found holds, without its tag and length."""
    head = packet[0]
    if not head & _NEW_FORMAT:
        return packet[1 + _OLD_LENGTHS[head & 3] :]
    octets = {_FOUR_OCTETS: 5}.get(packet[1], 1 if packet[1] < _TWO_OCTETS else 2)
    return packet[1 + octets :]


def _old(data: bytes | memoryview, at: int, head: int) -> tuple[int, int]:
    kind = head & 3
    if kind == len(_OLD_LENGTHS):
        raise FramingError(f"has a packet of no stated length at byte {at - 1}")
    octets = _OLD_LENGTHS[kind]
    if at + octets > len(data):
        raise IndexError
    return (head >> 2) & 15, at + octets + int.from_bytes(data[at : at + octets], "big")


def _new(data: bytes | memoryview, at: int, head: int) -> tuple[int, int]:
    tag = head & 63
    first = data[at]
    if first < _TWO_OCTETS:
        return tag, at + 1 + first
    if first < _PARTIAL:
        return tag, at + 2 + ((first - _TWO_OCTETS) << 8) + data[at + 1] + _TWO_OCTETS
    if first == _FOUR_OCTETS:
        if at + 5 > len(data):
            raise IndexError
        return tag, at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    raise FramingError(f"has a packet of partial length at byte {at - 1}, which no key has")
