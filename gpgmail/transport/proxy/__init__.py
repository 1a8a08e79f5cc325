"""The kinds of proxies. A kind is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.transport.proxy import socks4, socks4a, socks5, tunnel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.transport.proxy.base import Kind

# By firewall_type.
KINDS: Mapping[int, Kind] = {
    1: tunnel.KIND,
    2: socks4.KIND,
    3: socks5.KIND,
    10: socks4a.KIND,
}
