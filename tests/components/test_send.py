"""Connecting and sending: both lives of a connection, refusals, locks, and what is told when."""

from __future__ import annotations

import pytest

from gpgmail.components import SMTP
from gpgmail.core.errors import ConnectError, ServerError, StateError, UsageError
from gpgmail.testing.script import Drop, Honest, Phase, Reply
from tests.components.support import ALICE, BOB, CAROL, SENDER, Ears, failing, parsed, smtp
from tests.servers.hostile import Hostile

REFUSED = Reply(b"550 5.1.1 Nobody of that name\r\n")


# ---------------------------------------------------------------------- the life of a connection


@pytest.mark.proves("mail_server", "mail_port", "send")
def test_without_a_connection_send_makes_one_and_closes_it():
    with Hostile() as server:
        mailer = smtp(server)
        mailer.send()
        assert not mailer.connected
        assert mailer.get_connected() is False
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_a_connection_that_was_there_stays_open():
    with Hostile() as server:
        mailer = smtp(server)
        mailer.connect()
        assert mailer.connected
        mailer.send()
        mailer.send()
        assert mailer.connected
        mailer.disconnect()
        assert not mailer.connected
        mailer.disconnect()
        (connection,) = server.settled()
    assert connection.verbs.count("DATA") == 2
    assert connection.verbs[-1] == "QUIT"


def test_the_block_ends_the_connection():
    with Hostile() as server:
        with smtp(server) as mailer:
            mailer.connect()
        assert not mailer.connected
        assert server.settled()[0].verbs == ["EHLO", "QUIT"]


def test_after_an_error_the_connection_that_send_made_stays_open():
    with Hostile({Phase.MAIL: (REFUSED, Honest())}) as server:
        mailer = smtp(server)
        with failing(161, ServerError):
            mailer.send()
        assert mailer.connected
        mailer.send()
        assert mailer.connected
        mailer.close()
        (connection,) = server.settled()
    assert len(connection.contents) == 1


def test_a_dropped_connection_is_closed_and_the_next_send_makes_another():
    with Hostile([{Phase.MAIL: Drop()}, {}]) as server:
        mailer = smtp(server)
        with failing(1120, ConnectError):
            mailer.send()
        assert not mailer.connected
        mailer.send()
        assert [len(one.contents) for one in server.settled()] == [0, 1]


def test_connect_twice_is_refused_and_keeps_the_connection():
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        with failing(104, StateError):
            mailer.connect()
        assert mailer.connected
        mailer.send()


def test_an_object_can_be_used_again_after_close():
    with Hostile() as server:
        mailer = smtp(server)
        for _ in range(2):
            with mailer:
                mailer.send()
        assert len(server.settled()) == 2


# --------------------------------------------------------------------- before there is a connection


@pytest.mark.proves("SMTP 163", "SMTP 164", "SMTP 165")
@pytest.mark.parametrize(
    ("name", "number"), [("mail_server", 163), ("from_", 164), ("send_to", 165)]
)
def test_what_is_missing_is_said_before_a_connection(name, number):
    with Hostile() as server:
        mailer = smtp(server)
        setattr(mailer, name, "")
        ears = Ears(mailer, "error", "connection_status")
        with failing(number, UsageError) as caught:
            mailer.send()
        assert not server.connections
    assert [(event.error_code, event.description) for event in ears.error] == [
        (number, str(caught.value))
    ]
    assert not ears.connection_status


@pytest.mark.proves("TCPClient 116", "SMTP 163")
def test_port_zero_is_refused():
    mailer = SMTP(mail_server="127.0.0.1", mail_port=0, from_="a@b.org", send_to="c@d.org")
    with failing(116):
        mailer.send()
    with failing(116):
        mailer.connect()
    with failing(163):
        SMTP().connect()


# ----------------------------------------------------------------------------------------- locks


@pytest.mark.proves(
    "TCPClient 100", "TCPClient 101", "TCPClient 106", "TCPClient 107", "TCPClient 112"
)
@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("mail_port", 2525, 100),
        ("mail_server", "elsewhere", 101),
        ("local_port", 1025, 106),
        ("local_host", "127.0.0.1", 107),
        ("max_line_length", 512, 112),
    ],
)
def test_what_the_connection_stands_on_is_fixed_while_it_stands(name, value, number):
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        before = getattr(mailer, name)
        with failing(number, StateError) as caught:
            setattr(mailer, name, value)
        assert caught.value.code.family == "TCPClient"
        assert getattr(mailer, name) == before
        mailer.disconnect()
        setattr(mailer, name, value)
        assert getattr(mailer, name) == value


def test_it_is_fixed_while_the_connection_is_being_made():
    with Hostile() as server, smtp(server) as mailer:
        mailer.on_pi_trail = lambda _: setattr(mailer, "mail_server", "elsewhere")
        with failing(101, StateError):
            mailer.connect()
        assert not mailer.connected
        mailer.on_pi_trail = None
        mailer.mail_server = "localhost"


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["send_to", "cc"])
def test_a_refused_recipient_in_to_or_cc_stops_the_mail(name):
    script = {Phase.RCPT: (Honest(), REFUSED, Honest())}
    with Hostile(script) as server:
        values = {"send_to": f"{ALICE.address}, {BOB.address}"}
        if name == "cc":
            values = {"send_to": ALICE.address, "cc": BOB.address}
        mailer = smtp(server, b_cc=CAROL.address, **values)
        ears = Ears(mailer, "error")
        with failing(161, ServerError) as caught:
            mailer.send()
        mailer.close()
        (connection,) = server.settled()
    assert not connection.contents
    assert {who: said.code for who, said in caught.value.refused.items()} == {BOB.address: 550}
    assert f"RCPT {BOB.address} at" in str(caught.value)
    assert [event.error_code for event in ears.error] == [161]
    assert "Nobody of that name" in ears.error[0].description


def test_a_refused_bcc_recipient_is_told_and_the_others_get_the_mail():
    with Hostile({Phase.RCPT: (Honest(), REFUSED)}) as server:
        mailer = smtp(server, b_cc=CAROL.address)
        ears = Ears(mailer, "error")
        mailer.send()
        (connection,) = server.settled()
    assert len(connection.contents) == 1
    assert CAROL.address.encode() not in connection.contents[0]
    (event,) = ears.error
    assert event.error_code == 161
    assert CAROL.address in event.description
    assert "Nobody of that name" in event.description


def test_when_all_are_refused_it_fails():
    with Hostile({Phase.RCPT: REFUSED}) as server:
        mailer = smtp(server, send_to="", b_cc=CAROL.address, allow_empty_to=True)
        with failing(161, ServerError) as caught:
            mailer.send()
        mailer.close()
        assert list(caught.value.refused) == [CAROL.address]
        assert not server.settled()[0].contents


# ------------------------------------------------------------------------------------ what is told


@pytest.mark.proves("on_error")
def test_errors_are_told_before_they_are_raised():
    order = []
    mailer = SMTP(from_="a@b.org", send_to="c@d.org")
    mailer.on_error = lambda event: order.append(event.error_code)
    try:
        mailer.send()
    except UsageError as error:
        order.append(error)
    assert order[0] == 163
    assert order[1].code.number == 163


def test_the_events_of_one_mail(sink):
    mailer = smtp(sink)
    ears = Ears(mailer)
    mailer.send()
    said = [event.message for event in ears.pi_trail if event.direction == 0]
    assert said == [
        said[0],
        f"MAIL FROM:<{SENDER.address}>" + said[1].partition(">")[2],
        f"RCPT TO:<{ALICE.address}>",
        "DATA",
        "QUIT",
    ]
    assert not any("Grüße" in event.message for event in ears.pi_trail)
    heads = [event.connection_event for event in ears.connection_status]
    assert heads[0] != heads[-1]
    assert len(ears.start_transfer) == len(ears.end_transfer) == 1
    assert b"".join(event.text for event in ears.transfer)
    assert not ears.error


def test_the_last_reply_stays_readable(sink):
    mailer = smtp(sink)
    assert mailer.last_reply == mailer.get_last_reply() == ""
    mailer.connect()
    mailer.send()
    assert mailer.last_reply == "250 2.0.0 kept as mail 1"
    mailer.disconnect()
    assert mailer.last_reply.startswith("221")


def test_the_last_reply_of_a_connection_that_failed():
    with Hostile({Phase.EHLO: Reply(b"554 5.7.1 Go away\r\n")}) as server:
        mailer = smtp(server)
        with failing(161):
            mailer.connect()
    assert mailer.last_reply == "554 5.7.1 Go away"


def test_the_password_shows_nowhere():
    with Hostile() as server:
        mailer = smtp(server, user="user", password="s3cret-h0rse", allow_cleartext_auth=True)
        ears = Ears(mailer)
        mailer.log_level = 3
        mailer.send()
        assert "AUTH" in server.settled()[0].verbs
    assert "s3cret-h0rse" not in repr(mailer) + repr(ears.heard)


def test_reset_headers_leaves_text_and_server(sink):
    mailer = smtp(
        sink,
        cc=BOB.address,
        b_cc=CAROL.address,
        reply_to="r@example.org",
        importance=1,
        other_headers="X-Own: 1",
        return_path="<>",
        message_id="<one@example.org>",
    )
    text = mailer.message_text
    mailer.reset_headers()
    assert (mailer.send_to, mailer.cc, mailer.b_cc, mailer.subject, mailer.from_) == ("",) * 5
    assert (mailer.importance, mailer.other_headers, mailer.return_path) == (0, "", "")
    assert mailer.message_text == text
    mailer.from_, mailer.send_to = SENDER.address, ALICE.address
    mailer.send()
    mail = sink.received[0]
    assert (mail.sender, mail.recipients) == (SENDER.address, (ALICE.address,))
    fields = {name.lower() for name in parsed(mail)}
    assert not fields & {"subject", "cc", "reply-to", "importance", "x-own"}
    assert parsed(mail)["Message-ID"] != "<one@example.org>"
