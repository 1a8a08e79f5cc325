"""Several keyrings asked as one, what is remembered of them, and when that is forgotten."""

from __future__ import annotations

import time

import pytest

from gpgmail.core.errors import KeyringError, KeySelectionError
from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.keyrings import Keyrings
from tests.crypto.helpers import Gpg
from tests.support.counting import count_gpg
from tests.support.keyrings import fixture_key, keyring_copy


@pytest.fixture
def rings():
    opened = []

    def make(*places, **options):
        opened.append(Keyrings(places[0], places[1:], **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """How many gpg processes were started."""
    return count_gpg(tmp_path, monkeypatch)


def fpr(situation, name):
    return fixture_key(situation, name).fingerprint


def test_signers_come_from_the_first_keyring_only(rings):
    with keyring_copy("modern") as first, keyring_copy("own-key") as second:
        with pytest.raises(KeySelectionError):
            rings(first / "pubring.kbx", second).signer("sender@example.org", Run())
        found = rings(second, first).signer("sender@example.org", Run())
    assert found.fingerprint == fpr("own-key", "sender")


def test_recipients_come_from_the_first_keyring_that_has_one(rings):
    with keyring_copy("own-key") as home, keyring_copy("recipients") as files:
        asked = rings(home, files / "public.asc")
        assert asked.recipient("alice@example.org", Run()).fingerprint == fpr("recipients", "alice")
        assert asked.recipient("sender@example.org", Run()).fingerprint == fpr("own-key", "sender")


def test_who_gives_a_file_means_the_keys_in_it_although_the_home_does_not_trust_them(rings):
    with keyring_copy("modern") as home, keyring_copy("recipients") as files:
        with pytest.raises(KeySelectionError):
            rings(home).recipient("carol@example.org", Run())
        found = rings(home, files / "public.gpg").recipient("carol@example.org", Run())
    assert found.fingerprint == fpr("modern", "carol")


def test_a_key_revoked_in_one_keyring_is_not_taken_from_another_that_does_not_know(rings):
    with keyring_copy("own-key") as path, keyring_copy("modern") as other:
        gpg = Gpg(path)
        key = gpg.new_key("rsa2048", "gone", usage="sign,encrypt")
        before = gpg("--export", key)
        revocation = (path / "openpgp-revocs.d" / f"{key}.rev").read_bytes()
        gpg("--import", stdin=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
        assert rings(other, before).recipient("gone@example.org", Run()).fingerprint == key
        with pytest.raises(KeySelectionError) as caught:
            rings(path, before).recipient("gone@example.org", Run())
        assert "revoked" in caught.value.candidates[0].reason
        with pytest.raises(KeySelectionError):
            rings(path, before).recipient(key, Run())


def test_the_error_is_that_of_the_keyring_that_came_nearest(rings):
    with keyring_copy("own-key") as home, keyring_copy("expired") as other:
        with pytest.raises(KeySelectionError) as caught:
            rings(home, other, trust="always").recipient("expired@example.org", Run())
        (candidate,) = caught.value.candidates
        assert candidate.fingerprint == fpr("expired", "expired")
        with pytest.raises(KeySelectionError) as nowhere:
            rings(home, other).recipient("dave@example.org", Run())
        assert nowhere.value.candidates == ()
        assert str(home) in str(nowhere.value)


def test_what_was_selected_is_remembered_and_asked_for_again_when_the_keyring_changes(
    rings, counted
):
    with keyring_copy("modern") as home:
        asked = rings(home)
        asked.recipient("bob@example.org", Run())  # gpg brings its trust database up to date
        started = counted()
        first = asked.recipient("alice@example.org", Run())
        assert counted() == started + 1
        started = counted()
        assert asked.recipient("alice@example.org", Run()) is first
        assert counted() == started
        asked.signer("sender@example.org", Run())
        asked.signer("sender@example.org", Run())
        assert counted() == started + 1
        Gpg(home)("--yes", "--delete-keys", fpr("modern", "alice"))
        with pytest.raises(KeySelectionError):
            asked.recipient("alice@example.org", Run())


def test_only_so_much_is_remembered(rings, counted, monkeypatch):
    monkeypatch.setattr("gpgmail.keys.keyrings._MOST_REMEMBERED", 2)
    with keyring_copy("recipients") as files:
        asked = rings(files / "public.gpg")
        for name in ("alice", "bob", "carol"):
            asked.recipient(f"{name}@example.org", Run())
        started = counted()
        asked.recipient("carol@example.org", Run())
        asked.recipient("bob@example.org", Run())
        assert counted() == started
        asked.recipient("alice@example.org", Run())
        assert counted() == started + 1


def test_validity_is_asked_for_again_when_the_trust_database_changes(rings):
    with keyring_copy("modern") as home:
        asked = rings(home)
        asked.recipient("bob@example.org", Run())
        with pytest.raises(KeySelectionError):
            asked.recipient("carol@example.org", Run())
        trust = f"{fpr('modern', 'carol')}:6:\n".encode()
        Gpg(home)("--import-ownertrust", stdin=trust)
        assert asked.recipient("carol@example.org", Run()).fingerprint == fpr("modern", "carol")
        Gpg(home)("--import-ownertrust", stdin=trust.replace(b":6:", b":2:"))
        with pytest.raises(KeySelectionError):
            asked.recipient("carol@example.org", Run())


def test_a_remembered_key_that_expires_meanwhile_is_not_used(rings):
    with keyring_copy("own-key") as home:
        Gpg(home).new_key("rsa2048", "brief", usage="sign,encrypt", expires="seconds=3")
        asked = rings(home)
        asked.recipient("brief@example.org", Run())
        time.sleep(3.2)
        with pytest.raises(KeySelectionError):
            asked.recipient("brief@example.org", Run())


def test_after_some_minutes_gpg_is_asked_again(rings, counted, monkeypatch):
    """Signatures that make a key valid may end, of which no file tells."""
    clock = [0.0]
    monkeypatch.setattr("gpgmail.keys.keyrings.monotonic", lambda: clock[0])
    with keyring_copy("recipients") as files:
        asked = rings(files / "public.gpg")
        asked.recipient("alice@example.org", Run())
        for later, more in ((599, 0), (600, 1), (601, 0)):
            started = counted()
            clock[0] = later
            asked.recipient("alice@example.org", Run())
            assert counted() == started + more


def test_the_validity_of_an_address(rings):
    with keyring_copy("uid-unsigned") as home, keyring_copy("uid-revoked") as other:
        asked = rings(home, other)
        dana, dora = fpr("uid-unsigned", "dana"), fpr("uid-revoked", "dora")
        assert asked.validity(dana, "dana@example.org", Run()) == "full"
        assert asked.validity(dana, "Dana@EXAMPLE.org", Run()) == "full"
        assert asked.validity(dana, "dana@claimed.example.org", Run()) == "unknown"
        assert asked.validity(dana, "sender@example.org", Run()) is None
        assert asked.validity(dora, "dora@left.example.org", Run()) is None
        assert asked.validity("0" * 40, "dana@example.org", Run()) is None


def test_a_home_without_public_keys_of_others_where_they_are_not_wanted(rings):
    with keyring_copy("own-key") as home, keyring_copy("recipients") as files:
        asked = rings(home, files / "public.gpg")
        assert asked.home(Run(), Passphrases(), secret=True, public=False).keyrings == ()
        assert len(asked.home(Run(), None, secret=False).keyrings) == 1


def test_only_keyrings_opened_here_are_closed(rings):
    with keyring_copy("recipients") as files, Keyring.open(files / "public.asc") as given:
        home = given.public_home(Run()).directory
        asked = rings(given, files / "public.gpg")
        own = asked.home(Run(), None, secret=False).keyrings[0]
        asked.close()
        asked.close()
        assert home.is_dir()
        assert not own.exists()


def test_a_bad_place_among_several_leaves_nothing_open(tmp_path):
    with keyring_copy("own-key") as home, pytest.raises(KeyringError):
        Keyrings(home, [tmp_path / "none"])
