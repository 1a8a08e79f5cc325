"""Error codes of the OpenPGP family, as a caller of the component meets them, and on_error too."""

from __future__ import annotations

import os
import shutil

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import KeyringError
from gpgmail.keys.keyring import Keyring
from gpgmail.testing import ThrowawayHome
from tests.components.openpgp import refused
from tests.components.support import ALICE, failing
from tests.support.keyrings import KEYRINGS

DAMAGED = KEYRINGS / "damaged"


@pytest.fixture
def gpg_that_fails(tmp_path, monkeypatch):
    """Puts a program in front that gives up, without a reason, where an option is in its line."""

    def put(option, name="gpg"):
        for program in ("gpg", "gpgconf"):
            given_up = f'case "$*" in *{option}*) exit 2;; esac\n' if program == name else ""
            front = tmp_path / program
            front.write_text(f'#!/bin/sh\n{given_up}exec {shutil.which(program)} "$@"\n')
            front.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.mark.proves("OpenPGP 120", "sign")
def test_gpg_makes_no_signature_and_does_not_say_why(sink, mailer, gpg_that_fails):
    gpg_that_fails("--clearsign")
    assert "code 2" in refused(mailer, sink, 120, "sign")


@pytest.mark.proves("OpenPGP 123", "encrypt", "sign_and_encrypt")
@pytest.mark.parametrize("method", ["encrypt", "sign_and_encrypt"])
def test_gpg_encrypts_nothing_and_does_not_say_why(sink, mailer, gpg_that_fails, method):
    gpg_that_fails("--encrypt")
    assert "code 2" in refused(mailer, sink, 123, method)


@pytest.mark.proves("OpenPGP 124")
def test_gpg_makes_no_key():
    with ThrowawayHome() as home:
        with failing(124, KeyringError) as caught:
            home.make_key("")
        assert "Invalid user ID" in str(caught.value)
        with Keyring.open(home.path) as keyring:
            assert keyring.keys() == ()


@pytest.mark.proves("OpenPGP 128", "recipient_keys")
def test_a_key_that_is_not_made_for_encryption(sink, mailer, home):
    mailer.recipient_keys = [Key(home("no-encryption"))]
    words = refused(mailer, sink, 128, "encrypt")
    assert "<signonly@example.org>: the key has no encryption subkey" in words


@pytest.mark.proves("OpenPGP 114", "recipient_key_user_id")
def test_a_key_that_is_not_there(sink, mailer):
    mailer.set_recipient_key_user_id(0, "nobody@example.org")
    assert "nobody@example.org" in refused(mailer, sink, 114, "encrypt")


@pytest.mark.proves("OpenPGP 115", "key_keyring")
def test_a_keyring_that_is_not_there(sink, mailer, tmp_path):
    mailer.set_key_keyring(0, str(tmp_path / "none"))
    assert str(tmp_path / "none") in refused(mailer, sink, 115, "sign")


@pytest.mark.proves("OpenPGP 117", "OpenPGP 101", "recipient_key_encoded")
@pytest.mark.parametrize(
    ("name", "number", "reason"),
    [
        ("truncated.gpg", 117, "is cut off: the packet at byte "),
        ("bad-crc.asc", 101, "CRC error"),
        ("truncated.asc", 101, "no valid OpenPGP data found"),
    ],
)
def test_a_key_that_cannot_be_read(sink, mailer, name, number, reason):
    mailer.set_recipient_key_keyring(0, "")
    mailer.set_recipient_key_user_id(0, ALICE.address)
    mailer.set_recipient_key_encoded(0, (DAMAGED / name).read_bytes())
    words = refused(mailer, sink, number, "encrypt")
    assert f": keys given as bytes: {reason}" in words


@pytest.mark.proves("OpenPGP 111")
def test_a_gpgconf_that_does_not_say_what_the_owner_configured(sink, mailer, own, gpg_that_fails):
    (own / "gpg.conf").write_text("throw-keyids\n")
    gpg_that_fails("--list-options", name="gpgconf")
    assert "gpg.conf" in refused(mailer, sink, 111, "sign")
