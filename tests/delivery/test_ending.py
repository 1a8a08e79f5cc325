"""A key of a mail that ends soon: told once, by an event and the log, and the mail goes out."""

from __future__ import annotations

import logging

import pytest

from gpgmail.core.events import KeyExpires
from gpgmail.delivery.mailer import Mailer
from gpgmail.testing import ThrowawayHome
from tests.delivery.helpers import draft

SENDER, READER = "sender@example.org", "reader@example.org"


@pytest.fixture(scope="module")
def home():
    """The sender's key ends in 5 days, the reader's in 40."""
    with ThrowawayHome() as home:
        home.make_key(f"Sender <{SENDER}>", expires="5d")
        home.make_key(f"Reader <{READER}>", expires="40d")
        yield home


def told(home, mails=1, **more):
    heard = []
    with Mailer(None, keyring=home, **more) as mailer:
        mailer.on(KeyExpires, heard.append)
        for _ in range(mails):
            assert mailer.write(draft(READER), sign=True, encrypt=True).copies
    return [(event.purpose, event.user_id) for event in heard]


SIGNER, RECIPIENT = ("signing", f"Sender <{SENDER}>"), ("encryption", f"Reader <{READER}>")


def test_what_ends_within_two_weeks_is_told_once(home, caplog):
    with caplog.at_level(logging.WARNING, "gpgmail"):
        assert told(home, mails=2) == [SIGNER]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("gpgmail.keys", "WARNING")
    assert f"Sender <{SENDER}> expires on 20" in record.getMessage()


@pytest.mark.parametrize(("days", "expected"), [(0, []), (4, []), (41, [SIGNER, RECIPIENT])])
def test_the_caller_says_what_is_soon(home, days, expected):
    assert told(home, warn_days=days) == expected


def test_an_account_says_what_is_soon(home, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(f'[account.work]\nkeyring = "{home.path}"\nwarn_days = 50\n')
    heard = []
    with Mailer.from_account("work", config=config) as mailer:
        mailer.on(KeyExpires, heard.append)
        mailer.write(draft(READER), sign=True, encrypt=True)
    assert len(heard) == 2


def test_a_subkey_that_lasts_longer_takes_over():
    with ThrowawayHome() as other:
        key = other.make_key("Rolling <rolling@example.org>")
        other.gpg("--quick-set-expire", key, "3d", "*", at="")
        assert told_of(other, key) == [("encryption", "Rolling <rolling@example.org>")]
        for expires in ("2y", "2d"):
            other.add_subkey(key, "cv25519", "encr", expires=expires, at="")
        assert told_of(other, key) == []


def told_of(home, key):
    heard = []
    with Mailer(None, keyring=home) as mailer:
        mailer.on(KeyExpires, heard.append)
        mailer.write(draft("rolling@example.org"), encrypt=[key])
    return [(event.purpose, event.user_id) for event in heard]
