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

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.transport import lmtp, sockets
from gpgmail.transport.address import Peer, is_nowhere
from gpgmail.transport.failures import Step, crossing, judge
from gpgmail.transport.firewall import is_asked_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions

Address = tuple[Any, ...]
AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Address]

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC)  # by UseIPv6
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})


def connect(options: TransportOptions, run: Run) -> tuple[socket.socket, Peer]:
    """Return a connected socket and whom it leads to, through a firewall where one is asked for.

    Raises:
        UsageError: If what is said of a firewall is not complete.
        ConnectError: With the number of the last address's trouble, and the words of all.
        TimeLimitError: If the time is over.
    """
    if options.unix_socket:
        return lmtp.connect(options.unix_socket, run)
    if is_asked_for(options):
        from gpgmail.transport.proxy import through

        return through.connect(options, run)
    return reach(options.mail_server, options.mail_port, options, run)


def reach(host: str, port: int, options: TransportOptions, run: Run) -> tuple[socket.socket, Peer]:
    """Return a socket that is connected to *host* itself, and its address.

    Raises:
        ConnectError: With the number of the last address's trouble, and the words of all.
        TimeLimitError: If the time is over.
    """
    sources = _sources(options, run)
    addresses = _usable(resolve(host, port, options.use_ipv6, run), sources, host)
    failed: list[GpgmailError] = []
    for position, address in enumerate(addresses):
        peer = Peer(host, str(address[4][0]), port)
        try:
            with crossing(Step.CONNECT, str(peer)):
                until = share(run, len(addresses) - position)
                return _open(address, options, sources[address[0]], run, until), peer
        except GpgmailError as error:
            run.check(str(peer))  # this operation's own end is not the address's trouble
            failed.append(error)
    raise joined(failed)


def joined(failed: Sequence[GpgmailError]) -> GpgmailError:
    """Return the last of these errors, with the words of those before it."""
    if len(failed) > 1:
        others = "; ".join(f"{error.subject}: {error.detail}" for error in failed[:-1])
        failed[-1].args = (f"{failed[-1]} (before that, {others})",)
    return failed[-1]


def share(run: Run, left: int) -> float | None:
    """Return until when one of *left* addresses may take, None for the last one."""
    remaining = run.remaining()
    return None if remaining is None or left == 1 else time.monotonic() + remaining / left


def resolve(host: str, port: int, use_ipv6: int, run: Run) -> Sequence[AddressInfo]:
    """Return the addresses of *host*, of the family that UseIPv6 asks for.

    Raises:
        ConnectError: If it has none.
        TimeLimitError: If the time is over.
    """
    return _resolve(host, port, _FAMILIES[use_ipv6], run)


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


def _sources(options: TransportOptions, run: Run) -> Mapping[socket.AddressFamily, Address | None]:
    """Return where a connection starts from, by each family in which it can."""
    host, port = options.local_host, options.local_port
    if host:
        found = _resolve(host, port, socket.AF_UNSPEC, run)
        return {family: where for family, _, _, _, where in reversed(found)}
    return dict.fromkeys((socket.AF_INET, socket.AF_INET6), ("", port) if port else None)


def somewhere(addresses: Sequence[AddressInfo], host: str) -> Sequence[AddressInfo]:
    """Return those of *addresses* that a host can have.

    Raises:
        ConnectError: With code 102 if none can.
    """
    found = [address for address in addresses if not is_nowhere(str(address[4][0]))]
    if not found:
        raise Situation.DNS.error(
            f"{addresses[0][4][0]} is no host's address",
            subject=host,
            code=ErrorCode.TCP_REMOTE_HOST_INVALID,
            hint="name the server, or give its own address",
        )
    return found


def _usable(
    addresses: Sequence[AddressInfo], sources: Mapping[socket.AddressFamily, Any], host: str
) -> Sequence[AddressInfo]:
    usable = [address for address in somewhere(addresses, host) if address[0] in sources]
    if not usable:
        raise Situation.NETWORK.error(
            "has no address of the family of local_host",
            subject=host,
            code=ErrorCode.IP_ADDRESS_FAMILY,
            hint="set local_host to an IPv4 or IPv6 address as the server's, or leave it empty",
        )
    return usable


def _open(
    address: AddressInfo,
    options: TransportOptions,
    source: Address | None,
    run: Run,
    until: float | None,
) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        sockets.prepare(sock, options)
        if source is not None:
            # A port that was used a moment ago may be used again.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source)
        number = sock.connect_ex(where)
        if number in _UNDER_WAY:
            wait(sock, select.POLLOUT, run, until, f"connecting to {where[0]}")
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


def wait(sock: socket.socket, event: int, run: Run, until: float | None, what: str) -> None:
    """Return when *event* of `select.poll` is there.

    Raises:
        TimeLimitError: If the Run's time is over.
        TimeoutError: If it is *until*, on the clock `time.monotonic`.
    """
    poller = select.poll()
    poller.register(sock, event)
    while True:
        run.check(what)
        if until is not None and time.monotonic() > until:
            raise TimeoutError(errno.ETIMEDOUT, "no answer in this address's share of the time")
        if poller.poll(ceil(run.slice() * 1000)):
            return
