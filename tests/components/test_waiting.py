"""A source that gives nothing: the call that reads it is interrupted, and has its time limits."""

from __future__ import annotations

import os
import threading
import time

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import Cancelled, TimeLimitError
from tests.components.support import ALICE, failing, psmtp, smtp
from tests.servers.hostile import Hostile

SOON = 5  # seconds


@pytest.fixture
def idle(tmp_path):
    """The path of a named pipe into which nobody writes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.fixture
def stream():
    """A stream into which nobody writes, though somebody could."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as opened:
        yield opened
        os.close(writing)


def give(mailer, source, idle, stream):
    if source == "stream":
        mailer.set_message_stream(stream)
    else:
        setattr(mailer, source, str(idle))


sources = pytest.mark.parametrize("source", ["local_file", "attached_file", "stream"])


@sources
@pytest.mark.proves("interrupt", "SMTP 301")
def test_interrupt_ends_the_wait_for_a_source(idle, stream, source):
    with Hostile() as server:
        mailer = smtp(server, timeout=60)
        give(mailer, source, idle, stream)
        timer = threading.Timer(0.4, mailer.interrupt)
        timer.start()
        started = time.monotonic()
        with failing(301, Cancelled):
            mailer.send()
        assert time.monotonic() - started < SOON
        assert mailer.idle
        assert not any(connection.contents for connection in server.settled())


@sources
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.proves("timeout", "AbsoluteTimeout", "TCPClient 201")
def test_the_time_limits_end_the_wait_for_a_source(idle, stream, source, absolute):
    with Hostile() as server:
        mailer = smtp(server, timeout=1)
        mailer.config(f"AbsoluteTimeout={absolute}")
        give(mailer, source, idle, stream)
        started = time.monotonic()
        with failing(201, TimeLimitError):
            mailer.send()
        assert time.monotonic() - started < SOON
        assert not any(connection.contents for connection in server.settled())


@pytest.mark.parametrize("form", ["INLINE", "PGPMIME"])
def test_interrupt_ends_the_wait_for_what_is_encrypted(idle, home, form):
    with Hostile() as server, psmtp(server, attached_file=str(idle)) as mailer:
        mailer.recipient_keys.append(Key(home("recipients-home"), user_id=ALICE.address))
        mailer.config(f"MessageFormat={form}")
        mailer.config("ProcessAttachments=True")
        timer = threading.Timer(1, mailer.interrupt)
        timer.start()
        started = time.monotonic()
        with failing(301, Cancelled):
            mailer.encrypt()
        assert time.monotonic() - started < 2 * SOON
        with failing(14):
            mailer.send()
        assert server.settled() == []
