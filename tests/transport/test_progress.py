"""How content is told: its start, each block with what went out so far, its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.events import EndTransfer, PITrail, StartTransfer, Transfer
from gpgmail.core.run import Run
from gpgmail.transport.content import BLOCK
from gpgmail.transport.progress import told
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import ENVELOPE, MAIL, Ears, options_for

LINE = b"x" * 998 + b"\r\n"


def heard(chunks, size=None):
    ears = Ears()
    return b"".join(told(chunks, size, Run(emit=ears))), ears


@given(st.lists(st.binary(max_size=3 * BLOCK), max_size=4))
def test_the_same_bytes_come_out_and_their_blocks_are_what_is_told(chunks):
    content, ears = heard(chunks, len(b"".join(chunks)))
    assert content == b"".join(chunks)
    blocks = ears.of(Transfer)
    assert b"".join(event.text for event in blocks) == content
    assert all(0 < len(event.text) <= BLOCK for event in blocks)
    so_far = [len(b"".join(event.text for event in blocks[: n + 1])) for n in range(len(blocks))]
    assert [event.bytes_transferred for event in blocks] == so_far
    assert [event.percent_done for event in blocks] == [n * 100 // len(content) for n in so_far]
    kinds = [type(event) for event in ears.events]
    whole = [StartTransfer, *[Transfer] * len(blocks), EndTransfer]
    assert kinds == (whole if content else [])
    assert {event.direction for event in ears.events} <= {0}


@pytest.mark.proves("on_start_transfer", "on_transfer", "on_end_transfer")
@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_of_nothing_nothing_is_told(chunks):
    content, ears = heard(chunks, 0)
    assert content == b""
    assert ears.events == []


@pytest.mark.proves("on_transfer")
@pytest.mark.parametrize(
    ("size", "percents"),
    [(None, [-1, -1]), (0, [-1, -1]), (2 * BLOCK, [50, 100]), (BLOCK, [100, 100])],
)
def test_the_percentage_is_known_where_the_size_is(size, percents):
    _, ears = heard([b"x" * (2 * BLOCK)], size)
    assert [event.percent_done for event in ears.of(Transfer)] == percents


def test_an_empty_mail_is_delivered_and_tells_no_transfer():
    ears = Ears()
    with Hostile() as server:
        with Session.open(options_for(server), Run(emit=ears, timeout=5)) as session:
            session.deliver(ENVELOPE, told([b""], 0, session.run))
        (connection,) = server.settled()
    assert connection.contents == [b""]
    assert {type(event) for event in ears.events} & {StartTransfer, Transfer, EndTransfer} == set()
    assert "content of 0 bytes" in ears.lines()


@pytest.mark.proves("on_start_transfer", "on_transfer", "on_end_transfer")
def test_each_part_may_be_told_apart_and_header_lines_left_out():
    """As the components tell them: the text, then the attached file."""
    ears = Ears()
    text, file = b"text\r\n", LINE * 200
    with Hostile() as server:
        with Session.open(options_for(server), Run(emit=ears, timeout=5)) as session:

            def content():
                yield b"Subject: one\r\n\r\n"
                yield from told([text], len(text), session.run)
                yield b"\r\n"
                yield from told([file], len(file), session.run)

            session.deliver(ENVELOPE, content())
        (connection,) = server.settled()
    assert connection.contents == [b"Subject: one\r\n\r\n" + text + b"\r\n" + file]
    transfers = [type(event) for event in ears.events if type(event).__name__.endswith("Transfer")]
    blocks = len(ears.of(Transfer))
    assert transfers == [
        *[StartTransfer, Transfer, EndTransfer],
        *[StartTransfer, *[Transfer] * (blocks - 1), EndTransfer],
    ]
    assert ears.of(Transfer)[0].text == text
    assert b"".join(event.text for event in ears.of(Transfer)[1:]) == file
    assert [event.bytes_transferred for event in ears.of(Transfer)][::-1][0] == len(file)


@pytest.mark.proves("on_start_transfer", "on_transfer", "on_end_transfer", "on_pi_trail")
@pytest.mark.parametrize("kind", [StartTransfer, Transfer, EndTransfer])
@pytest.mark.parametrize("size", [len(MAIL), 1_000_000])
def test_what_a_handler_raises_in_mid_content_leaves_the_server_without_the_mail(kind, size):
    trail = []

    def handler(event):
        if isinstance(event, PITrail):
            trail.append(event)
        if type(event) is kind:
            raise LookupError("a handler's")

    content = MAIL if size == len(MAIL) else LINE * 1000
    with Hostile() as server:
        session = Session.open(options_for(server), Run(emit=handler, timeout=5))
        with pytest.raises(LookupError):
            session.deliver(ENVELOPE, told([content], size, session.run))
        assert not session.connected
        (connection,) = server.settled()
    assert connection.contents == []
    assert connection.verbs[-1] == "DATA"
    assert trail[-1].message.startswith("connection to")


@pytest.mark.proves("on_pi_trail")
def test_the_trail_has_no_content():
    ears = Ears()
    with Hostile() as server:
        with Session.open(options_for(server), Run(emit=ears, timeout=5)) as session:
            session.deliver(ENVELOPE, told([b"Subject: hidden\r\n\r\nbody\r\n"], None, session.run))
        server.settled()
    assert not any("hidden" in line or "body" in line for line in ears.lines())
    assert {event.direction for event in ears.of(PITrail)} == {0, 1, 2}
