"""The contract of every engine: many signers, many recipients, a passphrase beside keys."""

from __future__ import annotations

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import GpgmailError, PassphraseError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import ChosenKey, SignatureMode, SignatureStatus
from gpgmail.crypto.packets import HIDDEN
from tests.crypto.helpers import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    TEXT,
    Gpg,
    job,
    knows,
    recipient,
    signer,
)
from tests.support.keyrings import empty_home, fixture_key, keyring_copy

MANY = 12
PASSPHRASE = "pass wörd ✓ c0rrect"


def encrypt(engine, work, run=None):
    pieces = []
    made = engine.encrypt(work, [TEXT], pieces.append, run or Run(timeout=60))
    return made, b"".join(pieces)


def decrypt(engine, work, message):
    pieces = []
    opened = engine.decrypt(work, [message], pieces.append, Run(timeout=60))
    assert b"".join(pieces) == TEXT
    return opened


@pytest.fixture(scope="module")
def crowd():
    """A home with many keys of two kinds, all of which sign and encrypt."""
    with empty_home() as path:
        gpg = Gpg(path)
        keys = []
        for number in range(MANY):
            algorithm = ("rsa1024", "ed25519")[number % 2]
            key = gpg.new_key(algorithm, f"key{number}", usage="cert,sign")
            kind = ("rsa1024", "cv25519")[number % 2]
            alone = ("--pinentry-mode", "loopback", "--passphrase", "")
            gpg(*alone, "--quick-add-key", key, kind, "encr")
            listed = gpg("--with-colons", "--list-keys", key).decode().split("\nfpr:")
            keys.append((key, listed[2].split(":")[8]))
        yield gpg, keys


def test_many_signers_and_recipients(crypto, crowd):
    gpg, keys = crowd
    signers = tuple(ChosenKey(primary, primary) for primary, _ in keys)
    to = tuple(ChosenKey(primary, subkey) for primary, subkey in keys)
    made, message = encrypt(crypto, job(gpg, signers=signers, recipients=to))
    assert {one.fingerprint for one in made.signatures} == {primary for primary, _ in keys}
    assert {one.key_algorithm for one in made.signatures} == {"RSA", "EDDSA"}
    assert set(made.recipients) == {subkey[-16:] for _, subkey in keys}
    opened = decrypt(crypto, job(gpg), message)
    assert [seen.status for seen in opened.signatures] == [SignatureStatus.GOOD] * MANY
    assert {seen.fingerprint for seen in opened.signatures} == {primary for primary, _ in keys}
    assert set(opened.recipients) == set(made.recipients)


def test_many_detached_signatures(crypto, crowd):
    gpg, keys = crowd
    signers = tuple(ChosenKey(primary, primary) for primary, _ in keys)
    pieces = []
    work = job(gpg, signers=signers)
    made = crypto.sign(work, [TEXT], pieces.append, SignatureMode.DETACHED, Run(timeout=60))
    assert len(made.signatures) == MANY
    opened = crypto.verify(job(gpg), [TEXT], b"".join(pieces), Run(timeout=60))
    assert {seen.fingerprint for seen in opened.signatures} == {primary for primary, _ in keys}


@pytest.mark.parametrize("signed", [False, True], ids=["", "signed"])
def test_a_passphrase_beside_keys(crypto, modern, recipients, empty, signed):
    told = []
    hidden = ChosenKey(BOB.fingerprint, BOB.subkey, hidden=True)
    work = job(
        modern,
        signers=(SENDER,) if signed else (),
        recipients=(ALICE, hidden),
        symmetric=Secret(PASSPHRASE),
    )
    made, message = encrypt(crypto, work, Run(timeout=30, emit=told.append))
    assert sorted(made.recipients) == sorted([HIDDEN, ALICE.subkey[-16:]])
    packets = empty.packets(message)
    assert packets.count(":symkey enc packet:") == 1
    assert packets.count(":pubkey enc packet:") == 2
    # gpg 2.4 tries the passphrase first, and ends with 2 though the key then opens it.
    assert recipients.run("--decrypt", stdin=message).stdout == TEXT
    alone = ("--pinentry-mode", "loopback", "--passphrase", PASSPHRASE)
    assert empty(*alone, "--decrypt", stdin=message, check=False) == TEXT
    assert len(made.signatures) == signed
    messages = [event.message for event in told if isinstance(event, Status)]
    assert any("with a passphrase" in message for message in messages)
    assert not any("c0rrect" in message for message in messages)


def test_what_a_passphrase_beside_keys_opens(crypto, modern, recipients, empty):
    work = job(modern, recipients=(ALICE, CAROL), symmetric=Secret(PASSPHRASE))
    _, message = encrypt(crypto, work)
    opened = decrypt(crypto, job(recipients), message)
    assert opened.decrypted_with in {ALICE.subkey, CAROL.subkey}
    for home in (empty, modern):
        opened = decrypt(crypto, job(home, passphrases=knows(any=PASSPHRASE)), message)
        assert opened.decrypted_with == ""
        assert set(opened.recipients) == {ALICE.subkey[-16:], CAROL.subkey[-16:]}
    for wrong in (knows(any="wrong"), knows()):
        with pytest.raises(PassphraseError) as caught:
            decrypt(crypto, job(empty, passphrases=wrong), message)
        assert caught.value.code is ErrorCode.PGP_PASSPHRASE


def test_the_message_s_passphrase_is_never_tried_on_a_key(crypto):
    """Nor the key's on the message: each gets its own, in one operation."""
    first = signer("two-protected", "first")
    key = fixture_key("two-protected", "first")
    to = recipient("two-protected", "second")
    with keyring_copy("two-protected") as path:
        gpg = Gpg(path)
        facts = {"signers": (first,), "recipients": (to,), "symmetric": Secret(PASSPHRASE)}
        for wrong in (knows(), knows(any=PASSPHRASE)):
            with pytest.raises(PassphraseError):
                encrypt(crypto, job(gpg, passphrases=wrong, **facts))
        right = knows(**{key.fingerprint: key.passphrase})
        made, message = encrypt(crypto, job(gpg, passphrases=right, **facts))
        assert [one.fingerprint for one in made.signatures] == [first.subkey]
    with empty_home() as path:
        alone = ("--pinentry-mode", "loopback", "--passphrase")
        assert Gpg(path)(*alone, PASSPHRASE, "--decrypt", stdin=message, check=False) == TEXT
        assert Gpg(path)(*alone, key.passphrase, "--decrypt", stdin=message, check=False) == b""


def test_an_empty_passphrase_is_none(crypto, modern):
    work = job(modern, recipients=(ALICE,), symmetric=Secret(""))
    with pytest.raises(GpgmailError) as caught:
        encrypt(crypto, work)
    assert caught.value.code is ErrorCode.PGP_PASSPHRASE
