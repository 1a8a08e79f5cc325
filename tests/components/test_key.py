"""The key selector: where it looks, what it shows, and that it asks gpg only when it must."""

from __future__ import annotations

import hashlib
import locale
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from gpgmail.components import Key, wording
from gpgmail.core.errors import KeyringError, KeySelectionError, PassphraseError
from gpgmail.gpg import runner
from tests.components.support import ALICE, SENDER, Ears, failing, psmtp, text_of
from tests.keys.facts import key as made_key
from tests.keys.facts import part
from tests.servers.readers import Gpg as Reader
from tests.support.keyrings import KEYRINGS, fixture_key, situations

MANY = fixture_key("several-uids", "many")
LEGACY = fixture_key("legacy", "legacy")
LOCKED = fixture_key("protected", "locked")
SUBSIGNER = fixture_key("signing-subkey", "subsigner")
PUBLIC = (KEYRINGS / "exports" / "public.asc").read_text()
SECRET = (KEYRINGS / "exports" / "secret.gpg").read_bytes()


@pytest.mark.proves("Key.keyring", "Key.fingerprint", "Key.id", "Key.user_id")
@pytest.mark.parametrize(
    ("name", "place", "key"),
    [
        ("own-key", "", SENDER),
        ("legacy", "", LEGACY),
        ("exports", "public.asc", SENDER),
        ("exports", "public.gpg", SENDER),
        ("exports", "public.kbx", SENDER),
        ("exports", "secret.asc", SENDER),
    ],
)
def test_the_first_key_of_a_keyring_without_a_selection(home, name, place, key):
    found = Key(home(name) / place)
    assert (found.fingerprint, found.id) == (key.fingerprint, key.fingerprint[-16:])
    assert found.user_id == key.uids[0].uid
    found.close()


@pytest.mark.proves("Key.encoded", "Key.secret_key_available")
@pytest.mark.parametrize("encoded", [PUBLIC, PUBLIC.encode(), SECRET], ids=["str", "bytes", "bin"])
def test_the_key_itself_in_place_of_a_keyring(encoded):
    key = Key(encoded=encoded)
    assert key.fingerprint == SENDER.fingerprint
    assert key.secret_key_available == (encoded is SECRET)
    key.close()


@pytest.mark.proves("Key.fingerprint", "Key.id", "Key.user_id")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fingerprint", ALICE.fingerprint),
        ("fingerprint", ALICE.fingerprint.lower()),
        ("fingerprint", " ".join(ALICE.fingerprint[at : at + 4] for at in range(0, 40, 4))),
        ("id", ALICE.fingerprint[-16:]),
        ("id", f"0x{ALICE.fingerprint[-8:]}"),
        ("id", ALICE.subkeys[0].fingerprint[-16:]),
        ("user_id", ALICE.address),
        ("user_id", ALICE.uids[0].uid),
        ("user_id", "Alice"),
        ("user_id", ALICE.fingerprint[-16:]),
    ],
)
def test_what_selects(own, name, value):
    key = Key(own)
    setattr(key, name, value)
    assert key.fingerprint == ALICE.fingerprint
    assert key.user_id == ALICE.uids[0].uid
    assert Key(own, **{name: value}).id == ALICE.fingerprint[-16:]


def test_the_last_selector_counts(own):
    key = Key(own, ALICE.address)
    key.fingerprint = SENDER.fingerprint
    assert key.user_id == SENDER.uids[0].uid
    key.user_id = ALICE.address
    assert key.fingerprint == ALICE.fingerprint
    key.user_id = ""
    assert key.fingerprint in {ALICE.fingerprint, SENDER.fingerprint}


def test_facts_follow_the_keyring(own, home):
    key = Key(own)
    assert key.user_id
    key.keyring = str(home("several-uids"))
    assert key.fingerprint == MANY.fingerprint


@pytest.mark.parametrize(
    ("name", "value"), [("fingerprint", "alice@example.org"), ("id", "alice"), ("user_id", 1)]
)
def test_a_selector_of_another_kind_is_refused(own, name, value):
    key = Key(own, ALICE.address)
    with failing(2):
        setattr(key, name, value)
    assert key.fingerprint == ALICE.fingerprint


def test_the_users_own_home_without_a_keyring(own, monkeypatch):
    monkeypatch.setenv("GNUPGHOME", str(own))
    assert Key(user_id=ALICE.address).fingerprint == ALICE.fingerprint
    assert Key("", fingerprint=SENDER.fingerprint).secret_key_available


# -------------------------------------------------------------------------------------------- facts


@pytest.mark.proves("Key.other_user_ids", "Key.expiration_date", "Key.version")
def test_facts_of_a_key_with_several_user_ids(home):
    key = Key(home("several-uids"))
    assert key.other_user_ids == ",".join(uid.uid for uid in MANY.uids[1:])
    assert key.expiration_date.split("-")[2].startswith("2099")
    assert (key.public_key_algorithm, key.curve, key.public_key_length) == ("EdDSA", "Ed25519", 256)
    assert (key.version, key.revoked) == (4, False)


@pytest.mark.proves("Key.effective_date", "Key.expiration_date", "Key.usage", "Key.usage_flags")
def test_dates_and_usage_in_the_words_of_the_reference(own):
    key = Key(own, fingerprint=SENDER.fingerprint)
    assert key.expiration_date == ""
    assert wording.date(datetime.fromtimestamp(SENDER.created, UTC)) == key.effective_date
    assert key.usage_flags & 0x0F == 0x0F
    assert key.usage.startswith(
        "Certifying Other Certificates,Signing Emails and Files,Encrypting Emails and Files"
    )


MOMENT = datetime(2000, 3, 3, 15, 0, 9, tzinfo=UTC)


class German(datetime):
    """A date that the C library words as in a German locale."""

    def strftime(self, form):
        return super().strftime(form.replace("%b", "Mär").replace("%B", "März"))


GERMAN = German(2000, 3, 3, 15, 0, 9, tzinfo=UTC)


def test_a_german_date_is_german():
    assert f"{GERMAN:%d. %b, %B}" == "03. Mär, März"


@pytest.mark.proves("Key.effective_date", "Key.expiration_date")
def test_a_date_is_english_in_every_locale():
    assert wording.date(MOMENT) == "03-Mar-2000 15:00:09"
    assert wording.date(GERMAN) == "03-Mar-2000 15:00:09"


def test_a_date_is_english_in_a_german_locale(tmp_path, monkeypatch):
    """The same with a locale of the system's, where one can be made."""
    make = ["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"]
    if not shutil.which("localedef") or subprocess.run(make, check=False).returncode:
        pytest.skip("the sources of locales are not installed")
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    before = locale.setlocale(locale.LC_TIME)
    locale.setlocale(locale.LC_TIME, "de_DE.UTF-8")
    try:
        assert f"{MOMENT:%b}" == "Mär"
        assert wording.date(MOMENT) == "03-Mar-2000 15:00:09"
    finally:
        locale.setlocale(locale.LC_TIME, before)


@pytest.mark.parametrize(
    ("algorithm", "curve", "length", "words"),
    [
        ("RSA", "", 3072, ("RSA", "", 3072)),
        ("DSA", "", 2048, ("DSA", "", 2048)),
        ("ECDSA", "nistp256", 256, ("ECDSA", "secp256r1", 256)),
        ("ECDSA", "nistp384", 384, ("ECDSA", "secp384r1", 384)),
        ("ECDSA", "nistp521", 521, ("ECDSA", "secp521r1", 528)),
        ("ECDSA", "secp256k1", 256, ("ECDSA", "secp256k1", 256)),
        ("EDDSA", "ed25519", 255, ("EdDSA", "Ed25519", 256)),
        ("ED448", "ed448", 448, ("Ed448", "Ed448", 456)),
        ("ECDSA", "brainpoolP256r1", 256, ("ECDSA", "brainpoolP256r1", 256)),
    ],
)
def test_algorithms_are_named_as_on_the_reference(algorithm, curve, length, words):
    primary = part(1, "cs", algorithm=algorithm, curve=curve, length=length)
    key = made_key(1, primary=primary)
    assert (wording.algorithm(key), wording.curve(key), wording.length(key)) == words


# ---------------------------------------------------------------------------- by flat properties


@pytest.mark.proves("key_user_id", "key_keyring", "recipient_key_user_id")
def test_the_user_id_is_there_as_soon_as_the_keyring_is_set(sink, own, home):
    with psmtp(sink) as mailer:
        mailer.key_count = mailer.recipient_key_count = 1
        assert (mailer.get_key_user_id(0), mailer.get_recipient_key_user_id(0)) == ("", "")
        mailer.set_key_keyring(0, str(home("own-key")))
        assert mailer.get_key_user_id(0) == SENDER.uids[0].uid
        mailer.set_recipient_key_keyring(0, str(home("several-uids")))
        assert mailer.get_recipient_key_user_id(0) == MANY.uids[0].uid
        mailer.set_recipient_key_keyring(0, str(own))
        mailer.set_recipient_key_user_id(0, ALICE.fingerprint[-8:])
        assert mailer.get_recipient_key_user_id(0) == ALICE.uids[0].uid
        mailer.set_recipient_key_user_id(0, ALICE.subkeys[0].fingerprint[-16:])
        assert mailer.get_recipient_key_user_id(0) == ALICE.uids[0].uid


@pytest.mark.proves("key_encoded", "recipient_key_encoded", "Key.encoded")
@pytest.mark.parametrize("kind", ["asc", "gpg"])
def test_keys_themselves_sign_and_are_encrypted_to(sink, reader, kind):
    with psmtp(sink) as mailer:
        mailer.key_count = mailer.recipient_key_count = 1
        secret = (KEYRINGS / "exports" / f"secret.{kind}").read_bytes()
        mailer.set_key_encoded(0, secret)
        assert mailer.get_key_encoded(0) == secret
        mailer.set_recipient_key_encoded(0, (KEYRINGS / f"recipients/public.{kind}").read_bytes())
        mailer.set_recipient_key_user_id(0, ALICE.address)
        mailer.sign_and_encrypt()
        mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert (verdict.signer, verdict.recipients) == (
        SENDER.fingerprint,
        (ALICE.subkeys[0].fingerprint[-16:],),
    )


@pytest.mark.proves("Key.public_key", "Key.secret_key", "Key.secret_key_available")
def test_exports(own, home, reader):
    key = Key(own, SENDER.address)
    assert key.public_key.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert key.secret_key.startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----")
    again = Key(encoded=key.secret_key)
    assert (again.fingerprint, again.secret_key_available) == (SENDER.fingerprint, True)
    public = Key(own, ALICE.address)
    assert (public.secret_key_available, public.secret_key) == (False, "")
    again.close()


@pytest.mark.proves("Key.passphrase", "Key.secret_key", "OpenPGP 122")
def test_the_export_of_a_protected_key_needs_its_passphrase(home):
    key = Key(home("protected"))
    with failing(122, PassphraseError):
        str(key.secret_key)
    key.passphrase = "wrong"
    with failing(122, PassphraseError):
        str(key.secret_key)
    key.passphrase = LOCKED.passphrase
    assert key.secret_key.startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----")
    key.close()


@pytest.mark.proves("Key.revoked", "Key.secret_key_available")
@pytest.mark.parametrize(
    ("name", "revoked", "secret"),
    [("revoked", True, True), ("expired", False, True), ("no-encryption", False, True)],
)
def test_facts_of_keys_that_cannot_be_used(home, name, revoked, secret):
    key = Key(home(name))
    (only,) = situations()[name].keys.values()
    assert key.fingerprint == only.fingerprint
    assert (key.revoked, key.secret_key_available) == (revoked, secret)


# -------------------------------------------------------------------------------- nothing too early


def test_gpg_is_not_asked_before_a_value_is_wanted(own, monkeypatch):
    def no_gpg(*_, **__):
        raise AssertionError("gpg was started")

    monkeypatch.setattr(runner, "execute", no_gpg)
    monkeypatch.setattr("gpgmail.gpg.librarian.Librarian.list_keys", no_gpg)
    key = Key(own, ALICE.address, passphrase="x")
    key.fingerprint = ALICE.fingerprint
    assert (key.query, key.keyring) == (ALICE.fingerprint, str(own))
    repr(key)
    with pytest.raises(AssertionError, match="gpg was started"):
        str(key.user_id)


def test_a_key_for_which_nothing_is_set_has_the_documented_defaults(monkeypatch, tmp_path):
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "absent"))
    blank = Key()
    facts = (
        blank.user_id, blank.fingerprint, blank.id, blank.other_user_ids, blank.effective_date,
        blank.public_key_algorithm, blank.public_key_length, blank.curve, blank.revoked,
        blank.usage_flags, blank.usage, blank.version, blank.secret_key_available,
        blank.public_key, blank.secret_key,
    )  # fmt: skip
    assert facts == ("", "", "", "", "", "", 0, "", False, 0x2F, "", 4, False, "", "")


@pytest.mark.proves("OpenPGP 114")
def test_a_blank_key_is_nobody(sink):
    with psmtp(sink) as mailer:
        mailer.recipient_key_count = 1
        with failing(114, KeySelectionError) as caught:
            mailer.encrypt()
    assert "names no key" in str(caught.value)


# ------------------------------------------------------------------------------------------ errors


def test_two_keys_for_one_address(sink, home):
    place = home("two-keys-one-address")
    key = Key(place, "twin@example.org")
    with failing(7, KeySelectionError) as caught:
        str(key.fingerprint)
    assert len(caught.value.candidates) == 2
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(place, "twin@example.org"))
        with failing(7, KeySelectionError):
            mailer.sign()


@pytest.mark.parametrize(
    ("name", "method", "number"),
    [
        ("expired", "sign", 8),
        ("revoked", "sign", 8),
        ("disabled", "encrypt", 8),
        ("expired-subkey", "encrypt", 8),
        ("no-encryption", "encrypt", 128),
        ("legacy-public", "sign", None),
    ],
)
def test_a_key_that_cannot_do_it_says_why(sink, home, name, method, number):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(home(name)))
        mailer.recipient_keys.append(Key(home(name)))
        with pytest.raises(KeySelectionError) as caught:
            getattr(mailer, method)()
        assert number is None or caught.value.code.number == number
        assert caught.value.candidates
        with failing(14):
            mailer.send()
    assert not sink.received


def test_a_keyring_that_is_not_there(tmp_path):
    for place in (tmp_path / "none", KEYRINGS / "damaged" / "garbage.gpg"):
        with pytest.raises(KeyringError):
            str(Key(place).fingerprint)


@pytest.mark.proves("on_status", "LogLevel")
def test_the_first_usable_key_is_named_by_a_status_event(sink, own):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(own))
        ears = Ears(mailer, "status")
        mailer.sign()
        (named,) = [event.message for event in ears.status if "using" in event.message]
        assert SENDER.fingerprint in named
        assert SENDER.address in named
        mailer.message_text = "another"
        mailer.keys[0] = Key(own, SENDER.address)
        ears.status.clear()
        mailer.sign()
        assert not [event for event in ears.status if "using" in event.message]


def test_a_signing_subkey_signs_and_the_key_is_the_primary(sink, home):
    place = home("signing-subkey")
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(place, SUBSIGNER.address))
        mailer.sign()
        assert mailer.keys[0].fingerprint == SUBSIGNER.fingerprint


def hashes(directory):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_legacy_directory_signs_and_is_not_touched(sink, home):
    place = home("legacy")
    before = hashes(place)
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(place, LEGACY.address))
        mailer.recipient_keys.append(Key(place, LEGACY.address))
        mailer.sign_and_encrypt()
        mailer.send()
    assert len(sink.received) == 1
    assert hashes(place) == before


def test_the_key_that_is_shown_is_the_one_that_is_used(home, sink):
    mixed = home("modern")  # the sender's secret key, and public keys of others
    with psmtp(sink) as mailer:
        mailer.key_count = mailer.recipient_key_count = 1
        mailer.set_key_keyring(0, str(mixed))
        mailer.set_recipient_key_keyring(0, str(mixed))
        assert SENDER.address in mailer.get_key_user_id(0)
        assert mailer.keys[0].secret_key_available
        shown = mailer.keys[0].fingerprint
        mailer.sign()
        mailer.config("RequireProtection=False")
        mailer.send()
    assert Reader(mixed).read(text_of(sink.received[0]).encode()).signer == shown


def test_a_part_of_an_address_shows_no_key_that_it_would_not_take(own):
    with failing(114) as caught:
        Key(own, "lice@example.org").user_id  # noqa: B018 - reading is what is tried
    assert "lice@example.org" in str(caught.value)
