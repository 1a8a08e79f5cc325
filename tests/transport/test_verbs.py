"""Commands beside the sending of a mail: VRFY, EXPN, RSET, a caller's own, and SEND, SOML, SAML."""

from __future__ import annotations

import base64

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import (
    ConnectError,
    PolicyError,
    ServerError,
    StateError,
    UnsupportedError,
    UsageError,
)
from gpgmail.core.events import Direction
from gpgmail.core.run import Run
from gpgmail.core.secret import MASK
from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply
from gpgmail.transport.address import Peer
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.transport.support import ENVELOPE, MAIL, PASSWORD, USER, Ears, failing, options_for


def answering(*replies):
    """The script of a server that gives these answers to the commands that it does not know."""
    return {Phase.OTHER: tuple(Reply(reply) for reply in replies)}


def opened(server, ears=None, **rows):
    run = Run(timeout=5) if ears is None else Run(emit=ears, timeout=5)
    return Session.open(options_for(server, **rows), run)


# --------------------------------------------------------------------------------- VRFY and EXPN


@pytest.mark.proves("verify")
@pytest.mark.parametrize(
    "reply",
    [
        b"250 Alice <alice@example.org>\r\n",
        b"251 User not local; will forward to <a@elsewhere.example>\r\n",
        b"252 2.5.2 Cannot VRFY user, but will accept message\r\n",
    ],
)
def test_verify_asks_the_server_and_returns_its_words(reply):
    with Hostile(answering(reply)) as server:
        with opened(server) as session:
            answer = session.verify("alice@example.org")
            assert str(session.last_reply) == str(answer) == reply.decode().strip()
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.commands[1] == b"VRFY alice@example.org"
    assert connection.contents == [MAIL]


@pytest.mark.proves("verify", "expand", "SMTP 161")
@pytest.mark.parametrize("method", ["verify", "expand"])
@pytest.mark.parametrize(
    ("reply", "retry"),
    [(b"550 5.1.1 No such user\r\n", Retry.NO), (b"450 4.0.0 Not now\r\n", Retry.LATER)],
)
def test_a_server_that_says_no_keeps_the_connection(method, reply, retry):
    with Hostile(answering(reply)) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                getattr(session, method)("nobody")
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert str(caught.value.reply) == reply.decode().strip()
    assert caught.value.retry is retry
    assert connection.contents == [MAIL]


@pytest.mark.proves("expand")
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            b"250-Alice Smith <alice@example.org>\r\n250-b@example.org\r\n250 <c@example.org>\r\n",
            ("Alice Smith <alice@example.org>", "b@example.org", "<c@example.org>"),
        ),
        (
            b"250-2.1.5 Alice <alice@example.org>\r\n250 2.1.5 <bob@example.org>\r\n",
            ("Alice <alice@example.org>", "<bob@example.org>"),
        ),
        (b'250 "Smith, Al" <al@example.org>\r\n', ('"Smith, Al" <al@example.org>',)),
        (b"250-The list has:\r\n250 a@example.org\r\n", ("a@example.org",)),
        (b"251 User not local; will forward to <a@x.example>\r\n", ("a@x.example",)),
        (b"252 2.5.2 Cannot expand, but will accept\r\n", ()),
        (b"250 2.0.0\r\n", ()),
    ],
)
def test_expand_gives_each_address_with_its_name(reply, expected):
    with Hostile(answering(reply)) as server:
        with opened(server) as session:
            assert session.expand("staff") == expected
        (connection,) = server.settled()
    assert connection.commands[1] == b"EXPN staff"


@pytest.mark.parametrize(("method", "verb"), [("verify", "VRFY"), ("expand", "EXPN")])
def test_what_is_asked_about_may_be_utf8_where_the_server_has_it(method, verb):
    with Hostile([answering(b"250 <ok@x>\r\n"), {Phase.EHLO: Offer()}]) as server:
        with opened(server) as session:
            getattr(session, method)("jürgen@example.org")
        with opened(server) as session, failing(UnsupportedError, 20):
            getattr(session, method)("jürgen@example.org")
        first, second = server.settled()
    assert first.commands[1] == f"{verb} jürgen@example.org SMTPUTF8".encode()
    assert second.verbs == ["EHLO", "QUIT"]


@pytest.mark.parametrize("method", ["verify", "expand", "command"])
@pytest.mark.parametrize("words", ["", "  ", "a\r\nDATA", "a\nb", "a\0b", "\r\n", "a\ud800"])
def test_nothing_but_one_line_is_said(method, words):
    with Hostile() as server:
        with opened(server) as session:
            with failing(UsageError):
                getattr(session, method)(words)
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert " ".join(connection.verbs) == "EHLO MAIL RCPT RCPT DATA QUIT"


# ------------------------------------------------------------------------------- one's own command


@pytest.mark.proves("command", "send_command")
@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NOOP", "250 2.0.0 Ok"),
        ("help  me", "214 this is it"),
        ("xyz äö", "500 5.5.1 what"),
        ("ETRN example.org", "458 later"),
    ],
)
def test_a_command_goes_out_exactly_and_its_answer_comes_back(line, reply):
    with Hostile(answering(reply.encode() + b"\r\n")) as server:
        with opened(server) as session:
            answer = session.command(line)
            assert answer is session.last_reply
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert str(answer) == reply
    assert connection.commands[1] == line.encode()
    assert connection.contents == [MAIL]


@pytest.mark.parametrize(
    "line", ["DATA", " data", "BDAT 5 LAST", "xexch50 1 2", "STARTTLS", "TURN", "ATRN", "DATA\tx"]
)
def test_what_no_command_could_follow_is_not_said(line):
    with Hostile() as server:
        with opened(server) as session:
            with failing(PolicyError) as caught:
                session.command(line)
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert line.split()[0].upper() in str(caught.value)
    assert " ".join(connection.verbs) == "EHLO MAIL RCPT RCPT DATA QUIT"


def test_a_server_that_wants_content_all_the_same_is_left():
    with Hostile(answering(b"354 go on\r\n")) as server:
        with opened(server) as session:
            with failing(ConnectError, 162):
                session.command("XDATA")
            assert not session.connected
            with failing(StateError):
                session.command("NOOP")
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "XDATA"]


def test_a_question_that_is_answered_by_one_ends_the_connection():
    with Hostile(answering(b"354 go on\r\n")) as server:
        with opened(server) as session, failing(ConnectError, 162):
            session.verify("a")
        assert not session.connected
        server.settled()


def test_quit_as_a_command_ends_the_session():
    with Hostile() as server:
        with opened(server) as session:
            assert session.command("quit").code == 221
            assert not session.connected
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


@pytest.mark.parametrize(
    ("action", "kind", "number"),
    [
        (Drop(), ConnectError, 1120),
        (Reply(b"garbage\r\n"), ConnectError, 162),
        (Reply(b"421 4.3.2 down\r\n"), ServerError, 161),
    ],
)
@pytest.mark.parametrize("method", ["verify", "expand", "command"])
def test_a_command_without_an_answer_leaves_no_connection(method, action, kind, number):
    with Hostile({Phase.OTHER: action}) as server:
        with opened(server) as session:
            with failing(kind, number):
                getattr(session, method)("what")
            assert not session.connected
        server.settled()


@pytest.mark.proves("MaskSensitive")
def test_a_login_by_ones_own_commands_is_masked():
    ears = Ears()
    secret = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    with Hostile({Phase.EHLO: Offer((b"AUTH LOGIN PLAIN",))}) as server:
        with opened(server, ears) as session:
            assert session.command(f"auth plain {secret}").code == 235
            assert session.command("AUTH LOGIN").code == 334
            assert session.command(base64.b64encode(USER.encode()).decode()).code == 334
            assert session.command(base64.b64encode(PASSWORD.encode()).decode()).code == 235
            session.command("NOOP")
        (connection,) = server.settled()
    assert connection.commands[1].decode() == f"auth plain {secret}"
    assert ears.lines(Direction.CLIENT)[1:] == [
        f"auth plain {MASK}",
        "AUTH LOGIN",
        MASK,
        MASK,
        "NOOP",
        "QUIT",
    ]


def test_an_answer_to_a_challenge_may_look_like_any_command():
    with Hostile({Phase.EHLO: Offer((b"AUTH PLAIN",))}) as server:
        with opened(server) as session:
            assert session.command("AUTH PLAIN").code == 334
            assert session.command("DATA").code == 235
        server.settled()


def test_a_server_that_repeats_a_secret_does_not_make_it_known():
    ears = Ears()
    with Hostile({Phase.AUTH: Reply(b"535 not c2VjcmV0\r\n")}) as server:
        with opened(server, ears) as session:
            assert str(session.command("AUTH PLAIN c2VjcmV0")) == f"535 not {MASK}"
        server.settled()
    assert not any("c2VjcmV0" in line for line in ears.lines())


def test_ones_own_login_does_not_leave_the_machine_in_clear(monkeypatch):
    monkeypatch.setattr(Peer, "loopback", False)
    with Hostile() as server:
        with opened(server, ssl_start_mode=3) as session, failing(PolicyError, 4) as caught:
            session.command("AUTH PLAIN c2VjcmV0")
        with opened(server, ssl_start_mode=3, allow_cleartext_auth=True) as session:
            session.command("AUTH PLAIN c2VjcmV0")
        refused, allowed = server.settled()
    assert "c2VjcmV0" not in str(caught.value)
    assert refused.verbs == ["EHLO", "QUIT"]
    assert allowed.commands[1] == b"AUTH PLAIN c2VjcmV0"


# -------------------------------------------------------------------------------- RSET, and others


def test_reset_has_the_server_forget_what_was_begun():
    with Hostile() as server:
        with opened(server) as session:
            session.command("MAIL FROM:<a@example.org>")
            session.reset()
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "MAIL", "RSET", "QUIT"]


def test_a_refused_reset_is_an_error():
    with (
        Hostile({Phase.RSET: Reply(b"500 what\r\n")}) as server,
        opened(server) as session,
        failing(ServerError, 161),
    ):
        session.reset()


@pytest.mark.proves(
    "send_to_terminal_only", "send_to_terminal_or_email", "send_to_terminal_and_email"
)
@pytest.mark.parametrize("verb", ["SEND", "SOML", "SAML"])
def test_a_mail_may_begin_with_another_verb(verb):
    with Hostile(answering(b"250 ok\r\n")) as server:
        with opened(server) as session:
            session.deliver(ENVELOPE, [MAIL], verb=verb)
        (connection,) = server.settled()
    assert connection.commands[1] == f"{verb} FROM:<a@example.org>".encode()
    assert " ".join(connection.verbs) == f"EHLO {verb} RCPT RCPT DATA QUIT"
    assert connection.contents == [MAIL]


@pytest.mark.proves("SMTP 161")
@pytest.mark.parametrize("reply", [b"502 5.5.1 Not here\r\n", b"550 not logged in\r\n"])
def test_a_server_without_it_says_so(reply):
    with Hostile({Phase.OTHER: (Reply(reply), Honest())}) as server:
        with opened(server) as session:
            with failing(ServerError, 161) as caught:
                session.deliver(ENVELOPE, [MAIL], verb="SOML")
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert reply.decode().strip() in str(caught.value)
    assert connection.contents == [MAIL]


@pytest.mark.parametrize(
    ("verb", "rows", "words"),
    [
        ("SEND", {"allow_extensions": False}, "allow_extensions"),
        ("send", {}, "verb"),
        ("X", {}, ""),
    ],
)
def test_a_verb_that_cannot_be_is_not_said(verb, rows, words):
    with Hostile() as server:
        with opened(server, **rows) as session:
            with failing(UsageError) as caught:
                session.deliver(ENVELOPE, [MAIL], verb=verb)
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert words in str(caught.value)
    assert " ".join(connection.verbs[1:]) == "MAIL RCPT RCPT DATA QUIT"
