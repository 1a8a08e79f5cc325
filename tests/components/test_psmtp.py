"""PSMTP's main path, in the words of the reference: protect, send, and gpg reads it."""

from __future__ import annotations

import pytest

from gpgmail.components import Attachment, Key
from gpgmail.core.errors import UsageError
from tests.components.support import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    TEXT,
    Ears,
    failing,
    parsed,
    psmtp,
    text_of,
)


def signer(mailer, home):
    mailer.key_count = 1
    mailer.set_key_keyring(0, str(home))
    mailer.set_key_user_id(0, SENDER.address)


def recipient(mailer, home, *keys):
    mailer.recipient_key_count = len(keys)
    for index, key in enumerate(keys):
        mailer.set_recipient_key_keyring(index, str(home))
        mailer.set_recipient_key_user_id(index, key.address)


@pytest.mark.proves("sign", "key_count", "key_keyring", "key_user_id")
def test_a_signed_text_stands_in_message_text_and_arrives(sink, own, reader):
    with psmtp(sink) as mailer:
        signer(mailer, own)
        mailer.sign()
        assert mailer.message_text.startswith("-----BEGIN PGP SIGNED MESSAGE-----")
        assert mailer.get_message_text() == mailer.message_text
        mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert (verdict.signature, verdict.signer) == ("good", SENDER.fingerprint)
    assert verdict.content.decode().split() == TEXT.split()


@pytest.mark.proves("ClearSignature")
def test_without_clear_signature_the_text_is_armored(sink, own, reader):
    with psmtp(sink) as mailer:
        signer(mailer, own)
        assert mailer.config("ClearSignature") == "True"
        mailer.config("ClearSignature=False")
        mailer.sign()
        assert mailer.message_text.startswith("-----BEGIN PGP MESSAGE-----")
        mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert (verdict.signature, verdict.signer) == ("good", SENDER.fingerprint)
    assert verdict.content.decode() == TEXT


@pytest.mark.proves(
    "encrypt",
    "sign_and_encrypt",
    "recipient_key_count",
    "recipient_key_keyring",
    "recipient_key_user_id",
)
@pytest.mark.parametrize("sign", [False, True])
def test_an_encrypted_text_is_read_by_each_recipient(sink, own, reader, sign):
    with psmtp(sink, cc=BOB.address) as mailer:
        signer(mailer, own)
        recipient(mailer, own, ALICE, BOB)
        if sign:
            mailer.sign_and_encrypt()
        else:
            mailer.keys.clear()
            mailer.encrypt()
        assert "PGP MESSAGE" in mailer.message_text
        assert "Grüße" not in mailer.message_text
        mailer.send()
    mail = sink.received[0]
    assert mail.recipients == (ALICE.address, BOB.address)
    verdict = reader.read(text_of(mail).encode())
    assert verdict.decrypted
    assert verdict.content.decode() == TEXT
    assert verdict.signer == (SENDER.fingerprint if sign else "")
    assert set(verdict.recipients) == {key.subkeys[0].fingerprint[-16:] for key in (ALICE, BOB)}


def test_sign_then_encrypt_in_two_steps(sink, own, reader):
    with psmtp(sink) as mailer:
        signer(mailer, own)
        recipient(mailer, own, ALICE)
        mailer.sign()
        mailer.encrypt()
        mailer.send()
    outer = reader.read(text_of(sink.received[0]).encode())
    assert outer.decrypted
    inner = reader.read(outer.content)
    assert (inner.signature, inner.signer) == ("good", SENDER.fingerprint)


@pytest.mark.servers
@pytest.mark.proves("MessageFormat")
def test_pgpmime_signed_is_verified_by_gpg_and_notmuch(sink, own, reader, recipients, notmuch):
    with psmtp(sink) as mailer:
        signer(mailer, own)
        mailer.attachments.append(Attachment(data=b"\0\1" * 999, name="Zoë ä.bin"))
        mailer.config("MessageFormat=PGPMIME")
        mailer.sign()
        assert "BEGIN PGP SIGNATURE" in mailer.message_text
        mailer.send()
    mail = sink.received[0].data
    verdict = reader.verify_signed(mail)
    assert (verdict.signature, verdict.signer) == ("good", SENDER.fingerprint)
    seen = notmuch(recipients).read(mail)
    assert seen.subject == "Zoë"
    assert seen.signatures == (("good", SENDER.fingerprint),)
    assert seen.parts[0].text == TEXT
    assert seen.parts[1].filename == "Zoë ä.bin"


@pytest.mark.servers
def test_pgpmime_encrypted_is_read_by_gpg_and_notmuch(sink, own, reader, recipients, notmuch):
    with psmtp(sink, message_format="PGPMIME") as mailer:
        signer(mailer, own)
        recipient(mailer, own, ALICE)
        mailer.attachments.append(Attachment(data=b"secret", name="a.txt"))
        mailer.sign_and_encrypt()
        mailer.send()
    mail = sink.received[0].data
    assert b"a.txt" not in mail
    verdict = reader.read_encrypted(mail)
    assert verdict.decrypted
    assert verdict.signer == SENDER.fingerprint
    seen = notmuch(recipients).read(mail)
    assert (seen.decrypted, seen.signature_encrypted) == ("full", True)
    assert next(part.text for part in seen.parts if part.content_type == "text/plain") == TEXT


@pytest.mark.servers
def test_pgpmime_signed_then_encrypted_in_two_steps(sink, own, recipients, notmuch):
    with psmtp(sink, message_format="PGPMIME") as mailer:
        signer(mailer, own)
        recipient(mailer, own, ALICE)
        mailer.sign()
        mailer.encrypt()
        mailer.send()
    seen = notmuch(recipients).read(sink.received[0].data)
    assert (seen.decrypted, seen.signatures) == ("full", (("good", SENDER.fingerprint),))


@pytest.mark.proves("ProcessAttachments")
def test_attachments_are_encrypted_each_by_itself_when_asked(sink, own, reader, tmp_path):
    path = tmp_path / "report ä.bin"
    path.write_bytes(b"\0\r\n\xff" * 1000)
    with psmtp(sink) as mailer:
        recipient(mailer, own, ALICE)
        mailer.attachment_count = 1
        mailer.set_attachment_file(0, str(path))
        mailer.config("ProcessAttachments=True")
        mailer.encrypt()
        mailer.send()
    part = next(parsed(sink.received[0]).iter_attachments())
    assert part.get_filename() == "report ä.bin.asc"
    assert reader.read(part.get_content()).content == path.read_bytes()


@pytest.mark.proves("ProcessAttachments")
def test_attachments_are_signed_each_by_itself_when_asked(sink, own, reader, tmp_path):
    with psmtp(sink, process_attachments=True) as mailer:
        signer(mailer, own)
        mailer.attachments.append(Attachment(data=b"content", name="a.bin"))
        mailer.sign()
        mailer.send()
    content, signature = parsed(sink.received[0]).iter_attachments()
    assert (content.get_filename(), signature.get_filename()) == ("a.bin", "a.bin.sig")
    (tmp_path / "sig").write_bytes(signature.get_content())
    verdict = reader._run("--verify", str(tmp_path / "sig"), "-", data=content.get_content())
    assert verdict.signer == SENDER.fingerprint


def test_the_same_protected_message_can_be_sent_twice(sink, own, reader):
    with psmtp(sink, process_attachments=True) as mailer:
        recipient(mailer, own, ALICE)
        mailer.attachments.append(Attachment(data=b"content", name="a.bin"))
        mailer.encrypt()
        mailer.send()
        mailer.send()
    one, two = sink.received
    assert text_of(one) == text_of(two)
    assert parsed(one)["Message-ID"] != parsed(two)["Message-ID"]
    for mail in (one, two):
        part = next(parsed(mail).iter_attachments())
        assert reader.read(part.get_content()).content == b"content"


@pytest.mark.proves("keys", "Key.fingerprint")
def test_two_signers_are_both_seen(sink, home, reader):
    place = home("two-keys-one-address")
    with psmtp(sink) as mailer:
        for fingerprint in (
            "17B3D8ED9DBF8474B6A1806D50187930AEA5A443",
            "ED2E95392A33EDE1AE2F2F370C13E3B6EF5C665F",
        ):
            mailer.keys.append(Key(place, fingerprint=fingerprint))
        mailer.sign()
    assert type(reader)(place).read(mailer.message_text.encode()).signature == "good good"


@pytest.mark.proves("keys", "recipient_keys", "Key.keyring")
def test_signer_here_recipients_in_a_file_there(sink, home, reader):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(home("own-key"), SENDER.address))
        mailer.recipient_keys.append(Key(home("recipients") / "public.asc", CAROL.address))
        mailer.sign_and_encrypt()
        mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert (verdict.decrypted, verdict.signer) == (True, SENDER.fingerprint)


@pytest.mark.proves("on_progress")
def test_progress_is_told_as_gpg_takes_the_content(sink, own):
    with psmtp(sink, message_format="PGPMIME") as mailer:
        recipient(mailer, own, ALICE)
        mailer.attachments.append(Attachment(data=b"x" * 300_000, name="a.bin"))
        ears = Ears(mailer, "progress")
        mailer.encrypt()
    taken = [event.bytes_processed for event in ears.progress]
    assert taken == sorted(taken)
    assert len(taken) > 2
    assert 400_000 < taken[-1] < 420_000
    percent = [event.percent_processed for event in ears.progress]
    assert percent == [bytes_so_far * 100 // taken[-1] for bytes_so_far in taken]
    assert percent[-1] == 100


@pytest.mark.proves("on_progress")
def test_the_percentage_is_unknown_where_the_size_is(sink, own):
    with psmtp(sink, process_attachments=True) as mailer:
        recipient(mailer, own, ALICE)
        mailer.attachments.append(Attachment(file="/proc/self/status", name="a"))
        ears = Ears(mailer, "progress")
        mailer.encrypt()
    of_file, of_text = ears.progress
    assert (of_file.percent_processed, of_file.bytes_processed > 100) == (-1, True)
    assert (of_text.percent_processed, of_text.bytes_processed) == (100, len(TEXT.encode()))


@pytest.mark.proves("on_progress")
def test_a_handler_of_progress_that_raises_stops_the_protection(sink, own):
    with psmtp(sink) as mailer:
        recipient(mailer, own, ALICE)

        def handler(event):
            raise LookupError(event.bytes_processed)

        mailer.on_progress = handler
        with pytest.raises(LookupError):
            mailer.encrypt()
        with failing(14):
            mailer.send()
    assert not sink.received


def test_a_text_that_is_no_text_is_refused_before_gpg(sink, own):
    with psmtp(sink, message_text="half a character: \udc00") as mailer:
        signer(mailer, own)
        with failing(2, UsageError):
            mailer.sign()
    assert sink.received == []
