"""Keys of every kind do the work and show the facts that gpg shows; gpg itself is the judge."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

import gpgmail
from gpgmail.components import Key
from gpgmail.core.errors import KeyringError, KeySelectionError, UsageError
from gpgmail.gpg.binary import find
from gpgmail.keys.key import Purpose
from gpgmail.keys.keyring import Keyring
from tests.crypto.helpers import Gpg as Judge
from tests.servers.readers import Gpg
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy, situations

KINDS = situations()["every-kind"].keys
SUBKEYS = situations()["several-subkeys"].keys
ODD = situations()["odd-user-ids"].keys
SENDER = fixture_key("own-key", "sender")
TEXT = "The words.\n"
NEW = find().version >= (2, 3)


@pytest.fixture(scope="module")
def home():
    """Copies of homes, one for the whole file, since they are only worked with."""
    with ExitStack() as stack:
        made = {}
        yield (
            lambda name: (
                made.get(name) or made.setdefault(name, stack.enter_context(keyring_copy(name)))
            )
        )


def mail(*to):
    message = EmailMessage()
    message["From"], message["To"] = SENDER.address, ", ".join(to or (SENDER.address,))
    message.set_content(TEXT)
    return message


def written(keyring, *to, sign=False, encrypt=False, **options):
    """A protected mail as bytes; keys are named by whatever a caller may name them by."""
    with gpgmail.Mailer(None, keyring=keyring, **options) as mailer:
        (copy,) = mailer.write(mail(*to), sign=sign, encrypt=encrypt).copies
        return b"".join(copy.render())


def parts(key, capability):
    """The subkeys for a purpose, the oldest first."""
    found = [part for part in key.subkeys if capability in part.capabilities]
    return sorted(found, key=lambda part: part.created)


# ---- the work ----


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_signs_and_decrypts(home, kind):
    key, place = KINDS[kind], home("every-kind")
    data = written(place, sign=[key.fingerprint], encrypt=[key.address])
    seen = Gpg(place).read_encrypted(data)
    assert (seen.signature, seen.signer) == ("good", key.fingerprint)
    assert seen.recipients == (key.subkeys[0].fingerprint[-16:],)
    read = gpgmail.read(data, keyring=place)
    assert (read.verdict.signed, read.verdict.encrypted) == ("whole", "whole")
    assert [one.primary for one in read.verdict.signatures] == [key.fingerprint]
    assert read.message.get_content().splitlines() == TEXT.splitlines()


@pytest.mark.parametrize("file", ["public.asc", "public.gpg"])
def test_one_message_to_all_kinds_from_a_file_of_public_keys(home, file):
    to = [key.address for key in KINDS.values()]
    public = KEYRINGS / "every-kind-public" / file
    data = written(home("own-key"), *to, sign=True, encrypt=True, more_keyrings=[public])
    seen = Gpg(home("every-kind")).read_encrypted(data)
    assert set(seen.recipients) == {key.subkeys[0].fingerprint[-16:] for key in KINDS.values()}
    assert seen.decrypted


@pytest.mark.skipif(not NEW, reason="gpg 2.2 knows neither the curve nor keys of version 5")
def test_a_key_of_version_5_on_curve_448():
    with empty_home() as place:
        gpg = Judge(place)
        new = ("--compliance", "gnupg", "--passphrase", "")
        gpg(*new, "--quick-gen-key", "Big <big@example.org>", "ed448", "cert,sign", "never")
        fingerprint = listed(place, "big@example.org")["fpr"][0][9]
        gpg(*new, "--quick-add-key", fingerprint, "cv448", "encr", "never")
        primary, subkey = (line[9] for line in listed(place, fingerprint)["fpr"])
        key = Key(place, primary[:16])
        assert (key.fingerprint, key.id, key.version) == (primary, primary[:16], 5)
        assert (key.curve, key.public_key_algorithm, key.public_key_length) == (
            "Ed448",
            "Ed448",
            456,
        )
        key.close()
        for named in (primary, primary[:16], subkey, subkey[:16], f"{subkey}!"):
            seen = Gpg(place).read_encrypted(written(place, sign=[primary], encrypt=[named]))
            assert (seen.signature, seen.recipients) == ("good", (subkey[:16],))


# ---- subkeys ----


@pytest.mark.parametrize(
    ("name", "signs", "is_encrypted_to"),
    [("choices", 1, 1), ("aging", 0, 0), ("pruned", 0, 0)],
)
def test_the_newest_usable_subkey_works(home, name, signs, is_encrypted_to):
    """What gpg does as well, asked beside."""
    key, place = SUBKEYS[name], home("several-subkeys")
    data = written(place, sign=[key.address], encrypt=[key.address])
    seen = Gpg(place).read_encrypted(data)
    assert seen.signing_key == parts(key, "s")[signs].fingerprint
    assert seen.recipients == (parts(key, "e")[is_encrypted_to].fingerprint[-16:],)
    own = ("-u", key.fingerprint, "-r", key.fingerprint, "-se")
    theirs = Gpg(place).read(Judge(place)(*own, stdin=b"x"))
    assert (theirs.signing_key, theirs.recipients) == (seen.signing_key, seen.recipients)


@pytest.mark.parametrize("number", [0, 1])
def test_a_named_subkey_works_and_no_other(home, number):
    key, place = SUBKEYS["choices"], home("several-subkeys")
    signing, encrypting = (parts(key, letter)[number].fingerprint for letter in "se")
    data = written(place, sign=[f"{signing}!"], encrypt=[f"0x{encrypting[-16:]}!"])
    seen = Gpg(place).read_encrypted(data)
    assert (seen.signing_key, seen.recipients) == (signing, (encrypting[-16:],))


@pytest.mark.parametrize(
    ("name", "capability", "words"),
    [
        ("aging", "s", "expired on 2021-01-01"),
        ("aging", "e", "expired on 2021-01-01"),
        ("pruned", "s", "revoked"),
        ("pruned", "e", "revoked"),
        ("choices", "a", "not made for"),
    ],
)
def test_a_named_subkey_that_cannot_is_refused(home, name, capability, words):
    key, place = SUBKEYS[name], home("several-subkeys")
    named = f"{parts(key, capability)[-1].fingerprint}!"
    wish = {"encrypt": [named]} if capability == "e" else {"sign": [named]}
    with pytest.raises(KeySelectionError, match=words):
        written(place, **wish)


def test_a_subkey_without_its_exclamation_mark_stands_for_the_key(home):
    key, place = SUBKEYS["choices"], home("several-subkeys")
    older, newer = parts(key, "e")
    seen = Gpg(place).read_encrypted(written(place, encrypt=[older.fingerprint]))
    assert seen.recipients == (newer.fingerprint[-16:],)


@pytest.mark.skipif(
    NEW, reason="gpg 2.4 finds a wrong checksum in what 2.2 imported and never used"
)
def test_a_key_whose_primary_part_is_elsewhere_signs_by_its_subkey(home):
    key, place = fixture_key("offline-primary", "subsigner"), home("offline-primary")
    seen = Gpg(place).verify_signed(written(place, sign=[key.address]))
    assert (seen.signer, seen.signing_key) == (key.fingerprint, parts(key, "s")[0].fingerprint)


def test_a_key_with_nothing_but_an_encryption_subkey_here_decrypts_alone(home):
    key, place = fixture_key("decrypt-only", "reader"), home("decrypt-only")
    with pytest.raises(KeySelectionError, match="its secret key is not here") as caught:
        written(place, sign=[key.address])
    assert caught.value.candidates[0].subkey == ""
    data = written(place, encrypt=[key.address])
    assert gpgmail.read(data, keyring=place).message.get_content().splitlines() == TEXT.splitlines()


# ---- user ids ----


@pytest.mark.parametrize("name", ODD)
def test_odd_user_ids_select_sign_and_are_told(home, name):
    key, place = ODD[name], home("odd-user-ids")
    text = key.uids[0].uid
    with Keyring.open(place) as ring:
        for found in (ring.find_recipient(text), ring.find_signer(text)):
            assert (found.fingerprint, found.user_id) == (key.fingerprint, text)
    data = written(place, sign=[text], encrypt=[text])
    (signature,) = gpgmail.read(data, keyring=place).verdict.signatures
    assert (signature.primary, signature.user_id) == (key.fingerprint, text)


ONE_ADDRESS = set(ODD) - {"no-address", "two-addresses"}


@pytest.mark.parametrize("name", sorted(ONE_ADDRESS))
def test_odd_user_ids_by_their_address(home, name):
    key, place = ODD[name], home("odd-user-ids")
    address = key.address or key.uids[0].uid
    with Keyring.open(place) as ring:
        assert ring.find_recipient(address).fingerprint == key.fingerprint
        assert ring.find_recipient(f"<{address.upper()}>").fingerprint == key.fingerprint


@pytest.mark.parametrize("address", ["one@example.org", "two@example.org", "sender@example.org"])
def test_what_is_no_address_of_a_user_id_is_none(home, address):
    with Keyring.open(home("odd-user-ids")) as ring:
        with pytest.raises(KeySelectionError) as caught:
            ring.find_recipient(address)
        told = ring.why(address)
    assert caught.value.code.number == 114
    assert caught.value.candidates == told
    assert told
    assert {one.obstacle for one in told} == {"match"}
    assert all("only contains the address" in one.reason for one in told)


@pytest.mark.parametrize("name", ["Müller", "müller", "MÜLLER", "Mu\u0308ller", "Müller (test)"])
def test_a_name_in_latin_1_is_found_in_any_spelling(home, name):
    with Keyring.open(home("odd-user-ids")) as ring:
        assert ring.find_recipient(name).fingerprint == ODD["latin1"].fingerprint


@pytest.mark.parametrize("name", ["Zoë", "ZOË", "zoë łukasiewicz", "テスト", "山田"])
def test_a_name_outside_latin_1_is_found(home, name):
    with Keyring.open(home("odd-user-ids")) as ring:
        assert ring.find_signer(name).fingerprint == ODD["utf8"].fingerprint


def test_user_ids_that_ended_do_not_count(home):
    place, key = home("uid-expired"), fixture_key("uid-expired", "ending")
    assert Judge(place).run("--no-auto-key-locate", "-r", key.uids[1].address, "-e").returncode == 2
    with Keyring.open(place) as ring:
        assert ring.find_recipient(key.uids[0].address).fingerprint == key.fingerprint
        with pytest.raises(KeySelectionError, match=r"ending@left.example.org> is expired"):
            ring.find_recipient(key.uids[1].address)


def test_a_photo_is_no_user_id(home):
    key, place = fixture_key("photo-id", "pictured"), home("photo-id")
    assert b"\nuat:" in Judge(place)("--with-colons", "--list-keys")
    assert Gpg(place).verify_signed(written(place, sign=[key.address])).signer == key.fingerprint
    found = Key(place)
    assert (found.user_id, found.other_user_ids) == (key.uids[0].uid, "")
    found.close()


# ---- what gpg lists and cannot use ----


@pytest.mark.skipif(NEW, reason="gpg 2.4 encrypts to both")
@pytest.mark.parametrize(
    ("name", "words"),
    [("nameless", "it has no user id"), ("weak", "no signature of its own that holds")],
)
def test_keys_that_gpg_does_not_take_are_refused_with_the_reason(home, name, words):
    key = fixture_key("legacy-odd", name)
    with Keyring.open(home("legacy-odd")) as ring:
        with pytest.raises(KeySelectionError, match=words) as caught:
            ring.find_recipient(key.fingerprint)
        assert ring.why(key.fingerprint) == caught.value.candidates
    assert caught.value.code.name == "KEY_UNUSABLE"


def test_they_do_not_stand_in_the_way_of_a_sound_one(home):
    key = fixture_key("legacy-odd", "sound")
    place = home("legacy-odd")
    data = written(place, encrypt=[key.address], trust="always")
    assert key.subkeys[0].fingerprint[-16:] in Judge(home("own-key")).packets(data)
    with Keyring.open(place) as ring:
        first = fixture_key("legacy-odd", "nameless" if NEW else "sound")
        assert ring.find_recipient("").fingerprint == first.fingerprint


# ---- facts ----

ALGORITHMS = {"1": "RSA", "17": "DSA", "19": "ECDSA", "22": "EdDSA"}  # RFC 9580 section 9.1
CURVES = {
    "nistp256": "secp256r1",
    "nistp384": "secp384r1",
    "nistp521": "secp521r1",
    "ed25519": "Ed25519",
}
LENGTHS = {"nistp521": 528, "ed25519": 256}  # as the reference counts
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def listed(place, fingerprint):
    """The fields of gpg's lines about one key, by record (doc/DETAILS of GnuPG)."""
    lines = Judge(place)("--with-colons", "--list-keys", fingerprint).decode().split("\n")
    found = {}
    for line in lines:
        found.setdefault(line.partition(":")[0], []).append(line.split(":"))
    return found


def shown_date(seconds):
    if not seconds:
        return ""
    when = datetime.fromtimestamp(int(seconds), UTC)
    return f"{when.day:02}-{MONTHS[when.month - 1]}-{when.year} {when:%H:%M:%S}"


@pytest.mark.proves(
    "Key.curve", "Key.public_key_algorithm", "Key.public_key_length", "Key.version", "Key.usage",
    "Key.usage_flags", "Key.effective_date", "Key.expiration_date", "Key.fingerprint", "Key.id",
)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param(name, key, id=f"{name}-{key.name}")
        for name in ("every-kind", "several-subkeys", "several-uids", "signing-subkey")
        for key in situations()[name].keys.values()
    ],
)
def test_facts_are_those_that_gpg_lists(home, name, key):
    place = home(name)
    records = listed(place, key.fingerprint)
    (pub,) = records["pub"]
    key = Key(place, fingerprint=key.fingerprint)
    assert (key.fingerprint, key.id) == (records["fpr"][0][9], pub[4])
    assert key.public_key_algorithm == ALGORITHMS[pub[3]]
    assert key.curve == CURVES.get(pub[16], pub[16])
    assert key.public_key_length == LENGTHS.get(pub[16], int(pub[2]))
    assert (key.effective_date, key.expiration_date) == (shown_date(pub[5]), shown_date(pub[6]))
    letters = set("".join(record[11] for record in (pub, *records["sub"])))
    flags = {"c": 0x01, "s": 0x02, "e": 0x0C, "a": 0x20}
    assert key.usage_flags == sum(flag for letter, flag in flags.items() if letter in letters)
    assert ("Authenticate Against Servers" in key.usage) == ("a" in letters)
    assert (key.version, key.revoked) == (4, False)
    key.close()


@pytest.mark.proves("Key.user_id", "Key.other_user_ids")
def test_the_user_id_that_was_added_last_is_shown(home):
    """gpg shows the primary one first; the reference shows the one that was added last."""
    place = home("primary-user-id")
    records = listed(place, fixture_key("primary-user-id", "flagged").fingerprint)
    newest = max(records["uid"], key=lambda record: int(record[5]))[9]
    others = [record[9] for record in records["uid"] if record[9] != newest]
    assert records["uid"][0][9] != newest
    key = Key(place)
    assert (key.user_id, key.other_user_ids) == (newest, ",".join(others))
    for text in (newest, *others):
        key.user_id = text
        assert key.user_id == newest
    key.close()


def test_a_revoked_or_expired_user_id_is_not_shown_as_the_last(home):
    for name in ("uid-revoked", "uid-expired"):
        (expected,) = situations()[name].keys.values()
        key = Key(home(name))
        assert key.user_id == expected.uids[0].uid
        assert key.other_user_ids == expected.uids[1].uid
        key.close()


def test_each_candidate_tells_the_subkey_and_when_it_ends(home):
    """`why` shows what the work then goes by."""
    with Keyring.open(home("several-subkeys")) as ring:
        for name, number in (("choices", 1), ("aging", 0)):
            key = SUBKEYS[name]
            for purpose, letter in ((Purpose.SIGN, "s"), (Purpose.ENCRYPT, "e")):
                (told,) = ring.why(key.address, purpose)
                assert told.taken
                assert told.subkey == parts(key, letter)[number].fingerprint
                assert told.expires is None
    with Keyring.open(home("several-uids")) as ring:
        (told,) = ring.why("many@example.org")
        assert told.expires.year == 2099


NASTY = [
    "-", "--", "--output=x", "=", "*", "**", "@", "<>", "<@>", "!", "0x", "0x!", "#", "&", "+", ".",
    "%", "%00", "\n", "a\nb", "\x1b[1m", "\u202e", "()", "(", "<a", "a>", "a" * 100_000,
    "é" * 100_000, "0" * 39, "0" * 41, "F" * 64, f"{'F' * 40}!", "' \"", "\\", "$(x)", "gpg.conf",
]  # fmt: skip


@pytest.mark.parametrize("purpose", Purpose)
def test_any_query_is_answered(home, purpose):
    with Keyring.open(home("odd-user-ids")) as ring:
        find = ring.find_signer if purpose is Purpose.SIGN else ring.find_recipient
        for query in NASTY:
            told = ring.why(query, purpose)
            taken = [one.fingerprint for one in told if one.taken]
            if taken:
                assert [find(query).fingerprint] == taken
                continue
            with pytest.raises(KeySelectionError) as caught:
                find(query)
            assert set(caught.value.candidates) <= set(told), query


@pytest.mark.parametrize("query", ["\0", "a\0b", "\ud800"])
def test_what_cannot_be_asked_for_is_refused(home, query):
    with Keyring.open(home("own-key")) as ring, pytest.raises(UsageError):
        ring.why(query)


def test_only_purposes_are_purposes(home):
    with Keyring.open(home("own-key")) as ring, pytest.raises(UsageError, match="encryption"):
        ring.why("", "breathing")


@pytest.mark.parametrize("version", [3, 5, 6])
def test_keys_of_another_version_beside_sound_ones(tmp_path, version):
    """gpg 2 passes over those of PGP 2.6; what it does not know yet ends its reading."""
    odd = bytearray((KEYRINGS / "exports" / "public.gpg").read_bytes())
    assert (odd[0], odd[2]) == (0x98, 4)  # a public key packet, its length in a byte
    odd[2] = version
    ring = tmp_path / "ring.gpg"
    ring.write_bytes((KEYRINGS / "recipients" / "public.gpg").read_bytes() + odd)
    with Keyring.open(ring) as opened:
        if version == 3 or (version == 5 and NEW):
            assert opened.find_recipient("bob@example.org")
            return
        with pytest.raises(KeyringError, match=rf"ring.gpg: .*version {version}"):
            opened.find_recipient("bob@example.org")
