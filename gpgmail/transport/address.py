"""Which addresses are this machine's own, and the peer of a connection as a value."""

from __future__ import annotations

import socket
from typing import NamedTuple

_LOOPBACK_6 = bytes(15) + b"\x01"
_MAPPED = bytes(10) + b"\xff\xff"
_LOOPBACK_4 = 127
_LENGTH_4 = 4
_NOWHERE = frozenset({bytes(4), bytes(16)})


def is_loopback(address: str) -> bool:
    """Tell whether *address* is numeric and this machine's own (127/8, ::1, ::ffff:127/104)."""
    own = packed(address)
    return own == _LOOPBACK_6 or (len(own) == _LENGTH_4 and own[0] == _LOOPBACK_4)


def is_nowhere(address: str) -> bool:
    """Tell whether *address* is numeric and no host's (0.0.0.0, ::, ::ffff:0.0.0.0)."""
    return packed(address) in _NOWHERE


def packed(address: str) -> bytes:
    """Return the bytes of a numeric address, of a mapped one those of IPv4; none for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, address.partition("%")[0])
        except (OSError, ValueError):  # a name; ValueError where it holds NUL or is not ASCII
            continue
        return packed.removeprefix(_MAPPED)
    return b""


class Peer(NamedTuple):
    """The server at the other end: the name that was asked for, and the address connected to.

    `through` is the firewall on the way; one that resolved the name itself tells no address.
    """

    host: str
    address: str
    port: int
    through: str = ""

    @property
    def loopback(self) -> bool:
        """Whether what is sent stays on this machine; 127.0.0.1 of a firewall is another's."""
        return (is_loopback(self.address) or self.is_socket) and not self.through

    @property
    def is_socket(self) -> bool:
        """Whether it is a path, at which a Unix socket of this machine is."""
        return self.address.startswith("/")

    def __str__(self) -> str:
        if self.is_socket:
            return self.address
        name = f"[{self.host}]" if ":" in self.host else self.host
        known = f"[{self.address}]" if self.address not in {"", self.host} else ""
        way = f" through {self.through}" if self.through else ""
        return f"{name}{known}:{self.port}{way}"
