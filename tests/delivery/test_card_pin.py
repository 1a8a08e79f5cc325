"""The PIN of a card: it arrives, and a wrong one is given once, since the card counts."""

from __future__ import annotations

import subprocess

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.delivery.mailer import Mailer
from gpgmail.message.content import Attachment
from gpgmail.protect.read import read
from tests.delivery.helpers import draft
from tests.support.card import PIN, move_to_card
from tests.support.keyrings import empty_home

ADDRESS = "card@example.org"


@pytest.fixture
def home():
    with empty_home() as path:
        command = ["gpg", "--homedir", path, "--batch", "--pinentry-mode", "loopback"]
        command += ["--passphrase", "", "--quick-gen-key", f"Card <{ADDRESS}>", "ed25519", "sign"]
        subprocess.run(command, check=True, capture_output=True)
        yield path


@pytest.fixture
def card(home, tmp_path):
    (key,) = (home / "private-keys-v1.d").iterdir()
    return move_to_card(home, tmp_path, key.stem)


def sign(mailer):
    return mailer.write(draft(ADDRESS, sender=ADDRESS), sign=True)


@pytest.mark.parametrize("source", [PIN, lambda _: PIN], ids=["value", "handler"])
def test_the_card_gets_its_pin_and_signs(home, card, source):
    with Mailer(None, keyring=home, passphrase=source) as mailer:
        for _ in range(2):
            mail = b"".join(sign(mailer).copies[0].render())
            assert read(mail, keyring=home).verdict.by_author
    assert card.wrong == 0


def test_a_wrong_pin_costs_one_try_and_not_the_card(home, card):
    with Mailer(None, keyring=home, passphrase="654321") as mailer:
        for words in ("the PIN is wrong", "could block it", "could block it", "could block it"):
            with pytest.raises(PassphraseError, match=words):
                sign(mailer)
    assert card.wrong == 1
    with Mailer(None, keyring=home, passphrase=PIN) as mailer:
        assert sign(mailer).plan.signers


def test_a_handler_is_asked_anew_for_the_next_mail(home, card):
    answers = iter(["654321", PIN])
    with Mailer(None, keyring=home, passphrase=lambda _: next(answers)) as mailer:
        with pytest.raises(PassphraseError, match="the PIN is wrong"):
            sign(mailer)
        assert sign(mailer).plan.signers
    assert card.wrong == 1


def test_a_pin_is_never_tried_by_itself(home, card, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(1 << 24))
    with Mailer(None, keyring=home, passphrase=PIN) as mailer:
        files = (Attachment(source=large),)
        assert mailer.write(draft(ADDRESS, sender=ADDRESS, attachments=files), sign=True).plan
    assert sum(line.startswith("PKSIGN") for line in card.told) == 1
    assert not [line for line in card.told if line.startswith(("PASSWD", "CHECKPIN"))]
