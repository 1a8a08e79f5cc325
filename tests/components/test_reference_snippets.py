"""The reference's snippets for signing and encrypting, in Python: line by line as they stand there.

Its indexed properties are `set_key_keyring(0, ...)` in Python, or the collection's item.
"""

from __future__ import annotations

import pytest

from gpgmail import PSMTP
from tests.components.support import ALICE, TEXT, text_of
from tests.crypto.helpers import Gpg
from tests.servers.readers import Gpg as Reader
from tests.support.keyrings import fixture_key, keyring_copy

LOCKED = fixture_key("protected", "locked")


def the_message(psmtp1):
    """What the reference says to begin with."""
    psmtp1.send_to = ALICE.address
    psmtp1.from_ = LOCKED.address
    psmtp1.subject = "My Subject"
    psmtp1.message_text = TEXT
    psmtp1.mail_server = "127.0.0.1"


def the_signer(psmtp1, my_keyring_dir):
    psmtp1.key_count = 1
    psmtp1.set_key_keyring(0, my_keyring_dir)
    psmtp1.set_key_user_id(0, LOCKED.address)
    psmtp1.set_key_passphrase(0, LOCKED.passphrase)


def the_signer_as_an_item(psmtp1, my_keyring_dir):
    psmtp1.key_count = 1
    psmtp1.keys[0].keyring = my_keyring_dir
    psmtp1.keys[0].user_id = LOCKED.address
    psmtp1.keys[0].passphrase = LOCKED.passphrase


def the_recipient(psmtp1, my_keyring_dir):
    psmtp1.recipient_key_count = 1
    psmtp1.set_recipient_key_keyring(0, my_keyring_dir)
    psmtp1.set_recipient_key_user_id(0, ALICE.address)


def the_recipient_as_an_item(psmtp1, my_keyring_dir):
    psmtp1.recipient_key_count = 1
    psmtp1.recipient_keys[0].keyring = my_keyring_dir
    psmtp1.recipient_keys[0].user_id = ALICE.address


@pytest.fixture
def psmtp1(sink):
    psmtp1 = PSMTP()
    psmtp1.mail_port = sink.port  # the reference's server listens at 25
    yield psmtp1
    psmtp1.close()


@pytest.fixture
def signer_dir(home):
    return str(home("protected"))


@pytest.fixture
def reads(signer_dir):
    """The recipient, who knows the signer's key: opens the one mail that arrived."""
    with keyring_copy("recipients-home") as path:
        exported = Gpg(signer_dir)("--export", LOCKED.fingerprint)
        Gpg(path)("--import", stdin=exported)
        yield lambda sink: Reader(path).read(text_of(sink.received[0]).encode())


@pytest.mark.proves("sign", "key_count", "key_keyring", "key_user_id", "key_passphrase")
@pytest.mark.parametrize("signer", [the_signer, the_signer_as_an_item])
def test_sign(sink, psmtp1, signer_dir, reads, signer):
    the_message(psmtp1)
    signer(psmtp1, signer_dir)
    psmtp1.sign()
    psmtp1.send()
    verdict = reads(sink)
    assert (verdict.signature, verdict.signer) == ("good", LOCKED.fingerprint)
    assert verdict.content.decode().split() == TEXT.split()


@pytest.mark.proves(
    "encrypt", "recipient_key_count", "recipient_key_keyring", "recipient_key_user_id"
)
@pytest.mark.parametrize("recipient", [the_recipient, the_recipient_as_an_item])
def test_encrypt(sink, psmtp1, own, reads, recipient):
    the_message(psmtp1)
    recipient(psmtp1, str(own))
    psmtp1.encrypt()
    psmtp1.send()
    verdict = reads(sink)
    assert (verdict.decrypted, verdict.signature) == (True, "")
    assert verdict.content.decode() == TEXT


@pytest.mark.proves("sign_and_encrypt")
def test_sign_and_encrypt(sink, psmtp1, own, signer_dir, reads):
    the_message(psmtp1)
    the_signer(psmtp1, signer_dir)
    the_recipient(psmtp1, str(own))
    psmtp1.sign_and_encrypt()
    psmtp1.send()
    verdict = reads(sink)
    assert (verdict.decrypted, verdict.signer) == (True, LOCKED.fingerprint)
    assert verdict.content.decode() == TEXT
