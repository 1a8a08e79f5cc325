"""A passphrase that is wrong or missing where nobody can be asked: code 122, soon, nothing sent."""

from __future__ import annotations

import subprocess
import time

import pytest

from gpgmail import PSMTP
from gpgmail.components import Key
from tests.e2e.faces import Job
from tests.servers.readers import Gpg
from tests.support import commands
from tests.support.keyrings import fixture_key, keyring_copy

MISSING_OR_WRONG = ("OpenPGP", 122)
RIGHT = fixture_key("protected", "locked").passphrase
ADDRESS = "locked@example.org"


@pytest.fixture
def protected():
    """A home of its own for each test: what an agent has cached must not reach the next."""
    with keyring_copy("protected") as path:
        yield path


@pytest.fixture(params=["cold", "cached"])
def agent(request, protected):
    """The home, its agent having the key's passphrase cached or not."""
    if request.param == "cached":
        assert Gpg(protected, RIGHT).home == protected
        gpg(protected, "--pinentry-mode", "loopback", "--passphrase", RIGHT, "--sign")
        gpg(protected, "--pinentry-mode", "error", "--sign")
    return protected


def gpg(home, *arguments):
    command = ["gpg", "--homedir", home, "--batch", "--no-tty", *arguments]
    return subprocess.run(command, input=b"x", check=True, capture_output=True, timeout=30)


def job(server, home, **more):
    return Job(
        port=server.port, from_=ADDRESS, to=(ADDRESS,), keyring=home, **{"encrypt": False} | more
    )


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_wrong_passphrase(face, server, agent, encrypt):
    started = time.monotonic()
    report = face(job(server, agent, passphrase="open sesam", encrypt=encrypt))

    assert time.monotonic() - started < 10
    assert report.code == MISSING_OR_WRONG
    assert ADDRESS in report.text
    assert "open sesam" not in report.text
    assert server.settled() == []


def test_no_passphrase(face, server, protected):
    started = time.monotonic()
    report = face(job(server, protected))

    assert time.monotonic() - started < 10
    assert report.code == MISSING_OR_WRONG
    assert server.settled() == []


@pytest.mark.parametrize("encrypt", [False, True])
def test_the_right_passphrase(face, server, agent, encrypt):
    assert face(job(server, agent, passphrase=RIGHT, encrypt=encrypt)).number == 0

    (connection,) = server.settled()
    (content,) = connection.contents
    reader = Gpg(agent, RIGHT)
    verdict = reader.read_encrypted(content) if encrypt else reader.verify_signed(content)
    assert verdict.signature == "good"


def test_without_one_the_agent_that_has_it_answers(face, server, agent, request):
    cached = request.node.callspec.params["agent"] == "cached"

    assert face(job(server, agent)).code == (("", 0) if cached else MISSING_OR_WRONG)
    assert len(server.settled()) == cached


@pytest.mark.parametrize("terminal", ["", "/dev/tty", "/nowhere"])
def test_a_program_without_a_terminal_neither_waits_nor_asks(server, protected, terminal):
    started = time.monotonic()
    outcome = commands.run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--sign"),
        *("--from", ADDRESS, "--to", ADDRESS, "--text", "x", "--keyring", protected),
        env=commands.bare(GPG_TTY=terminal),
    )

    assert time.monotonic() - started < 10
    assert (outcome.code, outcome.output) == (77, b"")
    assert outcome.errors.startswith("gpgmail: the passphrase is missing or wrong")
    assert outcome.errors.count("\n") <= 2
    assert server.settled() == []


def test_the_handler_of_a_component_gives_up_after_three(server, protected):
    asked = []
    mailer = PSMTP(mail_server="127.0.0.1", mail_port=server.port, from_=ADDRESS, send_to=ADDRESS)
    mailer.message_text = "x"
    mailer.keys.append(Key(protected, ADDRESS))

    def answer(event):
        asked.append((event.user_id, event.fingerprint))
        event.passphrase = f"wrong {len(asked)}"

    mailer.on_key_passphrase = answer
    with pytest.raises(Exception, match="wrong") as caught, mailer:
        mailer.sign()

    assert caught.value.code.number == 122
    key = fixture_key("protected", "locked")
    assert asked == [(key.uids[0].uid, key.fingerprint)] * 3
    with pytest.raises(Exception, match="protection"):
        mailer.send()
    assert server.settled() == []
