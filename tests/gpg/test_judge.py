"""What a failed run means: every row of the table, canned; then what gpg itself reports."""

from __future__ import annotations

import pytest

from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.home import Home
from gpgmail.gpg.judge import WORDS, judge
from gpgmail.gpg.keywords import NODATA, NUMBERS, REASONS
from gpgmail.gpg.operation import Result
from gpgmail.gpg.runner import execute
from gpgmail.gpg.status import parse
from tests.support.keyrings import fixture_key, keyring_copy

GPG = 33554432  # gpg's own component in the upper half of an error number
AGENT = 67108864


def ended(status, *, stderr="", code=2):
    return Result(code, parse(status.encode()), stderr)


def same(error, situation):
    return isinstance(error, situation.kind) and error.code is situation.code


@pytest.mark.parametrize("component", [0, GPG, AGENT])
@pytest.mark.parametrize("number", sorted(NUMBERS))
@pytest.mark.parametrize("report", ["FAILURE sign-encrypt {}", "ERROR keylist.getkey {}"])
def test_every_error_number(number, component, report):
    line = "[GNUPG:] " + report.format(component + number)
    error = judge(ended(line), Situation.SIGN_FAILED)
    assert same(error, NUMBERS[number].situation)
    assert NUMBERS[number].detail in str(error)


@pytest.mark.parametrize("keyword", ["INV_RECP", "INV_SGNR"])
@pytest.mark.parametrize("reason", [*sorted(REASONS), 99])
def test_every_reason_names_the_key(keyword, reason):
    status = f"[GNUPG:] {keyword} {reason} bob@example.org\n[GNUPG:] FAILURE encrypt {GPG + 53}"
    error = judge(ended(status), Situation.ENCRYPT_FAILED)
    row = NUMBERS[53] if reason in (0, 9) else REASONS.get(reason, REASONS[0])
    assert same(error, row.situation)
    assert error.subject == "bob@example.org"


@pytest.mark.parametrize("what", [*sorted(NODATA), 99])
def test_every_kind_of_missing_data(what):
    error = judge(ended(f"[GNUPG:] NODATA {what}"), Situation.DECRYPT_FAILED, subject="mail.eml")
    assert same(error, Situation.NO_OPENPGP_DATA)
    assert error.subject == "mail.eml"
    detail = NODATA[what].detail if what in NODATA else "no OpenPGP data"
    assert detail in str(error)


@pytest.mark.parametrize(
    ("status", "situation"),
    [
        ("[GNUPG:] NO_RECP 0", Situation.KEY_NOT_FOUND),
        ("[GNUPG:] NO_SGNR 0", Situation.KEY_NOT_FOUND),
        ("[GNUPG:] BAD_PASSPHRASE 0123456789ABCDEF", Situation.PASSPHRASE),
        ("[GNUPG:] MISSING_PASSPHRASE", Situation.PASSPHRASE),
        ("[GNUPG:] NO_SECKEY 0123456789ABCDEF", Situation.KEY_NOT_FOUND),
        ("[GNUPG:] BADARMOR", Situation.BAD_ARMOR),
        ("[GNUPG:] BADMDC\n[GNUPG:] DECRYPTION_FAILED", Situation.DECRYPT_FAILED),
        ("[GNUPG:] UNEXPECTED 0", Situation.BAD_PACKET),
    ],
)
def test_every_keyword(status, situation):
    assert same(judge(ended(status), Situation.SIGN_FAILED), situation)


def test_a_signer_without_secret_key_is_not_called_expired():
    status = f"[GNUPG:] INV_SGNR 9 bob@example.org\n[GNUPG:] FAILURE sign {GPG + 17}"
    assert same(judge(ended(status), Situation.SIGN_FAILED), Situation.KEY_NOT_FOUND)


@pytest.mark.parametrize("words", WORDS)
def test_every_word_that_is_only_for_people(words):
    status = f"[GNUPG:] FAILURE option-postprocessing {GPG + 1}"
    error = judge(ended(status, stderr=f"gpg: {words}\n"), Situation.SIGN_FAILED)
    assert same(error, WORDS[words].situation)


def test_a_missing_passphrase_outweighs_what_follows_from_it():
    status = (
        "[GNUPG:] USERID_HINT 0123456789ABCDEF Zo\u00eb <zoe@example.org>\n"
        f"[GNUPG:] ERROR pkdecrypt_failed {AGENT + 11}\n"
        "[GNUPG:] NO_SECKEY 0123456789ABCDEF\n[GNUPG:] DECRYPTION_FAILED"
    )
    error = judge(ended(status), Situation.DECRYPT_FAILED)
    assert same(error, Situation.PASSPHRASE)
    assert "zoe@example.org" in str(error)


def test_without_a_reason_the_fallback_has_gpgs_own_words():
    words = "gpg: first\ngpg: something unheard of\n"
    error = judge(ended("[GNUPG:] NEW_KEYWORD 1", stderr=words), Situation.ENCRYPT_FAILED)
    assert same(error, Situation.ENCRYPT_FAILED)
    assert "code 2" in str(error)
    assert "something unheard of" in str(error)


def test_a_signal_is_named():
    assert "signal 9" in str(judge(ended("", code=-9), Situation.SIGN_FAILED))


@pytest.fixture(scope="module")
def homes():
    with (
        keyring_copy("modern") as modern,
        keyring_copy("expired") as expired,
        keyring_copy("revoked") as revoked,
        keyring_copy("disabled") as disabled,
        keyring_copy("no-encryption") as signonly,
    ):
        yield {
            "modern": modern,
            "expired": expired,
            "revoked": revoked,
            "disabled": disabled,
            "no-encryption": signonly,
        }


def real(homes, name, *arguments, source=b"text"):
    home = Home(directory=homes[name])
    result = execute(home, arguments, run=Run(timeout=20), source=[source])
    assert not result.ok
    return judge(result, Situation.GPG_FAILED, subject="it")


@pytest.mark.parametrize(
    ("home", "key", "situation"),
    [
        ("expired", "expired", Situation.KEY_UNUSABLE),
        ("revoked", "revoked", Situation.KEY_UNUSABLE),
        ("disabled", "disabled", Situation.KEY_UNUSABLE),
        ("modern", "carol", Situation.KEY_UNTRUSTED),
    ],
)
def test_gpg_refuses_a_recipient(homes, home, key, situation):
    fingerprint = fixture_key(home, key).fingerprint
    error = real(homes, home, "--encrypt", "-r", fingerprint)
    assert same(error, situation)
    assert error.subject == fingerprint


@pytest.mark.parametrize(("home", "key"), [("expired", "expired"), ("revoked", "revoked")])
def test_gpg_refuses_a_signer(homes, home, key):
    error = real(homes, home, "--sign", "-u", fixture_key(home, key).fingerprint)
    assert same(error, Situation.KEY_UNUSABLE)


def test_gpg_has_no_such_key(homes):
    error = real(homes, "modern", "--encrypt", "-r", "nobody@example.org")
    assert same(error, Situation.KEY_NOT_FOUND)
    assert error.subject == "nobody@example.org"
    assert same(real(homes, "modern", "--sign", "-u", "0" * 40), Situation.KEY_NOT_FOUND)


def test_gpg_has_only_the_public_key_of_a_signer(homes):
    alice = fixture_key("modern", "alice").fingerprint
    error = real(homes, "modern", "--sign", "-u", alice)
    assert same(error, Situation.KEY_NOT_FOUND)


def test_gpg_cannot_encrypt_to_a_key_for_signing(homes):
    key = fixture_key("no-encryption", "signonly").fingerprint
    error = real(homes, "no-encryption", "--encrypt", "-r", key)
    assert same(error, Situation.KEY_UNUSABLE)
    assert error.subject == key


def test_gpg_gets_garbage_to_decrypt(homes):
    error = real(homes, "modern", "--decrypt", source=b"no OpenPGP at all\n")
    assert same(error, Situation.NO_OPENPGP_DATA)
    assert error.subject == "it"


def test_gpg_has_no_key_to_decrypt_with(homes):
    home = Home(directory=homes["modern"])
    alice = fixture_key("modern", "alice").fingerprint
    secret = execute(
        home, ["--trust-model", "always", "-e", "-r", alice], run=Run(timeout=20), source=[b"text"]
    )
    error = real(homes, "modern", "--decrypt", source=secret.output)
    assert same(error, Situation.KEY_NOT_FOUND)


@pytest.mark.parametrize(
    ("option", "situation"),
    [
        ("--cipher-algo=NONESUCH", Situation.CIPHER),
        ("--digest-algo=NONESUCH", Situation.HASH),
        ("--compress-algo=Z9", Situation.COMPRESSION),  # another name than Z9 gpg takes and ignores
    ],
)
def test_gpg_does_not_have_an_algorithm(homes, option, situation):
    alice = fixture_key("modern", "alice").fingerprint
    error = real(homes, "modern", option, "--encrypt", "--sign", "-r", alice)
    assert same(error, situation)
