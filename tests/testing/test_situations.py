"""Keyrings in every situation: what gpg says of them is what their names say."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

import gpgmail
from gpgmail.testing import Library, ThrowawayHome
from gpgmail.testing.situations import SITUATIONS
from tests.support.keyrings import situations

HOMES = [row.name for row in SITUATIONS if row.kind == "home"]
UNUSABLE = {
    "expired": "expired",
    "revoked": "revoked",
    "disabled": "disabled",
    "expired-subkey": "expired",
    "no-encryption": "encrypt",
}


@pytest.fixture(scope="module")
def library():
    return Library()


def listed(copy):
    """State letter and capabilities of each primary key, asked of gpg itself."""
    command = ["gpg", "--homedir", copy, "--batch", "--with-colons", "--list-keys"]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line.split(":") for line in ran.stdout.splitlines()]
    found, key = {}, None
    for fields in lines:
        if fields[0] == "pub":
            key = fields
        elif fields[0] == "fpr" and key:
            found[fields[9]], key = (key[1], key[11]), None
    return found


@pytest.mark.parametrize("name", HOMES)
def test_it_holds_the_keys_that_it_names(name, library):
    with library.copy(name) as copy:
        found = listed(copy)
        assert set(found) == {key.fingerprint for key in copy.keys.values()}
        path = copy.path
        assert path.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


@pytest.mark.parametrize(("name", "reason"), UNUSABLE.items())
def test_keys_that_cannot_be_encrypted_to(name, reason, library):
    with library.copy(name) as copy, copy.open() as ring:
        with pytest.raises(gpgmail.KeySelectionError) as caught:
            ring.find_recipient(copy.key.fingerprint)
        (candidate,) = caught.value.candidates
        assert reason in candidate.reason


def test_a_key_that_ends_soon_ends_soon(library):
    with library.copy("expiring-soon") as copy, copy.open() as ring:
        (key,) = ring.keys()
        assert ring.find_recipient(key.fingerprint)
    assert timedelta(days=6) < key.expires - datetime.now(UTC) < timedelta(days=8)


@pytest.mark.parametrize("name", sorted({row.name for row in SITUATIONS} & set(situations())))
def test_committed_keyrings_are_of_the_same_situations(name, library):
    """Their makers are the same but for `legacy`, which gpg 1.4 itself made there."""
    committed, copy = situations()[name], library.copy(name)
    if committed.kind != "damaged":
        assert {one: key.passphrase or "" for one, key in committed.keys.items()} == {
            one: key.passphrase for one, key in copy.keys.items()
        }
    with copy:
        files = {path.name for path in copy.path.rglob("*") if path.is_file()}
    wanted = {path.rpartition("/")[2] for path in committed.files}
    named = {path for path in wanted if not path.endswith(".key")}
    assert named <= files


@pytest.mark.skipif(shutil.which("gpg1") is None, reason="there is no gpg 1.4")
def test_gpg_1_takes_the_legacy_home_for_its_own(library):
    with library.copy("legacy") as copy:
        sign = ("--local-user", copy["legacy"].fingerprint, "--detach-sign", "--output", "-")
        command = ["gpg1", "--homedir", copy, "--batch", "--no-tty"]
        signature = subprocess.run([*command, *sign], input=b"x", capture_output=True, check=False)
        assert signature.returncode == 0, signature.stderr
        listing = subprocess.run([*command, "--with-colons", "--list-keys"], capture_output=True,
                                 check=True, text=True).stdout  # fmt: skip
    validity = {line.split(":")[9]: line.split(":")[1] for line in listing.splitlines()
                if line.startswith("pub")}  # fmt: skip
    assert validity["Rita (test) <rita@example.org>"] == "f"


def test_a_passphrase_is_the_one_that_is_named(library):
    for name in ("protected", "protected-utf8"):
        with library.copy(name) as copy:
            draft = gpgmail.Draft(from_=copy.key.address, to=copy.key.address, text="x")
            passphrase = copy.key.passphrase
            with gpgmail.Mailer(None, keyring=copy, passphrase=passphrase) as mailer:
                mailer.write(draft, sign=True)
            wrong = gpgmail.Mailer(None, keyring=copy, passphrase="no")
            with wrong, pytest.raises(gpgmail.PassphraseError):
                wrong.write(draft, sign=True)
        assert passphrase not in repr(copy.key)


def test_what_is_made_once_is_not_made_again(library, monkeypatch):
    library.copy("own-key")

    def none(*_, **__):
        raise AssertionError

    monkeypatch.setattr("gpgmail.testing.workshop.execute", none)
    with library.copy("own-key") as copy:
        assert (copy.path / "pubring.kbx").exists()


@pytest.mark.parametrize(
    ("name", "hint"), [("expird", "is 'expired' meant"), ("", "there is own-key, ")]
)
def test_a_situation_that_there_is_none_of(name, hint, library):
    with pytest.raises(gpgmail.UsageError, match=hint):
        library.copy(name)


def test_a_copy_says_what_it_has(library):
    copy = library.copy("two-keys-one-address")
    with pytest.raises(gpgmail.UsageError, match="older, newer"):
        _ = copy.key
    with pytest.raises(gpgmail.UsageError, match="no key 'x'"):
        _ = copy["x"]
    with pytest.raises(gpgmail.PolicyError, match="outside"):
        _ = copy.path
    assert copy["older"].address == copy["newer"].address == "twin@example.org"
    assert repr(copy) == "<keyring two-keys-one-address: older, newer>"


def test_keys_of_ones_own(library):
    with ThrowawayHome() as home:
        old = home.make_key(
            "Old <old@example.org>", at="20200101T000000", expires="20210101T000000"
        )
        locked = home.make_key("Locked <locked@example.org>", passphrase="secret words")
        assert listed(home)[old][0] == "e"
        with home.keyring() as ring:
            assert ring.find_signer(locked).fingerprint == locked
        with pytest.raises(gpgmail.KeyringError):
            home.gpg("--no-such-option")
