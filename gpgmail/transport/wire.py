"""One connection as bytes: nothing here waits longer than its Run allows.

The socket never blocks. Every wait is cut into slices, after each of which the Run says whether to
go on. Foreign errors leave as they are; `failures` judges them where it is known what was going on.
"""

from __future__ import annotations

import contextlib
import select
import ssl
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from gpgmail.core.run import Run

_RECEIVE = 16 * 1024  # a TLS record
_MILLISECONDS = 1000


class LineTooLongError(Exception):
    """The server sent more than its line may have without ending it."""


def wait(sock: socket.socket, events: int, run: Run, what: str) -> None:
    """Return once *sock* is ready for *events* of poll(2).

    Raises:
        TimeLimitError: If the Run's time is over.
        Cancelled: If the Run was cancelled.
    """
    poller = select.poll()
    poller.register(sock, events)
    while not poller.poll(ceil(run.slice() * _MILLISECONDS)):
        run.check(what)


class Wire:
    """A connected socket, in clear or under TLS; `run` is the operation that uses it now."""

    def __init__(self, sock: socket.socket, run: Run) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        self.sock = sock
        self.run = run
        self._buffer = bytearray()

    def spoken(self) -> bool:
        """Whether the server said something that nobody waited for; does not wait.

        Raises:
            EOFError: If it hung up instead.
        """
        if not self._buffer:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._take()
        return bool(self._buffer)

    @property
    def tls_version(self) -> str:
        """The protocol's name such as `TLSv1.3`, empty in clear."""
        return (self.sock.version() or "") if isinstance(self.sock, ssl.SSLSocket) else ""

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Do the TLS handshake; *host* is who the certificate must name.

        The caller asks `spoken` first: what came before the handshake is nobody's word.
        """
        secured = context.wrap_socket(
            self.sock, server_hostname=host.rstrip("."), do_handshake_on_connect=False
        )
        self.sock = secured
        what = "TLS handshake"
        while True:
            self.run.check(what)
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                wait(secured, select.POLLIN, self.run, what)
            except ssl.SSLWantWriteError:
                wait(secured, select.POLLOUT, self.run, what)
            else:
                self.run.touch()
                return

    def send(self, data: bytes, what: str) -> None:
        """Send all of *data*."""
        rest = memoryview(data)
        while rest:
            self.run.check(what)
            try:
                sent = self.sock.send(rest)
            except (BlockingIOError, ssl.SSLWantWriteError):
                wait(self.sock, select.POLLOUT, self.run, what)
            except ssl.SSLWantReadError:
                wait(self.sock, select.POLLIN, self.run, what)
            else:
                self.run.touch()
                rest = rest[sent:]

    def read_line(self, limit: int, what: str) -> bytes:
        """Return the next line without its end.

        Raises:
            LineTooLongError: If it has more than *limit* bytes.
            EOFError: If the connection ends before it does.
        """
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0 and len(self._buffer) <= limit:
            searched = len(self._buffer)
            self._receive(what)
        if not 0 <= end <= limit:
            raise LineTooLongError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _receive(self, what: str) -> None:
        while True:
            self.run.check(what)
            try:
                self._take()
            except (BlockingIOError, ssl.SSLWantReadError):
                wait(self.sock, select.POLLIN, self.run, what)
            except ssl.SSLWantWriteError:
                wait(self.sock, select.POLLOUT, self.run, what)
            else:
                return

    def _take(self) -> None:
        data = self.sock.recv(_RECEIVE)
        if not data:
            raise EOFError("the server closed the connection")
        self.run.touch()
        self._buffer += data

    def close(self) -> None:
        """Close the socket at once, under TLS with its closing alert where that does not wait."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self.sock.unwrap()
        self.sock.close()
