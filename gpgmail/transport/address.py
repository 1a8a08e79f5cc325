"""Which addresses are this machine's own, and the peer of a connection as a value."""

from __future__ import annotations

import socket
from dataclasses import dataclass

_LOOPBACK_6 = bytes(15) + b"\x01"
_MAPPED = bytes(10) + b"\xff\xff"
_LOOPBACK_4 = 127
_LENGTH_4 = 4


def is_loopback(address: str) -> bool:
    """Tell whether *address* is numeric and this machine's own (127/8, ::1, ::ffff:127/104)."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, address.partition("%")[0])
        except (OSError, ValueError):  # a name; ValueError where it holds NUL or is not ASCII
            continue
        four = packed.removeprefix(_MAPPED)
        return packed == _LOOPBACK_6 or (len(four) == _LENGTH_4 and four[0] == _LOOPBACK_4)
    return False


@dataclass(frozen=True, slots=True)
class Peer:
    """The server at the other end: the name that was asked for, and the address connected to."""

    host: str
    address: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether what is sent stays on this machine."""
        return is_loopback(self.address)

    def __str__(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        known = f"[{self.address}]" if self.address not in {"", self.host} else ""
        return f"{name}{known}:{self.port}"
