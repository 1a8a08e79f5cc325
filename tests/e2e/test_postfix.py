"""Through a real Postfix into a mailbox, opened by gpg called directly and by notmuch.

Each face signs and encrypts a mail with attachments; what was delivered is read by programs that we
did not write. Nothing here opens a mail with the package under test.
"""

from __future__ import annotations

import email
import email.policy
import os
from dataclasses import replace

import pytest

import gpgmail
from gpgmail import PSMTP
from gpgmail.components import Attachment, Key
from tests.crypto.helpers import Gpg as RawGpg
from tests.e2e.faces import FACES, Job
from tests.servers.postfix_config import PASSWORD, REFUSAL, REFUSED, USER
from tests.servers.readers import Gpg, encrypted_part, signed_parts
from tests.support import commands
from tests.support.keyrings import fixture_key

pytestmark = pytest.mark.servers

SUBJECT = "Grüße ✓ of the backup"
TEXT = "All 12 volumes are safe.\n.\nFrom here on: größer\n"
FILES = {
    "report.csv": b"volume,bytes\nroot,1048576\n.\n",
    "übersicht.bin": os.urandom(250_000),
    "empty": b"",
}
FACE_SETTINGS = {
    "plain": {"tls": "none"},
    "starttls": {"tls": "starttls"},
    "implicit": {"tls": "implicit"},
    "auth": {"tls": "starttls", "user": USER, "password": PASSWORD},
    "auth_implicit": {"tls": "implicit", "user": USER, "password": PASSWORD},
}
WORDS = REFUSAL.removeprefix("550 5.1.1 ")  # Postfix puts the address before
SENDER = fixture_key("modern", "sender").fingerprint
ALICE = fixture_key("modern", "alice")


@pytest.fixture
def files(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tuple(tmp_path / name for name in FILES)


@pytest.fixture
def job(postfix, place, files):
    """`job(face of Postfix)`: the mail for it."""

    def make(name, **more):
        return Job(
            port=postfix.port(name),
            host="localhost" if name != "plain" else "127.0.0.1",
            ca_file=str(postfix.ca_file),
            subject=SUBJECT,
            text=TEXT,
            attach=files,
            keyring=place("modern"),
            **FACE_SETTINGS.get(name, {}) | more,
        )

    return make


def exact(entity):
    """Whether text and attachments of a MIME entity are those that were sent, byte for byte."""
    message = email.message_from_bytes(entity, policy=email.policy.default)
    body, *attached = (part for part in message.walk() if not part.is_multipart())
    assert body.get_payload(decode=True) == TEXT.replace("\n", "\r\n").encode()
    return {part.get_filename(): part.get_payload(decode=True) for part in attached} == FILES


def proved(mail, place, notmuch):
    """gpg and notmuch agree: encrypted to alice, signed by the sender, everything in it exact."""
    home = place("recipients-home")
    verdict = Gpg(home).read_encrypted(mail)
    assert verdict.decrypted
    assert (verdict.signature, verdict.signer) == ("good", SENDER)
    assert verdict.recipients == (ALICE.subkeys[0].fingerprint[-16:],)
    assert exact(verdict.content)

    seen = notmuch(home).read(mail)
    assert (seen.subject, seen.decrypted) == (SUBJECT, "full")
    assert seen.signatures == (("good", SENDER),)
    assert seen.signature_encrypted
    assert [part.filename for part in seen.parts if part.filename in FILES] == [*FILES]


@pytest.fixture
def delivered(postfix, place, notmuch):
    """Proves the one mail that was delivered."""

    def check():
        (mail,) = postfix.mail_for("alice@example.org")
        proved(mail, place, notmuch)

    return check


@pytest.mark.parametrize("name", FACE_SETTINGS)
def test_a_protected_mail_arrives(face, job, delivered, name):
    assert face(job(name)).text == ""

    delivered()


def test_a_signed_mail_arrives(face, job, postfix, place, notmuch):
    assert face(job("starttls", encrypt=False)).text == ""

    (mail,) = postfix.mail_for("alice@example.org")
    home = place("recipients-home")
    verdict = Gpg(home).verify_signed(mail)
    assert (verdict.signature, verdict.signer) == ("good", SENDER)
    assert exact(signed_parts(mail)[0])
    assert notmuch(home).read(mail).signatures == (("good", SENDER),)


def test_an_inline_mail_arrives(face, job, postfix, place):
    assert face(job("starttls", inline=True)).text == ""

    (mail,) = postfix.mail_for("alice@example.org")
    message = email.message_from_bytes(mail, policy=email.policy.default)
    reader = Gpg(place("recipients-home"))
    body = message.get_body(("plain",)).get_payload(decode=True)
    verdict = reader.read(body)
    assert (verdict.signature, verdict.signer) == ("good", SENDER)
    assert verdict.content.replace(b"\r\n", b"\n") == TEXT.encode()
    opened = [reader.read(part.get_payload(decode=True)) for part in message.iter_attachments()]
    assert [one.content for one in opened] == [*FILES.values()]
    assert all(one.decrypted for one in opened)


HIDDEN = "0" * 16
BOB = fixture_key("modern", "bob")


def encryption_id(key):
    return next(part.fingerprint[-16:] for part in key.subkeys if "e" in part.capabilities)


@pytest.mark.parametrize("form", [f"{a} {b}" for a in ("separate", "hidden") for b in "MI"])
def test_no_mailbox_shows_the_key_of_a_bcc_recipient(face, job, postfix, place, form):
    """`gpg --list-packets` on what each mailbox holds; both are opened and signed by the sender."""
    policy, inline = form.split()[0], form.endswith("I")
    wanted = job("starttls", bcc=("bob@example.org",), bcc_policy=policy, inline=inline)
    assert face(wanted).text == ""

    (open_copy,) = postfix.mail_for("alice@example.org")
    (blind_copy,) = postfix.mail_for("bob@example.org")
    reader = Gpg(place("recipients-home"))
    told = []
    for mail in (open_copy, blind_copy):
        message = email.message_from_bytes(mail, policy=email.policy.default)
        text = message.get_body(("plain",)) if inline else None
        sealed = text.get_content().encode() if text else encrypted_part(mail)
        told.append(RawGpg(reader.home).recipients(sealed))
        verdict = reader.read(sealed)
        assert (verdict.decrypted, verdict.signature, verdict.signer) == (True, "good", SENDER)
        ours = mail.partition(b"\n\n")[0].partition(b"\nDate: ")[2]
        assert ours
        assert b"bob@example.org" not in ours
    alice, bob = encryption_id(ALICE), encryption_id(BOB)
    separate = [(alice,), (bob,)]
    hidden = [(alice, HIDDEN)] * 2
    assert [tuple(sorted(ids, reverse=True)) for ids in told] == (
        separate if policy == "separate" else hidden
    )


def test_a_bcc_recipient_can_be_forbidden(face, job, postfix):
    report = face(job("starttls", bcc=("bob@example.org",), bcc_policy="forbid"))

    assert report.code == ("gpgmail", 3)
    assert "bob@example.org" in report.text
    assert postfix.all_mail() == []


def test_odd_addresses_arrive(face, job, postfix):
    odd = ("root@localhost", "Cron@host", "alarm@nas.local", "u@[127.0.0.1]", "jürgen@example.org")
    assert face(replace(job("plain", to=odd), sign=False, encrypt=False, attach=())).text == ""
    for address in odd:
        (mail,) = postfix.mail_for(address)
        assert f"\nX-Original-To: {address}\n".encode() in mail


@pytest.mark.parametrize("name", ["toolkit", "command"])
def test_a_server_refuses_one_recipient(job, postfix, name):
    to = ("alice@example.org", REFUSED[0])
    report = FACES[name](job("refuses_some", tls="starttls", to=to, encrypt=False))

    assert report.number == 0
    assert set(report.refused) == {REFUSED[0]}
    assert report.refused[REFUSED[0]].endswith(WORDS)
    assert len(postfix.mail_for("alice@example.org")) == 1


def test_a_server_refuses_all(face, job, postfix):
    report = face(job("refuses_all", tls="starttls"))

    assert report.code == ("SMTP", 161)
    assert report.refused["alice@example.org"].endswith(WORDS)
    assert postfix.all_mail() == []


@pytest.mark.parametrize("name", ["wrong_host", "untrusted"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_wrong_certificate_gets_nothing(face, job, postfix, name, tls):
    wrong = f"implicit_{name}" if tls == "implicit" else name

    assert face(job(wrong, tls=tls, user=USER, password=PASSWORD)).code == ("SSL", 280)
    assert postfix.all_mail() == []


def test_a_wrong_password(face, job, postfix):
    report = face(job("auth", password="not it"))

    assert report.number > 0
    assert "535" in report.text
    assert "not it" not in report.text
    assert postfix.all_mail() == []


def test_a_mail_too_large_is_refused_before_it_is_sent(face, job, postfix):
    report = face(job("small", tls="starttls"))

    assert report.number > 0
    assert postfix.all_mail() == []


def test_a_standard_message_with_its_own_parts(job, postfix, place, notmuch):
    message = email.message.EmailMessage()
    message["From"], message["To"] = "Sender <sender@example.org>", "Älice <alice@example.org>"
    message["Subject"] = SUBJECT
    message.set_content(TEXT)
    for name, data in FILES.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    work = job("starttls")
    with gpgmail.Mailer(work.url, keyring=work.keyring, ca_file=work.ca_file) as mailer:
        receipts = [mailer.send(message, sign=True, encrypt=True) for _ in range(2)]

    assert [receipt.accepted for receipt in receipts] == [("alice@example.org",)] * 2
    assert receipts[0].tls.startswith("TLSv1.")
    for mail in postfix.mail_for("alice@example.org"):
        proved(mail, place, notmuch)


def test_a_component_after_the_reference_pages(job, files, delivered):
    work = job("starttls")
    mailer = PSMTP(mail_server="localhost", mail_port=work.port, ssl_start_mode=2)
    mailer.config(f"OpenSSLCAFile={work.ca_file}")
    mailer.config("MessageFormat=PGPMIME")
    mailer.from_, mailer.send_to, mailer.subject = work.from_, "alice@example.org", SUBJECT
    mailer.message_text = TEXT
    mailer.attachments.extend(Attachment(path) for path in files)
    mailer.keys.append(Key(work.keyring, "sender@example.org"))
    mailer.recipient_keys.append(Key(work.keyring, "alice@example.org"))
    mailer.connect()
    mailer.sign_and_encrypt()
    mailer.send()
    mailer.disconnect()
    mailer.close()

    delivered()


def test_a_process_of_the_command_line(job, files, delivered):
    work = job("auth")
    outcome = commands.run(
        *("send", "--server", work.url, "--ca-file", work.ca_file, "--user", USER),
        *("--password-command", f"printf %s {PASSWORD!r}", "--keyring", work.keyring),
        *("--from", work.from_, "--to", "alice@example.org", "--subject", SUBJECT),
        *("--sign", "--encrypt"),
        *(word for path in files for word in ("--attach", path)),
        env=commands.bare(),
        stdin=TEXT.encode(),
    )

    assert (outcome.code, outcome.errors) == (0, "")
    assert f"accepted: alice@example.org, encrypted to {ALICE.fingerprint}" in outcome.text
    delivered()
