"""The contract of every engine: a signature that does not hold, inside an encryption, is a verdict.

gpg stops there, before it says whether the ciphertext was whole: that must be known all the same,
or nothing comes out.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, GpgmailError
from gpgmail.core.run import Run
from gpgmail.crypto.engine import SignatureStatus
from tests.crypto.helpers import (
    ALICE,
    BOB,
    PLAIN,
    SENDER,
    Gpg,
    decrypt,
    encrypted,
    job,
    knows,
    recipient,
    signer,
    statuses,
)
from tests.support.keyrings import keyring_copy

Status = SignatureStatus
SIGNED = b"Pay 10\n"
CHANGED = b"Pay 99\n"


def signed(gpg, *options, key=SENDER, data=SIGNED):
    return gpg(*PLAIN, *options, "-u", key.exact, "--sign", stdin=data)


def sealed(gpg, packets, *options, to=(ALICE,)):
    """Encrypt what is an OpenPGP message already, as gpg does what it has signed itself."""
    return encrypted(gpg, "--no-literal", *PLAIN, *options, data=packets, to=to)


def bad(gpg):
    return signed(gpg).replace(b"10", b"99")


def expired(gpg):
    return signed(gpg, "--faked-system-time", "20240601T000000", "--default-sig-expire", "1d")


@pytest.mark.parametrize(
    "options",
    [(), ("--throw-keyids",), ("--compress-algo", "zip"), ("--armor",)],
    ids=["plain", "hidden recipients", "compressed", "armored"],
)
def test_the_text_comes_with_the_verdict(crypto, modern, recipients, options):
    opened, text = decrypt(crypto, job(recipients), sealed(modern, bad(modern), *options))
    assert text == CHANGED
    (seen,) = opened.signatures
    assert seen.status is Status.BAD
    assert seen.key_id == SENDER.subkey[-16:]
    assert seen.user_id == "Sender (test) <sender@example.org>"
    assert (seen.fingerprint, seen.validity) == ("", "unknown")
    assert opened.bad
    assert opened.decrypted
    assert opened.protected
    assert (opened.decrypted_with, opened.cipher) == (ALICE.subkey, "AES256")


def test_the_text_comes_with_an_expired_signature(crypto, modern, recipients):
    opened, text = decrypt(crypto, job(recipients), sealed(modern, expired(modern)))
    assert text == SIGNED
    (seen,) = opened.signatures
    assert seen.status is Status.EXPIRED_SIGNATURE
    assert seen.fingerprint == SENDER.subkey
    assert seen.created == datetime(2024, 6, 1, tzinfo=UTC)
    assert not opened.bad
    assert (opened.decrypted_with, opened.cipher) == (ALICE.subkey, "AES256")


def test_a_good_one_that_was_encrypted_in_the_same_way(crypto, modern, recipients):
    opened, text = decrypt(crypto, job(recipients), sealed(modern, signed(modern)))
    assert text == SIGNED
    assert statuses(opened) == [Status.GOOD]
    assert not opened.bad


def test_a_damaged_signature_is_as_bad_as_a_changed_text(crypto, modern, recipients):
    packets = bytearray(signed(modern))
    packets[-1] ^= 1
    opened, text = decrypt(crypto, job(recipients), sealed(modern, bytes(packets)))
    assert text == SIGNED
    assert statuses(opened) == [Status.BAD]


def test_it_opens_with_a_passphrase(crypto, modern, empty):
    words = ("--pinentry-mode", "loopback", "--passphrase", "abc", "--s2k-count", "65536")
    message = modern("--no-literal", *PLAIN, *words, "--symmetric", stdin=bad(modern))
    asked = []

    def ask(event):
        asked.append(event.was_wrong)
        return "abc" if event.was_wrong else "abd"

    opened, text = decrypt(crypto, job(empty, passphrases=knows(any="abc")), message)
    assert text == CHANGED
    assert statuses(opened) == [Status.MISSING_KEY]
    assert not opened.bad
    with keyring_copy("modern") as path:
        work = job(Gpg(path), passphrases=knows().of(ask))
        opened, text = decrypt(crypto, work, message)
    assert text == CHANGED
    assert statuses(opened) == [Status.BAD]
    assert asked == [False, True]  # and not again for the second look


def test_a_protected_key_is_asked_for_once(crypto):
    asked = []

    def ask(event):
        asked.append(event.key_id)
        return "open sesame"

    to = recipient("protected", "locked")
    with keyring_copy("protected") as path, keyring_copy("modern") as other:
        gpg = Gpg(path)
        message = sealed(gpg, bad(Gpg(other)), to=(to,))
        gpg("--import", stdin=Gpg(other)("--export", SENDER.fingerprint))
        opened, text = decrypt(crypto, job(gpg, passphrases=knows().of(ask)), message)
    assert text == CHANGED
    assert statuses(opened) == [Status.BAD]
    assert asked == [to.key_id]


def test_several_signatures_are_reported_up_to_the_bad_one(crypto, modern, recipients):
    """One-pass packets and signatures nest: the signature of the last one comes first."""
    alice = signer("recipients-home", "alice")
    outer, good = signed(modern), signed(recipients, key=alice)
    wrong = bytearray(outer)
    wrong[-1] ^= 1
    for inner, around, expected in (
        (good, bytes(wrong), [Status.GOOD, Status.BAD]),
        (bytes(wrong), good, [Status.BAD]),
    ):
        message = sealed(modern, nested(inner, around))
        opened, text = decrypt(crypto, job(recipients), message)
        assert text == SIGNED
        assert statuses(opened) == expected
        assert opened.bad


def nested(inner, around):
    """One message with the signatures of two over the same text."""
    first, text, last = packets(inner)
    begins, _, ends = packets(around)
    begins = begins[:-1] + b"\0"  # another signature follows (RFC 9580 section 5.4)
    return begins + first + text + last + ends


def packets(message):
    """The packets of a short message, with lengths in either form (RFC 9580 section 4.2)."""
    found = []
    while message:
        octets = 1 if message[0] & 0x40 else (1, 2, 4)[message[0] & 3]
        end = 1 + octets + int.from_bytes(message[1 : 1 + octets], "big")
        found.append(message[:end])
        message = message[end:]
    return found


# ---- what stays an error ----


def failure(crypto, work, message):
    with pytest.raises(CryptoError) as caught:
        decrypt(crypto, work, message)
    return caught.value.code


def test_a_changed_ciphertext_fails_closed(crypto, modern, recipients):
    """At every place inside the encrypted packet, its last bytes and its checksum included."""
    message = sealed(modern, bad(modern))
    head, checksum = len(message) - len(packets(message)[-1]), len(message) - 22
    for place in (*range(head, checksum, 17), *range(checksum, len(message), 3)):
        changed = bytearray(message)
        changed[place] ^= 1
        with pytest.raises(GpgmailError) as caught:  # gpg may take garbage for anything
            decrypt(crypto, job(recipients), bytes(changed))
        assert place < checksum or caught.value.code is ErrorCode.PGP_DECRYPT


def test_a_ciphertext_that_was_cut_fails_closed(crypto, modern, recipients):
    for inside in (bad(modern), expired(modern)):
        message = sealed(modern, inside)
        for cut in (1, 5, 20, 22, 23, 60, 100):
            failure(crypto, job(recipients), message[:-cut])


def test_without_integrity_protection_it_is_refused(crypto, modern, recipients):
    message = sealed(modern, bad(modern), "--rfc2440", "--cipher-algo", "AES")
    if ":aead" in modern.packets(message) or "mdc_method: 2" in modern.packets(message):
        pytest.fail("this gpg cannot make what the test is about")
    assert failure(crypto, job(recipients), message) is ErrorCode.PGP_NO_INTEGRITY


def test_other_text_beside_it_does_not_come_along(crypto, modern, recipients):
    evil = modern(*PLAIN, "--store", stdin=b"evil\n")
    for inside in (bad(modern) + evil, evil + bad(modern), bad(modern) + bad(modern)):
        failure(crypto, job(recipients), sealed(modern, inside))
    for message in (sealed(modern, bad(modern)) + evil, evil + sealed(modern, bad(modern))):
        failure(crypto, job(recipients), message)


@pytest.mark.proves("OpenPGP 119")
def test_what_cannot_be_read_again_is_an_error(crypto, modern, recipients):
    for inside in (bad(modern), expired(modern)):
        message = sealed(modern, inside, to=(ALICE, BOB))
        with pytest.raises(CryptoError) as caught:
            crypto.decrypt(job(recipients), iter([message]), bytes, Run(timeout=30))
        assert caught.value.code is ErrorCode.PGP_VERIFY


def test_what_the_second_look_costs_is_for_bad_ones_alone(crypto, modern, recipients):
    for packets_, expected in ((signed(modern), 1), (bad(modern), 2)):
        runs = []
        execute = crypto._execute

        def counted(*words, execute=execute, runs=runs, **how):
            runs.append(words)
            return execute(*words, **how)

        crypto._execute = counted
        decrypt(crypto, job(recipients), sealed(modern, packets_))
        crypto._execute = execute
        assert len(runs) == expected
