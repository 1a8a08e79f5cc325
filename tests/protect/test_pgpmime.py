"""PGP/MIME as it leaves: the structure of RFC 3156, judged by gpg itself and by notmuch."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re

import pytest

from gpgmail.core.errors import UnsupportedError
from gpgmail.core.run import Run
from gpgmail.crypto.engine import Algorithms
from gpgmail.crypto.engines import engine
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, body, compose
from gpgmail.message.part import verbatim
from gpgmail.protect import pgpmime
from tests.crypto.helpers import ALICE, BOB, SENDER, job
from tests.protect.helpers import FROM
from tests.servers import readers

TEXTS = {
    "plain": "Words.\n",
    "empty": "",
    "no newline at the end": "Words",
    "one newline": "\n",
    "newlines at the end": "Words\n\n\n",
    "beyond ASCII": "Grüße, 日本\n",
    "lone CR": "a\rb\n",
    "mixed line ends": "a\r\nb\nc\rd",
    "CR at the end": "a\r",
    "dots": ".\n..\n.a\n\n.\n",
    "From at a line's start": "From here\nFrom there\n>From\n",
    "lines of 1000 characters": f"{'x' * 1000}\n{'y' * 998}\n{'z' * 5000}\n",
    "blanks at line ends": "a  \nb\t\n \n",
    "signature delimiter": "Words\n-- \nName\n",
    "dashes": "-\n--\n---\n-----BEGIN PGP SIGNATURE-----\n- a\n",
    "boundary lookalike": "--=_\n--=_0--\n",
    "NUL": "a\0b\n",
}
BYTES = {
    "nothing": b"",
    "one LF": b"\n",
    "lone CR and LF": b"a\rb\nc\r\nd\r",
    "all bytes": bytes(range(256)) * 20,
    "more than memory": hashlib.sha256(b"x").digest() * 20_000,
}


def made(form, content, gpg, **facts):
    """A whole mail with *content* protected, and what the engine says of it."""
    protected = form(content, engine(), job(gpg, **facts), Run())
    composed = compose(Draft(from_=FROM, to="alice@example.org", text=""))
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in composed.headers)
    mail = head + b"".join(protected.content.render())
    size = protected.content.size
    assert size is None or len(mail) == len(head) + size
    return mail, protected.made


def signed_mail(content, gpg, **facts):
    return made(pgpmime.sign, content, gpg, signers=(SENDER,), **facts)


def assert_canonical(data):
    assert data.isascii()
    assert b"\0" not in data
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data)
    assert not re.search(rb"[ \t]\r\n", data)
    assert not re.search(rb"(?m)^From ", data)
    assert max(map(len, data.split(b"\r\n"))) <= 998


def text_of(entity):
    """The text of a part as another parser decodes it, to the byte."""
    parsed = email.message_from_bytes(entity)
    return parsed.get_payload(decode=True).decode()


def test_multipart_signed_is_built_as_rfc_3156_shows_it(sender):
    mail, told = signed_mail(body(Draft(text="Words.\n")), sender)
    parsed = email.message_from_bytes(mail)
    assert parsed.get_content_type() == "multipart/signed"
    assert parsed.get_param("protocol") == "application/pgp-signature"
    assert parsed.get_param("micalg") == f"pgp-{told.signatures[0].digest.lower()}"
    _, signature = readers.two_parts(mail, "multipart/signed")
    head, _, armor = signature.partition(b"\r\n\r\n")
    part = email.message_from_bytes(head)
    assert part.get_content_type() == "application/pgp-signature"
    assert part.get_filename() == "signature.asc"
    assert armor.startswith(b"-----BEGIN PGP SIGNATURE-----\r\n\r\n")
    assert armor.endswith(b"-----END PGP SIGNATURE-----\r\n")
    assert_canonical(mail)


def test_multipart_encrypted_is_built_as_rfc_3156_shows_it(sender):
    mail, _ = made(pgpmime.encrypt, body(Draft(text="Words.\n")), sender, recipients=(ALICE,))
    parsed = email.message_from_bytes(mail)
    assert parsed.get_content_type() == "multipart/encrypted"
    assert parsed.get_param("protocol") == "application/pgp-encrypted"
    control, message = parsed.get_payload()
    assert control.get_content_type() == "application/pgp-encrypted"
    assert control.get_payload().strip() == "Version: 1"
    assert message.get_content_type() == "application/octet-stream"
    assert message.get_filename() == "encrypted.asc"
    assert_canonical(mail)
    assert b"Words" not in mail
    assert b"text/plain" not in mail


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_is_signed_to_the_byte(name, sender, alice):
    mail, _ = signed_mail(body(Draft(text=TEXTS[name])), sender)
    assert_canonical(mail)
    verdict = readers.Gpg(alice.home).verify_signed(mail)
    assert verdict.signature == "good"
    assert verdict.signer == SENDER.fingerprint
    text = text_of(readers.signed_parts(mail)[0])
    assert text in {TEXTS[name], TEXTS[name].replace("\n", "\r\n")}


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_is_encrypted_to_the_byte(name, sender, alice):
    mail, _ = made(
        pgpmime.encrypt,
        body(Draft(text=TEXTS[name])),
        sender,
        signers=(SENDER,),
        recipients=(ALICE,),
    )
    assert_canonical(mail)
    verdict = readers.Gpg(alice.home).read_encrypted(mail)
    assert (verdict.decrypted, verdict.signature) == (True, "good")
    assert text_of(verdict.content) in {TEXTS[name], TEXTS[name].replace("\n", "\r\n")}


@pytest.mark.parametrize("name", BYTES)
def test_every_attachment_is_signed_to_the_byte(name, sender, alice):
    draft = Draft(text="See.", attachments=(Attachment(source=BYTES[name], name="a.bin"),))
    mail, _ = signed_mail(body(draft), sender)
    assert readers.Gpg(alice.home).verify_signed(mail).signature == "good"
    parsed = email.message_from_bytes(readers.signed_parts(mail)[0])
    assert parsed.get_payload()[1].get_payload(decode=True) == BYTES[name]


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_part_is_signed_with_exactly_the_end_that_it_has(ending, sender, alice):
    exact = b"Content-Type: text/plain\r\n\r\nwords" + ending
    mail, _ = signed_mail(verbatim(lambda: iter((exact,)), size=len(exact)), sender)
    assert readers.signed_parts(mail)[0] == exact
    assert readers.Gpg(alice.home).verify_signed(mail).signature == "good"


def test_content_that_a_relay_may_recode_is_not_signed_but_can_be_encrypted(sender, alice):
    exact = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n"
    content = verbatim(lambda: iter((exact,)), size=len(exact), eight_bit=True)
    with pytest.raises(UnsupportedError, match="above 127"):
        signed_mail(content, sender)
    mail, _ = made(pgpmime.encrypt, content, sender, signers=(SENDER,), recipients=(ALICE,))
    assert readers.Gpg(alice.home).read_encrypted(mail).content == exact


def test_two_recipients_read_the_same_message(sender, alice):
    mail, told = made(
        pgpmime.encrypt, body(Draft(text="Words.\n")), sender, recipients=(ALICE, BOB)
    )
    assert set(told.recipients) == {ALICE.subkey[-16:], BOB.subkey[-16:]}
    assert set(alice.recipients(readers.encrypted_part(mail))) == set(told.recipients)


def test_sign_then_encrypt_nests_as_rfc_1847_does(sender, alice):
    inner = pgpmime.sign(
        body(Draft(text="Words.\n")), engine(), job(sender, signers=(SENDER,)), Run()
    )
    mail, _ = made(pgpmime.encrypt, inner.content, sender, recipients=(ALICE,))
    outer = readers.Gpg(alice.home).read_encrypted(mail)
    assert (outer.decrypted, outer.signature) == (True, "")
    assert readers.Gpg(alice.home).verify_signed(outer.content).signature == "good"


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_micalg_names_the_hash_that_was_asked_for(digest, sender):
    mail, _ = signed_mail(
        body(Draft(text="Words.\n")), sender, algorithms=Algorithms(digest=digest)
    )
    assert email.message_from_bytes(mail).get_param("micalg") == f"pgp-{digest.lower()}"


def test_notmuch_reads_a_signed_mail(sender, alice, notmuch):
    draft = Draft(text="Grüße\n", attachments=(Attachment(source=b"\0\xff", name="ä.bin"),))
    mail, _ = signed_mail(body(draft), sender)
    verdict = notmuch(alice.home).read(mail)
    assert verdict.signatures == (("good", SENDER.fingerprint),)
    assert {part.filename for part in verdict.parts} >= {"ä.bin", "signature.asc"}


def test_notmuch_reads_a_signed_and_encrypted_mail(sender, alice, notmuch):
    draft = Draft(text="Grüße\n", html="<p>Grüße</p>")
    mail, _ = made(pgpmime.encrypt, body(draft), sender, signers=(SENDER,), recipients=(ALICE,))
    verdict = notmuch(alice.home).read(mail)
    assert verdict.decrypted == "full"
    assert verdict.signature_encrypted
    assert verdict.signatures == (("good", SENDER.fingerprint),)
    assert {part.text for part in verdict.parts if part.text} >= {"Grüße\n"}


def test_notmuch_reads_sign_then_encrypt(sender, alice, notmuch):
    inner = pgpmime.sign(
        body(Draft(text="Words.\n")), engine(), job(sender, signers=(SENDER,)), Run()
    )
    mail, _ = made(pgpmime.encrypt, inner.content, sender, recipients=(ALICE,))
    verdict = notmuch(alice.home).read(mail)
    assert (verdict.decrypted, verdict.signature_encrypted) == ("full", True)
