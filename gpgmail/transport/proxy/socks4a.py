"""SOCKS4A: SOCKS4 with names, which the proxy resolves (Ying-Da Lee's second memo)."""

from __future__ import annotations

from dataclasses import replace

from gpgmail.transport.proxy import socks4
from gpgmail.transport.proxy.base import Exchange, Kind, Proxy, Target

_A_NAME_FOLLOWS = b"\0\0\0\1"  # an address that no host has


def _exchange(proxy: Proxy, target: Target) -> Exchange:
    if target.packed:
        return socks4.exchange(proxy, target)
    name = target.where.encode("ascii") + b"\0"
    return socks4.exchange(proxy, replace(target, packed=_A_NAME_FOLLOWS), name)


KIND = Kind("SOCKS4A", resolves=True, ipv6=False, exchange=_exchange)
