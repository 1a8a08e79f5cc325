"""Facts of a key: taken from real listings, and what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gpgmail.core.run import Run
from gpgmail.gpg.binary import find
from gpgmail.gpg.home import Home
from gpgmail.gpg.librarian import Librarian
from gpgmail.keys.key import Obstacle, Purpose, SecretPart, State, Validity, key_from_record
from tests.keys.facts import MADE, NOW, PAST, key, part, uid
from tests.support.keyrings import fixture_key, keyring_copy, situations

HOMES = [name for name, situation in situations().items() if situation.kind == "home"]
NEW = find().version >= (2, 3)  # shows with which key a subkey ended
STATES = {"usable": State.VALID, "disabled": State.VALID}
ADDRESSES = {"no-address": "", "two-addresses": "", "address-alone": "alone@example.org"}
SECRETS = {"present": SecretPart.PRESENT, "missing": SecretPart.STUB, "none": SecretPart.NONE}


def listed(home):
    librarian = Librarian(Home(directory=home), Run(timeout=30))
    return {
        found.fingerprint: found for found in map(key_from_record, librarian.list_keys(secret=True))
    }


@pytest.mark.parametrize("name", HOMES)
def test_facts_are_those_that_gpg_shows(name):
    """The manifest was read from gpg by another reader of its listings."""
    with keyring_copy(name) as home:
        found = listed(home)
    assert set(found) == {expected.fingerprint for expected in situations()[name].keys.values()}
    for expected in situations()[name].keys.values():
        seen = found[expected.fingerprint]
        assert seen.disabled == (expected.state == "disabled")
        assert seen.revoked == (expected.state == "revoked")
        assert seen.ownertrust == expected.ownertrust
        assert [uid.text for uid in seen.user_ids] == [uid.uid for uid in expected.uids]
        for one, other in zip(seen.user_ids, expected.uids, strict=True):
            assert other.validity in (one.validity, one.state)
            assert one.email == ADDRESSES.get(expected.name, other.address)
        for one, other in zip(seen.parts, expected.parts, strict=True):
            assert one.fingerprint == other.fingerprint
            assert one.key_id == other.fingerprint[-16:]
            assert one.keygrip == other.keygrip
            assert one.capabilities == "".join(sorted(other.capabilities))
            assert one.state == STATES.get(other.state, other.state)
            assert one.secret == SECRETS[other.secret]
            assert one.created == datetime.fromtimestamp(other.created, UTC)
            inherited = NEW and expected.state == "expired"
            ends = other.expires or (expected.expires if inherited else None)
            assert one.expires == (ends and datetime.fromtimestamp(ends, UTC))


def test_fields_of_the_reference():
    expected = fixture_key("several-uids", "many")
    with keyring_copy("several-uids") as home:
        many = listed(home)[expected.fingerprint]
    assert many.user_id == expected.uids[0].uid
    assert many.other_user_ids == tuple(uid.uid for uid in expected.uids[1:])
    assert many.primary.algorithm == "EDDSA"
    assert many.primary.curve == "ed25519"
    assert many.primary.length == 255
    assert many.created < many.expires
    assert many.expires.year == 2099
    assert many.usage_flags == 0x01 | 0x02 | 0x0C
    assert many.version == 4
    assert many.secret_available
    assert not many.revoked
    assert many.validity is Validity.ULTIMATE


def test_validity_is_ordered():
    assert Validity.FULL.reaches(Validity.MARGINAL)
    assert Validity.MARGINAL.reaches(Validity.MARGINAL)
    assert not Validity.UNDEFINED.reaches(Validity.MARGINAL)
    assert not Validity.NEVER.reaches(Validity.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("Alice (test) <alice@example.org>", "Alice (test)", "alice@example.org"),
        ("root@localhost", "", "root@localhost"),
        ("Just A Name", "Just A Name", ""),
        ("alice@example.org <mallory@example.org>", "alice@example.org", "mallory@example.org"),
        ("<alice@example.org> x <mallory@example.org>", None, ""),
        ("alice@example.org <mallory@example.org", None, ""),
    ],
)
def test_address_of_a_user_id(text, name, email):
    """A text that could be read as two addresses has none."""
    assert uid(text).email == email
    assert name is None or uid(text).name == name


class TestWhichPartWorks:
    def test_newest_subkey_as_gpg_does(self):
        older, newer = part(0x10, "s"), part(0x11, "s", created=PAST)
        assert key(1, subkeys=[newer, older]).signing_subkey(NOW) is newer
        assert key(1, subkeys=[older, newer]).signing_subkey(NOW) is newer

    def test_not_the_newest_when_it_cannot(self):
        sound = part(0x10, "e")
        later = {"created": PAST}
        for bad in (
            part(0x11, "e", expires=PAST, **later),
            part(0x11, "e", state=State.REVOKED, **later),
            part(0x11, "e", state=State.EXPIRED, **later),
            part(0x11, "e", created=datetime(2030, 1, 1, tzinfo=UTC)),
            part(0x11, "s", **later),
        ):
            assert key(1, subkeys=[sound, bad]).encryption_subkey(NOW) is sound

    def test_primary_key_when_no_subkey_can(self):
        one = key(1)
        assert one.signing_subkey(NOW) is one.primary

    @pytest.mark.parametrize("secret", [SecretPart.STUB, SecretPart.NONE])
    def test_signing_needs_the_secret_part(self, secret):
        away = part(0x11, "s", created=PAST, secret=secret)
        one = key(1, subkeys=[away])
        assert one.signing_subkey(NOW) is one.primary
        lonely = key(1, primary=part(1, "c"), subkeys=[away])
        assert lonely.signing_subkey(NOW) is None
        assert lonely.reason_unusable(Purpose.SIGN, NOW).text == "its secret key is not here"

    def test_a_card_is_as_good_as_a_file(self):
        card = part(0x11, "s", secret=SecretPart.CARD)
        assert key(1, subkeys=[card]).signing_subkey(NOW) is card

    def test_encryption_needs_no_secret_part(self):
        one = key(1, subkeys=[part(0x11, "e", secret=SecretPart.NONE)])
        assert one.reason_unusable(Purpose.ENCRYPT, NOW) is None


@pytest.mark.parametrize(
    ("bad", "obstacle", "text"),
    [
        (
            key(1, primary=part(1, "cs", state=State.REVOKED)),
            Obstacle.STATE,
            "the key is revoked",
        ),
        (
            key(1, primary=part(1, "cs", expires=PAST)),
            Obstacle.STATE,
            "the key is expired on 2025-01-01",
        ),
        (
            key(1, primary=part(1, "cs", state=State.EXPIRED)),
            Obstacle.STATE,
            "the key is expired",
        ),
        (key(1, disabled=True), Obstacle.STATE, "the key is disabled"),
        (key(1, subkeys=[]), Obstacle.USAGE, "the key has no encryption subkey"),
        (
            key(1, subkeys=[part(2, "e", expires=PAST)]),
            Obstacle.STATE,
            "its encryption subkey is expired on 2025-01-01",
        ),
        (
            key(1, subkeys=[part(2, "e", created=MADE, state=State.REVOKED)]),
            Obstacle.STATE,
            "its encryption subkey is revoked",
        ),
    ],
)
def test_reasons(bad, obstacle, text):
    reason = bad.reason_unusable(Purpose.ENCRYPT, NOW)
    assert (reason.obstacle, reason.text) == (obstacle, text)


def test_expiry_counts_at_the_second():
    one = key(1, primary=part(1, "cs", expires=NOW))
    assert one.reason_unusable(Purpose.ENCRYPT, NOW) is not None
    assert one.reason_unusable(Purpose.ENCRYPT, PAST) is None
