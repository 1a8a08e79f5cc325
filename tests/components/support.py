"""What the tests of components share: one mail, who gets it, and ears for the events.

Keys come from the fixture keyrings, servers are real: a sink that keeps what it gets, or the
hostile one where something has to go wrong. What was sent is read by gpg itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from email import message_from_bytes, policy

import pytest

from gpgmail.components import PSMTP, SMTP
from gpgmail.core.errors import GpgmailError
from tests.support.keyrings import fixture_key

SENDER = fixture_key("own-key", "sender")
ALICE = fixture_key("recipients", "alice")
BOB = fixture_key("recipients", "bob")
CAROL = fixture_key("recipients", "carol")
TEXT = "Grüße an alle,\n-- \n.dot\nFrom here on  \n- dash\n"

EVENTS = (
    "connection_status",
    "end_transfer",
    "error",
    "key_passphrase",
    "pi_trail",
    "progress",
    "start_transfer",
    "status",
    "transfer",
)


def component(kind, server, **values):
    """A component that is ready to send one mail to *server*."""
    values = {
        "mail_server": "127.0.0.1",
        "mail_port": server.port,
        "from_": SENDER.address,
        "send_to": ALICE.address,
        "subject": "Zoë",
        "message_text": TEXT,
        "timeout": 20,
        **values,
    }
    return kind(**values)


def smtp(server, **values):
    return component(SMTP, server, **values)


def psmtp(server, **values):
    return component(PSMTP, server, **values)


class Ears:
    """Everything that a component tells, by the handler that it was told to."""

    def __init__(self, mailer, *names):
        self.heard = {name: [] for name in names or EVENTS}
        for name, events in self.heard.items():
            setattr(mailer, f"on_{name}", events.append)

    def __getattr__(self, name):
        return self.heard[name]


@contextmanager
def failing(number, kind=GpgmailError):
    """The block fails with the code of this number."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code.number == number, caught.value


def parsed(mail):
    """A received mail as the standard library reads it."""
    return message_from_bytes(mail.data, policy=policy.default)


def text_of(mail):
    """The text of a received mail with its transfer encoding undone."""
    return parsed(mail).get_body().get_content()
