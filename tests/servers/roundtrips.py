"""A server at the end of a long line: it answers only once the client has fallen silent.

Rules of this file:
- What the client says is read until nothing has come for `delay` seconds. Then all of it is
  answered in one write: that is one round trip, and `trips` counts them. Who does not wait
  between two things is not made to, however much is said.
- The server is honest otherwise: it keeps envelopes and contents, and refuses the addresses that it
  is told to refuse. Over LMTP each recipient has his answer behind the content.
"""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

_IDLE_SECONDS: Final = 30
_BYE: Final = b"221 bye\r\n"


@dataclass(slots=True)
class Taken:
    """One mail that was taken: for whom, and its content, dots taken out."""

    sender: bytes
    recipients: tuple[bytes, ...]
    content: bytes


@dataclass(slots=True)
class _Mail:
    sender: bytes = b""
    recipients: list[bytes] = field(default_factory=list)
    chunks: bytearray = field(default_factory=bytearray)


class RoundTrips:
    """Serves any number of connections; use as a context manager."""

    host: Final = "127.0.0.1"

    def __init__(
        self,
        offers: Sequence[bytes] = (),
        *,
        refuses: Collection[bytes] = (),
        refuses_content: Collection[bytes] = (),
        lmtp: bool = False,
        path: str = "",
        delay: float = 0.05,
    ) -> None:
        self.trips = 0
        self.taken: list[Taken] = []
        self._offers = offers
        self._refuses = refuses
        self._refuses_content = refuses_content
        self._lmtp = lmtp
        self._delay = delay
        self._listener = _listen_at(path) if path else socket.create_server((self.host, 0))
        self.port: int = 0 if path else self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def since(self) -> int:
        """The round trips since this was asked last."""
        trips, self.trips = self.trips, 0
        return trips

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    sock.settimeout(_IDLE_SECONDS)
                    if self.port:
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._converse(sock)

    def _converse(self, sock: socket.socket) -> None:
        buffer, mail = bytearray(), _Mail()
        sock.sendall(b"220 far.example\r\n")
        conversation = self._conversation(buffer, mail)
        while True:
            if not self._hear(sock, buffer):
                return
            answers = b"".join(iter(lambda: next(conversation), b""))
            if answers:
                self.trips += 1
                sock.sendall(answers)
            if answers.endswith(_BYE):
                return

    def _hear(self, sock: socket.socket, buffer: bytearray) -> bool:
        """Read until the client has been silent for a while; False where it left."""
        wait: float = _IDLE_SECONDS
        while select.select([sock], [], [], wait)[0]:
            data = sock.recv(1 << 20)
            if not data:
                return False
            buffer += data
            wait = self._delay
        return True

    def _conversation(self, buffer: bytearray, mail: _Mail) -> Iterator[bytes]:
        """Yield an answer to each command in *buffer*, and nothing where it is not complete."""
        while True:
            line = yield from self._up_to(buffer, b"\r\n")
            verb = line[:4].upper()
            if verb == b"DATA":
                yield from self._data(buffer, mail)
            elif verb == b"BDAT":
                yield from self._bdat(line, buffer, mail)
            else:
                yield _ANSWERS.get(verb, _ok)(self, line, mail)

    def _up_to(self, buffer: bytearray, end: bytes) -> Iterator[bytes]:  # type: ignore[misc]
        while end not in buffer:
            yield b""
        found, _, rest = bytes(buffer).partition(end)
        buffer[:] = rest
        return found

    def _data(self, buffer: bytearray, mail: _Mail) -> Iterator[bytes]:
        if not mail.recipients:
            yield b"554 nobody\r\n"
            return
        yield b"354 go on\r\n"
        buffer[:0] = b"\r\n"
        content = yield from self._up_to(buffer, b"\r\n.\r\n")
        yield self._keep(mail, (content + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:])

    def _bdat(self, line: bytes, buffer: bytearray, mail: _Mail) -> Iterator[bytes]:
        _, size, *last = line.split()
        while len(buffer) < int(size):
            yield b""
        mail.chunks += buffer[: int(size)]
        del buffer[: int(size)]
        if not mail.recipients:
            yield b"554 nobody\r\n"
        elif last:
            yield self._keep(mail, bytes(mail.chunks))
        else:
            yield b"250 a chunk\r\n"

    def _keep(self, mail: _Mail, content: bytes) -> bytes:
        whom = [each for each in mail.recipients if each not in self._refuses_content]
        answers = [
            b"250 taken for %b\r\n" % each if each in whom else b"452 no room for %b\r\n" % each
            for each in mail.recipients
        ]
        self.taken.append(Taken(mail.sender, tuple(whom), content))
        _forget(mail)
        return b"".join(answers) if self._lmtp else b"250 taken\r\n"

    def greeting(self, *, lmtp: bool) -> bytes:
        """The answer to EHLO, or to LHLO."""
        if lmtp is not self._lmtp:
            return b"500 that is another protocol\r\n"
        *before, last = [b"far.example", *self._offers]
        return b"".join(b"250-%b\r\n" % line for line in before) + b"250 %b\r\n" % last

    def name(self, line: bytes, mail: _Mail) -> bytes:
        """The answer to RCPT."""
        address = line[line.index(b"<") + 1 : line.index(b">")]
        if address in self._refuses or not mail.sender:
            return b"550 not here\r\n"
        mail.recipients.append(address)
        return b"250 ok\r\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_IDLE_SECONDS)


def _listen_at(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


def _forget(mail: _Mail) -> None:
    mail.sender = b""
    mail.recipients.clear()
    mail.chunks.clear()


def _begin(_: RoundTrips, line: bytes, mail: _Mail) -> bytes:
    _forget(mail)
    mail.sender = line[line.index(b"<") + 1 : line.index(b">")] or b"<>"
    return b"250 ok\r\n"


def _reset(_: RoundTrips, __: bytes, mail: _Mail) -> bytes:
    _forget(mail)
    return b"250 ok\r\n"


def _ok(_: RoundTrips, __: bytes, ___: _Mail) -> bytes:
    return b"250 ok\r\n"


_ANSWERS: Final[Mapping[bytes, Callable[[RoundTrips, bytes, _Mail], bytes]]] = {
    b"EHLO": lambda server, _, __: server.greeting(lmtp=False),
    b"LHLO": lambda server, _, __: server.greeting(lmtp=True),
    b"MAIL": _begin,
    b"RCPT": lambda server, line, mail: server.name(line, mail),
    b"RSET": _reset,
    b"QUIT": lambda _, __, ___: _BYE,
}
