"""What the owner's gpg.conf adds is in the plan, and the result holds nothing else."""

from __future__ import annotations

import pytest

import gpgmail
from gpgmail.core.errors import KeySelectionError
from gpgmail.crypto.packets import HIDDEN, HeadReader
from gpgmail.message import walk
from gpgmail.testing import Sink
from tests.support.keyrings import fixture_key, keyring_copy


def encryption_id(name):
    parts = fixture_key("modern", name).subkeys
    return next(part.fingerprint[-16:] for part in parts if "e" in part.capabilities)


@pytest.fixture
def home():
    with keyring_copy("modern") as path:
        yield path


def sent(home, conf, **wishes):
    """Send a mail to alice with *conf* as gpg.conf; return the receipt and what the server got."""
    (home / "gpg.conf").write_text(conf)
    draft = gpgmail.Draft(from_="sender@example.org", to=wishes.pop("to", "alice@example.org"))
    with Sink() as sink, gpgmail.Mailer(sink.url, keyring=home) as mailer:
        receipt = mailer.send(draft, **wishes)
        return receipt, sink.received[0].data


def recipients(mail):
    reader = HeadReader()
    reader.feed(walk.parse(mail).children[1].decoded())
    return sorted(reader.result().recipients)


def test_encrypt_to_goes_along_whatever_its_validity(home):
    _, mail = sent(home, "encrypt-to carol@example.org\n", encrypt=True)
    assert recipients(mail) == sorted([encryption_id("alice"), encryption_id("carol")])


def test_hidden_encrypt_to_is_not_named(home):
    _, mail = sent(home, "hidden-encrypt-to bob@example.org\n", encrypt=True)
    assert recipients(mail) == sorted([HIDDEN, encryption_id("alice")])


def test_throw_keyids_names_nobody(home):
    _, mail = sent(home, "throw-keyids\nencrypt-to bob@example.org\n", encrypt=True)
    assert recipients(mail) == [HIDDEN, HIDDEN]


def test_the_default_key_where_it_is_asked_for(home):
    conf = "default-key sender@example.org\nencrypt-to-default-key\n"
    _, mail = sent(home, conf, encrypt=True)
    assert recipients(mail) == sorted([encryption_id("alice"), encryption_id("sender")])


def test_a_group_stands_for_its_members(home):
    conf = "group team@example.org = alice@example.org bob@example.org\n"
    receipt, mail = sent(home, conf, encrypt=True, to="team@example.org")
    assert recipients(mail) == sorted([encryption_id("alice"), encryption_id("bob")])
    assert receipt.accepted == ("team@example.org",)


def test_a_group_is_as_good_as_each_of_its_members(home):
    conf = "group team@example.org = alice@example.org nobody@example.org\n"
    with pytest.raises(KeySelectionError, match=r"nobody@example\.org"):
        sent(home, conf, encrypt=True, to="team@example.org")


def test_local_user_signs_besides():
    with keyring_copy("two-keys-one-address") as home:
        older, newer = (fixture_key("two-keys-one-address", name) for name in ("older", "newer"))
        conf = f"local-user {newer.fingerprint}\n"
        receipt, mail = sent(home, conf, sign=older.fingerprint)
        assert receipt.signers == (older.fingerprint, newer.fingerprint)
        verdict = gpgmail.read(mail, keyring=home).verdict
        assert {seen.primary for seen in verdict.signatures} == set(receipt.signers)


def test_nothing_is_added_to_a_plain_mail(home):
    conf = "encrypt-to bob@example.org\nlocal-user sender@example.org\n"
    receipt, mail = sent(home, conf)
    assert not receipt.encrypted
    assert receipt.signers == ()
    assert walk.parse(mail).content_type == "text/plain"
