"""Proxies of our own on loopback that follow a script, honest or not.

Rules of this file:
- A script is a tuple of steps for each connection. Bytes are said; a number is how many bytes are
  heard; `HEAD` hears to the end of an HTTP request; what can be called is called with the talk.
- The last step of an honest script is `to(port)`, which passes bytes on in both directions.
- Every byte that a client said before it was passed on is kept in `heard`, by connection.
- Every wait ends when the proxy is closed.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = bytes | int | str | Callable[["Talk"], object]

HEAD: Final = "head"
_IDLE_SECONDS: Final = 30
_CHOP_SECONDS: Final = 0.001


class Talk:
    """One connection of a client, as steps see it."""

    def __init__(self, proxy: ScriptedProxy, sock: socket.socket) -> None:
        self.proxy = proxy
        self.sock = sock
        self.heard = bytearray()

    def run(self, script: tuple[Step, ...]) -> None:
        self.sock.settimeout(_IDLE_SECONDS)
        with contextlib.suppress(OSError, EOFError), self.sock:
            for step in script:
                self._do(step)

    def _do(self, step: Step) -> None:
        if isinstance(step, bytes):
            self.say(step)
        elif isinstance(step, int):
            self._hear(step)
        elif isinstance(step, str):
            while not self.heard.endswith(b"\r\n\r\n"):
                self._hear(1)
        else:
            step(self)

    def say(self, data: bytes) -> None:
        size = 1 if self.proxy.chop else len(data)
        for position in range(0, len(data), size or 1):
            self.sock.sendall(data[position : position + size])
            if self.proxy.chop:
                self.proxy.closing.wait(_CHOP_SECONDS)

    def _hear(self, size: int) -> None:
        for _ in range(size):
            data = self.sock.recv(1)
            if not data:
                raise EOFError
            self.heard += data


def to(port: int) -> Step:
    """Pass on what either side says to the other, until one of them ends."""

    def act(talk: Talk) -> None:
        with socket.create_connection(("127.0.0.1", port), _IDLE_SECONDS) as server:
            ways = {talk.sock: server, server: talk.sock}
            while not talk.proxy.closing.is_set():
                for source in select.select(list(ways), [], [], 0.05)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    ways[source].sendall(data)

    return act


def stall(talk: Talk) -> None:
    """Say nothing until the proxy is closed."""
    talk.proxy.closing.wait()


def hang_up(talk: Talk) -> None:
    """Close the connection in order."""
    raise EOFError


def reset(talk: Talk) -> None:
    """Abort the connection (RST)."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise EOFError


def forever(data: bytes, pause: float = 0) -> Step:
    """Say *data* again and again, with a pause in between."""

    def act(talk: Talk) -> None:
        while not talk.proxy.closing.wait(pause):
            talk.sock.sendall(data)

    return act


class ScriptedProxy:
    """A proxy that follows a script; use `with ScriptedProxy(HEAD, b"…", to(25)) as proxy:`.

    With `chop` everything is said byte by byte. `scripts` are for the first, second, … connection,
    the last one for all that follow.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self, *script: Step, scripts: tuple[tuple[Step, ...], ...] = (), chop: bool = False
    ) -> None:
        self.chop = chop
        self.closing = threading.Event()
        self._scripts = scripts or (script,)
        self._talks: list[Talk] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def heard(self) -> list[bytes]:
        """What clients said to the proxy itself, by connection."""
        return [bytes(talk.heard) for talk in self._talks]

    def _accept(self) -> None:
        while not self.closing.is_set():
            if not select.select([self._listener], [], [], 0.02)[0]:
                continue
            sock, _ = self._listener.accept()
            talk = Talk(self, sock)
            script = self._scripts[min(len(self._talks), len(self._scripts) - 1)]
            self._talks.append(talk)
            thread = threading.Thread(target=talk.run, args=(script,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End every connection and stop listening."""
        self.closing.set()
        self._acceptor.join()
        self._listener.close()
        for talk in self._talks:
            with contextlib.suppress(OSError):
                talk.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
