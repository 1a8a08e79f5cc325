"""MaxTransferRate: measured over real transfers, with limits and interruption holding meanwhile."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import Cancelled, TimeLimitError
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.throttle import Throttle
from gpgmail.transport.wire import Wire
from tests.servers.hostile import Hostile
from tests.transport.support import failing, options_for, send

MAIL = b"x" * 78 + b"\r\n"


def took(action):
    started = time.monotonic()
    action()
    return time.monotonic() - started


@pytest.fixture
def ends():
    """Both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


def wire_at(rate, client, run):
    return Wire(client, run, Throttle(TransportOptions(max_transfer_rate=rate)))


@pytest.mark.proves("MaxTransferRate")
@pytest.mark.parametrize("rate", [40_000, 160_000])
def test_a_mail_goes_out_at_the_rate_that_was_asked_for(rate):
    content = MAIL * (rate // 80)  # a second's worth
    with Hostile() as server:
        options = options_for(server)
        configure(options, f"MaxTransferRate={rate}")
        seconds = took(lambda: send(options, content=content))
        free = took(lambda: send(options_for(server), content=content))
        first, _second = server.settled()
    assert first.contents == [content]
    assert 0.8 < seconds < 15  # the first piece waits for nothing; a busy machine only delays
    assert free < seconds


@pytest.mark.proves("MaxTransferRate")
def test_it_holds_under_tls(certificates, ca_file):
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        rows = {"ssl_start_mode": 1, "openssl_ca_file": ca_file, "max_transfer_rate": 40_000}
        options = options_for(server, "localhost", **rows)
        assert took(lambda: send(options, content=MAIL * 500)) > 0.8
        (connection,) = server.settled()
    assert connection.contents == [MAIL * 500]


def test_what_arrives_is_spread_over_the_time(ends):
    client, server = ends
    wire = wire_at(20_000, client, Run(timeout=5))
    sending = threading.Thread(target=wire.send, args=(bytes(20_000), "content"))
    started = time.monotonic()
    sending.start()
    arrived = []
    while sum(size for _, size in arrived) < 20_000:
        arrived.append((time.monotonic() - started, len(server.recv(65536))))
    sending.join()
    for moment in (0.2, 0.5):
        early = sum(size for when, size in arrived if when < moment)
        assert early <= 20_000 * (moment + 0.2)  # at most two turns of a tenth of a second ahead


def test_the_rate_can_change_meanwhile(ends):
    client, _server = ends
    options = TransportOptions(max_transfer_rate=1)
    wire = Wire(client, Run(timeout=60), Throttle(options))
    wire.send(b"1", "content")
    options.max_transfer_rate = 0
    assert took(lambda: wire.send(bytes(1000), "content")) < 15  # it would be 1000 seconds


def test_a_pause_of_the_callers_saves_up_nothing(ends):
    client, _server = ends
    wire = wire_at(1000, client, Run(timeout=60))
    wire.send(b"1", "content")
    time.sleep(0.7)
    assert took(lambda: wire.send(bytes(600), "content")) > 0.35


def test_what_is_held_back_is_no_inactivity(ends):
    client, server = ends
    wire = wire_at(2, client, Run(timeout=0.3))
    assert took(lambda: wire.send(b"1234", "content")) > 1.2
    assert server.recv(10) == b"1234"


def far_ahead(client, run):
    """A wire that has sent for 100 seconds already, as far as its rate is concerned."""
    throttle = Throttle(TransportOptions(max_transfer_rate=1))
    throttle.sent(100)
    return Wire(client, run, throttle)


def test_a_limit_on_the_whole_holds_while_it_waits(ends):
    client, _server = ends
    wire = far_ahead(client, Run(timeout=0.3, absolute=True))
    with failing(TimeLimitError, 201):
        wire.send(b"1", "content")


def test_an_interrupt_ends_the_wait(ends):
    client, _server = ends
    run = Run(timeout=60)
    wire = far_ahead(client, run)
    threading.Timer(0.2, run.cancel).start()
    with failing(Cancelled, 301):
        wire.send(b"1", "content")
