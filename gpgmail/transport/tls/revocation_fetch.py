"""Fetching what a certificate names, by HTTP and within limits.

The address is that of a certificate, so little is done with it: http and https alone, no
redirection is followed, and neither size nor time is the other side's choice. It is reached as
the mail server is: through the same firewall, by the same family of addresses.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from gpgmail.core.declare import is_set, rows, stated
from gpgmail.transport import connecting
from gpgmail.transport.failures import Step, crossing
from gpgmail.transport.firewall import FirewallOptions
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.sockets import SocketOptions
from gpgmail.transport.throttle import Throttle
from gpgmail.transport.tls.context import client_context
from gpgmail.transport.tls.resume import Offer
from gpgmail.transport.wire import Wire

if TYPE_CHECKING:
    from gpgmail.core.run import Run

SECONDS = 15.0  # for one place, however much it sends
_PORTS = {"http": 80, "https": 443}
_GROUPS = (FirewallOptions, SocketOptions)
_ALIKE = ("local_host", "use_ipv6")
_HEADER_LIMIT = 64 * 1024
_FOUND = 200


class _Stream(io.RawIOBase):
    """What comes over a Wire, as a file that ends at its limits."""

    def __init__(self, wire: Wire, what: str, limit: int) -> None:
        self._wire = wire
        self._what = what
        self._left = limit
        self._until = time.monotonic() + SECONDS
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever takes bytes
        if not self._waiting:
            self._waiting = self._wire.read_some(self._what)
            self._left -= len(self._waiting)
        if self._left < 0:
            raise ValueError("sends more than is taken")
        if time.monotonic() > self._until:
            raise ValueError(f"is not done in {SECONDS:g} s")
        part = self._waiting[: len(buffer)]
        self._waiting = self._waiting[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def makefile(self, *_: object) -> io.BufferedReader:
        """Be what http.client takes for a socket."""
        return io.BufferedReader(self)


def fetch(
    url: str, options: TransportOptions, run: Run, *, limit: int, query: bytes = b""
) -> bytes:
    """Return what is at *url*, of *limit* bytes at most; *query* is an OCSP request to be posted.

    Raises:
        ValueError: If the address is none, or something else than content comes.
        ConnectError, TlsError, TimeLimitError: If it is not reached.
        Cancelled: If the operation was.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host, usual = parts.hostname or "", _PORTS.get(parts.scheme)
    if usual is None or not host or "*" in host or not url.isascii() or not url.isprintable():
        raise ValueError("is no address for HTTP")
    where = _where(options, host, parts.port or usual)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    request = _request(path, parts.netloc.rpartition("@")[2], query)
    with run.within(min(SECONDS, run.timeout or SECONDS)):
        sock, peer = connecting.connect(where, run)
        wire = Wire(sock, run, Throttle(where))
        try:
            with crossing(Step.HANDSHAKE, str(peer)):
                if parts.scheme == "https":
                    wire.secure(Offer(client_context(options)), host)
            with crossing(Step.READ, str(peer)):
                wire.send(request, str(peer))
                return _content(_Stream(wire, str(peer), limit + _HEADER_LIMIT), limit)
        finally:
            wire.close()


def _where(options: TransportOptions, host: str, port: int) -> TransportOptions:
    """Return the way to another host, which is like that to the mail server."""
    alike = {*_ALIKE, *(row.name for group in _GROUPS for row in rows(group))}
    values = {
        row.name: stated(options, row.name)
        for row in rows(TransportOptions)
        if row.name in alike and is_set(options, row.name)
    }
    return TransportOptions(mail_server=host, mail_port=port, **values)


def _request(path: str, host: str, query: bytes) -> bytes:
    lines = [
        f"{'POST' if query else 'GET'} {path} HTTP/1.0",
        f"Host: {host}",
        "Connection: close",
    ]
    if query:
        lines += ["Content-Type: application/ocsp-request", f"Content-Length: {len(query)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + query


def _content(stream: _Stream, limit: int) -> bytes:
    from http.client import HTTPException, HTTPResponse

    try:
        response = HTTPResponse(stream)  # type: ignore[arg-type]
        response.begin()
        if response.status != _FOUND:
            raise ValueError(f"answers {response.status} {response.reason}")
        content = response.read(limit + 1)
    except HTTPException as error:
        raise ValueError(f"does not speak HTTP ({type(error).__name__})") from None
    if len(content) > limit:
        raise ValueError(f"sends more than {limit} bytes")
    return content
