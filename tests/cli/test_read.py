"""`gpgmail read`: what is shown of a mail, and the exit code that says whether it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gpgmail
from tests.crypto.helpers import Gpg
from tests.protect.helpers import encrypted, leaf, mail, sealed
from tests.support.commands import call, environment, run
from tests.support.keyrings import fixture_key, keyring_copy

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "mails"
SENDER = fixture_key("modern", "sender")
TEXT = "Grüße ✓\nsecond line\n"


@pytest.fixture
def made(place):
    """A mail from sender to alice, protected as asked."""

    def make(*, keyring="modern", attachments=(), **wish):
        draft = gpgmail.Draft(
            from_="Sender <sender@example.org>",
            to="alice@example.org",
            subject="Übersicht",
            text=TEXT,
            attachments=attachments,
        )
        with gpgmail.Mailer(None, keyring=place(keyring)) as mailer:
            (copy,) = mailer.write(draft, **wish).copies
            return b"".join(copy.render())

    return make


@pytest.fixture
def read(place):
    """`gpgmail read -` with alice's keys."""

    def run_on(mail, *arguments):
        return call("read", "-", "--keyring", place("recipients-home"), *arguments, stdin=mail)

    return run_on


def test_a_protected_mail(read, made):
    attached = (gpgmail.Attachment(source=b"1,2\n", name="ü.csv"),)
    outcome = read(made(sign=True, encrypt=True, attachments=attached))

    assert (outcome.code, outcome.errors) == (0, "")
    lines = outcome.text.splitlines()
    assert lines[0] == "From: Sender <sender@example.org>"
    assert "Subject: Übersicht" in lines
    assert "Encrypted: whole (AES256)" in lines
    assert "Signed: whole" in lines
    (signature,) = (line for line in lines if line.startswith("  good: "))
    assert f"{SENDER.uids[0].uid} {SENDER.fingerprint}, validity full" in signature
    start = lines.index("--- text/plain, 26 bytes, signed and encrypted")
    assert lines[start + 1 : start + 3] == TEXT.splitlines()
    assert "--- text/csv ü.csv, 4 bytes, signed and encrypted" in lines


def test_a_plain_mail(read, made):
    outcome = read(made())

    assert (outcome.code, outcome.errors) == (0, "")
    assert "Encrypted: none\nSigned: none\n" in outcome.text
    assert outcome.text.endswith(f"not protected\n{TEXT}")


@pytest.mark.parametrize(
    ("wish", "required", "number"),
    [
        ({}, "signature", 142),
        ({}, "encryption", 143),
        ({"sign": True}, "encryption", 143),
        ({"encrypt": True}, "signature", 142),
        ({"sign": True}, "signature", 0),
        ({"encrypt": True}, "encryption", 0),
    ],
)
def test_what_is_required(read, made, wish, required, number):
    mail = made(**wish)
    outcome = read(mail, f"--require-{required}")

    assert outcome.code == (65 if number else 0)
    assert (TEXT.splitlines()[0] in outcome.text) == (number == 0)
    told = json.loads(read(mail, f"--require-{required}", "--json").text)
    assert told.get("error", {}).get("number", 0) == number


def test_json(read, made):
    told = json.loads(read(made(sign=True, encrypt=True), "--json").text)

    assert ["Subject", "Übersicht"] in told["headers"]
    assert (told["signed"], told["encrypted"], told["cipher"]) == ("whole", "whole", "AES256")
    assert told["problems"] == []
    (signature,) = told["signatures"]
    assert (signature["status"], signature["primary"]) == ("good", SENDER.fingerprint)
    assert signature["created"].endswith("+00:00")
    (part,) = told["parts"]
    assert part["text"].replace("\r\n", "\n") == TEXT
    assert (part["signed"], part["encrypted"]) == (True, True)


def with_footer(mail):
    """The mail as a list's software may forward it: inside, with a footer behind."""
    header, _, body = mail.partition(b"\r\nContent-Type: ")
    kind, _, content = body.partition(b"\r\n\r\n")
    return b"".join(
        (
            header,
            b'\r\nContent-Type: multipart/mixed; boundary="list"\r\n\r\n--list\r\nContent-Type: ',
            kind,
            b"\r\n\r\n",
            content,
            b"\r\n--list\r\nContent-Type: text/plain\r\n\r\nUnsubscribe here\r\n--list--\r\n",
        )
    )


@pytest.mark.parametrize("wish", [{"sign": True}, {"encrypt": True}], ids=["signed", "encrypted"])
def test_what_holds_for_a_part_only(read, made, wish):
    outcome = read(with_footer(made(**wish)))

    assert outcome.code == 65
    assert ("Signed: part" in outcome.text) == ("sign" in wish)
    assert ("Encrypted: part" in outcome.text) == ("encrypt" in wish)
    assert "not protected\nUnsubscribe here" in outcome.text


def test_a_bad_signature(read, made):
    mail = made(sign=True)
    changed = mail.replace(b"second line", b"second lime")
    assert changed != mail
    outcome = read(changed)

    assert outcome.code == 65
    assert "Signed: none" in outcome.text
    assert "Problem: " in outcome.text


def test_a_signature_of_somebody_unknown(made, place):
    outcome = call("read", "-", "--keyring", place("protected"), stdin=made(sign=True))

    assert outcome.code == 65
    assert "Signed: none" in outcome.text


def test_more_keyrings_know_the_sender(made, place):
    mail = made(sign=True)
    more = ("--keyring", place("exports") / "public.asc")

    assert call("read", "-", "--keyring", place("protected"), *more, stdin=mail).code == 0


def test_a_key_that_is_not_here(made, place):
    outcome = call("read", "-", "--keyring", place("own-key"), stdin=made(encrypt=True))

    assert (outcome.code, outcome.output) == (67, b"")
    assert outcome.errors.startswith("gpgmail: no such key: ")


def test_a_file_and_the_own_home(made, place, tmp_path, monkeypatch):
    monkeypatch.setenv("GNUPGHOME", str(place("recipients-home")))
    (tmp_path / "mail.eml").write_bytes(made(sign=True, encrypt=True))

    assert "Signed: whole" in call("read", tmp_path / "mail.eml").text


def test_a_passphrase(place, made, tmp_path):
    key = fixture_key("protected", "locked")
    draft = gpgmail.Draft(from_=key.address, to=key.address, text="x\n")
    with gpgmail.Mailer(None, keyring=place("protected")) as mailer:
        (copy,) = mailer.write(draft, encrypt=True).copies
    (tmp_path / "mail.eml").write_bytes(b"".join(copy.render()))
    (tmp_path / "secret").write_text(f"{key.passphrase}\n")
    (tmp_path / "wrong").write_text("wrong\n")
    for name in ("secret", "wrong"):
        (tmp_path / name).chmod(0o600)
    arguments = ("read", tmp_path / "mail.eml", "--keyring", place("protected"))

    assert call(*arguments).code == 77
    assert call(*arguments, "--passphrase-file", tmp_path / "wrong").code == 77
    assert call(*arguments, "--passphrase-file", tmp_path / "secret").code == 0


def test_a_mail_cannot_rewrite_the_terminal(read):
    mail = (
        b"From: =?utf-8?q?=1B[2Jx?= <a@b.c>\r\nSubject: =?utf-8?q?=E2=80=AEevil?=\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n\x1b[31mred\xc2\x9b2J\x07\r\n"
    )
    outcome = read(mail)

    assert outcome.code == 0
    assert not {"\x1b", "\x9b", "\x07", "\u202e", "\r"} & set(outcome.text)


def test_what_the_terminals_encoding_lacks_ends_nothing(made, tmp_path):
    (tmp_path / "mail.eml").write_bytes(made())
    outcome = run("read", tmp_path / "mail.eml", env=environment(PYTHONIOENCODING="latin-1"))

    assert (outcome.code, outcome.errors) == (0, "")
    assert "Grüße \\u2713\n" in outcome.output.decode("latin-1")


def mixed(*parts):
    body = b"".join(b"--files\r\n" + part + b"\r\n" for part in parts)
    head = b"From: Sender <sender@example.org>\r\nSubject: Files\r\n"
    kind = b'Content-Type: multipart/mixed; boundary="files"\r\n\r\n'
    return head + kind + body + b"--files--\r\n"


def named(name, content=b"words", content_type="application/octet-stream"):
    return f'Content-Type: {content_type}; name="{name}"\r\n\r\n'.encode() + content


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a.csv", "a.csv"),
        ("../../etc/passwd", "__.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("..\\\\..\\\\a.bat", "__.._a.bat"),
        (".bashrc", "_bashrc"),
        ("-rf", "_rf"),
        ("..", "part-1.bin"),
        ("CON.txt", "_CON.txt"),
        ("grüße.txt", "grüße.txt"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
        ("=?utf-8?q?a=1Bb=0A.txt?=", "a_b_.txt"),
    ],
)
def test_a_name_that_a_stranger_chose_stays_a_name(name, saved, read, tmp_path):
    outcome = read(mixed(named(name)), "--save", tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == [saved]
    assert (tmp_path / "out" / saved).read_bytes() == b"words"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert f"saved: {tmp_path / 'out' / saved}" in outcome.text


def test_saving_overwrites_nothing_and_is_for_the_owner_alone(read, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"mine")
    (tmp_path / "a-1.csv").symlink_to(tmp_path / "elsewhere")
    forwarded = b"Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\n\r\nx"
    parts = (named("a.csv", b"1"), named("a.csv", b"2"), forwarded)
    report = json.loads(read(mixed(*parts), "--save", tmp_path, "--json").text)

    assert (tmp_path / "a.csv").read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere").exists()
    files = [tmp_path / name for name in ("a-2.csv", "a-3.csv", "part-3.eml")]
    assert [path.read_bytes() for path in files] == [b"1", b"2", b"From: a@b\r\n\r\nx"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert [part["saved"] for part in report["parts"]] == list(map(str, files))


def test_a_place_that_takes_no_file_is_an_error(read, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    outcome = read(mixed(named("a.csv")), "--save", tmp_path / "file")

    assert outcome.code == 73
    assert str(tmp_path / "file") in outcome.errors


def test_a_mail_larger_than_was_allowed(read, made):
    outcome = read(made(encrypt=True), "--max-size", "500")

    assert (outcome.code, outcome.output) == (65, b"")
    assert "more than 500 bytes" in outcome.errors


def test_no_field_and_no_text_looks_like_a_verdict(read):
    mail = (
        b"From: =?utf-8?q?x=0ASigned:_whole?= <a@b.c>\r\nSubject: =?utf-8?q?A=0D=0ASigned:_whole?="
        b"\r\n\r\n--- text/plain, 5 bytes, signed and encrypted\r\nPay.\r\n"
    )
    lines = read(mail).text.splitlines()

    assert [line for line in lines if line.startswith("Signed:")] == ["Signed: none"]
    assert [line for line in lines if line.startswith("---")] == [
        "--- text/plain, 53 bytes, not protected"
    ]
    assert "- --- text/plain, 5 bytes, signed and encrypted" in lines


def test_a_protected_subject_is_shown_with_the_one_outside(read):
    mail = (VECTORS / "thunderbird-encrypted.eml").read_bytes()
    outcome = read(mail)

    assert outcome.code == 0
    assert "Subject: Zahlen für März [signed and encrypted, outside: ...]" in outcome.text
    subject = json.loads(read(mail, "--json").text)["protected"]["fields"][2]
    assert subject == {"name": "Subject", "value": "Zahlen für März", "outer": "...", "shown": True}


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("gnus-signed", "good", 0),
        ("plain", "none", 0),
        ("wrong-signer", "wrong signer", 65),
        ("mailman-footer", "partial", 65),
        ("bad-signature", "bad", 65),
        ("missing-key", "missing key", 65),
        ("expired-signature", "expired signature", 65),
    ],
)
def test_the_verdict_in_one_word(name, verdict, code, read):
    outcome = read((VECTORS / f"{name}.eml").read_bytes())

    assert outcome.code == code
    assert f"Verdict: {verdict}" in outcome.text.splitlines()


def test_a_bad_signature_inside_the_encryption(read):
    with keyring_copy("modern") as path:
        gpg = Gpg(path)
        plain = ("--compress-algo", "none")
        signed = gpg(*plain, "-u", SENDER.fingerprint, "--sign", stdin=leaf(b"Pay 10.\r\n"))
        changed = sealed(gpg, signed.replace(b"10", b"99"), "--no-literal", *plain)
        made = mail(encrypted(gpg, b"", message=changed))
    outcome = read(made)
    assert (outcome.code, outcome.errors) == (65, "")
    lines = outcome.text.splitlines()
    assert "Encrypted: whole (AES256)" in lines
    assert "Signed: none" in lines
    assert "Verdict: bad" in lines
    (bad,) = (line for line in lines if line.startswith("  bad: "))
    assert SENDER.fingerprint[-16:] in bad
    assert bad.endswith(", validity unknown")  # gpg tells no digest of it
    assert "--- text/plain, 9 bytes, encrypted" in lines
    assert lines[-1] == "Pay 99."
    told = json.loads(read(made, "--json").text)
    assert (told["verdict"], told["signed"], told["signer"]) == ("bad", "none", None)
    assert read(made, "--require-signature").code == 65
    assert "Pay" not in read(made, "--require-signature").text
