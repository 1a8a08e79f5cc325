"""A source that keeps one waiting: interrupted, ended by a time limit, or read as it comes."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from gpgmail.core.errors import Cancelled, TimeLimitError
from gpgmail.core.run import Run
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, compose
from gpgmail.message.raw import look
from gpgmail.message.sources import look_at

SOON = 5  # seconds; what waits for ever, or for a limit of 60 seconds, is none of it


class Handed:
    """A stream of the caller's own making, over a pipe."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def seekable(self):
        return False

    def read(self, size):
        return os.read(self.descriptor, size)


def fifo(held, tmp_path):
    """A named pipe that somebody holds open for writing."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    os.close(reading)
    return path, writing


def pipe(buffering):
    def make(held, tmp_path):
        reading, writing = os.pipe()
        return held.enter_context(os.fdopen(reading, "rb", buffering)), writing

    return make


def connection(held, tmp_path):
    ours, theirs = socket.socketpair()
    held.callback(ours.close)
    return held.enter_context(ours.makefile("rb")), theirs.detach()


def handed(held, tmp_path):
    reading, writing = os.pipe()
    held.callback(os.close, reading)
    return Handed(reading), writing


SOURCES = {
    "named pipe": fifo,
    "buffered pipe": pipe(-1),
    "pipe": pipe(0),
    "connection": connection,
    "stream of another kind": handed,
}


@pytest.fixture(params=SOURCES)
def ends(request, tmp_path):
    """A source, and the descriptor that feeds it; both are closed at the end."""
    with ExitStack() as held:
        source, writing = SOURCES[request.param](held, tmp_path)
        feed = os.fdopen(writing, "wb", 0)
        held.callback(feed.close)  # first: a thread that was left behind reads on until then
        yield source, feed


def taken(source, run):
    return b"".join(look_at(source, run).chunks())


def interrupted(call):
    """Call with a run that is cancelled after a moment; return how long that took to be heard."""
    run = Run(timeout=60)
    at = []
    timer = threading.Timer(0.3, lambda: (at.append(time.monotonic()), run.cancel()))
    timer.start()
    with pytest.raises(Cancelled) as caught:
        call(run)
    assert caught.value.code.number == 301
    return time.monotonic() - at[0]


def test_a_wait_is_interrupted(ends):
    assert interrupted(lambda run: taken(ends[0], run)) < SOON


@pytest.mark.parametrize("absolute", [True, False])
def test_a_wait_has_the_time_limit_of_the_call(ends, absolute):
    started = time.monotonic()
    with pytest.raises(TimeLimitError, match=r"nothing moved for 0\.3 s") as caught:
        taken(ends[0], Run(timeout=0.3, absolute=absolute))
    assert caught.value.code.number == 201
    assert 0.3 <= time.monotonic() - started < SOON


def test_without_a_call_there_is_a_limit_too(ends, monkeypatch):
    monkeypatch.setattr("gpgmail.message.sources.Run", lambda: Run(timeout=0.2))
    with pytest.raises(TimeLimitError):
        b"".join(look_at(ends[0]).chunks())


def feed_slowly(feed, pieces, pause):
    with feed, suppress(BrokenPipeError):  # who stopped to read may have closed it
        for piece in pieces:
            time.sleep(pause)
            feed.write(piece)


def test_bytes_that_arrive_begin_the_time_limit_anew(ends):
    source, feed = ends
    pieces = [bytes([65 + number]) * 1000 for number in range(8)]
    thread = threading.Thread(target=feed_slowly, args=(feed, pieces, 0.25))
    thread.start()
    assert taken(source, Run(timeout=1.2)) == b"".join(pieces)
    thread.join()


def test_bytes_that_arrive_do_not_move_an_absolute_limit(ends):
    source, feed = ends
    thread = threading.Thread(target=feed_slowly, args=(feed, [b"x"] * 8, 0.25))
    thread.start()
    try:
        with pytest.raises(TimeLimitError):
            taken(source, Run(timeout=0.8, absolute=True))
    finally:
        thread.join()


def test_what_was_buffered_before_is_read_too():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", 0) as feed:
        feed.write(b"first line\nbuffered")
        assert stream.readline() == b"first line\n"
        threading.Timer(0.3, lambda: (feed.write(b" and more"), feed.close())).start()
        assert taken(stream, Run(timeout=60)) == b"buffered and more"


def test_a_letter_is_read_long_after_it_was_composed(ends):
    source, feed = ends
    run = Run(timeout=0.5)
    mail = compose(
        Draft(from_="a@example.org", to="b@example.org", attachments=(Attachment(source=source),)),
        run=run,
    )
    time.sleep(0.6)
    threading.Timer(0.1, feed.close).start()
    assert b"Content-Disposition: attachment" in b"".join(mail.render())


def test_a_raw_mail_is_waited_for_under_the_run(ends):
    assert interrupted(lambda run: look(ends[0], run)) < SOON


def test_reading_a_file_is_interrupted_between_two_blocks(tmp_path):
    path = tmp_path / "mail.eml"
    path.write_bytes(b"From: a@example.org\r\n\r\n")
    run = Run()
    run.cancel()
    with pytest.raises(Cancelled):
        look(str(path), run)
