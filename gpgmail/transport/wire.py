"""One connection as bytes: nothing here waits longer than its Run allows.

The socket's own time limit is a slice of a second, after which the Run says whether to go on, and
OpenSSL takes up where it was stopped. Foreign errors leave as they are; `failures` judges them
where it is known what was going on.
"""

from __future__ import annotations

import contextlib
import select
import ssl
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from gpgmail.core.run import SLICE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from gpgmail.core.run import Run

_Done = TypeVar("_Done")

_RECEIVE = 16 * 1024  # a TLS record


class LineTooLongError(Exception):
    """The server sent more than its line may have without ending it."""


class Wire:
    """A connected socket, in clear or under TLS; `run` is the operation that uses it now."""

    def __init__(self, sock: socket.socket, run: Run) -> None:
        sock.settimeout(SLICE)
        self.sock = sock
        self.run = run
        self._buffer = bytearray()
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)

    @property
    def tls_version(self) -> str:
        """The protocol's name such as `TLSv1.3`, empty in clear."""
        return (self.sock.version() or "") if isinstance(self.sock, ssl.SSLSocket) else ""

    def spoken(self) -> bool:
        """Whether the server said something that nobody waited for; does not wait.

        Raises:
            EOFError: If it hung up instead.
        """
        if not self._buffer and self._readable.poll(0):
            self.sock.settimeout(0)  # under TLS it may be a record of the protocol's own
            try:
                self._take()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            finally:
                self.sock.settimeout(SLICE)
        return bool(self._buffer)

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Do the TLS handshake; *host* is who the certificate must name.

        The caller asks `spoken` first: what came before the handshake is nobody's word.
        """
        secured = context.wrap_socket(
            self.sock, server_hostname=host.rstrip("."), do_handshake_on_connect=False
        )
        self.sock = secured
        self._patiently(secured.do_handshake, "TLS handshake")

    def send(self, data: bytes, what: str) -> None:
        """Send all of *data*."""
        rest = memoryview(data)
        while rest:
            sent = self._patiently(partial(self.sock.send, rest), what)
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
            self._patiently(self._take, what)
        if not 0 <= end <= limit:
            raise LineTooLongError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def close(self) -> None:
        """Close the socket at once, under TLS with its closing alert where that does not wait."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self.sock.settimeout(0)
                self.sock.unwrap()
        self.sock.close()

    def _take(self) -> None:
        data = self.sock.recv(_RECEIVE)
        if not data:
            raise EOFError("the server closed the connection")
        self._buffer += data

    def _patiently(self, call: Callable[[], _Done], what: str) -> _Done:
        """Make a call of the socket again until it is done, as long as the Run goes on."""
        while True:
            self.run.check(what)
            try:
                done = call()
            except TimeoutError as error:
                if error.errno:  # the kernel's, which gave the connection up
                    raise
            else:
                self.run.touch()
                return done
