"""One connection as bytes: nothing here waits longer than its Run allows.

The socket's own time limit is a slice of a second, after which the Run says whether to go on, and
OpenSSL takes up where it was stopped. Foreign errors leave as they are; `failures` judges them
where it is known what was going on.
"""

from __future__ import annotations

import contextlib
import select
import ssl
from typing import TYPE_CHECKING, TypeVar

from gpgmail.core.run import SLICE
from gpgmail.transport import sockets

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from gpgmail.core.run import Run
    from gpgmail.transport.throttle import Throttle
    from gpgmail.transport.tls.resume import Offer

_Done = TypeVar("_Done")

_RECEIVE = 16 * 1024  # a TLS record
_AHEAD = 1 << 22  # bytes of answers that are kept while commands are still going out


class LineTooLongError(Exception):
    """The server sent more than its line may have without ending it."""


class Wire:
    """A connected socket, in clear or under TLS; `run` is the operation that uses it now."""

    def __init__(self, sock: socket.socket, run: Run, throttle: Throttle) -> None:
        sock.settimeout(SLICE)
        self.sock = sock
        self.run = run
        self._throttle = throttle
        self._buffer = bytearray()
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._either = select.poll()
        self._either.register(sock, select.POLLIN | select.POLLOUT)

    @property
    def tls_version(self) -> str:
        """The protocol's name such as `TLSv1.3`, empty in clear."""
        return (self.sock.version() or "") if isinstance(self.sock, ssl.SSLSocket) else ""

    @property
    def tls_session(self) -> ssl.SSLSession | None:
        """What a later connection can resume, None before the handshake is done."""
        if not isinstance(self.sock, ssl.SSLSocket) or not self.sock.version():
            return None
        return self.sock.session

    def spoken(self, *, more: bool = False) -> bool:
        """Whether the server said something that was not read yet, does not wait; *more* takes it.

        Raises:
            EOFError: If it hung up instead.
        """
        if (more or not self._buffer) and self._readable.poll(0):
            self.sock.settimeout(0)  # under TLS it may be a record of the protocol's own
            try:
                self._buffer += self._received()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            finally:
                self.sock.settimeout(SLICE)
        return bool(self._buffer)

    def ahead(self, size: int) -> bytes:
        """Return the first *size* bytes of what came and was not read yet."""
        return bytes(self._buffer[:size])

    def secure(self, offer: Offer, host: str) -> None:
        """Do the TLS handshake; *host* is who the certificate must name.

        The caller asks `spoken` first: what came before the handshake is nobody's word.
        """
        secured = offer.context.wrap_socket(
            self.sock,
            server_hostname=host.rstrip("."),
            do_handshake_on_connect=False,
            session=offer.session,
        )
        self.sock = secured
        self._patiently(secured.do_handshake, "TLS handshake")

    def send(self, data: bytes, what: str) -> None:
        """Send all of *data*.

        Where the server reads no more, because its answers to what went before fill every buffer,
        they are taken in meanwhile (RFC 2920 section 3.1).
        """
        rest = memoryview(data)
        while rest:
            turn = rest[: self._throttle.wait(len(rest), self.run, what)]
            sent = self._patiently(self.sock.send, what, turn)
            self._throttle.sent(sent)
            rest = rest[sent:]
            if sent < len(turn):
                self._take_in()

    def read_line(self, limit: int, what: str) -> bytes:
        """Return the next line without its end.

        Raises:
            LineTooLongError: If it has more than *limit* bytes.
            EOFError: If the connection ends before it does.
        """
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0 and len(self._buffer) <= limit:
            searched = len(self._buffer)
            self._buffer += self._patiently(self._received, what)
        if not 0 <= end <= limit:
            raise LineTooLongError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def read_some(self, what: str) -> bytes:
        """Return what came and was not read, waiting for it; nothing once the connection ended."""
        if not self._buffer:
            try:
                self._buffer += self._patiently(self._received, what)
            except EOFError:
                return b""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def close(self) -> None:
        """Close the socket at once, under TLS with its closing alert where that does not wait."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self.sock.settimeout(0)
                self.sock.unwrap()
        if self.run.cancelled or self.run.remaining() == 0:
            sockets.close_without_waiting(self.sock)
        else:
            self.sock.close()

    def _received(self) -> bytes:
        data = self.sock.recv(_RECEIVE)
        if not data:
            raise EOFError("the server closed the connection")
        return data

    def _take_in(self) -> None:
        """Keep what the server says until it reads again, or there is nothing for a while."""
        while len(self._buffer) < _AHEAD and self._either.poll(SLICE * 1000):
            before = len(self._buffer)
            self.spoken(more=True)
            if len(self._buffer) == before:
                return

    def _patiently(self, call: Callable[..., _Done], what: str, *data: memoryview) -> _Done:
        """Make a call of the socket again until it is done, as long as the Run goes on."""
        while True:
            self.run.check(what)
            try:
                done = call(*data)
            except TimeoutError as error:
                if error.errno:  # the kernel's, which gave the connection up
                    raise
                if data:
                    self._take_in()
            else:
                self.run.touch()
                return done
