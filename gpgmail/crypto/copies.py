"""One encrypted message as several copies, each of which names only the keys of who gets it.

A message to several keys is one ciphertext behind a packet for each key that holds the session key
(RFC 9580 sections 5.1 and 10.3). A copy is the same ciphertext behind some of these packets: the
content is read, signed and encrypted once, a passphrase is needed once, and all copies hold the
same bytes by construction. Who can open one copy could have opened a message to all of them, so
that nobody learns more than from a common ciphertext, and less: not for whom the others are.
"""

from __future__ import annotations

import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.crypto.packets import BEFORE_DATA, HIDDEN, PKESK, named_key, packet_header
from gpgmail.gpg import crc24
from gpgmail.message.bodies import base64_lines, base64_size
from gpgmail.message.storage import Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey, Engine, Job, Made, Source

    Shares = Sequence[Sequence[ChosenKey]]  # the keys of each copy

_END = b"-----END PGP MESSAGE-----"
_LONGEST_HEAD = 1 << 24  # bytes; a packet is some hundred of them
_KEY_ID = slice(1, 9)  # in the body of a session key packet of version 3
_VERSION = 3


class Ciphertext(NamedTuple):
    """An armored message, read as often as wanted."""

    size: int
    chunks: Callable[[], Iterator[bytes]]


def encrypt(
    engine: Engine,
    job: Job,
    source: Source,
    shares: Shares,
    run: Run,
    *,
    newline: bytes = b"\r\n",
) -> tuple[Made, tuple[Ciphertext, ...]]:
    """Encrypt *source* for *shares* in place of the job's recipients; return a copy for each.

    Where there are several copies the engine names all keys: nobody could tell whose packet is
    whose otherwise. Who is hidden loses his key id when the copy is made. Raises what
    `Engine.encrypt` does.

    Raises:
        CryptoError: If the engine's result cannot be shared out as planned.
    """
    if len(shares) == 1:
        whole = Spooled()
        made = engine.encrypt(
            replace(job, recipients=tuple(shares[0])),
            source,
            lambda chunk: whole.write(chunk.replace(b"\n", newline)),
            run,
        )
        return made, (Ciphertext(whole.size, whole.chunks),)
    keys = {key.subkey: replace(key, hidden=False) for keys in shares for key in keys}
    splitter = _Splitter()
    job = replace(job, recipients=tuple(keys.values()))
    made = engine.encrypt(job, source, splitter.write, run)
    message = splitter.message(newline)
    return made, tuple(message.copy(keys) for keys in shares)


class _Splitter:
    """A sink for an engine's armor (LF), which takes it apart into packets and what follows."""

    def __init__(self) -> None:
        self._lines = b""  # of the armor: its first one, header lines, the empty one
        self._held = b""  # the beginning of a line
        self._digits = b""
        self._head = bytearray()
        self._packets: list[bytes] | None = None
        self._body = Spooled()
        self._checksum: int | None = None
        self._ended = False

    def write(self, data: bytes) -> None:
        """Take the next bytes of armor."""
        whole, newline, self._held = (self._held + data).rpartition(b"\n")
        if not self._lines and newline:
            lines, empty, whole = (whole + newline).partition(b"\n\n")
            if not empty:
                self._held = lines + self._held
                return
            self._lines = lines + empty
            whole, newline, _ = whole.rpartition(b"\n")
        if newline and not self._ended:
            self._take(whole + newline)

    def _take(self, lines: bytes) -> None:
        tail = (b"\n" + lines).find(b"\n-")
        if tail >= 0:
            lines, self._ended = lines[:tail], True
        if (at := (b"\n" + lines).find(b"\n=")) >= 0:
            self._checksum = int.from_bytes(_bytes_of(lines[at + 1 : at + 5]), "big")
            lines = lines[:at]
        digits = self._digits + lines.replace(b"\n", b"")
        whole = len(digits) & ~3
        self._digits = digits[whole:]
        self._decoded(_bytes_of(digits[:whole]))

    def _decoded(self, data: bytes) -> None:
        if self._packets is not None:
            self._body.write(data)
            return
        self._head += data
        if len(self._head) > _LONGEST_HEAD:
            raise _odd("its head has no end")
        packets = _packets(self._head)
        if packets is not None:
            self._packets = packets
            self._body.write(bytes(self._head[sum(map(len, packets)) :]))
            self._head.clear()

    def message(self, newline: bytes) -> _Message:
        """Return what came by, which must be a whole message, to be given with these line ends."""
        if not self._ended or self._packets is None or self._digits:
            raise _odd("it has no end")
        return _Message(self._lines, tuple(self._packets), self._body, self._checksum, newline)


def _bytes_of(digits: bytes) -> bytes:
    try:
        return binascii.a2b_base64(digits)
    except binascii.Error as error:
        raise _odd(f"its armor does not decode: {error}") from None


def _packets(data: bytearray) -> list[bytes] | None:
    """Return the packets before the encrypted data, None where it has not begun yet."""
    packets: list[bytes] = []
    position = 0
    while True:
        header = packet_header(data[position : position + 6])
        if header is None:
            return None
        if header.tag not in BEFORE_DATA:
            return packets
        if header.length is None:
            raise _odd("a session key packet has no length")
        end = position + header.size + header.length
        if end > len(data):
            return None
        packets.append(bytes(data[position:end]))
        position = end


class _Message(NamedTuple):
    """A message in its parts: lines of armor, packets, the rest, and its checksum if it has one."""

    lines: bytes
    packets: tuple[bytes, ...]
    body: Spooled
    checksum: int | None
    newline: bytes

    def copy(self, keys: Sequence[ChosenKey]) -> Ciphertext:
        """Return it with the packets of *keys*, and those that are nobody's, alone."""
        hidden = _hidden_by_id(keys)
        chosen = [(packet, _key_id(packet)) for packet in self.packets]
        found = [key_id for _, key_id in chosen if key_id in hidden]
        if not keys or sorted(found) != sorted(hidden):
            raise _odd("not every key of a copy has one packet")
        head = b"".join(
            _without_name(packet) if hidden.get(key_id) else packet
            for packet, key_id in chosen
            if not key_id or key_id in hidden
        )
        return Ciphertext(
            sum(map(len, self._around(head))) + self._lines_size(len(head) + self.body.size),
            lambda: self._render(head),
        )

    def _render(self, head: bytes) -> Iterator[bytes]:
        first, last = self._around(head)
        yield first
        for lines in base64_lines(_joined(head, self.body.chunks())):
            yield lines.replace(b"\r\n", self.newline)
        yield last

    def _lines_size(self, size: int) -> int:
        digits = -(-size // 3) * 4
        ends = base64_size(size) - digits  # CRLF
        return digits + ends // 2 * len(self.newline)

    def _around(self, head: bytes) -> tuple[bytes, bytes]:
        """Return what stands before and behind the lines of base64."""
        last = self._checksum_line(head) + _END + b"\n"
        return self.lines.replace(b"\n", self.newline), last.replace(b"\n", self.newline)

    def _checksum_line(self, head: bytes) -> bytes:
        if self.checksum is None:
            return b""
        before = b"".join(self.packets)
        value = crc24.with_head(self.checksum, before, head, self.body.size)
        return b"=" + binascii.b2a_base64(value.to_bytes(3, "big"), newline=False) + b"\n"


def _joined(head: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks


def _hidden_by_id(keys: Iterable[ChosenKey]) -> dict[str, bool]:
    """Return whether each key is hidden, by its id; one that is named anywhere is named."""
    by_id: dict[str, ChosenKey] = {}
    for key in sorted(keys, key=lambda key: key.hidden):
        known = by_id.setdefault(key.key_id, key)
        if known.subkey != key.subkey:
            raise _odd(f"{known.subkey} and {key.subkey} have the same key id")
    return {key_id: key.hidden for key_id, key in by_id.items()}


def _key_id(packet: bytes) -> str:
    """Return the key id that a packet names, empty for one that holds no session key for a key."""
    header = packet_header(bytearray(packet[:6]))
    if header is None or header.tag != PKESK:
        return ""
    key_id = named_key(packet[header.size :])
    if key_id == HIDDEN:
        raise _odd("it hides a key that was to be named")
    return key_id


def _without_name(packet: bytes) -> bytes:
    """Return a session key packet that names no key (RFC 9580 section 5.1.8)."""
    header = packet_header(bytearray(packet[:6]))
    if header is None or packet[header.size] != _VERSION:
        raise _odd("a session key packet of this version cannot hide its key")
    body = bytearray(packet[header.size :])
    body[_KEY_ID] = bytes(8)
    return packet[: header.size] + bytes(body)


def _odd(detail: str) -> GpgmailError:
    return Situation.PLAN_BROKEN.error(f"gpg's result cannot be shared out: {detail}")
