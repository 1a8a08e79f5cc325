"""The readers accept what is right and tell what is not, on mails made by hand with gpg."""

from __future__ import annotations

import smtplib
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.servers.readers import Gpg, NotReadableError, canonical, signed_parts

pytestmark = pytest.mark.servers

HEADER = (
    b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <one@example.org>\r\nDate: Mon, 2 Jan 2023 10:00:00 +0000\r\n"
    b"MIME-Version: 1.0\r\n"
)
INNER = (
    b'Content-Type: multipart/mixed; boundary="inner"\r\n\r\n'
    b"--inner\r\nContent-Type: text/plain\r\n\r\nthe text =3D\r\n.dot\r\n"
    b"--inner\r\nContent-Type: application/octet-stream\r\n"
    b'Content-Disposition: attachment; filename="a.bin"\r\n\r\n123\r\n--inner--\r\n'
)


def gpg(home, *arguments, data=b""):
    command = ["gpg", "--batch", "--homedir", home, "--trust-model", "always", *arguments]
    return subprocess.run(command, input=data, check=True, capture_output=True, timeout=60).stdout


@pytest.fixture(scope="module")
def reader_home():
    """A home with an unprotected signing key, an encryption subkey, and a protected second key."""
    with tempfile.TemporaryDirectory(prefix="gm-") as directory:
        for address, passphrase in (("alice@example.org", ""), ("locked@example.org", "päss")):
            make = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
            gpg(directory, *make, "--quick-gen-key", address, "ed25519", "sign", "never")
            key = fingerprint(directory, address)
            gpg(directory, *make, "--quick-add-key", key, "cv25519", "encr", "never")
        gpgconf = ["gpgconf", "--homedir", directory]
        subprocess.run([*gpgconf, "--kill", "all"], check=True)  # it remembers the passphrase
        yield Path(directory)
        subprocess.run([*gpgconf, "--kill", "all"], check=True)
        subprocess.run([*gpgconf, "--remove-socketdir"], check=False, capture_output=True)


def fingerprint(home, address):
    listing = gpg(home, "--with-colons", "--list-keys", address).decode()
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))


@pytest.fixture(scope="module")
def signed_mail(reader_home):
    detached = gpg(reader_home, "-a", "--detach-sign", "-u", "alice@example.org", data=INNER)
    return b"".join(
        [
            HEADER,
            b'Content-Type: multipart/signed; protocol="application/pgp-signature";\r\n',
            b' micalg=pgp-sha512; boundary="outer"\r\n\r\n--outer\r\n',
            *(INNER, b"\r\n--outer\r\nContent-Type: application/pgp-signature\r\n\r\n"),
            *(detached.replace(b"\n", b"\r\n"), b"\r\n--outer--\r\n"),
        ]
    )


def encrypted(message):
    return b"".join(
        [
            HEADER,
            b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n',
            b' boundary="outer"\r\n\r\n--outer\r\nContent-Type: application/pgp-encrypted\r\n\r\n',
            b"Version: 1\r\n\r\n--outer\r\nContent-Type: application/octet-stream\r\n\r\n",
            *(message.replace(b"\n", b"\r\n"), b"\r\n--outer--\r\n"),
        ]
    )


@pytest.fixture(scope="module")
def encrypted_mail(reader_home):
    alice = ("-u", "alice@example.org", "-r", "alice@example.org")
    return encrypted(gpg(reader_home, "-a", "--sign", "--encrypt", *alice, data=INNER))


def damaged(mail):
    """The mail with one letter of its armored data changed."""
    place = mail.index(b"\r\n\r\n", mail.index(b"BEGIN PGP MESSAGE")) + 200
    letter = b"A" if mail[place : place + 1] != b"A" else b"B"
    return mail[:place] + letter + mail[place + 1 :]


def test_notmuch_opens_a_signed_and_encrypted_mail(reader_home, encrypted_mail, notmuch):
    verdict = notmuch(reader_home).read(encrypted_mail)

    assert verdict.decrypted == "full"
    assert verdict.signatures == (("good", fingerprint(reader_home, "alice@example.org")),)
    assert verdict.signature_encrypted
    assert verdict.subject == "grüße"
    texts = {part.content_type: part.text for part in verdict.parts}
    assert texts["text/plain"] == "the text =3D\n.dot"
    assert "a.bin" in {part.filename for part in verdict.parts}


def test_notmuch_verifies_a_signed_mail(reader_home, signed_mail, notmuch):
    verdict = notmuch(reader_home).read(signed_mail)

    assert verdict.signatures == (("good", fingerprint(reader_home, "alice@example.org")),)
    assert not verdict.signature_encrypted
    assert verdict.decrypted == ""


def test_notmuch_tells_a_changed_text(reader_home, signed_mail, notmuch):
    verdict = notmuch(reader_home).read(signed_mail.replace(b"the text", b"the lies"))

    assert [status for status, _ in verdict.signatures] == ["bad"]


def test_notmuch_does_not_open_a_damaged_mail(reader_home, encrypted_mail, notmuch):
    verdict = notmuch(reader_home).read(damaged(encrypted_mail))

    assert verdict.decrypted == ""
    assert verdict.signatures == ()
    assert all("the text" not in (part.text or "") for part in verdict.parts)


def test_notmuch_says_when_it_is_given_no_mail(reader_home, notmuch):
    with pytest.raises(NotReadableError, match="does not take it"):
        notmuch(reader_home).read(b"")


def test_gpg_opens_a_signed_and_encrypted_mail(reader_home, encrypted_mail):
    verdict = Gpg(reader_home).read_encrypted(encrypted_mail)

    assert verdict.content == INNER
    assert verdict.decrypted
    assert verdict.signature == "good"
    assert verdict.signer == fingerprint(reader_home, "alice@example.org")
    assert len(verdict.recipients) == 1


def test_gpg_does_not_open_a_damaged_mail(reader_home, encrypted_mail):
    verdict = Gpg(reader_home).read_encrypted(damaged(encrypted_mail))

    assert not verdict.decrypted
    assert verdict.signature == ""


def test_gpg_verifies_the_exact_bytes_of_a_signed_mail(reader_home, signed_mail):
    assert signed_parts(signed_mail)[0] == INNER
    verdict = Gpg(reader_home).verify_signed(signed_mail)

    assert (verdict.signature, verdict.signer) == (
        "good",
        fingerprint(reader_home, "alice@example.org"),
    )


@pytest.mark.parametrize("change", [(b"the text", b"the lies"), (b".dot\r\n", b".dot \r\n")])
def test_gpg_tells_a_changed_text(reader_home, signed_mail, change):
    assert Gpg(reader_home).verify_signed(signed_mail.replace(*change)).signature == "bad"


def test_gpg_reads_a_cleartext_signature(reader_home):
    message = gpg(reader_home, "--clearsign", "-u", "alice@example.org", data=b"one\r\n- two\r\n")
    verdict = Gpg(reader_home).read(message)

    assert verdict.signature == "good"
    assert not verdict.decrypted
    assert verdict.content.replace(b"\r\n", b"\n") == b"one\n- two\n"


@pytest.mark.parametrize(("passphrase", "opens"), [("päss", True), ("pass", False), (None, False)])
def test_gpg_opens_with_the_passphrase_of_a_protected_key(reader_home, passphrase, opens):
    mail = encrypted(gpg(reader_home, "-a", "--encrypt", "-r", "locked@example.org", data=INNER))
    subprocess.run(["gpgconf", "--homedir", reader_home, "--kill", "gpg-agent"], check=True)
    verdict = Gpg(reader_home, passphrase).read_encrypted(mail)

    assert verdict.decrypted is opens
    assert verdict.content == (INNER if opens else b"")


@pytest.mark.parametrize("damage", [(b"Version: 1", b"Version: 2"), (b"--outer--", b"")])
def test_another_structure_is_refused(reader_home, encrypted_mail, damage):
    with pytest.raises(NotReadableError):
        Gpg(reader_home).read_encrypted(encrypted_mail.replace(*damage))


def test_a_mail_of_another_type_is_refused(reader_home, encrypted_mail):
    with pytest.raises(NotReadableError, match="multipart/encrypted"):
        Gpg(reader_home).verify_signed(encrypted_mail)


def test_readers_agree_on_what_a_real_server_delivered(
    postfix, reader_home, signed_mail, encrypted_mail, notmuch
):
    with smtplib.SMTP("localhost", postfix.port("plain"), timeout=10) as client:
        for mail, recipient in ((signed_mail, "signed"), (encrypted_mail, "encrypted")):
            client.sendmail("alice@example.org", [f"{recipient}@example.org"], mail)

    (signed,) = postfix.mail_for("signed@example.org")
    (secret,) = postfix.mail_for("encrypted@example.org")
    assert canonical(signed).endswith(signed_mail)
    assert Gpg(reader_home).verify_signed(signed).signature == "good"
    assert Gpg(reader_home).read_encrypted(secret).content == INNER
    assert notmuch(reader_home).read(signed).signatures[0][0] == "good"
    assert notmuch(reader_home).read(secret).decrypted == "full"
