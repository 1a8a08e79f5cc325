"""Mails to send, and what arrived, as others read it."""

from __future__ import annotations

from email.message import EmailMessage

from gpgmail.message.draft import Draft
from tests.servers.readers import encrypted_part
from tests.support.keyrings import fixture_key

SENDER = "sender@example.org"
ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("alice", "bob", "carol"))


def draft(to=ALICE, *, text="The words.\n", sender=SENDER, **values):
    """A draft from the sender."""
    return Draft(from_=sender, to=to, subject="Grüße", text=text, **values)


def message(to=ALICE, *, sender=SENDER, **fields):
    """The same as a standard message."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, "Grüße"
    for name, value in fields.items():
        made[name] = value
    made.set_content("The words.\n")
    return made


def fingerprint(name, situation="modern"):
    return fixture_key(situation, name).fingerprint


def encryption_id(name, situation="modern"):
    """The key id that stands in a message encrypted to a key."""
    key = fixture_key(situation, name)
    return next(part for part in key.parts if "e" in part.capabilities).fingerprint[-16:]


def seen_by(sink, gpg):
    """For each mail that arrived: its envelope recipients and the key ids that it shows."""
    return {one.recipients: set(gpg.recipients(encrypted_part(one.data))) for one in sink.received}


def url(server):
    """The URL of a hostile server."""
    return f"smtp://{server.host}:{server.port}"
