"""The contract of every engine, one half: what it signs and encrypts. gpg itself is the judge."""

from __future__ import annotations

import itertools

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import Algorithms, ChosenKey, SignatureMode
from gpgmail.crypto.packets import HIDDEN
from tests.crypto.helpers import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    TEXT,
    Gpg,
    encrypt,
    job,
    knows,
    recipient,
    sign,
    signer,
)
from tests.support.keyrings import empty_home, fixture_key, keyring_copy

CLEARTEXT, OPAQUE = SignatureMode.CLEARTEXT, SignatureMode.OPAQUE


def good(status, fingerprint):
    return "GOODSIG" in status and f"VALIDSIG {fingerprint} " in status and "BADSIG" not in status


def test_a_detached_signature(crypto, modern, recipients, tmp_path):
    made, signature = sign(crypto, job(modern, signers=(SENDER,)))
    status = recipients.verify(TEXT, signature, tmp_path)
    assert good(status, SENDER.fingerprint)
    assert [one.fingerprint for one in made.signatures] == [SENDER.subkey]
    assert made.recipients == ()
    number = {"SHA256": "8", "SHA384": "9", "SHA512": "10"}[made.signatures[0].digest]
    assert f" 4 0 22 {number} 00 {SENDER.fingerprint}" in status  # type 00: over exactly the bytes
    assert made.micalg == f"pgp-{made.signatures[0].digest.lower()}"
    assert made.signatures[0].key_algorithm == "EDDSA"


def test_a_detached_signature_is_over_the_exact_bytes(crypto, modern, recipients, tmp_path):
    _, signature = sign(crypto, job(modern, signers=(SENDER,)))
    for change in (TEXT.replace(b"\r\n", b"\n"), TEXT + b" ", TEXT.rstrip()):
        assert "BADSIG" in recipients.verify(change, signature, tmp_path)


def test_an_opaque_signature(crypto, modern, recipients):
    made, signed = sign(crypto, job(modern, signers=(SENDER,)), mode=OPAQUE)
    assert signed.startswith(b"-----BEGIN PGP MESSAGE-----\n\n")
    assert recipients("--decrypt", stdin=signed) == TEXT
    assert good(recipients.status("--decrypt", stdin=signed), SENDER.fingerprint)
    assert len(made.signatures) == 1


def test_a_cleartext_signature(crypto, modern, recipients):
    made, signed = sign(crypto, job(modern, signers=(SENDER,)), CLEARTEXT, b"Hello\n- dash\n")
    assert signed.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: ")
    assert b"\nHello\n- - dash\n" in signed
    status = recipients.status("--verify", stdin=signed)
    assert good(status, SENDER.fingerprint)
    assert f"Hash: {made.signatures[0].digest}\n".encode() in signed


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * 100_000, b"\0\xff\r" * 9], ids=len)
def test_any_bytes_are_signed(crypto, modern, recipients, tmp_path, data):
    _, signature = sign(crypto, job(modern, signers=(SENDER,)), data=data)
    assert good(recipients.verify(data, signature, tmp_path), SENDER.fingerprint)


def test_armor_has_no_headers_but_those_asked_for(crypto, modern, recipients, tmp_path):
    plain = job(modern, signers=(SENDER,), recipients=(ALICE,))
    wanted = Algorithms(comment="from: a test", version="9 (ours)")
    asked = job(modern, signers=(SENDER,), recipients=(ALICE,), algorithms=wanted)
    assert sign(crypto, plain)[1].startswith(b"-----BEGIN PGP SIGNATURE-----\n\n")
    assert encrypt(crypto, plain)[1].startswith(b"-----BEGIN PGP MESSAGE-----\n\n")
    lines = b"\nVersion: 9 (ours)\nComment: from: a test\n\n"
    detached, opaque = sign(crypto, asked)[1], sign(crypto, asked, mode=OPAQUE)[1]
    encrypted = encrypt(crypto, asked)[1]
    for armor, first in ((detached, b"SIGNATURE"), (opaque, b"MESSAGE"), (encrypted, b"MESSAGE")):
        assert armor.startswith(b"-----BEGIN PGP " + first + b"-----" + lines)
    assert good(recipients.verify(TEXT, detached, tmp_path), SENDER.fingerprint)
    assert recipients("--decrypt", stdin=opaque) == TEXT
    assert recipients("--decrypt", stdin=encrypted) == TEXT


def test_signed_text_has_the_header_lines_in_its_signature_only(crypto, modern, recipients):
    text = b"-----BEGIN PGP SIGNATURE-----\n\nx\n-----BEGIN PGP MESSAGE-----\n" + b"y\n" * 150_000
    asked = job(modern, signers=(SENDER,), algorithms=Algorithms(version="9", comment="ours"))
    _, signed = sign(crypto, asked, CLEARTEXT, text)
    assert signed.count(b"Version: 9\nComment: ours\n") == signed.count(b"Version") == 1
    assert b"\n-----BEGIN PGP SIGNATURE-----\nVersion: 9\nComment: ours\n\n" in signed
    assert signed.index(b"Version") > 300_000
    assert good(recipients.status("--verify", stdin=signed), SENDER.fingerprint)


def test_encrypted_to_exactly_the_plan(crypto, modern, recipients):
    made, message = encrypt(crypto, job(modern, recipients=(ALICE, BOB)))
    assert recipients("--decrypt", stdin=message) == TEXT
    expected = sorted(key.subkey[-16:] for key in (ALICE, BOB))
    assert sorted(made.recipients) == sorted(recipients.recipients(message)) == expected
    assert made.signatures == ()
    assert made.cipher == "AES256"


def test_hidden_recipients_open_it_and_are_not_named(crypto, modern):
    hidden = ChosenKey(BOB.fingerprint, BOB.subkey, hidden=True)
    made, message = encrypt(crypto, job(modern, recipients=(ALICE, hidden)))
    assert sorted(made.recipients) == sorted([HIDDEN, ALICE.subkey[-16:]])
    with keyring_copy("recipients-home") as path:
        only_bob = Gpg(path)
        for key in (ALICE, CAROL):
            only_bob("--yes", "--delete-secret-keys", key.fingerprint)
        assert only_bob("--decrypt", stdin=message) == TEXT


def test_a_key_named_twice_is_one_recipient(crypto, modern):
    hidden = ChosenKey(ALICE.fingerprint, ALICE.subkey, hidden=True)
    for twice in itertools.permutations((ALICE, hidden, ALICE)):
        made, message = encrypt(crypto, job(modern, recipients=twice))
        assert made.recipients == modern.recipients(message) == (ALICE.subkey[-16:],)


def test_signed_and_encrypted_in_one(crypto, modern, recipients):
    made, message = encrypt(crypto, job(modern, signers=(SENDER,), recipients=(ALICE,)))
    assert recipients("--decrypt", stdin=message) == TEXT
    status = recipients.status("--decrypt", stdin=message)
    inside = status[status.index("BEGIN_DECRYPTION") : status.index("END_DECRYPTION")]
    assert good(inside, SENDER.fingerprint)
    assert [one.fingerprint for one in made.signatures] == [SENDER.subkey]
    assert made.recipients == (ALICE.subkey[-16:],)


def test_an_untrusted_recipient_is_not_judged_again(crypto, modern):
    assert encrypt(crypto, job(modern, recipients=(CAROL,)))[0].recipients


def test_symmetric(crypto, empty):
    pieces = []
    passphrase = "pass wörd ✓"
    work = job(empty, symmetric=Secret(passphrase))
    made = crypto.encrypt(work, [TEXT], pieces.append, Run(timeout=30))
    message = b"".join(pieces)
    loopback = ("--pinentry-mode", "loopback", "--passphrase", passphrase)
    assert empty(*loopback, "--decrypt", stdin=message) == TEXT
    assert made.recipients == empty.recipients(message) == ()
    assert empty.packets(message).count(":symkey enc packet:") == 1


def test_a_signing_subkey_signs(crypto, tmp_path):
    key = signer("signing-subkey", "subsigner")
    assert key.subkey != key.fingerprint
    with keyring_copy("signing-subkey") as path:
        made, signature = sign(crypto, job(Gpg(path), signers=(key,)))
        assert [one.fingerprint for one in made.signatures] == [key.subkey]
        assert good(Gpg(path).verify(TEXT, signature, tmp_path), key.subkey)


def test_signers_with_different_passphrases(crypto, tmp_path):
    keys = [fixture_key("two-protected", name) for name in ("first", "second")]
    signers = tuple(signer("two-protected", key.name) for key in keys)
    answers = knows(**{key.fingerprint: key.passphrase for key in keys})
    with keyring_copy("two-protected") as path:
        home = Gpg(path)
        made, signature = sign(crypto, job(home, signers=signers, passphrases=answers))
        assert {one.fingerprint for one in made.signatures} == {key.subkey for key in signers}
        status = home.verify(TEXT, signature, tmp_path)
        assert all(good(status, key.subkey) for key in signers)
        assert status.count("[GNUPG:] GOODSIG") == 2


def test_signers_with_different_passphrases_sign_and_encrypt(crypto):
    keys = [fixture_key("two-protected", name) for name in ("first", "second")]
    signers = tuple(signer("two-protected", key.name) for key in keys)
    answers = knows(**{key.fingerprint: key.passphrase for key in keys})
    to = recipient("two-protected", "first")
    with keyring_copy("two-protected") as path:
        work = job(Gpg(path), signers=signers, recipients=(to,), passphrases=answers)
        made, _ = encrypt(crypto, work)
        assert {one.fingerprint for one in made.signatures} == {key.subkey for key in signers}


@pytest.fixture(scope="module")
def zoo():
    """A home with a signing key of each kind, by algorithm."""
    with empty_home() as path:
        gpg = Gpg(path)
        algorithms = ("rsa2048", "dsa2048", "nistp256", "nistp384", "ed25519", "brainpoolP256r1")
        yield gpg, {algorithm: gpg.new_key(algorithm, algorithm) for algorithm in algorithms}


KINDS = {
    "rsa2048": "RSA",
    "dsa2048": "DSA",
    "nistp256": "ECDSA",
    "nistp384": "ECDSA",
    "ed25519": "EDDSA",
    "brainpoolP256r1": "ECDSA",
}


@pytest.mark.parametrize("algorithm", KINDS)
def test_every_kind_of_key_signs(crypto, zoo, tmp_path, algorithm):
    gpg, keys = zoo
    key = ChosenKey(keys[algorithm], keys[algorithm])
    made, signature = sign(crypto, job(gpg, signers=(key,)))
    assert good(gpg.verify(TEXT, signature, tmp_path), key.fingerprint)
    assert made.signatures[0].key_algorithm == KINDS[algorithm]
    opened = crypto.verify(job(gpg), [TEXT], signature, Run(timeout=30))
    assert opened.signatures[0].key_algorithm == KINDS[algorithm]
    assert opened.signatures[0].digest == made.signatures[0].digest


def test_keys_of_different_kinds_have_all_their_hashes_in_micalg(crypto, zoo):
    gpg, keys = zoo
    signers = tuple(ChosenKey(keys[name], keys[name]) for name in ("nistp256", "nistp384"))
    made, _ = sign(crypto, job(gpg, signers=signers))
    assert set(made.micalg.split(",")) == {f"pgp-{one.digest.lower()}" for one in made.signatures}
    assert len(made.signatures) == 2


@pytest.mark.parametrize(("name", "digest"), [("nistp384", "SHA256"), ("dsa2048", "SHA1")])
def test_a_hash_that_is_too_short_for_the_key(crypto, zoo, name, digest):
    gpg, keys = zoo
    key = ChosenKey(keys[name], keys[name])
    work = job(gpg, signers=(key,), algorithms=Algorithms(digest=digest))
    with pytest.raises(UnsupportedError) as caught:
        sign(crypto, work)
    assert caught.value.code is ErrorCode.PGP_HASH
    assert digest in str(caught.value)
