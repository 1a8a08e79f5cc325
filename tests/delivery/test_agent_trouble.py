"""gpg-agent in the way: locked, absent, closed to us, without pinentry; what the error says helps.

Where an error names a command, the command is run and the mail goes out.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from gpgmail.core.errors import EngineError, PassphraseError, TimeLimitError
from gpgmail.delivery.mailer import Mailer
from tests.delivery.helpers import draft
from tests.support.agents import stopped
from tests.support.keyrings import fixture_key, keyring_copy

LOCKED = fixture_key("protected", "locked")
# A key of which the secret part is on a card, so that the user's own agent has to be used.
ON_CARD = b"(20:shadowed-private-key(3:rsa(1:n1:x)(1:e1:y)(8:shadowed5:t1-v1())))"


@pytest.fixture
def home():
    with keyring_copy("protected") as path:
        yield path


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch):
    for name in ("GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal on which a person could be asked."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("GPG_TTY", os.ttyname(theirs))
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def mailer(home, **more):
    return Mailer(None, keyring=home, **{"timeout": 20, **more})


def sign(home, **more):
    with mailer(home, **more) as writer:
        return writer.write(draft(LOCKED.address, sender=LOCKED.address), sign=True)


def configure(home, *lines, name="gpg-agent.conf"):
    (home / name).write_text("".join(f"{line}\n" for line in lines))
    gpgconf(home, "--kill", "gpg-agent")


def gpgconf(home, *arguments):
    subprocess.run(["gpgconf", "--homedir", home, *arguments], check=True, capture_output=True)


def with_card(home):
    (home / "private-keys-v1.d" / f"{'A' * 40}.key").write_bytes(ON_CARD)


def cache(home):
    """Have the user's own agent know the passphrase, as after he used the key himself."""
    command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase-fd", "0", "--sign", "--output", "-", "/dev/null"]
    subprocess.run(command, input=LOCKED.passphrase.encode(), check=True, capture_output=True)


def test_an_agent_that_is_locked_is_named_within_the_limit(home):
    cache(home)
    with mailer(home, timeout=2) as writer:
        mail = draft(LOCKED.address, sender=LOCKED.address)
        writer.write(mail, sign=True)
        began = time.monotonic()
        with stopped(home), pytest.raises(TimeLimitError) as caught:
            writer.write(mail, sign=True)
        assert time.monotonic() - began < 8
        assert caught.value.subject == f"gpg-agent of {home}"
        writer.write(mail, sign=True)  # it goes on, and so do we


def test_a_locked_agent_is_named_while_keys_are_looked_for(home):
    cache(home)
    with stopped(home), pytest.raises(TimeLimitError) as caught:
        sign(home, timeout=1)
    assert caught.value.subject == f"gpg-agent of {home}"


def test_an_agent_that_closes_itself_to_us_is_gone_around(home):
    configure(home, "no-allow-loopback-pinentry")
    assert sign(home, passphrase=LOCKED.passphrase).plan.signers


@pytest.mark.parametrize("source", [LOCKED.passphrase, lambda _: LOCKED.passphrase])
def test_where_it_cannot_be_gone_around_the_line_is_named(home, source):
    with_card(home)
    configure(home, "# comment", "  no-allow-loopback-pinentry")
    with pytest.raises(EngineError, match="no-allow-loopback-pinentry") as caught:
        sign(home, passphrase=source)
    assert f"{home}/gpg-agent.conf, line 2" in str(caught.value)
    (home / "gpg-agent.conf").write_text("")
    command = re.search(r"then (gpgconf .*? --reload gpg-agent)", caught.value.hint)[1]
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - what the error tells people
    assert sign(home, passphrase=source).plan.signers


def test_an_agent_that_is_not_installed(home):
    configure(home, "agent-program /nonexistent/gpg-agent", name="gpg.conf")
    for more in ({}, {"passphrase": LOCKED.passphrase}):
        with pytest.raises(EngineError, match="cannot be reached or started") as caught:
            sign(home, **more)
        assert "/nonexistent/gpg-agent" in str(caught.value)


def test_an_agent_that_gpg_may_not_start(home):
    gpgconf(home, "--kill", "gpg-agent")
    configure(home, "no-autostart", name="gpg.conf")
    for more in ({}, {"passphrase": LOCKED.passphrase}):
        with pytest.raises(EngineError, match="no gpg-agent running") as caught:
            sign(home, **more)
        assert caught.value.hint == "take no-autostart out of gpg.conf"
    gpgconf(home, "--launch", "gpg-agent")  # as one of another machine stands there
    with pytest.raises(PassphraseError, match="nobody can be asked"):
        sign(home)
    configure(home, "", name="gpg.conf")
    assert sign(home, passphrase=LOCKED.passphrase).plan.signers


def test_an_agent_that_finds_no_place_for_its_socket(home):
    gpgconf(home, "--kill", "gpg-agent")
    asked = ["gpgconf", "--homedir", home, "--list-dirs", "agent-socket"]
    socket = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    socket.unlink(missing_ok=True)
    (socket / "in the way").mkdir(parents=True)
    try:
        with pytest.raises(EngineError, match="cannot be reached or started") as caught:
            sign(home)
        assert str(home) in caught.value.hint
    finally:
        shutil.rmtree(socket)


def test_where_nobody_can_be_asked_the_command_of_the_error_helps(home):
    began = time.monotonic()
    with pytest.raises(PassphraseError, match="nobody can be asked") as caught:
        sign(home)
    assert time.monotonic() - began < 10
    error = caught.value
    assert error.subject == f"{LOCKED.fingerprint} {LOCKED.uids[0].uid}"
    assert LOCKED.keygrip in error.hint

    configure(home, "allow-preset-passphrase")
    gpgconf(home, "--launch", "gpg-agent")
    command = re.search(r"into the agent: (.*) \(with allow-preset-passphrase", error.hint)[1]
    given = f"{LOCKED.passphrase}\n".encode()
    subprocess.run(command, shell=True, input=given, check=True)  # noqa: S602 - see above
    assert sign(home).plan.signers


def test_reading_says_the_same_of_the_key_that_would_open(home):
    from gpgmail.protect.read import read

    with mailer(home) as writer:
        letter = writer.write(draft(LOCKED.address, sender=LOCKED.address), encrypt=True)
    with pytest.raises(PassphraseError, match="nobody can be asked") as caught:
        read(b"".join(letter.copies[0].render()), keyring=home)
    assert LOCKED.subkeys[0].keygrip in caught.value.hint


def test_a_pinentry_that_is_missing_is_named_with_its_line(home, terminal):
    configure(home, "pinentry-program /nonexistent/pinentry")
    with pytest.raises(PassphraseError, match="pinentry does not come up") as caught:
        sign(home)
    assert f"mend pinentry-program in {home}/gpg-agent.conf, line 1" in caught.value.hint


def test_a_pinentry_that_dies_is_no_prompt(home, terminal):
    configure(home, "pinentry-program /bin/false")
    with pytest.raises(PassphraseError, match="pinentry does not come up"):
        sign(home)
