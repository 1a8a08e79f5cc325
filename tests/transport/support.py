"""What the tests of sessions share: one mail, one way to send it, and ears for the events."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest

from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.errors import GpgmailError
from gpgmail.core.events import Direction, PITrail
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.progress import told
from gpgmail.transport.session import Session

MAIL = b"Subject: one\r\n\r\n.dot\r\nend\r\n"
USER = "user@example.org"
PASSWORD = "s3cret-h0rse"
ENVELOPE = Envelope("a@example.org", (Recipient("b@example.org"), Recipient("c@example.org")))


class Ears:
    """Everything that a session tells."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def lines(self, *directions):
        wanted = directions or tuple(Direction)
        return [event.message for event in self.of(PITrail) if event.direction in wanted]


def options_for(server, host="127.0.0.1", **rows):
    return TransportOptions(mail_server=host, mail_port=server.port, **rows)


def secured(server, ca_file, **rows):
    """The options for a server with TLS, of the kind that it has."""
    mode = 1 if server.implicit_tls else 2
    return options_for(server, "localhost", ssl_start_mode=mode, openssl_ca_file=ca_file, **rows)


def exim_options(server, **rows):
    """The options for an Exim, whose authority is its own."""
    return options_for(
        server, "localhost", ssl_start_mode=2, openssl_ca_file=str(server.ca_file), **rows
    )


def postfix_options(server, face, **rows):
    """The options for a face of a Postfix, whose authority is its own."""
    given = {"ssl_start_mode": 2, "openssl_ca_file": str(server.ca_file), **rows}
    return TransportOptions(mail_server="localhost", mail_port=server.port(face), **given)


def login(**rows):
    return {"user": USER, "password": PASSWORD, **rows}


def send(options, *, run=None, content=MAIL, envelope=ENVELOPE, **arguments):
    """One mail over a connection of its own, with its progress told."""
    with Session.open(options, run or Run(timeout=5)) as session:
        chunks = told([content], arguments.get("size"), session.run)
        return session.deliver(envelope, chunks, **arguments)


@contextmanager
def failing(kind, number=None, within=15):
    """The block fails with this class and number; *within* leaves room for a busy machine."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        yield caught
    assert time.monotonic() - started < within
    assert isinstance(caught.value, GpgmailError)
    if number is not None:
        assert caught.value.code.number == number
