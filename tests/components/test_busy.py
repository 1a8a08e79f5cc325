"""One thing at a time: busy, interrupt, and handlers that raise or call back."""

from __future__ import annotations

import threading
import time

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import Cancelled, StateError, TimeLimitError
from gpgmail.testing.script import Phase, Stall
from tests.components.support import Ears, failing, psmtp, smtp
from tests.servers.hostile import Hostile
from tests.support.keyrings import fixture_key

LOCKED = fixture_key("protected", "locked")
CALLS = {"send": 166, "connect": 166, "disconnect": 166, "sign": 129, "encrypt": 129}
STALLED = {Phase.MAIL: Stall()}


@pytest.mark.proves("SMTP 166", "OpenPGP 129")
@pytest.mark.parametrize(("method", "number"), CALLS.items())
def test_a_handler_cannot_begin_another_call(method, number):
    with Hostile() as server:
        mailer = psmtp(server)
        mailer.on_start_transfer = lambda _: getattr(mailer, method)()
        ears = Ears(mailer, "error")
        with failing(number, StateError):
            mailer.send()
        assert not server.settled()[0].contents
    assert ears.error[0].error_code == number
    assert mailer.idle
    assert not mailer.connected


@pytest.mark.parametrize(("method", "number"), CALLS.items())
def test_another_thread_is_told_busy_and_disturbs_nothing(method, number):
    with Hostile(STALLED) as server:
        mailer = psmtp(server)
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(run_to_its_end(mailer.send)))
        thread.start()
        wait_for(lambda: server.connections and "MAIL" in server.connections[0].verbs)
        assert (mailer.idle, mailer.get_idle()) == (False, False)
        with failing(number, StateError):
            getattr(mailer, method)()
        mailer.interrupt()
        thread.join(15)
    assert isinstance(outcome[0], Cancelled)


def test_busy_while_a_passphrase_is_asked_for(home):
    with Hostile() as server, psmtp(server) as mailer:
        mailer.keys.append(Key(home("protected")))
        seen = []

        def handler(event):
            for method in ("send", "sign"):
                with failing(CALLS[method], StateError) as caught:
                    getattr(mailer, method)()
                seen.append(caught.value.code.family)
            event.passphrase = LOCKED.passphrase

        mailer.on_key_passphrase = handler
        mailer.sign()
        mailer.send()
        assert seen == ["SMTP", "OpenPGP"]
        assert len(server.settled()[0].contents) == 1


def test_interrupt_from_another_thread_stops_within_a_moment():
    with Hostile(STALLED) as server:
        mailer = smtp(server)
        ears = Ears(mailer, "error")
        timer = threading.Timer(0.3, mailer.interrupt)
        timer.start()
        started = time.monotonic()
        with failing(301, Cancelled):
            mailer.send()
        assert time.monotonic() - started < 10  # and not the 20 of the time limit
        assert not mailer.connected
    assert [event.error_code for event in ears.error] == [301]
    mailer.interrupt()  # nothing runs: nothing happens
    assert mailer.idle


def test_interrupt_from_a_handler():
    with Hostile() as server:
        mailer = smtp(server)
        mailer.on_start_transfer = lambda _: mailer.interrupt()
        with failing(301, Cancelled):
            mailer.send()
        assert not server.settled()[0].contents


def test_interrupt_while_gpg_is_asked(home):
    with Hostile() as server, psmtp(server) as mailer:
        mailer.keys.append(Key(home("protected")))

        def handler(event):
            mailer.interrupt()
            event.passphrase = LOCKED.passphrase

        mailer.on_key_passphrase = handler
        with failing(301, Cancelled):
            mailer.sign()
        with failing(14):
            mailer.send()
        assert server.settled() == []


def test_the_time_limit_is_the_property():
    with Hostile(STALLED) as server:
        mailer = smtp(server, timeout=1)
        started = time.monotonic()
        with failing(201, TimeLimitError):
            mailer.send()
        assert 0.9 < time.monotonic() - started < 10  # and not the 20 of other tests


HANDLERS = ("pi_trail", "connection_status", "start_transfer", "transfer")


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_that_raises_stops_the_mail_cleanly(name):
    with Hostile() as server:
        mailer = smtp(server)

        def handler(event):
            raise LookupError(name)

        setattr(mailer, f"on_{name}", handler)
        with pytest.raises(LookupError, match=name):
            mailer.send()
        assert not mailer.connected
        assert mailer.idle
        assert not any(one.contents for one in server.settled())
        setattr(mailer, f"on_{name}", None)
        mailer.send()
        assert len(server.settled()[-1].contents) == 1


def test_an_exception_in_the_midst_of_the_content_drops_the_connection():
    with Hostile() as server:
        mailer = smtp(server, message_text="line\n" * 100_000)

        def handler(event):
            if event.bytes_transferred > 50_000:
                raise KeyboardInterrupt

        mailer.on_transfer = handler
        mailer.connect()
        with pytest.raises(KeyboardInterrupt):
            mailer.send()
        assert not mailer.connected
        (connection,) = server.settled()
    assert not connection.contents
    assert "QUIT" not in connection.verbs


def test_an_error_handler_that_raises_is_heard():
    with Hostile() as server:
        mailer = smtp(server, send_to="")

        def handler(event):
            raise LookupError(event.description)

        mailer.on_error = handler
        with pytest.raises(LookupError, match="recipient"):
            mailer.send()
        assert mailer.idle


@pytest.mark.parametrize("wrong", [1, "handler"])
def test_a_handler_must_be_callable(sink, wrong):
    mailer = smtp(sink)
    with failing(2):
        mailer.on_error = wrong
    assert mailer.on_error is None


def run_to_its_end(call):
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - it is what the test looks at
        return error


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_keyrings_stay_open_under_the_call_that_needs_them(sink, own):
    closing = []

    def close(_):
        with failing(166, StateError):
            mailer.close()
        closing.append(mailer.keys[0].facts() is before)

    with psmtp(sink) as mailer:
        mailer.keys.append(Key(own))
        before = mailer.keys[0].facts()
        mailer.on_progress = close
        mailer.sign()
    assert closing
    assert all(closing)
