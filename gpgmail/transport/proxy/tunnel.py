"""A tunnel by HTTP CONNECT (RFC 9110 section 9.3.6), with a login of kind Basic (RFC 7617)."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from gpgmail.transport.firewall import header_lines
from gpgmail.transport.proxy.base import Exchange, Kind, Proxy, Target, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGIN = "Proxy-Authorization"
_STATUS = re.compile(r"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: .*)?")
_LARGEST = 16 * 1024  # bytes of answers
_INTERIM, _CONNECTED, _NOT_CONNECTED = 100, 200, 300
_LOGIN_REFUSED = frozenset({401, 407})  # tinyproxy says 401 to wrong credentials


def basic(user: str, password: str) -> str:
    """Return user and password as they are sent."""
    return binascii.b2a_base64(f"{user}:{password}".encode(), newline=False).decode("ascii")


def _exchange(proxy: Proxy, target: Target) -> Exchange:
    left = _LARGEST
    say = "".join(f"{line}\r\n" for line in _request(proxy, target)).encode("ascii") + b"\r\n"
    while True:
        line = yield Turn(say, left, line=True)
        code = _code(proxy, line.decode())
        if code >= _CONNECTED:
            return (yield from _rest(left - len(line)))
        # An interim answer has header lines too, and the real one follows.
        left -= len(line)
        while line := (yield Turn(b"", left, line=True)):
            left -= len(line)
        say = b""


def _rest(left: int) -> Exchange:
    """Hear the header lines to their end; what follows is the server's."""
    while line := (yield Turn(b"", left, line=True)):
        left -= len(line)


def _code(proxy: Proxy, line: str) -> int:
    status = _STATUS.fullmatch(line)
    if status is None:
        raise proxy.nonsense(line[:80])
    code = int(status[1])
    if code >= _NOT_CONNECTED:
        login = code in _LOGIN_REFUSED
        hint = "set firewall_user and firewall_password as the proxy knows them" if login else None
        raise proxy.refused(line.partition(" ")[2], hint=hint, final=login)
    return code


def _request(proxy: Proxy, target: Target) -> Iterator[str]:
    yield f"CONNECT {target} HTTP/1.1"
    yield f"Host: {target}"
    lines = header_lines(proxy.data.reveal())
    if proxy.user:
        if any(line.lower().startswith(f"{_LOGIN.lower()}:") for line in lines):
            raise proxy.unusable(
                "FirewallData", "logs in, and firewall_user too", "leave one of them empty"
            )
        if ":" in proxy.user:
            raise proxy.unusable("firewall_user", "holds a colon", "RFC 7617 has no way to send it")
        yield f"{_LOGIN}: Basic {basic(proxy.user, proxy.password.reveal())}"
    yield from lines


KIND = Kind("HTTP", resolves=True, ipv6=True, exchange=_exchange)
