"""What becomes of a report when the recipient's key is not what it was."""

import pytest
from backup_report import report, send

import gpgmail


def to(recipient, sender):
    return report(sender.user_id, recipient.user_id, "12 volumes are safe\n")


def test_a_report_arrives_signed_and_encrypted(keyring, smtp_sink, mailbox):
    mine = keyring()
    theirs = keyring("recipients-home")

    send(smtp_sink.url, to(theirs["alice"], mine["sender"]), mine)

    mail = mailbox.read(theirs)
    assert mail.verdict.signer.primary == mine["sender"].fingerprint
    assert (mail.verdict.signed, mail.verdict.encrypted) == ("whole", "whole")
    assert [part.name for part in mail.parts] == ["", "volumes.csv"]
    assert b"12 volumes" not in mailbox.received().data


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        ("expired", "expired"),
        ("revoked", "revoked"),
        ("disabled", "disabled"),
        ("no-encryption", "encrypt"),
        ("expired-subkey", "expired"),
        ("two-keys-one-address", "newer|ambiguous|twin"),
    ],
)
def test_nothing_is_sent_when_a_key_cannot_be_used(situation, reason, keyring, smtp_sink, mailbox):
    mine, other = keyring("own-key"), keyring(situation)
    recipient = next(iter(other.keys.values()))

    with pytest.raises(gpgmail.KeySelectionError, match=reason):
        send(smtp_sink.url, to(recipient, mine["sender"]), mine, (other,))
    assert len(mailbox) == 0


@pytest.mark.parametrize("address", ["carol@example.org", "dana@claimed.example.org"])
def test_a_key_that_nobody_vouched_for_is_refused(address, keyring, smtp_sink):
    mine = keyring("modern" if address.startswith("carol") else "uid-unsigned")

    with pytest.raises(gpgmail.KeySelectionError, match="valid"):
        send(smtp_sink.url, report(mine["sender"].user_id, address, "x\n"), mine)


@pytest.mark.parametrize("situation", ["several-uids", "uid-revoked", "expiring-soon"])
def test_keys_that_can_be_used_are(situation, keyring, smtp_sink, mailbox):
    mine = keyring(situation)
    send(smtp_sink.url, to(mine.key, mine.key), mine)

    assert mailbox.read(mine).verdict.signer.primary == mine.key.fingerprint


def test_a_passphrase(keyring, smtp_sink, mailbox):
    mine = keyring("protected")
    locked = mine.key
    with pytest.raises(gpgmail.PassphraseError):
        send(smtp_sink.url, to(locked, locked), mine, passphrase="wrong")

    send(smtp_sink.url, to(locked, locked), mine, passphrase=locked.passphrase)

    assert mailbox.read(mine, passphrase=locked.passphrase).verdict.by_author


@pytest.mark.parametrize("situation", ["legacy", "exports/secret.asc"])
def test_keyrings_that_are_no_home(situation, keyring, smtp_sink, mailbox):
    name, _, file = situation.partition("/")
    place = keyring(name)
    owner = next(iter(place.keys.values()))
    before = {path: path.read_bytes() for path in place.path.iterdir()}

    send(smtp_sink.url, to(owner, owner), place.path / file)

    assert mailbox.read(place.path / file).verdict.signer.primary == owner.fingerprint
    assert {path: path.read_bytes() for path in place.path.iterdir()} == before


@pytest.mark.parametrize("file", ["garbage.gpg", "truncated.asc", "bad-crc.asc", "empty.gpg"])
def test_damaged_files_are_refused(file, keyring):
    with pytest.raises(gpgmail.GpgmailError):
        gpgmail.Keyring.open(keyring("damaged").path / file).keys()


def test_the_same_keys_with_each_gpg(gpg_version, keyring, smtp_sink, mailbox):
    mine = keyring()
    send(smtp_sink.url, to(mine["alice"], mine["sender"]), mine)

    assert mailbox.read(keyring("recipients-home")).verdict.by_author
    assert gpg_version.version >= (2, 1, 0)


def test_a_copy_is_seen_by_nobody_else(keyring):
    one, other = keyring("expired"), keyring("expired")

    (one.path / "pubring.kbx").unlink()
    assert one.path != other.path
    assert one.key == other.key
    with other.open() as ring:
        (key,) = ring.keys()
    assert key.fingerprint == other.key.fingerprint
