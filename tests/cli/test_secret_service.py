"""Passphrases from a real Secret Service, which has an entry for each key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers.secret_service import secret_service
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail
from tests.support.commands import environment, run
from tests.support.keyrings import empty_home, fixture_key

pytestmark = pytest.mark.servers

FIRST, SECOND = (fixture_key("two-protected", name) for name in ("first", "second"))
BACKEND = "keyring.backends.SecretService.Keyring"


@pytest.fixture(scope="module")
def desktop():
    """The environment of a program on a desktop whose keyring has the passphrases of two keys."""
    with empty_home() as directory:
        try:
            with secret_service(directory) as leads:
                env = environment(**leads, PYTHON_KEYRING_BACKEND=BACKEND)
                for key in (FIRST, SECOND):
                    store(env, "gpgmail", key.fingerprint, key.passphrase)
                store(env, "backup", "nightly", FIRST.passphrase)
                yield env
        except ServerUnavailableError as absent:
            skip_or_fail(absent)


def store(env, service, name, secret):
    command = [sys.executable, "-m", "keyring", "set", service, name]
    subprocess.run(command, input=secret.encode(), env=env, check=True, timeout=30)


def send(env, url, home, *more):
    return run(
        *("send", "--server", url, "--from", FIRST.address, "--to", SECOND.address, "--text", "x"),
        *("--sign", "--encrypt", "--keyring", home, *more),
        env=env,
    )


def test_each_signer_has_an_entry_of_its_own(desktop, url, place, mail_of):
    home = place("two-protected")
    signers = ("--signer", FIRST.fingerprint, "--signer", SECOND.fingerprint)
    outcome = send(desktop, url, home, *signers, "--passphrase-keyring", "gpgmail")
    assert (outcome.code, outcome.errors) == (0, "")
    mail = mail_of()
    shown = run(
        *("read", "-", "--keyring", home, "--passphrase-keyring", "gpgmail"),
        env=desktop,
        stdin=mail,
    )
    assert shown.code == 0
    assert shown.text.count("good: ") == 2
    assert FIRST.passphrase not in shown.text + shown.errors


def test_an_entry_may_have_a_name(desktop, url, place, mail_of):
    outcome = send(desktop, url, place("two-protected"), "--passphrase-keyring", "backup/nightly")
    assert (outcome.code, outcome.errors) == (0, "")
    assert b"BEGIN PGP MESSAGE" in mail_of()


def test_the_command_of_the_error_makes_the_entry(desktop, url, place, server):
    place = place("two-protected")
    outcome = send(desktop, url, place, "--passphrase-keyring", "other")
    assert outcome.code == 77
    assert f"hint: keyring set other {FIRST.fingerprint}\n" in outcome.errors
    assert server.settled() == []
    store(desktop, "other", FIRST.fingerprint, FIRST.passphrase)
    assert send(desktop, url, place, "--passphrase-keyring", "other").code == 0
