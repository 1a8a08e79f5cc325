"""What is asked of a server besides taking mail, and mail for terminals."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import PolicyError, ServerError, StateError, UsageError
from gpgmail.testing.script import Phase, Reply
from tests.components.support import Ears, failing, smtp
from tests.servers.hostile import Hostile

MEMBERS = (
    b"250-Alice <alice@example.org>\r\n250-bob@example.org\r\n250 Carol <carol@example.org>\r\n"
)


@pytest.mark.proves("verify")
def test_verify_asks_the_server_and_the_reply_is_read():
    with Hostile({Phase.OTHER: Reply(b"250 Alice <alice@example.org>\r\n")}) as server:
        mailer = smtp(server)
        mailer.verify("alice")
        assert mailer.last_reply == "250 Alice <alice@example.org>"
        assert mailer.connected
        mailer.disconnect()
        (connection,) = server.settled()
    assert connection.commands[1:] == [b"VRFY alice", b"QUIT"]


@pytest.mark.proves("verify", "SMTP 161")
def test_whom_the_server_does_not_know_is_an_error_with_its_words():
    with Hostile({Phase.OTHER: Reply(b"550 5.1.1 No such user here\r\n")}) as server:
        mailer = smtp(server)
        with failing(161, ServerError) as caught:
            mailer.verify("nobody@example.org")
        assert "No such user here" in str(caught.value)
        mailer.close()


@pytest.mark.proves("expand", "on_expand")
def test_expand_tells_each_address_once():
    with Hostile({Phase.OTHER: Reply(MEMBERS)}) as server, smtp(server) as mailer:
        mailer.connect()
        ears = Ears(mailer, "expand")
        mailer.expand("team")
        assert [event.address for event in ears.expand] == [
            "Alice <alice@example.org>",
            "bob@example.org",
            "Carol <carol@example.org>",
        ]
        assert mailer.connected
        mailer.send_to = ", ".join(event.address for event in ears.expand)
        assert mailer.message_recipient_count == 3
        assert server.connections[0].commands[-1] == b"EXPN team"


@pytest.mark.proves("send_command", "command")
@pytest.mark.parametrize("form", ["method", "property", "accessor"])
def test_a_command_of_ones_own_is_said_as_it_is(form):
    with Hostile({Phase.OTHER: Reply(b"214 2.0.0 Read RFC 5321\r\n")}) as server:
        with smtp(server) as mailer:
            mailer.connect()
            if form == "method":
                mailer.send_command("help  Me")
            elif form == "property":
                mailer.command = "help  Me"
            else:
                mailer.set_command("help  Me")
            assert mailer.last_reply == "214 2.0.0 Read RFC 5321"
        assert server.settled()[0].commands[1] == b"help  Me"


def test_a_refused_command_is_no_error_and_its_reply_is_read():
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        mailer.send_command("XYZZY")
        assert mailer.last_reply.startswith("502")
        mailer.send()


def test_a_command_can_only_be_set():
    with Hostile() as server:
        with pytest.raises(AttributeError, match="can only be set"):
            smtp(server).command  # noqa: B018 - reading is what is tried
        assert not hasattr(smtp(server), "get_command")


@pytest.mark.proves("TCPClient 1117")
def test_a_command_needs_a_connection():
    with Hostile() as server:
        with failing(1117, StateError):
            smtp(server).send_command("NOOP")
        assert not server.connections


@pytest.mark.parametrize("line", ["NOOP\r\nRSET", "NOOP\n", "NO\0OP", "", "  "])
def test_a_command_of_two_lines_is_none(line):
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        with pytest.raises(UsageError):
            mailer.send_command(line)
        assert server.connections[0].verbs == ["EHLO"]


@pytest.mark.parametrize("line", ["DATA", "bdat 5 LAST", "STARTTLS"])
def test_a_command_that_the_session_would_not_survive_is_refused(line):
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        with failing(3, PolicyError):
            mailer.send_command(line)
        mailer.send()
        assert server.connections[0].verbs[:2] == ["EHLO", "MAIL"]


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        pytest.param("send_to_terminal_only", b"SEND"),
        pytest.param("send_to_terminal_or_email", b"SOML"),
        pytest.param("send_to_terminal_and_email", b"SAML"),
    ],
)
@pytest.mark.proves(
    "send_to_terminal_only", "send_to_terminal_or_email", "send_to_terminal_and_email"
)
def test_mail_for_a_terminal_begins_with_its_own_verb(method, verb):
    with Hostile({Phase.OTHER: Reply(b"250 2.1.0 Ok\r\n")}) as server:
        mailer = smtp(server)
        getattr(mailer, method)()
        (connection,) = server.settled()
    assert connection.commands[1].startswith(verb + b" FROM:<sender@example.org>")
    assert len(connection.contents) == 1
    assert not mailer.connected


@pytest.mark.parametrize(
    "method",
    ["send_to_terminal_only", "send_to_terminal_or_email", "send_to_terminal_and_email"],
)
def test_mail_for_a_terminal_fails_where_a_server_or_the_caller_has_none(method):
    with Hostile() as server:
        mailer = smtp(server)
        with failing(161, ServerError):
            getattr(mailer, method)()
        mailer.close()
        mailer.allow_extensions = False
        with pytest.raises(UsageError, match="allow_extensions"):
            getattr(mailer, method)()
        mailer.close()
        assert not any(connection.contents for connection in server.settled())
