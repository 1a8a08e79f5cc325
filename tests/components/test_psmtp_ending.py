"""A key of a component's mail that ends soon: said once, by on_status and the log."""

from __future__ import annotations

import logging

from gpgmail import PSMTP
from gpgmail.components import Key
from gpgmail.testing import ThrowawayHome


def test_a_key_that_ends_soon_is_told_once(caplog):
    heard = []
    with ThrowawayHome() as home, caplog.at_level(logging.WARNING, "gpgmail"):
        key = home.make_key("Own <own@example.org>", expires="5d")
        mailer = PSMTP()
        mailer.on_status = lambda event: heard.append(event.message)
        mailer.from_ = mailer.send_to = "own@example.org"
        mailer.keys.append(Key(keyring=str(home.path), user_id=key))
        for _ in range(2):
            mailer.message_text = "The words.\n"
            mailer.sign()
    (told,) = [one for one in heard if "expires on" in one]
    assert told.startswith(f"the signing key {key} Own <own@example.org> expires on 20")
    assert [record.getMessage() for record in caplog.records] == [told]
