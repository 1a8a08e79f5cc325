"""Homes whose public keys are with keyboxd (GnuPG 2.4): gpg ignores `--keyring` beside it.

Everything that works with a keyring file works here, and with others beside it.
"""

from __future__ import annotations

import os
import subprocess

import pytest

import gpgmail
from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import GpgmailError, KeySelectionError
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.place import Kind
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy
from tests.support.operations import EVERYTHING, encrypted, written
from tests.support.places import all_ok, needs_mounts, operate, read_only

pytestmark = pytest.mark.interop
SENDER, LOCKED = fixture_key("exports", "sender"), fixture_key("exports-protected", "locked")
CAROL = fixture_key("recipients", "carol")


@pytest.fixture(autouse=True)
def gpg24(monkeypatch):
    """GnuPG 2.4 in place of the machine's own."""
    try:
        gpg = program("gnupg24/bin/gpg")
    except ServerUnavailableError as absent:
        skip_or_fail(absent)
    monkeypatch.setenv("GPGMAIL_GPG", str(gpg))
    monkeypatch.setenv("PATH", f"{gpg.parent}{os.pathsep}{os.environ['PATH']}")
    return gpg


def gpg_in(home, *arguments, data=b""):
    command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", *arguments]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def trust(home, *keys):
    lines = "".join(f"{key.fingerprint}:6:\n" for key in keys)
    gpg_in(home, "--import-ownertrust", data=lines.encode())


@pytest.fixture
def home(gpg24):
    """A keyboxd home with an unprotected and a protected key, both trusted."""
    with empty_home() as path:
        (path / "common.conf").write_text("use-keyboxd\n")
        for situation in ("exports", "exports-protected"):
            secret = (KEYRINGS / situation / "secret.gpg").read_bytes()
            gpg_in(path, "--import", data=secret)
        trust(path, SENDER, LOCKED)
        assert (path / "public-keys.d").is_dir()
        assert not (path / "pubring.kbx").exists()
        yield path


def test_everything_is_done_and_the_keys_stay_as_they_are(home):
    def keys():
        kept = [*home.glob("private-keys-v1.d/*"), *home.glob("pubring.*")]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in kept}

    EVERYTHING[-1](home, SENDER.address)  # gpg-agent writes a key anew when it is first used
    before, exported = keys(), gpg_in(home, "--export")
    for passphrase in (None, "not needed"):
        for operation in EVERYTHING:
            operation(home, SENDER.address, passphrase=passphrase)
    assert keys() == before
    assert gpg_in(home, "--export") == exported


def test_it_is_told_from_other_homes(home):
    with Keyring.open(home) as ring:
        assert ring.kind is Kind.HOME
        assert ring.has_keyboxd
        found = {key.fingerprint for key in ring.keys(secret=True)}
    assert found == {SENDER.fingerprint, LOCKED.fingerprint}


def test_trust_counts_at_once(home):
    with Keyring.open(home) as ring:
        gpg_in(home, "--import", data=(KEYRINGS / "recipients" / "public.gpg").read_bytes())
        with pytest.raises(KeySelectionError) as caught:
            ring.find_recipient(CAROL.address)
        assert caught.value.code is ErrorCode.KEY_UNTRUSTED
        trust(home, CAROL)
        assert ring.find_recipient(CAROL.address).fingerprint == CAROL.fingerprint


def test_a_key_that_comes_and_goes_is_noticed(home):
    with gpgmail.Mailer(None, keyring=home, trust="always") as mailer:
        draft = gpgmail.Draft(from_=SENDER.address, to=CAROL.address, text="x\n")
        with pytest.raises(KeySelectionError):
            mailer.write(draft, encrypt=True)
        gpg_in(home, "--import", data=(KEYRINGS / "recipients" / "public.gpg").read_bytes())
        assert mailer.write(draft, encrypt=True)
        gpg_in(home, "--yes", "--delete-keys", CAROL.fingerprint)
        with pytest.raises(KeySelectionError):
            mailer.write(draft, encrypt=True)


@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize("ring", ["public.asc", "public.gpg", "public.kbx"])
def test_recipients_in_a_file_beside_it(home, ring, sign):
    other = KEYRINGS / "recipients" / ring
    wish = {"to": CAROL.address, "encrypt": True, "sign": sign, "more_keyrings": [other]}
    data = written(home, SENDER.address, **wish)
    with keyring_copy("recipients-home") as theirs:
        mail = gpgmail.read(data, keyring=theirs)
    assert mail.verdict.encrypted == "whole"
    assert mail.verdict.signed == ("whole" if sign else "none")


def test_a_protected_key_signs_beside_a_file(home):
    other = KEYRINGS / "recipients" / "public.asc"
    wish = {"to": CAROL.address, "encrypt": True, "sign": True, "more_keyrings": [other]}
    assert written(home, LOCKED.address, passphrase=LOCKED.passphrase, **wish)
    with pytest.raises(GpgmailError) as caught:
        written(home, LOCKED.address, passphrase="wrong", **wish)
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE


@pytest.mark.parametrize("first", ["exports/secret.asc", "legacy", "own-key"])
def test_its_public_keys_beside_another_keyring(home, first):
    who = "legacy@example.org" if first == "legacy" else SENDER.address
    with keyring_copy(first.partition("/")[0]) as place:
        path = place / first.partition("/")[2]
        wish = {"to": LOCKED.address, "encrypt": True, "sign": True, "more_keyrings": [home]}
        data = written(path, who, **wish)
    mail = gpgmail.read(data, keyring=home, passphrase=LOCKED.passphrase)
    assert mail.verdict.encrypted == "whole"


@needs_mounts
def test_on_a_read_only_file_system_it_is_said_or_works(home):
    gpg_in(home, "--list-keys")
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    got = operate(
        home,
        SENDER.address,
        "listed",
        mounts=read_only(home),
        end=f"gpgconf --homedir {home} --kill all",
        GPGMAIL_GPG=os.environ["GPGMAIL_GPG"],
    )
    assert got == all_ok("listed") or got["listed"].startswith("KeyringError ")


def test_where_keyboxd_cannot_run_that_is_said(home):
    """It takes no socket with a colon in its path, and cannot be given another place."""
    gpg_in(home, "--list-keys")
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    elsewhere = home.with_name(f"{home.name}:x")
    home.rename(elsewhere)
    try:
        with Keyring.open(elsewhere) as keyring, pytest.raises(GpgmailError) as caught:
            keyring.keys()
    finally:
        elsewhere.rename(home)
    assert "can't connect to the keyboxd" in str(caught.value)


def test_files_and_legacy_directories_with_this_gpg(home):
    """A prepared home of ours has no keyboxd."""
    for place, who in (("exports/secret.gpg", SENDER.address), ("legacy", "legacy@example.org")):
        encrypted(KEYRINGS / place, who)
        assert written(KEYRINGS / place, who, sign=True)
