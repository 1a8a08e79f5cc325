"""Which servers are reached without a proxy: ProxyExceptionsList, and NO_PROXY of the environment.

A server is compared as it was given: a name with names, an address with addresses and networks. No
name is resolved for it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from gpgmail.transport.address import packed

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALL = "*"


def is_excepted(host: str, entries: Iterable[str], *, below: bool = False) -> bool:
    """Tell whether one of *entries* names *host*.

    An entry is a name, `*.domain` for all names below one, an address, a network (`192.0.2.0/24`)
    or `*`. With *below* a name stands for those below it too, as in NO_PROXY.
    """
    name, address = _plain(host), packed(host)
    for entry in filter(None, map(_plain, entries)):
        fits = _holds(entry, address) if address else _names(entry, name, below=below)
        if fits or entry == _ALL:
            return True
    return False


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")


def _names(entry: str, name: str, *, below: bool) -> bool:
    domain = entry.removeprefix("*").removeprefix(".")
    if domain != entry or below:
        return name.endswith(f".{domain}") or (below and name == domain)
    return name == entry


def _holds(entry: str, address: bytes) -> bool:
    if packed(entry) == address:
        return True
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # a name
        return False
