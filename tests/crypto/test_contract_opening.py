"""The contract of every engine, other half: what it says of messages that gpg made.

Half of the messages here are twisted: text beside, before or after what is signed or encrypted must
never come out as part of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, GpgmailError, KeySelectionError, PassphraseError
from gpgmail.core.run import Run
from gpgmail.crypto.engine import SignatureStatus
from tests.crypto.helpers import (
    ALICE,
    ALWAYS,
    BOB,
    PLAIN,
    SENDER,
    TEXT,
    Gpg,
    decrypt,
    encrypted,
    job,
    knows,
    recipient,
    signer,
    statuses,
)
from tests.support.keyrings import fixture_key, keyring_copy

Status = SignatureStatus


def verify(engine, gpg, data, signature):
    return engine.verify(job(gpg), [data], signature, Run(timeout=30))


def verify_inline(engine, gpg, data):
    pieces = []
    opened = engine.verify_inline(job(gpg), [data], pieces.append, Run(timeout=30))
    return opened, b"".join(pieces)


def refusal(call, *arguments):
    """The code of the error that a call raises, or None."""
    try:
        call(*arguments)
    except GpgmailError as error:
        return error.code
    return None


# ---- decrypting ----


@pytest.mark.parametrize("armor", [(), ("--armor",)], ids=["binary", "armored"])
def test_decrypts(crypto, modern, recipients, armor):
    message = encrypted(modern, *armor, to=(ALICE, BOB))
    opened, text = decrypt(crypto, job(recipients), message)
    assert text == TEXT
    assert opened.decrypted
    assert opened.protected
    assert opened.cipher == "AES256"
    assert opened.signatures == ()
    assert set(opened.recipients) == {ALICE.subkey[-16:], BOB.subkey[-16:]}
    assert opened.decrypted_with in {ALICE.subkey, BOB.subkey}


def test_decrypts_and_verifies(crypto, modern, recipients):
    message = encrypted(modern, "-u", SENDER.exact, "--sign")
    opened, text = decrypt(crypto, job(recipients), message)
    assert text == TEXT
    (seen,) = opened.signatures
    assert seen.status is Status.GOOD
    assert (seen.fingerprint, seen.primary) == (SENDER.subkey, SENDER.fingerprint)
    assert seen.key_id == SENDER.subkey[-16:]
    assert seen.user_id == "Sender (test) <sender@example.org>"
    assert seen.validity == "full"
    assert seen.key_algorithm == "EDDSA"
    assert seen.digest.startswith("SHA")
    assert abs((datetime.now(UTC) - seen.created).total_seconds()) < 600


def test_decrypts_what_hides_its_recipients(crypto, modern, recipients):
    message = encrypted(modern, "--throw-keyids", to=(ALICE, BOB))
    opened, text = decrypt(crypto, job(recipients), message)
    assert text == TEXT
    assert opened.recipients == ("0" * 16, "0" * 16)
    assert opened.decrypted_with in {ALICE.subkey, BOB.subkey}


def test_decrypts_with_a_passphrase(crypto, empty):
    loopback = ("--pinentry-mode", "loopback", "--passphrase", "pass wörd ✓")
    message = empty(*loopback, "--symmetric", stdin=TEXT)
    opened, text = decrypt(crypto, job(empty, passphrases=knows(any="pass wörd ✓")), message)
    assert text == TEXT
    assert opened.decrypted
    assert opened.decrypted_with == ""
    with pytest.raises(PassphraseError) as caught:
        decrypt(crypto, job(empty, passphrases=knows(any="pass word")), message)
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE


@pytest.mark.proves("OpenPGP 114")
def test_decrypts_what_hides_its_recipients_after_trying_keys_that_do_not_fit(crypto):
    with keyring_copy("several-subkeys") as path:
        several = Gpg(path)
        for name in ("choices", "aging", "pruned"):
            key = fixture_key("several-subkeys", name)
            message = several(
                *ALWAYS, "-R", key.fingerprint, "-u", key.fingerprint, "-se", stdin=TEXT
            )
            opened, text = decrypt(crypto, job(several), message)
            assert text == TEXT
            assert opened.decrypted_with in {part.fingerprint for part in key.parts}
            assert statuses(opened) == [Status.GOOD]


def test_a_key_that_is_not_here_is_named(crypto, modern, empty):
    message = encrypted(modern, to=(ALICE, BOB))
    for home in (empty, modern):
        with pytest.raises(KeySelectionError) as caught:
            decrypt(crypto, job(home), message)
        assert caught.value.code is ErrorCode.PGP_KEY_NOT_FOUND
        assert ALICE.subkey[-16:] in str(caught.value)
        assert BOB.subkey[-16:] in str(caught.value)


def test_decrypts_with_a_protected_key(crypto):
    key = fixture_key("protected", "locked")
    to = recipient("protected", "locked")
    with keyring_copy("protected") as path:
        gpg = Gpg(path)
        message = encrypted(gpg, to=(to,))
        for wrong in (knows(any="no"), knows(**{"0" * 40: "open sesame"})):
            with pytest.raises(PassphraseError) as caught:
                decrypt(crypto, job(gpg, passphrases=wrong), message)
            assert caught.value.code is ErrorCode.PGP_PASSPHRASE
        right = job(gpg, passphrases=knows(**{key.fingerprint: "open sesame"}))
        opened, text = decrypt(crypto, right, message)
        assert text == TEXT
        assert opened.decrypted_with == to.subkey


# Made by gpg 1.4 with --disable-mdc --cipher-algo AES; the passphrase is "abc".
WITHOUT_INTEGRITY = b"""-----BEGIN PGP MESSAGE-----

jA0EBwMCr3PGsV+PWyIAySWQlN7wH0P5vIQYbvSKo2c7/PNL4uiJNJf82AHz5dRa
5RxIJXbs
=bPj4
-----END PGP MESSAGE-----
"""


@pytest.mark.proves("OpenPGP 146")
@pytest.mark.parametrize("config", ["", "ignore-mdc-error\n"], ids=["plain", "ignored in gpg.conf"])
def test_ciphertext_without_integrity_protection_is_refused(crypto, config):
    with keyring_copy("own-key") as path:
        (path / "gpg.conf").write_text(config)
        with pytest.raises(GpgmailError) as caught:
            decrypt(crypto, job(Gpg(path), passphrases=knows(any="abc")), WITHOUT_INTEGRITY)
    assert caught.value.code is ErrorCode.PGP_NO_INTEGRITY


def test_a_message_cut_short_anywhere_is_an_error(crypto, modern, recipients):
    message = encrypted(modern, "-u", SENDER.exact, "--sign", to=(ALICE, BOB))
    for end in [0, 1, 2, 50, 95, 100, 150, 195, 200, 220, len(message) - 30, len(message) - 1]:
        with pytest.raises(GpgmailError):
            decrypt(crypto, job(recipients), message[:end])


def test_a_message_cut_within_its_text_is_not_called_no_data(crypto, modern, recipients):
    message = encrypted(modern, "-u", SENDER.exact, "--sign", "--compress-algo", "none")
    armored = modern("--enarmor", stdin=message).replace(b"ARMORED FILE", b"MESSAGE")
    for cut in (message[:-30], message[:-90], armored[: armored.rindex(b"\n=") - 65]):
        with pytest.raises(CryptoError) as caught:
            decrypt(crypto, job(recipients), cut)
        assert caught.value.code is ErrorCode.PGP_DECRYPT


def test_a_changed_message_is_an_error(crypto, modern, recipients):
    message = bytearray(encrypted(modern, "-u", SENDER.exact, "--sign"))
    for place in (3, 12, 40, 98, 120, len(message) // 2, len(message) - 30, len(message) - 1):
        message[place] ^= 1
        with pytest.raises(GpgmailError):
            decrypt(crypto, job(recipients), bytes(message))
        message[place] ^= 1


def test_a_changed_message_is_an_error_though_gpg_conf_forgives_it(crypto):
    with keyring_copy("recipients-home") as path, keyring_copy("modern") as other:
        message = bytearray(encrypted(Gpg(other), "-u", SENDER.exact, "--sign"))
        message[-5] ^= 1  # in the checksum: all of the text and its signature are whole
        (path / "gpg.conf").write_text("ignore-mdc-error\n")
        with pytest.raises(CryptoError) as caught:
            decrypt(crypto, job(Gpg(path)), bytes(message))
    assert caught.value.code is ErrorCode.PGP_DECRYPT


CODES = {
    "nothing": (b"", ErrorCode.PGP_NO_INPUT),
    "text": (b"Hello\n", ErrorCode.PGP_NO_INPUT),
    "armor of garbage": (
        b"-----BEGIN PGP MESSAGE-----\n\n!!!!\n-----END PGP MESSAGE-----\n",
        ErrorCode.PGP_NO_INPUT,
    ),
}


@pytest.mark.proves("OpenPGP 141")
@pytest.mark.parametrize(("data", "code"), CODES.values(), ids=CODES)
def test_what_is_no_message(crypto, recipients, data, code):
    for open_it in (
        lambda: decrypt(crypto, job(recipients), data),
        lambda: verify_inline(crypto, recipients, data),
        lambda: verify(crypto, recipients, TEXT, data),
    ):
        with pytest.raises(GpgmailError) as caught:
            open_it()
        assert caught.value.code is code


@pytest.mark.proves("OpenPGP 105")
def test_binary_garbage_is_a_bad_packet(crypto, recipients):
    with pytest.raises(GpgmailError) as caught:
        decrypt(crypto, job(recipients), b"\xff" * 60)
    assert caught.value.code is ErrorCode.PGP_DECODE_PACKET


@pytest.mark.proves("OpenPGP 103")
def test_a_wrong_checksum_of_the_armor(crypto, modern, recipients):
    message = re.sub(rb"(?m)^=....$", b"=AAAA", encrypted(modern, "--armor"))
    with pytest.raises(GpgmailError) as caught:
        decrypt(crypto, job(recipients), message)
    assert caught.value.code is ErrorCode.PGP_CHECKSUM


def test_a_message_cut_within_its_recipients_is_a_bad_packet(crypto, modern, recipients):
    message = encrypted(modern, to=(ALICE, BOB))
    with pytest.raises(GpgmailError) as caught:
        decrypt(crypto, job(recipients), message[:100])
    assert caught.value.code is ErrorCode.PGP_DECODE_PACKET


def test_nothing_but_one_encrypted_message_is_decrypted(crypto, modern, recipients):
    secret = encrypted(modern, *PLAIN, data=b"secret\n")
    evil = modern(*PLAIN, "--store", stdin=b"evil\n")
    signed = modern(*PLAIN, "-u", SENDER.exact, "--sign", stdin=b"signed\n")
    cleartext = modern("-u", SENDER.exact, "--clearsign", stdin=b"signed\n")
    twisted = {
        "stored": evil,
        "only signed": signed,
        "only signed in clear": cleartext,
        "text before": evil + secret,
        "text after": secret + evil,
        "signed before": signed + secret,
        "signed after": secret + signed,
        "twice": secret + secret,
    }
    codes = {
        name: refusal(decrypt, crypto, job(recipients), message)
        for name, message in twisted.items()
    }
    assert set(codes.values()) <= {ErrorCode.PGP_DECRYPT, ErrorCode.PGP_DECODE_PACKET}, codes


@pytest.mark.proves("OpenPGP 130")
@pytest.mark.parametrize("options", [("--store",), ("-u", SENDER.exact, "--sign")], ids=str)
def test_what_is_not_encrypted_does_not_decrypt(crypto, modern, recipients, options):
    message = modern(*PLAIN, *options, stdin=b"words\n")
    assert refusal(decrypt, crypto, job(recipients), message) is ErrorCode.PGP_DECRYPT


# ---- verifying ----


def detached(gpg, *options, data=TEXT, key=SENDER):
    return gpg("-u", key.exact, *options, "--detach-sign", stdin=data)


@pytest.mark.parametrize("armor", [(), ("--armor",)], ids=["binary", "armored"])
@pytest.mark.parametrize("form", [(), ("--textmode",)], ids=["type 00", "type 01"])
def test_a_good_detached_signature(crypto, modern, recipients, armor, form):
    opened = verify(crypto, recipients, TEXT, detached(modern, *armor, *form))
    assert statuses(opened) == [Status.GOOD]
    assert opened.signatures[0].fingerprint == SENDER.fingerprint
    assert not opened.decrypted


@pytest.mark.parametrize(
    ("home", "validity"),
    [("modern", "ultimate"), ("recipients-home", "full"), ("carol", "undefined")],
)
def test_validity_is_that_of_the_home(crypto, modern, recipients, home, validity):
    carol = signer("recipients-home", "carol")
    key, maker = (carol, recipients) if home == "carol" else (SENDER, modern)
    reader = recipients if home == "recipients-home" else modern
    opened = verify(crypto, reader, TEXT, detached(maker, key=key))
    assert opened.signatures[0].validity == validity
    assert statuses(opened) == [Status.GOOD]


def test_a_bad_signature(crypto, modern):
    opened = verify(crypto, modern, TEXT + b"!", detached(modern))
    assert statuses(opened) == [Status.BAD]
    assert opened.signatures[0].key_id == SENDER.subkey[-16:]
    assert opened.signatures[0].fingerprint == ""


def test_a_signature_of_a_key_that_is_not_here(crypto, modern, empty):
    opened = verify(crypto, empty, TEXT, detached(modern))
    assert statuses(opened) == [Status.MISSING_KEY]
    assert opened.signatures[0].key_id == SENDER.subkey[-16:]


def test_an_expired_signature(crypto, modern):
    then = ("--faked-system-time", "20240601T000000", "--default-sig-expire", "1d")
    opened = verify(crypto, modern, TEXT, detached(modern, *then))
    assert statuses(opened) == [Status.EXPIRED_SIGNATURE]
    assert opened.signatures[0].created == datetime(2024, 6, 1, tzinfo=UTC)


def test_a_signature_of_an_expired_key(crypto):
    with keyring_copy("expired") as path:
        then = ("--faked-system-time", "20200601T000000")
        signature = detached(Gpg(path), *then, key=signer("expired", "expired"))
        assert statuses(verify(crypto, Gpg(path), TEXT, signature)) == [Status.EXPIRED_KEY]


def test_a_signature_of_a_revoked_key(crypto):
    with keyring_copy("own-key") as path:
        gpg = Gpg(path)
        fingerprint = gpg.new_key("ed25519", "gone")
        signature = gpg("-u", f"{fingerprint}!", "--detach-sign", stdin=TEXT)
        certificate = (path / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes()
        gpg("--import", stdin=certificate.replace(b":-----BEGIN", b"-----BEGIN"))
        assert statuses(verify(crypto, gpg, TEXT, signature)) == [Status.REVOKED_KEY]


def test_several_signatures_are_reported_up_to_the_first_bad_one(crypto, modern, recipients):
    bad = detached(modern, data=b"something else")
    alice = signer("recipients-home", "alice")
    good = detached(modern) + detached(recipients, key=alice)
    opened = verify(crypto, recipients, TEXT, good + bad)
    assert statuses(opened) == [Status.GOOD, Status.GOOD, Status.BAD]
    fingerprints = [seen.fingerprint for seen in opened.signatures]
    assert fingerprints == [SENDER.fingerprint, alice.fingerprint, ""]
    assert statuses(verify(crypto, recipients, TEXT, bad + good)) == [Status.BAD]


def test_what_is_no_detached_signature_verifies_nothing(crypto, modern):
    for other in (
        modern("-u", SENDER.exact, "--armor", "--sign", stdin=TEXT),
        modern("-u", SENDER.exact, "--clearsign", stdin=TEXT),
        modern("--export", SENDER.fingerprint),
    ):
        with pytest.raises(GpgmailError):
            verify(crypto, modern, TEXT, other)


CLEAR = b"Hello\n--\n- dash\nFrom me\n"


def clearsigned(gpg, data=CLEAR):
    return gpg("-u", SENDER.exact, "--clearsign", stdin=data)


def test_a_cleartext_signature(crypto, modern, recipients):
    opened, text = verify_inline(crypto, recipients, clearsigned(modern))
    assert statuses(opened) == [Status.GOOD]
    assert text.splitlines() == CLEAR.splitlines()


def test_an_opaque_signature(crypto, modern, recipients):
    signed = modern("-u", SENDER.exact, "--armor", "--sign", stdin=TEXT)
    opened, text = verify_inline(crypto, recipients, signed)
    assert statuses(opened) == [Status.GOOD]
    assert text == TEXT


def test_only_what_is_signed_comes_out(crypto, modern):
    signed = clearsigned(modern)
    opened, text = verify_inline(crypto, modern, b"Pay him!\n\n" + signed + b"\nPay her!\n")
    assert statuses(opened) == [Status.GOOD]
    assert text.splitlines() == CLEAR.splitlines()


def test_blanks_at_line_ends_are_not_signed_and_do_not_come_out(crypto, modern):
    signed = clearsigned(modern).replace(b"Hello\n", b"Hello  \t\n")  # RFC 9580 section 7.2
    opened, text = verify_inline(crypto, modern, signed)
    assert statuses(opened) == [Status.GOOD]
    assert text.splitlines() == CLEAR.splitlines()


def test_a_changed_cleartext_is_bad(crypto, modern):
    opened, _ = verify_inline(crypto, modern, clearsigned(modern).replace(b"Hello", b"Hallo"))
    assert statuses(opened) == [Status.BAD]


def test_nothing_but_one_signed_text_is_verified(crypto, modern, recipients):
    stored = modern(*PLAIN, "--store", stdin=b"evil\n")
    signed = modern(*PLAIN, "-u", SENDER.exact, "--sign", stdin=b"signed\n")
    clear = clearsigned(modern)
    twisted = {
        "stored": stored,
        "stored before": stored + signed,
        "stored after": signed + stored,
        "two opaque": signed + signed,
        "two cleartexts": clear + clear,
        "cleartext and armored": clear + modern("--enarmor", stdin=signed),
        "encrypted": encrypted(recipients, "-u", signer("recipients-home", "bob").exact, "--sign"),
        "detached": detached(modern, "--armor"),
        "cut": clear[: clear.index(b"-----BEGIN PGP SIGNATURE") + 60],
        "unsigned in clear": clear[: clear.index(b"-----BEGIN PGP SIGNATURE")],
    }
    codes = {
        name: refusal(verify_inline, crypto, modern, message) for name, message in twisted.items()
    }
    assert None not in codes.values(), codes


def test_a_second_armor_behind_the_first_is_not_read(crypto, modern):
    first = modern("-u", SENDER.exact, "--armor", "--sign", stdin=b"first\n")
    evil = modern("--armor", "--store", stdin=b"evil\n")
    opened, text = verify_inline(crypto, modern, first + evil)
    assert statuses(opened) == [Status.GOOD]
    assert text == b"first\n"
