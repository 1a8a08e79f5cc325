"""Holding an exchange with a proxy over a connected socket, within the limits of a Run.

Not a byte more is taken from the socket than belongs to the proxy: what follows is the server's.
Nothing here counts as activity, so a proxy has the time limit for the whole of its answers, however
slowly they come.
"""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from gpgmail.transport.connecting import wait
from gpgmail.transport.replies import decoded

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.transport.proxy.base import Exchange, Proxy, Turn


def hold(  # noqa: PLR0917 - one call, and all of it is needed
    exchange: Exchange, turn: Turn, proxy: Proxy, sock: socket.socket, run: Run, until: float | None
) -> None:
    """Go on with *exchange* after its first *turn*, until the proxy has connected.

    Raises:
        ConnectError: With the proxy's words if it does not.
        OSError, EOFError: If the connection to it fails.
        TimeLimitError: If the time is over.
    """
    hearing = _Hearing(sock, run, until, str(proxy))
    while True:
        hearing.say(turn.say)
        try:
            heard = _line(hearing, proxy, turn.size) if turn.line else hearing.exactly(turn.size)
            turn = exchange.send(heard)
        except StopIteration:
            return


def _line(hearing: _Hearing, proxy: Proxy, limit: int) -> bytes:
    line = hearing.line(limit)
    if not line.endswith(b"\n"):
        raise proxy.nonsense("lines without an end")
    return hearing.run.redactor.clean(decoded(line.rstrip(b"\r\n"))).encode()


class _Hearing:
    """A socket with the patience of one operation."""

    def __init__(self, sock: socket.socket, run: Run, until: float | None, what: str) -> None:
        self.run = run
        self._sock = sock
        self._until = until
        self._what = what

    def say(self, data: bytes) -> None:
        while data:
            self._wait(select.POLLOUT)
            data = data[self._sock.send(data) :]

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self._take(size - len(data))
        return data

    def line(self, limit: int) -> bytes:
        """Return a line with its end, or without where it has *limit* bytes or more."""
        line = b""
        while not line.endswith(b"\n") and len(line) < limit:
            seen = self._take(limit - len(line), socket.MSG_PEEK)
            line += self._take(seen.find(b"\n") + 1 or len(seen))
        return line

    def _take(self, size: int, flags: int = 0) -> bytes:
        self._wait(select.POLLIN)
        data = self._sock.recv(size, flags)
        if not data:
            raise EOFError("closed the connection")
        return data

    def _wait(self, event: int) -> None:
        wait(self._sock, event, self.run, self._until, self._what)
