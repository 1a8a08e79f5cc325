"""SOCKS5 (RFC 1928), with user and password (RFC 1929)."""

from __future__ import annotations

from gpgmail.transport.proxy.base import Exchange, Kind, Proxy, Target, Turn

_VERSION, _CONNECT, _LOGIN_VERSION = 5, 1, 1
_OPEN, _LOGIN, _NO_METHOD = 0, 2, 0xFF
_IPV4, _NAME, _IPV6 = 1, 3, 4
_BY_LENGTH = {4: _IPV4, 16: _IPV6}
_LENGTHS = {_IPV4: 4, _IPV6: 16}
_LONGEST = 255  # bytes of a user, a password, a name
_REFUSALS = {
    1: "general failure",
    2: "connection not allowed by the proxy's rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused by the server",
    6: "time to live expired",
    7: "command not supported",
    8: "kind of address not supported",
}


def _exchange(proxy: Proxy, target: Target) -> Exchange:
    login = _login(proxy)
    if proxy.data:
        raise proxy.unusable("FirewallData", "there are no header lines", "leave it empty")
    methods = bytes([_OPEN, _LOGIN] if login else [_OPEN])
    version, method = yield Turn(bytes([_VERSION, len(methods)]) + methods, 2)
    if version != _VERSION:
        raise proxy.nonsense(f"bytes {version:02x} {method:02x}")
    if method == _NO_METHOD or method not in methods:
        raise _no_method(proxy, method)
    if method == _LOGIN:
        _, status = yield Turn(login, 2)  # not all proxies give the version that the RFC asks for
        if status:
            raise proxy.refused(f"user or password refused (status {status})", final=True)
    yield from _connect(proxy, target)


def _connect(proxy: Proxy, target: Target) -> Exchange:
    request = bytes([_VERSION, _CONNECT, 0]) + _address(target) + target.port.to_bytes(2)
    version, code = yield Turn(request, 2)
    if version != _VERSION:
        raise proxy.nonsense(f"bytes {version:02x} {code:02x}")
    if code:
        raise proxy.refused(f"{_REFUSALS.get(code, 'refused')} (reply {code})")
    # Where it connected from, of no use.
    _, kind = yield Turn(b"", 2)
    if kind == _NAME:
        (length,) = yield Turn(b"", 1)
    elif kind in _LENGTHS:
        length = _LENGTHS[kind]
    else:
        raise proxy.nonsense(f"an address of kind {kind}")
    yield Turn(b"", length + 2)


def _no_method(proxy: Proxy, method: int) -> Exception:
    if method != _NO_METHOD:
        return proxy.nonsense(f"login method {method}, which was not offered")
    hint = None if proxy.user else "set firewall_user and firewall_password"
    offered = "neither without a login nor with a password" if proxy.user else "without a login"
    return proxy.refused(f"connects nobody {offered}", hint=hint, final=True)


def _login(proxy: Proxy) -> bytes:
    """Return the login as it is sent, nothing without a user."""
    if not proxy.user:
        return b""
    login = bytes([_LOGIN_VERSION])
    for name, value in (("user", proxy.user), ("password", proxy.password.reveal())):
        data = value.encode()
        if len(data) > _LONGEST:
            raise proxy.unusable(
                f"firewall_{name}", f"has {len(data)} bytes", f"{_LONGEST} is the most"
            )
        login += bytes([len(data)]) + data
    return login


def _address(target: Target) -> bytes:
    if target.packed:
        return bytes([_BY_LENGTH[len(target.packed)]]) + target.packed
    name = target.where.encode("ascii")
    return bytes([_NAME, len(name)]) + name


KIND = Kind("SOCKS5", resolves=True, ipv6=True, exchange=_exchange)
