"""What a connection's socket is set to: the rows, and how each of them gets to the kernel.

All of it is set before the connection is made, since buffer sizes decide what is agreed on then. So
a row that changes while connected is for the next connection. 0 leaves a number at the system's.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from gpgmail.core.checks import between
from gpgmail.core.declare import Declared, setting
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MILLISECONDS = 1000
_LINGER = struct.Struct("ii")  # whether, and seconds
_LARGEST = (1 << 31) - 1

_IDLE = ("TCP_KEEPIDLE", "TCP_KEEPALIVE")  # Linux and BSD, macOS
_INTERVAL = ("TCP_KEEPINTVL",)
_COUNT = ("TCP_KEEPCNT",)


def _constant(names: tuple[str, ...]) -> int | None:
    return next((getattr(socket, name) for name in names if hasattr(socket, name)), None)


def _probing(names: tuple[str, ...], most: int) -> Callable[[int], int]:
    """Return a check for a number of keep-alive that a system may not let us choose."""

    def check(value: int) -> int:
        if value and _constant(names) is None:
            raise Situation.UNSUPPORTED_HERE.error(
                "sockets of this system have no such option", subject=names[0], hint="leave it at 0"
            )
        return between(0, most)(value)

    return check


def _keep_alive(value: int) -> Mapping[str, bool]:
    return {"tcp_keep_alive": True} if value else {}


# The kernel's own limits: 32767 seconds, 127 probes.
_SECONDS = 32767
_PROBES = 127


class SocketOptions(Declared):
    """How the connection's socket behaves, and how fast it sends."""

    tcp_no_delay: bool = setting(
        default=False,
        key="TcpNoDelay",
        doc="Send small writes at once (TCP_NODELAY); False lets the system join them.",
    )
    tcp_keep_alive: bool = setting(
        default=False,
        key="TCPKeepAlive",
        doc="Let the system probe a silent connection (SO_KEEPALIVE).",
    )
    keep_alive_time: int = setting(
        default=0,
        key="KeepAliveTime",
        check=_probing(_IDLE, _SECONDS * _MILLISECONDS),
        implies=_keep_alive,
        doc="Milliseconds of silence before the first probe, rounded up to whole seconds; 0 for "
        "the system's. Sets TCPKeepAlive.",
    )
    keep_alive_interval: int = setting(
        default=0,
        key="KeepAliveInterval",
        check=_probing(_INTERVAL, _SECONDS * _MILLISECONDS),
        implies=_keep_alive,
        doc="Milliseconds between unanswered probes, rounded up to whole seconds; 0 for the "
        "system's. Sets TCPKeepAlive.",
    )
    keep_alive_retry_count: int = setting(
        default=0,
        key="KeepAliveRetryCount",
        check=_probing(_COUNT, _PROBES),
        implies=_keep_alive,
        doc="Unanswered probes after which the connection counts as lost; 0 for the system's. "
        "Sets TCPKeepAlive.",
    )
    linger: bool = setting(
        default=True,
        key="Linger",
        doc="Closing delivers what is still unsent; False resets the connection instead.",
    )
    linger_time: int = setting(
        default=0,
        key="LingerTime",
        check=between(0, _SECONDS),
        doc="Seconds for which closing waits until all is sent; 0 closes at once and leaves the "
        "rest to the system. An interrupted call does not wait.",
    )
    in_buffer_size: int = setting(
        default=0,
        key="InBufferSize",
        check=between(0, _LARGEST),
        doc="Bytes of the system's receive buffer, within the system's limits; 0 for its own.",
    )
    out_buffer_size: int = setting(
        default=0,
        key="OutBufferSize",
        check=between(0, _LARGEST),
        doc="Bytes of the system's send buffer, within the system's limits; 0 for its own.",
    )
    max_transfer_rate: int = setting(
        default=0,
        key="MaxTransferRate",
        check=between(0, _LARGEST),
        doc="Bytes that are sent in a second at most, what TLS adds not counted; 0 for no limit.",
    )


def prepare(sock: socket.socket, options: SocketOptions) -> None:
    """Set a socket that is about to connect as *options* say.

    Raises:
        OSError: If the system refuses a value.
    """
    for level, name, value in _wanted(options):
        sock.setsockopt(level, name, value)


def _wanted(options: SocketOptions) -> Iterator[tuple[int, int, int | bytes]]:
    yield socket.IPPROTO_TCP, socket.TCP_NODELAY, int(options.tcp_no_delay)
    for name, size in (
        (socket.SO_RCVBUF, options.in_buffer_size),
        (socket.SO_SNDBUF, options.out_buffer_size),
    ):
        if size:
            yield socket.SOL_SOCKET, name, size
    if not options.linger or options.linger_time:
        seconds = options.linger_time if options.linger else 0
        yield socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.pack(1, seconds)
    if options.tcp_keep_alive:
        yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
        yield from _probes(options)


def _probes(options: SocketOptions) -> Iterator[tuple[int, int, int]]:
    for names, value in (
        (_IDLE, -(-options.keep_alive_time // _MILLISECONDS)),
        (_INTERVAL, -(-options.keep_alive_interval // _MILLISECONDS)),
        (_COUNT, options.keep_alive_retry_count),
    ):
        name = _constant(names)
        if value and name is not None:
            yield socket.IPPROTO_TCP, name, value


def close_without_waiting(sock: socket.socket) -> None:
    """Close *sock*, and leave to the system what LingerTime would wait for; a reset stays one."""
    on, seconds = _LINGER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.size))
    if on and seconds:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER.pack(0, 0))
    sock.close()
