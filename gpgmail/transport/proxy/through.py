"""To the mail server through a proxy: the steps, in their order."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode, Retry
from gpgmail.core.errors import ConnectError, TimeLimitError
from gpgmail.core.events import ConnectionStatus, Direction, PITrail
from gpgmail.core.situations import Situation
from gpgmail.transport import connecting
from gpgmail.transport.address import Peer, packed
from gpgmail.transport.failures import Step, crossing
from gpgmail.transport.firewall import header_lines, leaves_name, server_name
from gpgmail.transport.proxy.base import Target
from gpgmail.transport.proxy.choice import chosen
from gpgmail.transport.proxy.tunnel import basic
from gpgmail.transport.proxy.turns import hold

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.proxy.base import Proxy

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_IPV4 = 4  # bytes
_TOKEN = 8  # characters; what is shorter in a header line is a word, and may stand anywhere
_ASTERISK = "take the * before mail_server away, or have it connect through a firewall"


def connect(options: TransportOptions, run: Run) -> tuple[socket.socket, Peer]:
    """Return a connected socket and whom it leads to, through a proxy where one is to be used.

    Raises:
        UsageError: If the firewall is not stated completely, or cannot be told what is asked for.
        ConnectError: With code 118 and the proxy's words if it does not connect.
        TimeLimitError: If the time is over.
    """
    proxy = chosen(options)
    if proxy is None:
        if leaves_name(options):
            raise Situation.BAD_VALUE.error(
                "no firewall that could resolve it", subject="mail_server", hint=_ASTERISK
            )
        return connecting.reach(options.mail_server, options.mail_port, options, run)
    _keep_secret(proxy, run)
    targets = _targets(proxy, options, run)
    failed: list[ConnectError | TimeLimitError] = []
    for position, target in enumerate(targets):
        until = connecting.share(run, len(targets) - position)
        try:
            sock = _ask(proxy, target, options, run, until)
        except (ConnectError, TimeLimitError) as error:
            run.check(str(proxy))  # this operation's own end is not the address's trouble
            if error.retry is Retry.NO:
                raise
            failed.append(error)
        else:
            _tell(run, f"{proxy} leads to {target}")
            address = target.where if target.packed else ""
            host = server_name(options)
            return sock, Peer(host, address, target.port, through=str(proxy))
    raise connecting.joined(failed)


def _keep_secret(proxy: Proxy, run: Run) -> None:
    """Have what the proxy is told in confidence masked, should it repeat it."""
    password = proxy.password.reveal()
    run.redactor.know(password)
    if password:
        run.redactor.know(basic(proxy.user, password))
    for line in header_lines(proxy.data.reveal()):
        value = line.partition(":")[2].strip()
        for text in (value, value.rpartition(" ")[2]):
            if len(text) >= _TOKEN:
                run.redactor.know(text)


def _tell(run: Run, text: str) -> None:
    run.emit(PITrail(Direction.INFO, text))
    run.emit(ConnectionStatus("firewall connected", 0, text))


# ------------------------------------------------------------------------------- the server's name


def _targets(proxy: Proxy, options: TransportOptions, run: Run) -> Sequence[Target]:
    host, port = server_name(options), options.mail_port
    if proxy.remote and not packed(host):
        if not proxy.kind.resolves:
            hint = "use SOCKS5 or SOCKS4A, or take the * before mail_server away"
            raise proxy.unusable("mail_server", "a firewall of this kind resolves no name", hint)
        return [Target(_ascii(host), b"", port)]
    found = connecting.somewhere(connecting.resolve(host, port, options.use_ipv6, run), host)
    addresses = [str(address[4][0]).partition("%")[0] for address in found]
    targets = [Target(address, packed(address), port) for address in dict.fromkeys(addresses)]
    usable = [each for each in targets if proxy.kind.ipv6 or len(each.packed) == _IPV4]
    if not usable:
        raise Situation.NETWORK.error(
            f"{targets[0].where} is no IPv4 address, and {proxy.kind.name} reaches no other",
            subject=host,
            code=ErrorCode.IP_ADDRESS_FAMILY,
            hint="use SOCKS5 or a tunnel",
        )
    return usable


def _ascii(host: str) -> str:
    with crossing(Step.CONNECT, host):
        name = host.encode("idna").decode("ascii")
        if not _NAME.fullmatch(name):
            raise UnicodeError("no host name")
    return name


# --------------------------------------------------------------------------------- the proxy itself


def _ask(
    proxy: Proxy, target: Target, options: TransportOptions, run: Run, until: float | None
) -> socket.socket:
    exchange = proxy.kind.exchange(proxy, target)
    first = next(exchange)
    run.emit(PITrail(Direction.INFO, f"{proxy} is asked for {target}"))
    with _firewalls_own(proxy):
        sock, _ = connecting.reach(proxy.host, proxy.port, options, run)
        try:
            with crossing(Step.READ, str(proxy)):
                hold(exchange, first, proxy, sock, run, until)
        except BaseException:
            sock.close()
            raise
    run.touch()
    return sock


@contextmanager
def _firewalls_own(proxy: Proxy) -> Iterator[None]:
    """Give what goes wrong on the way to the proxy the number that the proxy's troubles have."""
    try:
        yield
    except ConnectError as error:
        if error.code is ErrorCode.SMTP_PROXY:
            raise
        words = f"{error.code.text}: {error.detail}"
        raise Situation.PROXY.error(words, subject=str(proxy), hint=error.hint) from error
