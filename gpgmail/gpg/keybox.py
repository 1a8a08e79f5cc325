"""The frame of a keybox, in which gpg keeps public keys: where its blobs begin and end.

What stands in a blob is gpg's to read. It passes over what is no blob without a word, and so finds
fewer keys, or none, in a keybox that is damaged.
"""

from __future__ import annotations

import functools
import mmap
import struct
from collections import deque
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.gpg.framing import PUBLIC_KEY, FramingError, is_keybox, packets
from gpgmail.gpg.home import file_identity

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

HEADER, OPENPGP = 1, 2  # types of blobs
# kbx/keybox-blob.c: length, type, version, flags; of keys where they stand, and how long they are
_BLOB = struct.Struct(">IBBHII")
_LENGTH = struct.Struct(">IB")


def mapped(path: Path) -> mmap.mmap:
    """Return the content of a file that is not empty."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def blobs(keybox: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Give the type of each blob and its bytes of keys.

    Raises:
        FramingError: Where there is no blob; the text says where.
    """
    at, size = 0, len(keybox)
    while at < size:
        if size - at < _LENGTH.size:
            raise FramingError(f"is cut off at byte {at}")
        length, kind = _LENGTH.unpack_from(keybox, at)
        if not _LENGTH.size <= length <= size - at:
            raise FramingError(f"is cut off or garbled at byte {at}")
        yield kind, _held(keybox, at, length) if kind == OPENPGP else 0
        at += length


def _held(keybox: mmap.mmap, at: int, length: int) -> int:
    """Return how long the keys of a blob are."""
    if length >= _BLOB.size:
        *_, where, held = _BLOB.unpack_from(keybox, at)
        begins = at + where
        if where + held <= length and _is_key(keybox[begins : begins + held]):
            return int(held)
    raise FramingError(f"is garbled at byte {at}, where a key should be")


def _is_key(data: bytes) -> bool:
    try:
        kinds = [tag for tag, _, _ in packets(data)]
    except FramingError:
        return False
    return kinds[:1] == [PUBLIC_KEY]


def require_whole(ring: Path, *, in_use: bool) -> None:
    """Raise where a keybox cannot be what gpg left there; what is none passes, unless *in_use*.

    A home's `pubring.kbx` is in use: there gpg takes an old ring too, and garbage for one.

    Raises:
        KeyringError: If it is damaged, or cannot be read; the error names the file.
    """
    try:
        keybox, wrong = _looked_at(ring, file_identity(ring))
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(reason(failure), subject=shown(ring)) from failure
    if wrong and (keybox or in_use):
        situation = Situation.KEYRING_UNREADABLE if in_use else Situation.KEY_UNREADABLE
        raise situation.error(
            f"it {wrong}",
            subject=shown(ring),
            hint="put it back from a backup, or import its keys into another home",
        )


@functools.lru_cache
def _looked_at(ring: Path, _identity: Hashable) -> tuple[bool, str]:
    """Return whether it is a keybox, and what is wrong with it, empty where nothing is."""
    if not ring.stat().st_size:
        return False, ""
    with mapped(ring) as data:
        keybox = is_keybox(data[: _BLOB.size])
        found = blobs(data) if keybox else packets(data[:])
        try:
            first = next(found)
            deque(found, maxlen=0)
        except FramingError as failure:
            return keybox, str(failure)
    return keybox, "" if keybox or first[0] == PUBLIC_KEY else "holds no keys"
