"""SOCKS4: IPv4 addresses, and a user without a password (Ying-Da Lee's memo of 1992)."""

from __future__ import annotations

from gpgmail.transport.proxy.base import Exchange, Kind, Proxy, Target, Turn

_VERSION, _CONNECT = 4, 1
_GRANTED = 90
_REFUSALS = {
    91: "request rejected or failed",
    92: "request rejected: no identd on this machine answers the proxy",
    93: "request rejected: the user is not the one that identd names",
}
_FAILED = 91


def exchange(proxy: Proxy, target: Target, behind: bytes = b"") -> Exchange:
    """Ask for an address; *behind* follows the request."""
    if proxy.password:
        raise proxy.unusable(
            "firewall_password", "there is no password", "leave it empty, or use SOCKS5"
        )
    if proxy.data:
        raise proxy.unusable("FirewallData", "there are no header lines", "leave it empty")
    port = target.port.to_bytes(2)
    request = bytes([_VERSION, _CONNECT]) + port + target.packed + proxy.user.encode() + b"\0"
    version, code = yield Turn(request + behind, 2)
    if version or not (code == _GRANTED or code in _REFUSALS):
        raise proxy.nonsense(f"bytes {version:02x} {code:02x}")
    if code != _GRANTED:
        raise proxy.refused(f"{_REFUSALS[code]} ({code})", final=code != _FAILED)
    yield Turn(b"", 6)  # where it connected to, of no use


KIND = Kind("SOCKS4", resolves=False, ipv6=False, exchange=exchange)
