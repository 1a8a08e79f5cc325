"""What is seen of `gpgmail send` while it works: the protocol with --debug, a bar at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

import pytest

from gpgmail.testing.script import Action, Phase, Reply
from tests.servers.hostile import Hostile
from tests.support.commands import PROGRAM, environment

MAIL = ("--from", "a@example.org", "--to", "b@example.org", "--text", "x")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*[39][0-7](?:;\d+)*m")
SECRET = "correct-horse-battery"


def test_debug_shows_the_protocol_and_no_secret(send, tmp_path):
    script = {Phase.AUTH: Reply(f"535 5.7.8 No {SECRET}\r\n".encode())}
    with Hostile(script) as server:
        outcome = send(
            *("--debug", "--text", "x", "--user", "me", "--password-command", f"echo {SECRET}"),
            server=f"smtp://127.0.0.1:{server.port}",
        )

    assert outcome.code == 76
    assert "> EHLO " in outcome.errors
    assert "> AUTH PLAIN ********" in outcome.errors
    assert "< 535 5.7.8 No ********" in outcome.errors
    assert SECRET not in outcome.errors + outcome.text


def test_debug_shows_what_gpg_does_and_the_mail_is_the_same(send, mail_of):
    outcome = send("--debug", "--sign", "--encrypt", "--text", "a secret text\n")

    assert outcome.code == 0
    assert "gpg says SIG_CREATED" in outcome.errors
    assert "> MAIL FROM:<sender@example.org>" in outcome.errors
    assert "a secret text" not in outcome.errors
    assert b"BEGIN PGP MESSAGE" in mail_of()


def test_words_of_a_server_cannot_write_lines_of_the_log(send):
    with Hostile({Phase.DOT: Reply(b"250 Ok \x1b[2J\x9b31m\r\n")}) as server:
        outcome = send("--debug", "--text", "x", server=f"smtp://127.0.0.1:{server.port}")
    assert outcome.code == 0
    assert not {"\x1b", "\x9b"} & set(outcome.errors)


def at_a_terminal(arguments, **changes):
    """What the command line shows on standard error that is a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        env=environment(**{"TERM": "xterm", "NO_COLOR": None, **changes}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        shown += data
    os.close(ours)
    process.communicate()
    return process.returncode, shown.decode(errors="replace")


class Later(Action):
    """Answer as it should be, after a while."""

    def act(self, talk):
        talk.closing.wait(1)
        talk.honest()


@pytest.fixture
def slow(tmp_path):
    """A server that takes a while within the content, and a file that is large enough to wait."""
    large = tmp_path / "large"
    large.write_bytes(bytes(8_000_000))
    with Hostile({Phase.BANNER: Later()}) as server:
        yield ("send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL, "--attach", large)


def test_a_bar_at_a_terminal(slow):
    code, shown = at_a_terminal(slow)
    assert code == 0
    assert "sending" in shown
    assert "%" in shown
    assert COLOUR.search(shown)


@pytest.mark.parametrize("how", ["--quiet", "--json"])
def test_no_bar_where_nobody_wants_one(slow, how):
    assert at_a_terminal((*slow, how)) == (0, "")


def test_no_colour_where_that_is_asked(slow):
    code, shown = at_a_terminal(slow, NO_COLOR="1")
    assert code == 0
    assert "sending" in shown
    assert not COLOUR.search(shown)
