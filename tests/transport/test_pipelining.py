"""How often a mail waits for the server, and that groups of commands lose none of its answers."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import ConnectError, ServerError
from gpgmail.core.events import PITrail
from gpgmail.core.run import Run
from gpgmail.delivery.mailer import Mailer
from gpgmail.message.draft import Draft
from gpgmail.testing.script import (
    Action,
    Drop,
    HangUpError,
    Honest,
    Inject,
    Offer,
    Phase,
    Reply,
)
from gpgmail.transport.pipelining import GROUP, groups
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.servers.roundtrips import RoundTrips
from tests.transport.support import ENVELOPE, MAIL, Ears, failing, options_for

PIPELINING, CHUNKING = b"PIPELINING", b"CHUNKING"
TEN = Envelope("a@example.org", tuple(Recipient(f"r{n}@example.org") for n in range(10)))
STOPS = list(RecipientType)


def opened(server, **rows):
    return Session.open(options_for(server, **rows), Run(timeout=10))


# ----------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    ("offers", "stop_on", "trips"),
    [
        ([], (), 13),
        ([PIPELINING], (), 2),
        ([PIPELINING], STOPS, 3),
        ([PIPELINING, CHUNKING], (), 1),
        ([PIPELINING, CHUNKING], STOPS, 2),
        ([CHUNKING], (), 12),
    ],
)
def test_a_mail_to_ten_waits_as_often_as_it_must(offers, stop_on, trips):
    with RoundTrips(offers) as server, opened(server) as session:
        for _ in range(2):
            server.since()
            assert session.deliver(TEN, [MAIL], stop_on=stop_on).accepted == TEN.addresses
            assert server.since() == trips
    assert [mail.content for mail in server.taken] == [MAIL, MAIL]
    assert [len(mail.recipients) for mail in server.taken] == [10, 10]


@pytest.mark.parametrize(("offers", "trips"), [([PIPELINING], 2), ([PIPELINING, CHUNKING], 1)])
def test_for_a_mailer_too(offers, trips):
    draft = Draft(from_="a@example.org", to=", ".join(TEN.addresses), subject="x", text="y\n")
    with RoundTrips(offers) as server, Mailer(f"smtp://{server.host}:{server.port}") as mailer:
        mailer.send(draft)
        server.since()
        assert mailer.send(draft).accepted == TEN.addresses
        assert server.since() == trips


@pytest.mark.parametrize(("row", "trips"), [("pipelining", 12), ("chunking", 2)])
@pytest.mark.proves("Pipelining", "Chunking")
def test_either_can_be_switched_off(row, trips):
    with RoundTrips([PIPELINING, CHUNKING]) as server, opened(server, **{row: False}) as session:
        server.since()
        session.deliver(TEN, [MAIL])
        assert server.since() == trips


@pytest.mark.parametrize(("lines", "trips"), [(3000, 1), (50_000, 2)])
def test_large_content_does_not_wait_between_its_chunks(lines, trips):
    """But once, behind the first, for who is taken."""
    content = (b"x" * 78 + b"\r\n") * lines
    with RoundTrips([PIPELINING, CHUNKING], delay=0.7) as server, opened(server) as session:
        server.since()
        session.deliver(TEN, [content])
        assert server.since() == trips
    assert server.taken[0].content == content


def test_the_next_mail_brings_the_reset_along():
    other = Envelope("a@example.org", (Recipient("taken@example.org"),))
    offers = [PIPELINING, CHUNKING]
    with RoundTrips(offers, refuses=[b"r0@example.org"]) as server, opened(server) as session:
        with failing(ServerError, 161):
            session.deliver(TEN, [MAIL], stop_on=STOPS)
        assert server.since() == 2  # with the greeting
        assert session.deliver(other, [MAIL]).accepted == ("taken@example.org",)
        assert server.since() == 2  # it is not given to anybody before the answer to RSET is known
    (mail,) = server.taken
    assert mail.recipients == (b"taken@example.org",)


@pytest.mark.parametrize("offers", [[PIPELINING], [PIPELINING, CHUNKING]])
def test_thousands_of_recipients_take_no_more(offers):
    many = Envelope(
        "a@example.org", tuple(Recipient(f"recipient{n}@example.org") for n in range(2000))
    )
    refused = [b"recipient%d@example.org" % n for n in range(0, 2000, 4)]
    with RoundTrips(offers, refuses=refused, delay=0.7) as server, opened(server) as session:
        server.since()
        delivery = session.deliver(many, [MAIL])
        assert server.since() == (1 if CHUNKING in offers else 2)
    assert len(delivery.accepted) == 1500
    assert list(delivery.refused) == [address.decode() for address in refused]


def test_groups_have_a_size():
    class Said:
        line = b"x" * 1000

    whole = [Said()] * 150
    assert [len(group) for group in groups(whole, pipelined=True)] == [65, 65, 20]
    assert all(len(group) * 1000 <= GROUP for group in groups(whole, pipelined=True))
    assert [len(group) for group in groups(whole[:3], pipelined=False)] == [1, 1, 1]
    assert list(groups([], pipelined=True)) == []


class Narrow:
    """A server that answers at once and reads no more while its answers are not read."""

    def __init__(self, words):
        self._words = words
        self._listener = socket.socket()
        for name in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._listener.setsockopt(socket.SOL_SOCKET, name, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        sock, _ = self._listener.accept()
        with sock, sock.makefile("rb") as lines:
            sock.sendall(b"220 narrow\r\n")
            for line in lines:
                answer = {b"EHLO": b"250-narrow\r\n250 PIPELINING\r\n", b"DATA": b"354 go\r\n"}
                sock.sendall(answer.get(line[:4], b"250 " + self._words + b"\r\n"))
                while line == b"DATA\r\n" and next(lines) != b".\r\n":
                    pass
                if line == b"DATA\r\n":
                    sock.sendall(b"250 taken\r\n")
                if line == b"QUIT\r\n":
                    return

    def close(self):
        self._thread.join(5)
        self._listener.close()


def test_neither_side_waits_for_the_other_to_read():
    """Long answers, small buffers on both sides, and no room for all of a group's answers."""
    many = Envelope("a@example.org", tuple(Recipient(f"r{n}@example.org") for n in range(3000)))
    server = Narrow(b"y" * 480)
    with opened(server, in_buffer_size=4096, out_buffer_size=4096) as session:
        assert len(session.deliver(many, [MAIL]).accepted) == 3000
    server.close()


# --------------------------------------------------------------------- refused within a group


def refusing(phase, *replies):
    return {phase: tuple(Reply(reply) if reply else Honest() for reply in replies)}


OFFERS = [(PIPELINING,), (PIPELINING, CHUNKING)]
NO = b"550 5.1.1 No\r\n"


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (refusing(Phase.MAIL, NO, None), ["No", "No"]),
        (refusing(Phase.RCPT, NO, b"450 4.2.0 Busy\r\n", None), ["No", "Busy"]),
        (refusing(Phase.RCPT, None, b"550 gone\r\n", None) | refusing(Phase.DOT, NO, None), None),
    ],
)
def test_each_answer_is_taken_for_its_command(offers, script, words):
    with Hostile({**script, Phase.EHLO: Offer(offers)}) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            again = session.deliver(ENVELOPE, [b"again\r\n"])
        (connection,) = server.settled()
    said = [caught.value.refused[address].text.split()[-1] for address in ENVELOPE.addresses]
    assert said == (words or ["No", "gone"])
    assert again.accepted == ENVELOPE.addresses
    assert connection.contents[-1] == b"again\r\n"
    assert len(connection.contents) == (2 if words is None else 1)


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("position", [0, 1])
def test_one_of_two_is_refused(offers, position):
    replies = [NO if position == n else None for n in range(2)]
    with Hostile({**refusing(Phase.RCPT, *replies), Phase.EHLO: Offer(offers)}) as server:
        with opened(server) as session:
            delivery = session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert delivery.accepted == (ENVELOPE.addresses[1 - position],)
    assert list(delivery.refused) == [ENVELOPE.addresses[position]]
    assert connection.contents == [MAIL]


def test_content_that_was_asked_for_though_all_were_refused_is_a_dot():
    """RFC 2920 section 3.1."""
    script = {**refusing(Phase.RCPT, NO, NO, None), Phase.EHLO: Offer((PIPELINING,))}
    script[Phase.DATA] = (Reply(b"354 go on\r\n"), Honest())
    script[Phase.DOT] = (Reply(b"554 nobody to send it to\r\n"), Honest())
    with Hostile(script) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            session.deliver(ENVELOPE, [b"again\r\n"])
        (connection,) = server.settled()
    assert "No" in str(caught.value)
    assert connection.contents == [b"", b"again\r\n"]


def test_a_server_that_hangs_up_at_that_dot_has_refused_all_the_same():
    script = {Phase.RCPT: Reply(NO), Phase.DATA: Reply(b"354 go on\r\n"), Phase.DOT: Drop()}
    with Hostile({**script, Phase.EHLO: Offer((PIPELINING,))}) as server, opened(server) as session:
        with failing(ServerError, 161) as caught:
            session.deliver(ENVELOPE, [MAIL])
        assert not session.connected
    assert caught.value.retry is Retry.NO


class Refuse(Action):
    """A refusal, and the connection is reset behind it."""

    def act(self, talk):
        talk.send(NO)
        talk.reset_on_close()
        raise HangUpError


def test_what_was_said_before_a_write_failed_is_heard():
    """The second group meets a server that refused the first and left."""

    def slow(event):
        if isinstance(event, PITrail) and event.message == "RCPT TO:<r2999@example.org>":
            time.sleep(0.2)

    many = Envelope("a@example.org", tuple(Recipient(f"r{n}@example.org") for n in range(3000)))
    script = {Phase.MAIL: Refuse(), Phase.EHLO: Offer((PIPELINING,))}
    with Hostile(script) as server, opened(server) as session:
        session.run.emit = slow
        with failing(ServerError, 161) as caught:
            session.deliver(many, [MAIL])
        assert not session.connected
    assert caught.value.retry is Retry.NO


def test_a_refused_mail_with_recipients_has_no_end():
    """A server that forgets the refusal would deliver an empty mail for a dot."""
    script = {
        Phase.MAIL: Reply(NO),
        Phase.RCPT: Reply(b"250 ok\r\n"),
        Phase.DATA: Reply(b"354 go on\r\n"),
        Phase.EHLO: Offer((PIPELINING,)),
    }
    with Hostile(script) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            assert not session.connected
        (connection,) = server.settled()
    assert connection.contents == []
    assert {str(said) for said in caught.value.refused.values()} == {"550 5.1.1 No"}


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("answer", [b"550 no\r\n", b"garbage\r\n", b"399 x\r\n"])
def test_where_the_server_does_not_forget_the_mail_is_for_later(offers, answer):
    script = {Phase.RCPT: (Reply(NO), Reply(NO), Honest()), Phase.RSET: Reply(answer)}
    with Hostile({**script, Phase.EHLO: Offer(offers)}) as server:
        with opened(server) as session:
            with failing(ServerError, 161):
                session.deliver(ENVELOPE, [MAIL])
            with failing(ConnectError, 162) as caught:
                session.deliver(ENVELOPE, [MAIL])
            assert not session.connected
        (connection,) = server.settled()
    assert caught.value.retry is Retry.LATER
    assert connection.contents == []


@pytest.mark.parametrize("offers", OFFERS)
def test_a_command_of_the_callers_own_finds_the_session_reset(offers):
    with Hostile({**refusing(Phase.MAIL, NO, None), Phase.EHLO: Offer(offers)}) as server:
        with opened(server) as session:
            with failing(ServerError, 161):
                session.deliver(ENVELOPE, [MAIL])
            assert "RSET" not in server.connections[0].verbs
            session.command("NOOP")
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.verbs.count("RSET") == 1
    assert connection.verbs.index("RSET") < connection.verbs.index("NOOP")


# ------------------------------------------------------------------------- lost within a group


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT])
@pytest.mark.parametrize("action", [Drop(), Reply(b"garbage\r\n"), Reply(b"399 what\r\n")])
def test_what_is_lost_before_the_end_was_sent_is_safe_to_send_again(phase, action):
    with Hostile({phase: action, Phase.EHLO: Offer((PIPELINING,))}) as server:
        with failing(ConnectError) as caught, opened(server) as session:
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert caught.value.retry is Retry.LATER
    assert connection.contents == []


def test_the_error_names_the_command_that_has_no_answer():
    script = {Phase.RCPT: (Honest(), Drop()), Phase.EHLO: Offer((PIPELINING,))}
    with (
        Hostile(script) as server,
        failing(ConnectError, 1120) as caught,
        opened(server) as session,
    ):
        session.deliver(ENVELOPE, [MAIL])
    assert caught.value.subject.startswith("RCPT at ")


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT])
def test_421_in_a_group_is_everybodys(offers, phase):
    script = {phase: Reply(b"421 4.3.2 Going down\r\n", close=True), Phase.EHLO: Offer(offers)}
    with Hostile(script) as server:
        with failing(ServerError, 161) as caught, opened(server) as session:
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert caught.value.retry is Retry.LATER
    assert {said.code for said in caught.value.refused.values()} == {421}
    assert connection.contents == []


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT])
def test_a_server_that_refuses_and_hangs_up_has_refused(offers, phase):
    """What it did not answer does not make the mail one for later."""
    script = {phase: (Reply(NO), Reply(NO, close=True)), Phase.EHLO: Offer(offers)}
    if phase is Phase.MAIL:
        script[phase] = Reply(NO, close=True)
    with Hostile(script) as server:
        with failing(ServerError, 161) as caught, opened(server) as session:
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert caught.value.retry is Retry.NO
    assert {str(said) for said in caught.value.refused.values()} == {"550 5.1.1 No"}
    assert connection.contents == []


@pytest.mark.parametrize(
    ("offers", "phase", "number"),
    [(OFFERS[0], Phase.MAIL, 162), (OFFERS[0], Phase.DOT, 13), (OFFERS[1], Phase.DOT, 13)],
)
def test_one_answer_too_many_makes_all_of_them_doubtful(offers, phase, number):
    """It would stand for the next command's, and at last for that of the whole mail."""
    script = {phase: Inject(b"250 another\r\n"), Phase.EHLO: Offer(offers)}
    with Hostile(script) as server, failing(ConnectError, number), opened(server) as session:
        session.deliver(ENVELOPE, [MAIL])
    assert not session.connected


def test_a_goodbye_behind_the_last_answer_takes_nothing_back():
    script = {Phase.DOT: Reply(b"250 ok\r\n421 bye\r\n", close=True)}
    with Hostile(script, offers=[CHUNKING]) as server, opened(server) as session:
        assert session.deliver(ENVELOPE, [MAIL]).accepted == ENVELOPE.addresses
        server.settled()
        assert not session.still_there()


def test_a_group_leaves_in_one_write_and_is_told_line_by_line(monkeypatch):
    sent, ears = [], Ears()
    real = socket.socket.send
    monkeypatch.setattr(
        socket.socket, "send", lambda self, data: sent.append(bytes(data)) or real(self, data)
    )
    with Hostile(offers=[CHUNKING]) as server:
        options = options_for(server)
        with Session.open(options, Run(emit=ears, timeout=5)) as session:
            session.deliver(ENVELOPE, [MAIL])
    group = [
        "MAIL FROM:<a@example.org>",
        "RCPT TO:<b@example.org>",
        "RCPT TO:<c@example.org>",
        f"BDAT {len(MAIL)} LAST",
    ]
    assert "".join(f"{line}\r\n" for line in group).encode() + MAIL in sent
    lines = ears.lines()
    first = lines.index(group[0])
    assert lines[first : first + 4] == group
