"""Content by BDAT: counted, not dotted, given up in time, doubtful only where it may be there."""

from __future__ import annotations

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import ConnectError, MessageError, ServerError, TimeLimitError
from gpgmail.core.events import Transfer
from gpgmail.core.run import Run
from gpgmail.testing.script import (
    Drop,
    Endless,
    Honest,
    Inject,
    Offer,
    Phase,
    Reply,
    Reset,
    Stall,
)
from gpgmail.transport.chunking import LARGEST, NOT_KNOWN, chunks
from gpgmail.transport.progress import told
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import ENVELOPE, MAIL, Ears, failing, options_for

BOTH = Offer((b"PIPELINING", b"CHUNKING"))
ALONE = Offer((b"CHUNKING",))
LINE = b"x" * 998 + b"\r\n"
NO = Reply(b"550 5.7.1 No\r\n")


def opened(server, *, limit=5.0, **rows):
    return Session.open(options_for(server, **rows), Run(timeout=limit))


@pytest.mark.parametrize("offer", [BOTH, ALONE])
@pytest.mark.parametrize(
    "content",
    [b"", b".\r\n", b"\r\n.\r\n" * 40_000, LINE * 3000, LINE * 262 + b"x" * 142 + b"\r\n"],
)
def test_any_content_arrives_as_it_is(offer, content):
    with Hostile({Phase.EHLO: offer}) as server:
        with opened(server) as session:
            session.deliver(ENVELOPE, [content])
        (connection,) = server.settled()
    assert connection.contents == [content]
    assert "DATA" not in connection.verbs


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], [(b"", True)]),
        ([b"", b""], [(b"", True)]),
        ([b"a\r\n", b"b"], [(b"a\r\nb\r\n", True)]),
        ([b"a\r", b"\n"], [(b"a\r\n", True)]),
        ([LINE * 262, LINE], [(LINE * 262, False), (LINE, True)]),
    ],
)
def test_chunks(pieces, expected):
    assert list(chunks(pieces, eight_bit=False)) == expected


def test_a_chunk_says_its_size():
    large, last = chunks([b"\r\n" * LARGEST], eight_bit=False)
    assert large.command == b"BDAT 262144\r\n"
    assert last.command == b"BDAT 262144 LAST\r\n"


@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n\r", "ä\r\n".encode()])
@pytest.mark.parametrize("before", [b"", LINE * 600])
def test_what_is_not_canonical_is_not_delivered(content, before):
    with Hostile({Phase.EHLO: BOTH}) as server:
        with failing(MessageError), opened(server) as session:
            session.deliver(ENVELOPE, [before, content])
        (connection,) = server.settled()
    assert connection.contents == []


def test_a_source_that_fails_ends_the_connection_and_not_the_mail():
    def source():
        yield LINE * 600
        raise OSError("disk")

    with Hostile({Phase.EHLO: BOTH}) as server:
        with pytest.raises(OSError, match="disk"), opened(server) as session:
            session.deliver(ENVELOPE, source())
        (connection,) = server.settled()
    assert connection.contents == []
    assert not session.connected


def test_content_is_streamed():
    ears, given = Ears(), [0]

    def source():
        for _ in range(100):
            sent = max((event.bytes_transferred for event in ears.of(Transfer)), default=0)
            assert given[0] - sent <= 2 * LARGEST
            given[0] += 30_000
            yield b"x" * 29_998 + b"\r\n"

    with Hostile({Phase.EHLO: BOTH}) as server, opened(server) as session:
        session.run.emit = ears
        session.deliver(ENVELOPE, told(source(), None, session.run))
    assert len(server.connections[0].contents[0]) == 3_000_000


# -------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("offer", [BOTH, ALONE])
@pytest.mark.parametrize(
    "script", [{Phase.MAIL: (NO, Honest())}, {Phase.RCPT: (NO, NO, Honest())}, {Phase.BDAT: NO}]
)
def test_a_long_upload_ends_where_it_is_for_nobody(offer, script):
    """And the session stays: each chunk has its length, so that nothing is left of the content."""
    given = []

    def source():
        for _ in range(400):
            given.append(1)
            yield LINE * 65

    with Hostile({Phase.EHLO: offer, **script}) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, source())
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    assert {str(said) for said in caught.value.refused.values()} == {"550 5.7.1 No"}
    assert len(given) < 400


@pytest.mark.parametrize("offer", [BOTH, ALONE])
@pytest.mark.parametrize(
    ("reply", "retry"), [(b"552 5.3.4 Full\r\n", Retry.NO), (b"452 4.3.1 Full\r\n", Retry.LATER)]
)
def test_the_last_chunk_is_refused(offer, reply, retry):
    with Hostile({Phase.EHLO: offer, Phase.DOT: (Reply(reply), Honest())}) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert caught.value.retry is retry
    assert set(caught.value.refused) == set(ENVELOPE.addresses)
    assert connection.verbs.count("BDAT") == 2


@pytest.mark.parametrize("code", sorted(NOT_KNOWN))
@pytest.mark.parametrize("phase", [Phase.BDAT, Phase.DOT])
def test_a_server_that_does_not_know_what_it_offers_is_left(code, phase):
    """It may have read the content as commands; nothing is sent a second time in another way."""
    script = {phase: Reply(b"%d 5.5.1 What?\r\n" % code), Phase.EHLO: BOTH}
    content = LINE * 600 if phase is Phase.BDAT else MAIL
    with Hostile(script) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [content])
            assert not session.connected
        (connection,) = server.settled()
    assert "Chunking=False" in str(caught.value)
    assert connection.verbs.count("MAIL") == 1
    assert not {"DATA", "RSET", "QUIT"}.intersection(connection.verbs)
    with Hostile({Phase.BDAT: script[phase]}) as server:
        with opened(server, chunking=False) as session:
            session.deliver(ENVELOPE, [content])
        assert server.settled()[0].contents == [content]


# -------------------------------------------------------------------------------- lost or late

OUTCOMES = [
    (Drop(), ConnectError, 13),
    (Reset(), ConnectError, 13),
    (Stall(), TimeLimitError, 201),
    (Reply(b"garbage\r\n"), ConnectError, 13),
    (Reply(b"399 what\r\n"), ConnectError, 13),
    (Reply(b"250-one\r\n25", close=True), ConnectError, 13),
    (Endless(1 << 20), ConnectError, 13),
]


@pytest.mark.parametrize(("action", "kind", "number"), OUTCOMES)
@pytest.mark.parametrize("offer", [BOTH, ALONE])
def test_after_the_last_chunk_the_mail_may_be_there(offer, action, kind, number):
    with (
        Hostile({Phase.DOT: action, Phase.EHLO: offer}) as server,
        failing(kind, number) as caught,
        opened(server, limit=0.4) as session,
    ):
        session.deliver(ENVELOPE, [MAIL])
    assert caught.value.retry is Retry.UNKNOWN
    assert server.connections[0].contents == [MAIL]
    assert len(server.connections) == 1


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT])
@pytest.mark.parametrize(("action", "kind", "number"), OUTCOMES)
def test_in_one_group_with_it_the_first_answers_are_doubtful_too(phase, action, kind, number):
    with (
        Hostile({phase: action, Phase.EHLO: BOTH}) as server,
        failing(kind, number) as caught,
        opened(server, limit=0.4) as session,
    ):
        session.deliver(ENVELOPE, [MAIL])
    assert caught.value.retry is Retry.UNKNOWN


def test_unless_nobody_was_taken():
    script = {Phase.RCPT: NO, Phase.BDAT: Drop(), Phase.EHLO: BOTH}
    with Hostile(script) as server, failing(ServerError, 161) as caught, opened(server) as session:
        session.deliver(ENVELOPE, [MAIL])
    assert caught.value.retry is Retry.NO
    assert not session.connected


@pytest.mark.parametrize("offer", [BOTH, ALONE])
@pytest.mark.parametrize(("action", "kind"), [(Drop(), ConnectError), (Stall(), TimeLimitError)])
def test_before_the_last_chunk_it_is_not(offer, action, kind):
    """The rest is more than the kernels take, so that its end cannot have gone out."""
    with (
        Hostile({Phase.BDAT: action, Phase.EHLO: offer}) as server,
        failing(kind) as caught,
        opened(server, limit=0.5) as session,
    ):
        session.deliver(ENVELOPE, [LINE * 30_000])
    assert caught.value.retry is Retry.LATER
    assert server.connections[0].contents == []


def test_last_words_in_the_middle_are_heard():
    action = Reply(b"421 4.3.2 Going down\r\n", close=True)
    with (
        Hostile({Phase.BDAT: action, Phase.EHLO: BOTH}) as server,
        failing(ServerError, 161) as caught,
        opened(server) as session,
    ):
        session.deliver(ENVELOPE, [LINE * 30_000])
    assert caught.value.reply.code == 421
    assert caught.value.retry is Retry.LATER
    assert server.connections[0].contents == []


def test_one_answer_too_many_is_noticed_before_content():
    """Without a group each answer is waited for."""
    with Hostile({Phase.MAIL: Inject(b"250 x\r\n"), Phase.EHLO: ALONE}) as server:
        with failing(ConnectError, 162), opened(server) as session:
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.contents == []
