"""`gpgmail verify`: what it prints, its exit codes, and what `send` makes for it."""

from __future__ import annotations

import json

import pytest

from gpgmail.testing import SmtpSink
from tests.support.commands import call, run

WHO = ("--from", "sender@example.org", "--to", "alice@example.org", "--text", "some words\n")
NESTED = ("--layout", "nested", "--micalg", "pgp-sha512", "--armor-checksum", "without")


@pytest.fixture
def mail(sender_home, tmp_path):
    """A signed mail in a file."""
    path = tmp_path / "mail.eml"
    made = call("send", *WHO, "--keyring", sender_home, "--sign", "--output", path)
    assert made.code == 0, made.errors
    return path


def test_a_mail_of_ours_is_well(mail, reader_home):
    told = run("verify", mail, "--keyring", reader_home)
    assert told.code == 0, told.errors
    assert told.text.splitlines()[-1] == "ok: 0 errors, 0 warnings"
    assert told.text.startswith("signature: good, Sender (test) <sender@example.org> ")


def test_standard_input_and_json(mail, reader_home):
    told = run("verify", "-", "--json", "--keyring", reader_home, stdin=mail.read_bytes())
    facts = json.loads(told.output)
    assert (facts["ok"], facts["findings"], facts["decrypted"]) == (True, [], False)
    assert facts["signatures"][0]["status"] == "good"


def test_what_is_wrong_is_named_with_its_place_and_section(mail, reader_home):
    mail.write_bytes(mail.read_bytes().replace(b"some words", b"some words "))
    told = call("verify", mail, "--keyring", reader_home)
    assert told.code == 65
    assert "error: lines of the signed part end in blanks (line " in told.text
    assert "[signed-blanks, RFC 3156 section 3]" in told.text
    assert told.text.splitlines()[-1] == "not ok: 2 errors, 0 warnings"
    facts = json.loads(call("verify", mail, "--json", "--keyring", reader_home).output)
    assert {one["rule"] for one in facts["findings"]} == {"signed-blanks", "signature"}
    assert all(one["section"].startswith("RFC ") for one in facts["findings"])


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 65)])
def test_warnings_count_when_they_shall(sender_home, reader_home, tmp_path, options, code):
    path = tmp_path / "mail"
    words = ("--sign", "--line-ends", "lf", "--output", path)
    assert call("send", *WHO, "--keyring", sender_home, *words).code == 0
    told = call("verify", path, "--keyring", reader_home, *options)
    assert told.code == code
    assert "warning: all lines end in LF" in told.text


def test_quiet_leaves_the_exit_code(mail, reader_home):
    assert call("verify", mail, "-q", "--keyring", reader_home).output == b""
    mail.write_bytes(mail.read_bytes().replace(b"some words", b"same words"))
    told = call("verify", mail, "-q", "--keyring", reader_home)
    assert (told.code, told.output) == (65, b"")


def test_no_mail_no_key_no_passphrase(sender_home, tmp_path):
    assert call("verify", tmp_path / "none").code == 66
    path = tmp_path / "mail"
    call("send", *WHO, "--keyring", sender_home, "--encrypt", "--output", path)
    told = call("verify", path, "--keyring", sender_home)
    assert told.code == 67
    assert "the ciphertext does not open" in told.text
    path.write_bytes(path.read_bytes().replace(b"Version: 1", b"Version: 2"))
    assert call("verify", path, "--keyring", sender_home).code == 65


def test_what_a_tester_does(sender_home, reader_home, tmp_path):
    """The variant goes out, the wire is kept, and verify finds nothing in it."""
    wire = tmp_path / "wire.eml"
    with SmtpSink() as sink:
        words = ("--server", sink.url, "--keyring", sender_home, "--sign", "--encrypt", *NESTED)
        told = call("send", *WHO, *words, "--at", "2025-01-02T03:04:05", "--save-wire", wire)
        assert told.code == 0, told.errors
        assert wire.read_bytes() == sink.mail.data
    told = call("verify", wire, "--json", "--keyring", reader_home)
    facts = json.loads(told.output)
    assert (told.code, facts["findings"], facts["decrypted"]) == (0, [], True)
    (seen,) = facts["signatures"]
    assert (seen["digest"], seen["created"]) == ("SHA512", "2025-01-02T03:04:05+00:00")


@pytest.mark.parametrize(
    "words",
    [
        ("--layout", "other"),
        ("--micalg", "sha512"),
        ("--at", "yesterday"),
        ("--save-wire", "x", "--output", "y"),
        ("--save-wire", "x", "--dry-run", "--server", "smtp://127.0.0.1"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused(words, sender_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = call("send", *WHO, "--keyring", sender_home, "--sign", "--output", "-", *words)
    assert told.code == 64
    assert list(tmp_path.iterdir()) == []
