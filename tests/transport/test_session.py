"""A session with an honest server: what it says, what it returns, and what it tells meanwhile."""

from __future__ import annotations

import contextlib
import errno
import gc
import smtplib
import socket
import subprocess
import sys
import threading

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import (
    ConnectError,
    MessageError,
    PolicyError,
    ServerError,
    StateError,
    TlsError,
    UnsupportedError,
    UsageError,
)
from gpgmail.core.events import (
    ConnectionStatus,
    Direction,
    EndTransfer,
    PITrail,
    StartTransfer,
    Transfer,
)
from gpgmail.core.run import Run
from gpgmail.core.secret import MASK
from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply, Stall
from gpgmail.transport.address import Peer
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.progress import told
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse
from tests.servers.hostile import Hostile
from tests.transport.support import (
    ENVELOPE,
    MAIL,
    PASSWORD,
    USER,
    Ears,
    failing,
    login,
    options_for,
    secured,
    send,
)


def refusing(phase, *replies):
    return {phase: tuple(Reply(reply) if reply else Honest() for reply in replies)}


# ------------------------------------------------------------------------------------- one mail


@pytest.mark.proves("mail_server", "mail_port")
@pytest.mark.parametrize("chop", [False, True])
def test_a_mail_arrives_as_it_is(chop):
    with Hostile(chop=chop) as server:
        delivery = send(options_for(server))
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    assert " ".join(connection.verbs) == "EHLO MAIL RCPT RCPT DATA QUIT"
    assert connection.commands[1:4] == [
        b"MAIL FROM:<a@example.org>",
        b"RCPT TO:<b@example.org>",
        b"RCPT TO:<c@example.org>",
    ]
    assert delivery.accepted == ("b@example.org", "c@example.org")
    assert delivery.refused == {}
    assert str(delivery.final) == "250 2.0.0 Ok: taken"
    assert delivery.final.enhanced == "2.0.0"


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("chop", [False, True])
def test_a_mail_goes_through_tls(certificates, ca_file, implicit, chop):
    good = certificates.contexts["good"]
    with Hostile(tls=good, implicit_tls=implicit, chop=chop) as server:
        with Session.open(secured(server, ca_file, **login()), Run(timeout=5)) as session:
            assert session.tls_version in {"TLSv1.2", "TLSv1.3"}
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    words = "AUTH MAIL RCPT RCPT DATA QUIT"
    before = "EHLO" if implicit else "EHLO STARTTLS EHLO"
    assert " ".join(connection.verbs) == f"{before} {words}"
    assert b"AUTH" not in connection.clear
    assert session.tls_version == ""


@pytest.mark.parametrize(
    "content", [b"", b".\r\n", b"x" * 3_000_000 + b"\r\n", b"\r\n.\r\n.\r\n" * 50_000]
)
def test_any_content_arrives(content):
    with Hostile() as server:
        send(options_for(server), content=content)
        (connection,) = server.settled()
    assert connection.contents == [content]


def test_content_is_streamed():
    """What the source gave is on its way before it is asked for more."""
    ears, given = Ears(), [0]

    def source():
        for _ in range(100):
            sent = max((event.bytes_transferred for event in ears.of(Transfer)), default=0)
            assert given[0] - sent <= 2 * 65536
            given[0] += 30_000
            yield b"x" * 29_998 + b"\r\n"

    with Hostile() as server, Session.open(options_for(server), Run(emit=ears)) as session:
        session.deliver(ENVELOPE, told(source(), None, session.run))
    assert len(server.connections[0].contents[0]) == 3_000_000


def test_a_session_takes_many_mails():
    with Hostile() as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            for number in range(3):
                session.deliver(ENVELOPE, [b"%d\r\n" % number])
        (connection,) = server.settled()
    assert connection.contents == [b"0\r\n", b"1\r\n", b"2\r\n"]
    assert connection.verbs.count("EHLO") == 1


def test_the_small_mail_leaves_with_its_final_dot(monkeypatch):
    sent = []
    real = socket.socket.send
    monkeypatch.setattr(
        socket.socket, "send", lambda self, data: sent.append(bytes(data)) or real(self, data)
    )
    with Hostile() as server:
        send(options_for(server))
    assert b"Subject: one\r\n\r\n..dot\r\nend\r\n.\r\n" in sent


# ------------------------------------------------------------------------------------- greeting


@pytest.mark.proves("Hello")
@pytest.mark.parametrize(
    ("hostname", "hello", "expected"),
    [
        ("mail.example.org", "", b"EHLO mail.example.org"),
        ("laptop", "", b"EHLO [127.0.0.1]"),
        ("bad_name.x y", "", b"EHLO [127.0.0.1]"),
        ("mail.example.org", "other.example", b"EHLO other.example"),
    ],
)
def test_the_name_in_ehlo(monkeypatch, hostname, hello, expected):
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    monkeypatch.setattr(socket, "getfqdn", lambda *_: pytest.fail("asks the DNS"))
    with Hostile() as server:
        send(options_for(server, hello=hello))
        (connection,) = server.settled()
    assert connection.commands[0] == expected


def test_over_ipv6_the_name_is_an_ipv6_literal(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    session = Session(TransportOptions(), Run())
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))

        class Wire:
            pass

        wire = Wire()
        wire.sock = sock
        session._wire = wire
        assert session._own_name() == "[IPv6:::1]"


@pytest.mark.proves("allow_extensions")
def test_helo_is_said_where_ehlo_is_not_known():
    script = refusing(Phase.EHLO, b"502 what\r\n", b"250 hostile.example\r\n")
    with Hostile(script) as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            assert session.extensions == {}
            session.deliver(ENVELOPE, [MAIL], size=len(MAIL))
        (connection,) = server.settled()
    assert connection.verbs[:2] == ["EHLO", "HELO"]
    assert connection.commands[2] == b"MAIL FROM:<a@example.org>"
    assert connection.contents == [MAIL]


@pytest.mark.proves("allow_extensions")
def test_without_extensions_only_helo_is_said():
    with Hostile() as server:
        send(options_for(server, allow_extensions=False))
        (connection,) = server.settled()
    assert connection.verbs[0] == "HELO"


def test_extensions_are_read_out():
    with (
        Hostile(
            {Phase.EHLO: Offer((b"SIZE 12", b"AUTH=LOGIN", b"AUTH PLAIN", b"X-y z"))}
        ) as server,
        Session.open(options_for(server), Run(timeout=5)) as session,
    ):
        assert session.extensions == {"SIZE": "12", "AUTH": "LOGIN PLAIN", "X-Y": "z"}


@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.EHLO])
def test_a_server_that_does_not_want_us(phase):
    refusal = Reply(b"554 5.7.1 Go away\r\n")
    with Hostile({phase: refusal}) as server:
        with failing(ServerError, 161) as caught:
            send(options_for(server))
        (connection,) = server.settled()
    assert str(caught.value.reply) == "554 5.7.1 Go away"
    assert caught.value.retry is Retry.NO
    assert "MAIL" not in connection.verbs


# ---------------------------------------------------------------------------------------- login


@pytest.mark.parametrize("mechanisms", [b"PLAIN LOGIN", b"LOGIN PLAIN", b"LOGIN", b"PLAIN"])
def test_logging_in(mechanisms):
    with Hostile({Phase.EHLO: Offer((b"AUTH " + mechanisms,))}) as server:
        send(options_for(server, **login()))
        (connection,) = server.settled()
    mechanism = b"PLAIN" if b"PLAIN" in mechanisms else b"LOGIN"
    assert connection.commands[1].split()[:2] == [b"AUTH", mechanism]
    assert connection.contents == [MAIL]


def test_a_long_password_does_not_fit_into_the_first_line():
    with Hostile() as server:
        send(options_for(server, user=USER, password="x" * 400))
        (connection,) = server.settled()
    assert connection.commands[1] == b"AUTH PLAIN"
    assert connection.contents == [MAIL]


@pytest.mark.parametrize(
    ("reply", "retry"), [(b"535 5.7.8 Wrong\r\n", Retry.NO), (b"454 4.7.0 Later\r\n", Retry.LATER)]
)
@pytest.mark.parametrize(
    ("phase", "offer"), [(Phase.AUTH, b"AUTH PLAIN LOGIN"), (Phase.AUTH_ANSWER, b"AUTH LOGIN")]
)
def test_a_refused_login_is_tried_once(phase, offer, reply, retry):
    with Hostile({phase: Reply(reply), Phase.EHLO: Offer((offer,))}) as server:
        with failing(ServerError, 161) as caught:
            send(options_for(server, **login()))
        (connection,) = server.settled()
    assert reply.decode().strip() in str(caught.value)
    assert caught.value.retry is retry
    assert connection.verbs.count("AUTH") == 1
    assert "MAIL" not in connection.verbs


@pytest.mark.parametrize("offer", [(), (b"AUTH GSSAPI ANONYMOUS",)])
def test_no_mechanism_in_common(offer):
    with Hostile({Phase.EHLO: Offer(offer)}) as server:
        with failing(PolicyError, 19):
            send(options_for(server, **login()))
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO"]


@pytest.mark.parametrize("challenge", [b"334 not base64!\r\n", b"334 =\r\n", b"334 \xff\r\n"])
def test_a_challenge_that_is_none_ends_the_login(challenge):
    script = {Phase.AUTH: Reply(challenge), Phase.EHLO: Offer((b"AUTH LOGIN",))}
    with Hostile(script) as server:
        with failing(ServerError, 162):
            send(options_for(server, **login()))
        (connection,) = server.settled()
    assert PASSWORD.encode() not in connection.clear


def test_a_server_that_asks_on_and_on_is_left():
    script = {Phase.AUTH: Reply(b"334 \r\n"), Phase.OTHER: Reply(b"334 \r\n")}
    with Hostile(script) as server, failing(ServerError, 162):
        send(options_for(server, **login()))


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ({"user": USER}, 2),
        ({"user": USER, "password": "a\0b"}, 6),
    ],
)
def test_credentials_that_cannot_be_sent(rows, number):
    with Hostile() as server:
        with failing(UsageError, number):
            send(options_for(server, **rows))
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO"]


@pytest.mark.parametrize("offer", [b"AUTH PLAIN", b"AUTH LOGIN"])
def test_the_password_does_not_leave_the_machine_in_clear(monkeypatch, offer):
    monkeypatch.setattr(Peer, "loopback", False)
    with Hostile({Phase.EHLO: Offer((offer,))}) as server:
        with failing(PolicyError, 4):
            send(options_for(server, ssl_start_mode=3, **login()))
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO"]


@pytest.mark.parametrize("how", ["row", "url", "tls"])
@pytest.mark.proves("AllowCleartextAuth")
def test_unless_that_was_asked_for_or_it_is_not_in_clear(monkeypatch, certificates, ca_file, how):
    monkeypatch.setattr(Peer, "loopback", False)
    with Hostile(tls=certificates.contexts["good"]) as server:
        send(
            {
                "row": options_for(server, ssl_start_mode=3, allow_cleartext_auth=True, **login()),
                "url": parse(
                    f"smtp+insecure://{USER.replace('@', '%40')}:x@127.0.0.1:{server.port}"
                ),
                "tls": secured(server, ca_file, **login()),
            }[how]
        )
        (connection,) = server.settled()
    assert "AUTH" in connection.verbs


def test_mail_does_not_leave_the_machine_in_clear_unasked(monkeypatch):
    monkeypatch.setattr(Peer, "loopback", False)
    with Hostile() as server:
        with failing(PolicyError, 5):
            send(options_for(server))
        with failing(TlsError, 276):
            send(parse(f"smtp://127.0.0.1:{server.port}"))
        first, second = server.settled()
    assert first.clear == b""
    assert second.verbs == ["EHLO"]


def test_a_url_needs_no_tls_on_this_machine(certificates):
    with Hostile(tls=certificates.contexts["untrusted"]) as server:
        send(parse(f"smtp://localhost:{server.port}"))
        with failing(TlsError, 280):
            send(parse(f"smtp://localhost:{server.port}?tls=required"))
        plain, refused = server.settled()
    assert plain.verbs[1] == "MAIL"
    assert refused.verbs == ["EHLO", "STARTTLS"]


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("reply", "retry"), [(b"550 5.1.1 No\r\n", Retry.NO), (b"450 4.2.0 Busy\r\n", Retry.LATER)]
)
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
def test_a_refusal_is_an_error_and_the_session_stays(phase, reply, retry):
    replies = [reply] * (2 if phase is Phase.RCPT else 1)
    with Hostile(refusing(phase, *replies, None)) as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL])
            again = session.deliver(ENVELOPE, [b"again\r\n"])
        (connection,) = server.settled()
    error = caught.value
    assert error.retry is retry
    assert set(error.refused) == set(ENVELOPE.addresses)
    assert all(str(said) == reply.decode().strip() for said in error.refused.values())
    assert again.accepted == ENVELOPE.addresses
    assert "RSET" in connection.verbs
    assert connection.contents[-1] == b"again\r\n"
    assert len(connection.contents) == (2 if phase is Phase.DOT else 1)


def test_one_of_two_recipients_is_refused():
    with Hostile(refusing(Phase.RCPT, b"550-5.1.1 No\r\n550 5.1.1 such user\r\n", None)) as server:
        delivery = send(options_for(server))
        (connection,) = server.settled()
    assert delivery.accepted == ("c@example.org",)
    assert {who: str(said) for who, said in delivery.refused.items()} == {
        "b@example.org": "550 5.1.1 No 5.1.1 such user"
    }
    assert connection.contents == [MAIL]


def test_the_refused_keep_their_own_words_when_the_mail_fails_later():
    script = refusing(Phase.RCPT, b"550 no b\r\n", None) | {Phase.DOT: Reply(b"552 too big\r\n")}
    with Hostile(script) as server, failing(ServerError) as caught:
        send(options_for(server))
    assert {who: said.text for who, said in caught.value.refused.items()} == {
        "b@example.org": "no b",
        "c@example.org": "too big",
    }


def test_a_type_of_recipient_may_stop_the_mail():
    envelope = Envelope(
        "a@x", (Recipient("b@x"), Recipient("c@x", recipient_type=RecipientType.BCC))
    )
    script = refusing(Phase.RCPT, None, b"550 no\r\n")
    with Hostile(script) as server:
        delivery = send(options_for(server), envelope=envelope, stop_on=[RecipientType.TO])
        assert delivery.accepted == ("b@x",)
        with failing(ServerError):
            send(options_for(server), envelope=envelope, stop_on=[RecipientType.BCC])
        first, second = server.settled()
    assert len(first.contents) == 1
    assert second.contents == []


# ----------------------------------------------------------------------------------- extensions


def test_size_is_said_and_checked_before_anything_else():
    with Hostile({Phase.EHLO: Offer((b"SIZE 100",))}) as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            with failing(ServerError, 161):
                session.deliver(ENVELOPE, [b""], size=101)
            session.deliver(ENVELOPE, [MAIL], size=len(MAIL))
        (connection,) = server.settled()
    assert connection.commands[1] == b"MAIL FROM:<a@example.org> SIZE=%d" % len(MAIL)


def test_utf8_addresses_and_content():
    envelope = Envelope("jürgen@example.org", (Recipient("ñ@example.org"),))
    content = "Subject: grüße\r\n\r\nö\r\n".encode()
    with Hostile() as server:
        send(options_for(server), envelope=envelope, content=content, needs_utf8=True)
        (connection,) = server.settled()
    assert connection.commands[1:3] == [
        "MAIL FROM:<jürgen@example.org> SMTPUTF8 BODY=8BITMIME".encode(),
        "RCPT TO:<ñ@example.org>".encode(),
    ]
    assert connection.contents == [content]


@pytest.mark.parametrize(
    "arguments",
    [
        {"envelope": Envelope("ä@x", (Recipient("b@x"),))},
        {"needs_utf8": True},
        {"needs_8bit": True},
        {"envelope": Envelope("a@x", (Recipient("b@x", options="NOTIFY=NEVER"),))},
    ],
)
def test_what_the_server_lacks_is_not_sent(arguments):
    with Hostile({Phase.EHLO: Offer()}) as server:
        with failing(UnsupportedError, 20):
            send(options_for(server), **arguments)
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


def test_options_of_the_envelope_stand_behind_mail():
    envelope = Envelope("a@x", (Recipient("b@x"),), "RET=HDRS ENVID=1 MT-PRIORITY=3")
    with Hostile(offers=[b"DSN", b"MT-PRIORITY"]) as server:
        send(options_for(server), envelope=envelope, size=len(MAIL))
        (connection,) = server.settled()
    said = b"MAIL FROM:<a@x> SIZE=%d RET=HDRS ENVID=1 MT-PRIORITY=3"
    assert connection.commands[1] == said % len(MAIL)


@pytest.mark.parametrize("offers", [[], [b"REQUIRETLS"]])
def test_requiretls_is_for_tls_with_servers_that_have_it(certificates, ca_file, offers):
    envelope = Envelope("a@x", (Recipient("b@x"),), "REQUIRETLS")
    good = certificates.contexts["good"]
    with Hostile(tls=good, offers=offers) as server:
        with failing(PolicyError if offers else UnsupportedError):
            send(options_for(server), envelope=envelope)
        if offers:
            send(secured(server, ca_file), envelope=envelope)
        connections = server.settled()
    assert [connection.contents for connection in connections] == [[], [MAIL]][: 1 + len(offers)]
    assert b"MAIL" not in connections[0].clear


@pytest.mark.parametrize("address", ["a> SIZE=1 <b@x", "a b@x"])
def test_an_address_cannot_become_a_command(address):
    with Hostile() as server:
        with failing(UsageError):
            send(options_for(server), envelope=Envelope("a@x", (Recipient(address),)))
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


# --------------------------------------------------------------------------- sources and handlers


def ended_by(error):
    yield MAIL
    raise error


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("x"), KeyboardInterrupt()])
def test_a_source_that_fails_midway_ends_the_connection_and_not_the_mail(error):
    with Hostile() as server:
        with (
            pytest.raises(type(error)) as caught,
            Session.open(options_for(server), Run(timeout=5)) as session,
        ):
            session.deliver(ENVELOPE, ended_by(error))
        (connection,) = server.settled()
    assert caught.value is error
    assert connection.contents == []
    assert connection.verbs[-1] == "DATA"
    assert not session.connected


@pytest.mark.parametrize("kind", [StartTransfer, Transfer, EndTransfer])
def test_a_handler_that_fails_within_the_content_ends_the_connection(kind):
    def handler(event):
        if type(event) is kind:
            raise LookupError("a handler's")

    with Hostile() as server:
        with pytest.raises(LookupError):
            send(options_for(server), run=Run(emit=handler, timeout=5))
        (connection,) = server.settled()
    assert connection.contents == []


def test_a_handlers_own_server_error_does_not_pass_for_this_servers():
    theirs = ServerError.__new__(ServerError)

    def handler(event):
        if isinstance(event, Transfer):
            raise theirs

    with Hostile() as server:
        with pytest.raises(ServerError) as caught:
            send(options_for(server), run=Run(emit=handler, timeout=5))
        (connection,) = server.settled()
    assert caught.value is theirs
    assert caught.value.refused == {}
    assert connection.contents == []


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("nth", range(6))
def test_a_handler_that_fails_anywhere_leaves_no_connection(direction, nth):
    """Warnings are errors: a socket that is left open fails this test."""
    seen = []

    def handler(event):
        if isinstance(event, PITrail) and event.direction == direction:
            seen.append(event)
            if len(seen) == nth + 1:
                raise LookupError("a handler's")

    with Hostile() as server:
        with contextlib.suppress(LookupError):
            send(options_for(server), run=Run(emit=handler, timeout=5))
        (connection,) = server.settled()
    assert len(connection.contents) <= 1
    gc.collect()


@pytest.mark.parametrize(
    ("content", "words"), [(b"a\nb\r\n", "CRLF"), (b"a\r", "CRLF"), (b"\xc3\xbc\r\n", "127")]
)
def test_content_that_is_not_canonical_is_not_delivered(content, words):
    with Hostile() as server:
        with failing(MessageError) as caught:
            send(options_for(server), content=content)
        (connection,) = server.settled()
    assert words in str(caught.value)
    assert connection.contents == []


# -------------------------------------------------------------------------------------- its life


def test_events_tell_the_whole_and_no_content():
    ears = Ears()
    with Hostile() as server:
        options = options_for(server, **login())
        send(options, run=Run(emit=ears, timeout=5), size=len(MAIL))
    client = ears.lines(Direction.CLIENT)
    assert client[1:] == [
        f"AUTH PLAIN {MASK}",
        f"MAIL FROM:<a@example.org> SIZE={len(MAIL)}",
        "RCPT TO:<b@example.org>",
        "RCPT TO:<c@example.org>",
        "DATA",
        "QUIT",
    ]
    assert ears.lines(Direction.SERVER)[0] == "220 hostile.example ESMTP"
    assert not any("Subject" in line for line in ears.lines())
    assert [event.connection_event for event in ears.of(ConnectionStatus)] == [
        "connected",
        "disconnected",
    ]
    (transfer,) = ears.of(Transfer)
    assert (transfer.bytes_transferred, transfer.percent_done) == (len(MAIL), 100)
    assert transfer.text == MAIL
    kinds = [type(event) for event in ears.events if not isinstance(event, PITrail)]
    assert kinds[1:4] == [StartTransfer, Transfer, EndTransfer]


def test_progress_of_a_large_mail():
    ears = Ears()
    line = b"x" * 998 + b"\r\n"
    with Hostile() as server:
        options = options_for(server)
        send(options, run=Run(emit=ears, timeout=5), content=line * 1000, size=1_000_000)
        send(options, run=Run(emit=ears, timeout=5), content=line * 1000)
    counts = [event.bytes_transferred for event in ears.of(Transfer)]
    half = len(counts) // 2
    assert counts[:half] == counts[half:] == sorted(counts[:half])
    assert half > 10
    percents = [event.percent_done for event in ears.of(Transfer)]
    assert percents[half - 1] == 100
    assert set(percents[half:]) == {-1}


@pytest.mark.proves("SMTP 163", "TCPClient 116")
def test_without_a_server_there_is_no_session():
    with failing(UsageError, 163):
        Session.open(TransportOptions(), Run())
    with failing(UsageError, 116):
        Session.open(TransportOptions(mail_server="localhost", mail_port=0), Run())


def test_a_closed_session_sends_nothing():
    with Hostile() as server:
        session = Session.open(options_for(server), Run(timeout=5))
        session.close()
        session.close()
        with failing(StateError):
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


def test_no_recipient():
    with Hostile() as server, Session.open(options_for(server), Run(timeout=5)) as session:
        with failing(UsageError, 165):
            session.deliver(Envelope("a@x"), [MAIL])
        session.deliver(ENVELOPE, [MAIL])


@pytest.mark.parametrize("action", [Stall(), Drop(), Reply(b"garbage\r\n"), Reply(b"421 x\r\n")])
def test_closing_never_hangs_and_never_fails(action):
    with Hostile({Phase.QUIT: action}) as server:
        session = Session.open(options_for(server), Run(timeout=60))
        session.deliver(ENVELOPE, [MAIL])
        closing = threading.Thread(target=session.close)
        closing.start()
        closing.join(3)
        assert not closing.is_alive()
        assert not session.connected
        assert server.connections[0].contents == [MAIL]


def test_aborting_says_nothing():
    with Hostile() as server:
        session = Session.open(options_for(server), Run(timeout=5))
        session.abort()
        session.abort()
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO"]


def test_smtplibs_own_quit_says_it_once():
    with Hostile() as server:
        Session.open(options_for(server), Run(timeout=5)).quit()
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


def test_smtplibs_own_ways_pass_through_ours():
    with Hostile() as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            assert isinstance(session, smtplib.SMTP)
            assert session.noop()[0] == 250
            assert session.sendmail("a@x", ["b@x"], "text\n.dot\n") == {}
            assert session.sendmail("a@x", ["b@x"], b"text\r\n") == {}
            session.login(USER, PASSWORD)
        (connection,) = server.settled()
    assert connection.contents == [b"text\r\n.dot\r\n", b"text\r\n"]


def test_a_session_goes_from_one_operation_to_the_next():
    first, second = Ears(), Ears()
    with Hostile(refusing(Phase.MAIL, f"550 not with {PASSWORD}\r\n".encode())) as server:
        session = Session.open(options_for(server, **login()), Run(emit=first, timeout=5))
        heard = len(first.events)
        with session.use(Run(emit=second, timeout=5)), failing(ServerError) as caught:
            session.deliver(ENVELOPE, [MAIL])
    assert len(first.events) == heard
    assert f"550 not with {MASK}" in second.lines()
    assert PASSWORD not in str(caught.value)


def test_a_server_that_left_is_noticed_before_the_content():
    with Hostile({Phase.MAIL: Drop()}) as server:
        with failing(ConnectError, 1120) as caught:
            send(options_for(server))
        (connection,) = server.settled()
    assert caught.value.retry is Retry.LATER
    assert "DATA" not in connection.verbs


def loaded_by(modules):
    """Which of the costly modules an import loads."""
    costly = ["asyncio", "uuid", "rich", "click", "cryptography", "gnupg", "email_validator"]
    costly += ["ipaddress", "logging"]
    code = f"import sys, {modules}; print(*(set({costly}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


def test_a_session_costs_no_more_modules_than_smtplib():
    ours = loaded_by("gpgmail.transport.session, gpgmail.transport.url")
    assert ours <= loaded_by("smtplib")


class LostWire:
    """A connection that is gone, with what the server said before."""

    tls_version = ""
    tls_session = None

    def __init__(self, *lines):
        self.lines = list(lines)

    def spoken(self):
        return False

    def send(self, _data, _what):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def read_line(self, _limit, _what):
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def close(self):
        pass


@pytest.mark.parametrize(
    ("lines", "kind", "number", "words"),
    [
        ([], ConnectError, 1120, "Broken pipe"),
        ([b"garbage"], ConnectError, 1120, "Broken pipe"),
        ([b"250 fine"], ConnectError, 1120, "Broken pipe"),
        ([b"421 4.3.2 Going down"], ServerError, 161, "Going down"),
        ([b"554 5.7.1 I do not like you"], ServerError, 161, "I do not like you"),
    ],
)
def test_last_words_are_heard_when_nothing_can_be_sent(lines, kind, number, words):
    session = Session(TransportOptions(mail_server="mx"), Run(timeout=5))
    session._wire = LostWire(*lines)
    with failing(kind, number) as caught:
        session.deliver(ENVELOPE, [MAIL])
    assert words in str(caught.value)
    assert not session.connected


def test_an_interrupt_while_the_session_recovers_leaves_no_connection():
    def handler(event):
        if isinstance(event, PITrail) and event.message == "RSET":
            raise KeyboardInterrupt

    with Hostile({Phase.MAIL: Reply(b"550 no\r\n")}) as server:
        options = options_for(server, pipelining=False)
        session = Session.open(options, Run(emit=handler, timeout=5))
        with pytest.raises(KeyboardInterrupt):
            session.deliver(ENVELOPE, [MAIL])
        assert not session.connected
        server.settled()


def test_before_the_first_word_there_is_no_reply():
    with failing(StateError):
        _ = Session(TransportOptions(), Run()).reply


# ---------------------------------------------------------- smtplib's own call for content


@pytest.mark.parametrize("content", [MAIL, MAIL.decode(), [MAIL]])
def test_content_by_the_call_of_smtplib(content):
    with Hostile() as server:
        with Session.open(options_for(server), Run(timeout=5)) as session:
            session.docmd("MAIL", "FROM:<a@x>")
            session.docmd("RCPT", "TO:<b@x>")
            assert session.data(content)[0] == 250
            assert session.data(content)[0] == 554  # to nobody
        (connection,) = server.settled()
    assert connection.contents == [MAIL]


@pytest.mark.parametrize(
    ("answer", "kind", "number"),
    [
        (Drop(), ConnectError, 13),
        (Reply(b"399 x\r\n"), ConnectError, 13),
        (Reply(b"421 bye\r\n"), ServerError, 161),
    ],
)
def test_behind_it_the_mail_is_as_doubtful(answer, kind, number):
    with (
        Hostile({Phase.DOT: answer}) as server,
        failing(kind, number),
        Session.open(options_for(server), Run(timeout=5)) as session,
    ):
        session.docmd("MAIL", "FROM:<a@x>")
        session.docmd("RCPT", "TO:<b@x>")
        session.data(MAIL)
