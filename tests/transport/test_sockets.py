"""What the rows make of a connection's socket: read back from the kernel, or seen by the server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

import pytest

from gpgmail.core.config import configure
from gpgmail.core.declare import is_set
from gpgmail.core.errors import Cancelled, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.transport.connecting import connect
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.sockets import prepare
from gpgmail.transport.throttle import Throttle
from gpgmail.transport.wire import Wire
from tests.servers.hostile import Hostile
from tests.transport.support import failing, options_for, send

LINGER = struct.Struct("ii")


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def connected(listener):
    """Makes a connection with some rows set: both of its ends."""
    ends = []

    def make(**rows):
        options = TransportOptions(
            mail_server="127.0.0.1", mail_port=listener.getsockname()[1], **rows
        )
        client, _ = connect(options, Run(timeout=5))
        server, _ = listener.accept()
        ends.extend((client, server))
        return client, server

    yield make
    for end in ends:
        end.close()


def linger_of(sock):
    return LINGER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.size))


def tcp(sock, name):
    return sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


# ------------------------------------------------------------------------------ delay, keep-alive


@pytest.mark.proves("TcpNoDelay")
def test_small_writes_are_joined_unless_told_otherwise(connected):
    assert not tcp(connected()[0], "TCP_NODELAY")
    assert tcp(connected(tcp_no_delay=True)[0], "TCP_NODELAY")


@pytest.mark.proves("TCPKeepAlive")
def test_keep_alive_is_off_unless_asked_for(connected):
    plain, _ = connected()
    probed, _ = connected(tcp_keep_alive=True)
    assert not plain.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert probed.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"):
        assert tcp(probed, name) == tcp(plain, name)  # the system's


@pytest.mark.proves("KeepAliveTime", "KeepAliveInterval", "KeepAliveRetryCount")
@pytest.mark.parametrize(
    ("setting", "name", "expected"),
    [
        ("KeepAliveTime=30000", "TCP_KEEPIDLE", 30),
        ("KeepAliveTime=1001", "TCP_KEEPIDLE", 2),
        ("KeepAliveTime=1", "TCP_KEEPIDLE", 1),
        ("KeepAliveTime=32767000", "TCP_KEEPIDLE", 32767),
        ("KeepAliveInterval=2500", "TCP_KEEPINTVL", 3),
        ("KeepAliveRetryCount=4", "TCP_KEEPCNT", 4),
        ("KeepAliveRetryCount=127", "TCP_KEEPCNT", 127),
    ],
)
def test_a_number_of_keep_alive_switches_it_on(connected, setting, name, expected):
    asked = TransportOptions()
    configure(asked, setting)
    assert asked.tcp_keep_alive
    row = next(row for row in asked._values if row != "tcp_keep_alive")
    sock, _ = connected(**{row: getattr(asked, row)})
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert tcp(sock, name) == expected


@pytest.mark.parametrize(
    "row", ["keep_alive_time", "keep_alive_interval", "keep_alive_retry_count"]
)
def test_zero_leaves_keep_alive_as_it_is(connected, row):
    options = TransportOptions(**{row: 0})
    assert not is_set(options, "tcp_keep_alive")
    options = TransportOptions(**{row: 9, "tcp_keep_alive": False})
    with socket.socket() as sock:
        prepare(sock, options)
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("keep_alive_time", ("TCP_KEEPIDLE", "TCP_KEEPALIVE")),
        ("keep_alive_interval", ("TCP_KEEPINTVL",)),
        ("keep_alive_retry_count", ("TCP_KEEPCNT",)),
    ],
)
def test_what_the_system_does_not_have_cannot_be_set(monkeypatch, row, names):
    for name in names:
        monkeypatch.delattr(socket, name, raising=False)
    options = TransportOptions(**{row: 0})
    with failing(UnsupportedError, 1) as caught:
        setattr(options, row, 1)
    assert names[0] in str(caught.value)
    assert getattr(options, row) == 0


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("keep_alive_time", -1),
        ("keep_alive_time", 32_767_001),
        ("keep_alive_retry_count", 128),
        ("linger_time", -1),
        ("in_buffer_size", -1),
        ("out_buffer_size", 1 << 31),
        ("max_transfer_rate", -1),
    ],
)
def test_a_number_out_of_range_is_refused(row, value):
    with failing(UsageError, 2):
        TransportOptions(**{row: value})


# ----------------------------------------------------------------------------------------- buffers


@pytest.mark.proves("InBufferSize", "OutBufferSize")
@pytest.mark.parametrize(
    ("row", "name"), [("in_buffer_size", "SO_RCVBUF"), ("out_buffer_size", "SO_SNDBUF")]
)
def test_buffers_have_the_size_that_was_asked_for(connected, row, name):
    """Linux gives twice what is asked for, for its own bookkeeping, and no less than it needs."""

    def size(**rows):
        return connected(**rows)[0].getsockopt(socket.SOL_SOCKET, getattr(socket, name))

    usual = size()
    assert size(**{row: 20_000}) in range(20_000, 40_001)
    assert size(**{row: 60_000}) in range(60_000, 120_001)
    assert size(**{row: 0}) == usual
    assert size(**{row: (1 << 31) - 1}) > 120_000  # the most that the system gives


@pytest.mark.proves("InBufferSize")
def test_the_receive_buffer_is_there_before_the_connection(connected):
    """A server can have no more on the way than fits, as was agreed when connecting."""

    def taken(**rows):
        _, server = connected(**rows)
        server.setblocking(False)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        total = 0
        full = time.monotonic() + 0.5
        while time.monotonic() < full:  # nothing more for half a second
            try:
                total += server.send(bytes(65536))
                full = time.monotonic() + 0.5
            except BlockingIOError:
                time.sleep(0.01)
        return total

    assert taken(in_buffer_size=4096) < taken(in_buffer_size=400_000) / 4


# ------------------------------------------------------------------------------------------ linger


@pytest.mark.proves("Linger", "LingerTime")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({}, (0, 0)),
        ({"linger": True}, (0, 0)),
        ({"linger_time": 7}, (1, 7)),
        ({"linger": False}, (1, 0)),
        ({"linger": False, "linger_time": 7}, (1, 0)),
    ],
)
def test_how_a_socket_lingers(connected, rows, expected):
    assert linger_of(connected(**rows)[0]) == expected


def ending(server):
    """How the server sees its client go."""
    server.settimeout(5)
    try:
        return server.recv(1)
    except ConnectionResetError:
        return "reset"


@pytest.mark.proves("Linger")
@pytest.mark.parametrize(("linger", "seen"), [(True, b""), (False, "reset")])
def test_without_linger_the_connection_is_reset(connected, linger, seen):
    client, server = connected(linger=linger)
    Wire(client, Run(timeout=5), Throttle(TransportOptions())).close()
    assert ending(server) == seen


@pytest.mark.proves("Linger")
def test_a_mail_is_delivered_whole_also_without_linger():
    with Hostile() as server:
        delivery = send(options_for(server, linger=False))
        (connection,) = server.settled()
    assert delivery.final.code == 250
    assert len(connection.contents) == 1


def stuffed(connected, run, **rows):
    """A wire with more in its buffers than the server takes."""
    client, server = connected(**rows)
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            client.send(bytes(65536))
    return Wire(client, run, Throttle(TransportOptions())), server


@pytest.mark.proves("LingerTime")
def test_closing_waits_as_long_as_it_may_linger(connected):
    wire, _server = stuffed(connected, Run(timeout=30), linger_time=1)
    started = time.monotonic()
    wire.close()
    assert time.monotonic() - started >= 0.9


@pytest.mark.proves("LingerTime")
@pytest.mark.parametrize("cancelled", [True, False])
def test_who_was_interrupted_does_not_linger(connected, cancelled):
    run = Run(timeout=30 if cancelled else 0.01)
    wire, _server = stuffed(connected, run, linger_time=20)
    if cancelled:
        run.cancel()
    time.sleep(0.02)
    started = time.monotonic()
    wire.close()
    assert time.monotonic() - started < 5


# ----------------------------------------------------------------------------- whence, and whither


@pytest.mark.proves("local_host", "LocalHost", "LocalPort")
def test_the_server_sees_the_local_end_that_was_chosen(listener):
    with socket.socket() as unused:
        unused.bind(("127.0.0.2", 0))
        port = unused.getsockname()[1]
    options = TransportOptions(mail_server="127.0.0.1", mail_port=listener.getsockname()[1])
    configure(options, "LocalHost=127.0.0.2")
    assert options.local_host == "127.0.0.2"
    configure(options, f"LocalPort={port}")
    sock, _ = connect(options, Run(timeout=5))
    server, seen = listener.accept()
    with sock, server:
        assert seen == ("127.0.0.2", port)


@pytest.mark.proves("LocalPort")
def test_a_local_port_can_be_used_again_at_once(listener):
    with socket.socket() as unused, socket.create_server(("127.0.0.1", 0)) as other:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        unused.close()
        for server in (listener, other):
            options = TransportOptions(
                mail_server="127.0.0.1", mail_port=server.getsockname()[1], local_port=port
            )
            sock, _ = connect(options, Run(timeout=5))
            end, seen = server.accept()
            sock.close()  # whoever closes first keeps the port for a minute
            end.close()
            assert seen == ("127.0.0.1", port)


@pytest.mark.proves("LocalPort")
def test_the_local_port_alone_can_be_chosen(listener):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    target = listener.getsockname()[1]
    options = TransportOptions(mail_server="127.0.0.1", mail_port=target, local_port=port)
    sock, _ = connect(options, Run(timeout=5))
    server, seen = listener.accept()
    with sock, server:
        assert seen == ("127.0.0.1", port)


# ------------------------------------------------------------------------------------- with a mail


@pytest.mark.proves("TcpNoDelay", "KeepAliveTime", "OutBufferSize", "LingerTime")
def test_a_session_has_them_also_under_tls(certificates, ca_file):
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        options = options_for(
            server,
            "localhost",
            ssl_start_mode=1,
            openssl_ca_file=ca_file,
            tcp_no_delay=True,
            keep_alive_time=90_000,
            out_buffer_size=50_000,
            linger_time=3,
        )
        with Session.open(options, Run(timeout=5)) as session:
            assert session.tls_version
            sock = session.sock
            assert tcp(sock, "TCP_NODELAY")
            assert tcp(sock, "TCP_KEEPIDLE") == 90
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 50_000
            assert linger_of(sock) == (1, 3)


def test_a_blocked_write_can_be_interrupted(connected):
    run = Run(timeout=60)
    wire, _server = stuffed(connected, run)
    threading.Timer(0.2, run.cancel).start()
    with failing(Cancelled, 301):
        wire.send(bytes(1 << 24), "content")
    wire.close()
