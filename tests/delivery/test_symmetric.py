"""A passphrase that opens a mail, in place of keys or beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.delivery.mailer import Mailer
from tests.crypto.helpers import Gpg as RawGpg
from tests.delivery.helpers import ALICE, BOB, draft, encryption_id, fingerprint, url
from tests.servers.readers import Gpg, encrypted_part
from tests.support.keyrings import empty_home

WORDS = "correct horse Grüße"


@pytest.fixture(scope="module")
def stranger():
    """Somebody who has the passphrase and no key."""
    with empty_home() as path:
        yield Gpg(path, WORDS)


def received(sink):
    return {one.recipients: encrypted_part(one.data) for one in sink.received}


@pytest.mark.parametrize("sign", [False, True])
def test_a_passphrase_beside_keys_opens_every_copy(sender, sink, readers, stranger, sign):
    wish = fingerprint("sender") if sign else False
    with Mailer(sink.url, keyring=sender.home, trust="always") as mailer:
        mailer.send(draft(ALICE, bcc=BOB), encrypt=True, sign=wish, symmetric=WORDS)
    got = received(sink)
    assert {who: sender.recipients(mail) for who, mail in got.items()} == {
        (ALICE,): (encryption_id("alice"),),
        (BOB,): (encryption_id("bob"),),
    }
    for mail in got.values():
        assert b"The words." in stranger.read(mail).content
        assert b"The words." in Gpg(readers.home).read(mail).content
        assert len(RawGpg(stranger.home).packets(mail).split(":symkey enc packet:")) == 2


def test_a_passphrase_in_place_of_keys_touches_no_home(sink, stranger, monkeypatch):
    with empty_home() as own:
        monkeypatch.setenv("GNUPGHOME", os.fspath(own / "absent"))
        with Mailer(sink.url) as mailer:
            receipt = mailer.send(draft(ALICE, bcc=BOB), symmetric=WORDS)
        assert not Path(own / "absent").exists()
    assert receipt.encrypted
    ((who, mail),) = received(sink).items()
    assert who == (ALICE, BOB)
    assert b"The words." in stranger.read(mail).content


@pytest.mark.parametrize("words", ["", "two\nlines", "x" * 256])
def test_one_that_gpg_does_not_take_is_refused(words, nobody_comes):
    with Mailer(url(nobody_comes)) as mailer, pytest.raises(PassphraseError):
        mailer.send(draft(ALICE), symmetric=words)
