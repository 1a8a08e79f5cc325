"""How long a call may take: inactivity, the whole, connecting; and no limit at all."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import ConnectError, TimeLimitError
from gpgmail.testing.script import Endless, Phase, Stall
from gpgmail.transport.options import TransportOptions, new_run
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import MAIL, failing, options_for

QUIET = 1.4  # seconds, more than the limit of a second in these tests


class Slow:
    """A server whose answer to EHLO has its lines some time apart."""

    def __init__(self, *pauses):
        self._pauses = pauses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        sock, _ = self._listener.accept()
        with sock, contextlib.suppress(OSError):  # the client may leave
            sock.sendall(b"220 slow.example\r\n")
            sock.recv(100)
            for pause in self._pauses:
                time.sleep(pause)
                sock.sendall(b"250-slow.example\r\n")
            sock.sendall(b"250 DSN\r\n")
            sock.recv(100)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._thread.join(5)


def opened(server, **rows):
    """A session is opened under the limits of its options, as a component does it."""
    options = options_for(server, **rows)
    Session.open(options, new_run(options)).abort()


@pytest.mark.proves("timeout", "TCPClient 201")
@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.EHLO])
def test_a_silent_server_is_left_after_the_limit(phase):
    with Hostile({phase: Stall()}) as server:
        started = time.monotonic()
        with failing(TimeLimitError, 201, within=4):
            opened(server, timeout=1)
        assert time.monotonic() - started >= 0.9


@pytest.mark.proves("timeout")
def test_the_limit_is_for_silence_and_not_for_the_whole():
    with Slow(0.5, 0.5, 0.5, 0.5, 0.5) as server:
        opened(server, timeout=2)
    with Slow(QUIET) as server, failing(TimeLimitError, 201):
        opened(server, timeout=1)


@pytest.mark.proves("AbsoluteTimeout")
def test_the_whole_can_be_limited():
    options = TransportOptions()
    configure(options, "AbsoluteTimeout=True")
    with Slow(*[0.5] * 8) as server, failing(TimeLimitError, 201, within=3.5):
        opened(server, timeout=2, absolute_timeout=options.absolute_timeout)


@pytest.mark.proves("timeout")
def test_no_limit_is_none():
    with Slow(QUIET) as server:
        opened(server, timeout=0)
    with Slow(QUIET) as server:
        opened(server, timeout=0, absolute_timeout=True)


@pytest.fixture
def unanswered():
    """A port whose queue is full: a connection to it is never answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(2)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        time.sleep(0.05)

        class Port:
            port = server.getsockname()[1]

        yield Port
        for each in waiting:
            each.close()


@pytest.mark.proves("ConnectionTimeout", "TCPClient 201")
@pytest.mark.parametrize(
    "rows", [{"timeout": 60, "connection_timeout": 1}, {"timeout": 1, "connection_timeout": 0}]
)
def test_connecting_has_its_own_limit_or_the_same(unanswered, rows):
    with failing(TimeLimitError, 201, within=4):
        opened(unanswered, **rows)


@pytest.mark.proves("ConnectionTimeout")
def test_its_own_limit_may_be_the_longer_one(unanswered):
    started = time.monotonic()
    with failing(TimeLimitError, 201, within=5):
        opened(unanswered, timeout=1, connection_timeout=2)
    assert time.monotonic() - started > 1.8


@pytest.mark.proves("ConnectionTimeout")
def test_what_comes_after_connecting_has_the_other_limit():
    with Slow(QUIET) as server:
        opened(server, timeout=5, connection_timeout=1)


@pytest.mark.proves("timeout", "TCPClient 201")
def test_a_server_that_takes_no_more_content_is_left():
    with Hostile({Phase.BODY: Stall(after=1000)}) as server:
        options = options_for(server, timeout=1)
        with (
            Session.open(options, new_run(options)) as session,
            failing(TimeLimitError, 201, within=6),
        ):
            session.docmd("MAIL", "FROM:<a@example.org>")
            session.docmd("RCPT", "TO:<b@example.org>")
            session.data(MAIL * 1000 for _ in range(2000))


@pytest.mark.proves("MaxLineLength", "SMTP 162")
def test_a_line_without_end_is_cut_off_and_not_kept():
    """64 MB come; what is kept of them has the size of the limit and of a read."""
    with Hostile({Phase.EHLO: Endless()}) as server:
        options = options_for(server)
        configure(options, "MaxLineLength=65536")
        tracemalloc.start()
        try:
            with failing(ConnectError, 162, within=10) as caught:
                Session.open(options, new_run(options))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "65536 bytes" in str(caught.value)
    assert most < 2_000_000
