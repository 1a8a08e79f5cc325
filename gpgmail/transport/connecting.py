"""From a host name to a connected socket.

Name resolution cannot be interrupted: it runs in a thread of its own, which is left behind when the
time is over. The addresses are tried in the resolver's order; each but the last gets its share of
the time that is left, so that a dead first one does not use up what the next one needs.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from math import ceil
from typing import TYPE_CHECKING, Any

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.transport.address import Peer
from gpgmail.transport.failures import Step, crossing, judge
from gpgmail.transport.firewall import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC)  # by UseIPv6
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})


def connect(options: TransportOptions, run: Run) -> tuple[socket.socket, Peer]:
    """Return a connected socket and whom it leads to.

    Raises:
        ConnectError: With the number of the last address's trouble, and the words of all.
        TimeLimitError: If the time is over.
    """
    refuse(options)
    host, port = options.mail_server, options.mail_port
    addresses = _resolve(host, port, _FAMILIES[options.use_ipv6], run)
    failed: list[GpgmailError] = []
    for position, address in enumerate(addresses):
        peer = Peer(host, str(address[4][0]), port)
        try:
            with crossing(Step.CONNECT, str(peer)):
                share = _share(run, len(addresses) - position)
                return _open(address, _source(options), run, share, str(peer)), peer
        except GpgmailError as error:
            run.check(str(peer))  # this operation's own end is not the address's trouble
            failed.append(error)
    raise _joined(failed)


def _joined(failed: Sequence[GpgmailError]) -> GpgmailError:
    if len(failed) > 1:
        others = "; ".join(f"{error.subject}: {error.detail}" for error in failed[:-1])
        failed[-1].args = (f"{failed[-1]} (before that, {others})",)
    return failed[-1]


def _share(run: Run, left: int) -> float | None:
    remaining = run.remaining()
    return None if remaining is None or left == 1 else time.monotonic() + remaining / left


def _resolve(host: str, port: int, family: socket.AddressFamily, run: Run) -> Sequence[AddressInfo]:
    try:  # an address was meant, so the family that UseIPv6 names does not matter
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return _look_up(host, port, family, run)


def _look_up(host: str, port: int, family: socket.AddressFamily, run: Run) -> Sequence[AddressInfo]:
    answers: list[Sequence[AddressInfo]] = []
    failures: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(error)
        finally:
            done.set()

    threading.Thread(target=ask, name="gpgmail name resolution", daemon=True).start()
    while not done.wait(run.slice()):
        run.check(f"name resolution of {host}")
    if failures:
        raise judge(failures[0], Step.CONNECT, host) from None
    if not answers or not answers[0]:
        raise Situation.DNS.error("no address", subject=host)
    run.touch()
    return answers[0]


def _source(options: TransportOptions) -> tuple[str, int] | None:
    if not (options.local_host or options.local_port):
        return None
    return options.local_host, options.local_port


def _open(
    address: AddressInfo,
    source: tuple[str, int] | None,
    run: Run,
    until: float | None,
    what: str,
) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        # Commands and content leave in whole groups: waiting to fill a packet only costs time.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            sock.bind(source)
        number = sock.connect_ex(where)
        if number in _UNDER_WAY:
            _wait_connected(sock, run, until, what)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        _raise_if(number)
    except BaseException:
        sock.close()
        raise
    run.touch()
    return sock


def _raise_if(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


def _wait_connected(sock: socket.socket, run: Run, until: float | None, what: str) -> None:
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    while not poller.poll(ceil(run.slice() * 1000)):
        run.check(what)
        if until is not None and time.monotonic() > until:
            raise TimeoutError(errno.ETIMEDOUT, "no answer in this address's share of the time")
