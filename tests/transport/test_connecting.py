"""From a name to a socket: families, several addresses, time limits, cancel."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import Cancelled, ConnectError, TimeLimitError
from gpgmail.core.run import Run
from gpgmail.transport.connecting import connect
from gpgmail.transport.options import TransportOptions
from tests.transport.support import failing

ANY = "0.0.0.0"  # noqa: S104 - never bound


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def full():
    """A port whose queue is full: a connection to it is never answered."""
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        time.sleep(0.05)
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def names(monkeypatch):
    """Names that resolve as a test says; numbers go to the real resolver."""
    table = {}
    real = socket.getaddrinfo

    def resolve(host, *arguments, **options):
        answer = table.get(host)
        if answer is None or "flags" in options:
            return real(host, *arguments, **options)
        if callable(answer):
            return answer()
        return [info for each in answer for info in found(each, *arguments, **options)]

    def found(*arguments, **options):
        try:
            return real(*arguments, **options)
        except socket.gaierror:  # it is of another family than was asked for
            return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


def test_a_connection_knows_its_peer(listener):
    options = TransportOptions(mail_server="localhost", mail_port=listener.getsockname()[1])
    sock, peer = connect(options, Run(timeout=5))
    with sock:
        assert (peer.host, peer.address, peer.loopback) == ("localhost", "127.0.0.1", True)


@pytest.mark.parametrize("use_ipv6", [0, 1, 2])
def test_an_address_is_taken_as_it_is(listener, use_ipv6):
    port = listener.getsockname()[1]
    options = TransportOptions(mail_server="127.0.0.1", mail_port=port, use_ipv6=use_ipv6)
    sock, _ = connect(options, Run(timeout=5))
    sock.close()


@pytest.fixture
def both():
    """The port of two servers, at 127.0.0.1 and at ::1."""
    with socket.create_server(("127.0.0.1", 0)) as four:
        port = four.getsockname()[1]
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            yield port


@pytest.mark.proves("UseIPv6")
@pytest.mark.parametrize(
    ("use_ipv6", "known", "expected"),
    [
        (0, ["::1", "127.0.0.1"], "127.0.0.1"),
        (1, ["127.0.0.1", "::1"], "::1"),
        (2, ["::1", "127.0.0.1"], "::1"),
        (2, ["127.0.0.1"], "127.0.0.1"),
        (2, ["::1"], "::1"),
    ],
)
def test_the_family_decides_which_server_is_met(names, both, use_ipv6, known, expected):
    names["mx.test"] = known
    options = TransportOptions(mail_server="mx.test", mail_port=both)
    configure(options, f"UseIPv6={use_ipv6}")
    sock, peer = connect(options, Run(timeout=5))
    with sock:
        assert sock.getpeername()[0] == peer.address == expected


@pytest.mark.proves("UseIPv6")
def test_ipv4_is_used_where_ipv6_does_not_answer(names, listener):
    names["mx.test"] = ["::1", "127.0.0.1"]
    port = listener.getsockname()[1]
    options = TransportOptions(mail_server="mx.test", mail_port=port, use_ipv6=2)
    sock, peer = connect(options, Run(timeout=5))
    sock.close()
    assert peer.address == "127.0.0.1"
    options.use_ipv6 = 1
    with failing(ConnectError, 10061):
        connect(options, Run(timeout=5))


@pytest.mark.parametrize(
    ("use_ipv6", "family"),
    [(0, socket.AF_INET), (1, socket.AF_INET6), (2, socket.AF_UNSPEC)],
)
def test_the_family_is_asked_for(monkeypatch, use_ipv6, family):
    asked = []

    def resolve(_host, _port, family=0, *_arguments, **options):
        if options.get("flags", 0):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        asked.append(family)
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with failing(ConnectError, 11001):
        connect(TransportOptions(mail_server="mx.test", use_ipv6=use_ipv6), Run(timeout=5))
    assert asked == [family]


@pytest.mark.proves("TCP/IP 10061")
def test_nobody_listens(closed_port):
    options = TransportOptions(mail_server="127.0.0.1", mail_port=closed_port)
    with failing(ConnectError, 10061) as caught:
        connect(options, Run(timeout=5))
    assert f"127.0.0.1:{closed_port}" in str(caught.value)


def test_the_next_address_is_tried_and_all_are_told(names, listener, closed_port):
    names["mx.test"] = ["127.0.0.2", "127.0.0.1"]
    port = listener.getsockname()[1]
    sock, peer = connect(TransportOptions(mail_server="mx.test", mail_port=port), Run(timeout=5))
    sock.close()
    assert peer.address == "127.0.0.1"

    with failing(ConnectError, 10061) as caught:
        connect(TransportOptions(mail_server="mx.test", mail_port=closed_port), Run(timeout=5))
    assert "[127.0.0.2]" in str(caught.value)
    assert "[127.0.0.1]" in str(caught.value)


def test_a_dead_address_leaves_time_for_the_next(names, full):
    names["mx.test"] = ["127.0.0.1", "127.0.0.2"]
    with socket.create_server(("127.0.0.2", full)):
        options = TransportOptions(mail_server="mx.test", mail_port=full)
        started = time.monotonic()
        sock, peer = connect(options, Run(timeout=3))
        sock.close()
    assert peer.address == "127.0.0.2"
    assert time.monotonic() - started > 1.4  # half of the time, and the other half was left


@pytest.mark.proves("TCPClient 201")
def test_an_unanswered_connection_ends_at_its_limit(full):
    options = TransportOptions(mail_server="127.0.0.1", mail_port=full)
    with failing(TimeLimitError, 201):
        connect(options, Run(timeout=0.3))


def test_cancel_ends_an_unanswered_connection(full):
    run = Run(timeout=30)
    threading.Timer(0.2, run.cancel).start()
    with failing(Cancelled, 301):
        connect(TransportOptions(mail_server="127.0.0.1", mail_port=full), run)


@pytest.mark.parametrize("cancel", [True, False])
def test_a_stalled_name_server_is_left_behind(names, cancel):
    answer = threading.Event()
    names["mx.test"] = lambda: answer.wait(30) or []
    run = Run(timeout=30 if cancel else 0.3)
    if cancel:
        threading.Timer(0.2, run.cancel).start()
    kind, number = (Cancelled, 301) if cancel else (TimeLimitError, 201)
    try:
        with failing(kind, number) as caught:
            connect(TransportOptions(mail_server="mx.test"), run)
        assert "mx.test" in str(caught.value)
    finally:
        answer.set()


@pytest.mark.proves("TCPClient 102")
@pytest.mark.parametrize("host", [ANY, "0", "::", "::ffff:0.0.0.0", "mx.test"])
def test_an_address_that_is_no_hosts_is_not_tried(names, listener, host):
    """The system would take it for this machine."""
    names["mx.test"] = [ANY]
    options = TransportOptions(mail_server=host, mail_port=listener.getsockname()[1])
    with failing(ConnectError, 102) as caught:
        connect(options, Run(timeout=5))
    assert host in str(caught.value)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_other_addresses_of_a_name_are_tried(names, listener):
    names["mx.test"] = [ANY, "127.0.0.1"]
    port = listener.getsockname()[1]
    sock, peer = connect(TransportOptions(mail_server="mx.test", mail_port=port), Run(timeout=5))
    sock.close()
    assert peer.address == "127.0.0.1"


@pytest.mark.proves("TCPClient 102")
@pytest.mark.parametrize(
    ("host", "number"), [("x" * 64 + ".test", 102), ("a..test", 102), ("nothing.invalid", None)]
)
def test_a_name_that_is_none(host, number):
    with failing(ConnectError, number) as caught:
        connect(TransportOptions(mail_server=host), Run(timeout=5))
    assert host in str(caught.value)


@pytest.mark.proves("TCP/IP 11001")
def test_an_empty_answer_is_no_address(names):
    names["mx.test"] = list
    with failing(ConnectError, 11001):
        connect(TransportOptions(mail_server="mx.test"), Run(timeout=5))


@pytest.mark.proves("LocalPort", "TCP/IP 10048")
def test_the_local_end_can_be_chosen(listener, closed_port):
    options = TransportOptions(
        mail_server="127.0.0.1",
        mail_port=listener.getsockname()[1],
        local_host="127.0.0.3",
        local_port=closed_port,
    )
    sock, _ = connect(options, Run(timeout=5))
    with sock:
        assert sock.getsockname() == ("127.0.0.3", closed_port)
    with socket.create_server(("127.0.0.3", 0)) as taken:
        options.local_port = taken.getsockname()[1]
        with failing(ConnectError, 10048):
            connect(options, Run(timeout=5))


@pytest.mark.proves("local_host")
@pytest.mark.parametrize(
    ("local_host", "expected"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("me.test", "::1")]
)
def test_the_local_address_decides_the_family(names, both, local_host, expected):
    names["mx.test"] = ["::1", "127.0.0.1"]
    names["me.test"] = ["::1", "127.0.0.1"]
    options = TransportOptions(
        mail_server="mx.test", mail_port=both, use_ipv6=2, local_host=local_host
    )
    sock, peer = connect(options, Run(timeout=5))
    with sock:
        assert sock.getsockname()[0] == peer.address == expected


@pytest.mark.proves("TCP/IP 10047", "TCP/IP 10049")
def test_a_local_address_of_no_use(names, listener):
    options = TransportOptions(
        mail_server="127.0.0.1", mail_port=listener.getsockname()[1], local_host="::1"
    )
    with failing(ConnectError, 10047) as caught:
        connect(options, Run(timeout=5))
    assert "local_host" in str(caught.value)
    options.local_host = "192.0.2.1"
    with failing(ConnectError, 10049):
        connect(options, Run(timeout=5))
    names["me.test"] = list
    options.local_host = "me.test"
    with failing(ConnectError, 11001) as caught:
        connect(options, Run(timeout=5))
    assert "me.test" in str(caught.value)
