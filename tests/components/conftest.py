"""Fixtures for the tests of components: servers, and homes that end with the test."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gpgmail.components import Key
from gpgmail.testing.sinks import Sink
from tests.components.support import ALICE, SENDER, psmtp
from tests.servers.fixtures import notmuch
from tests.servers.readers import Gpg
from tests.support.keyrings import keyring_copy

__all__ = ["notmuch"]


@pytest.fixture(scope="session")
def sink_server():
    with Sink() as sink:
        yield sink


@pytest.fixture
def sink(sink_server):
    """An honest server that has received nothing yet."""
    sink_server.received.clear()
    return sink_server


@pytest.fixture
def home():
    """Makes a copy of a fixture keyring, by its name."""
    with ExitStack() as homes:
        yield lambda name: homes.enter_context(keyring_copy(name))


@pytest.fixture(scope="session")
def recipients():
    """The home in which alice, bob and carol read their mail."""
    with keyring_copy("recipients-home") as path:
        yield path


@pytest.fixture
def reader(recipients):
    """The gpg of the recipients."""
    return Gpg(recipients)


@pytest.fixture
def own(home):
    """A modern home: the sender's secret key, and public keys of alice, bob and carol."""
    return home("modern")


@pytest.fixture
def mailer(sink, own):
    """Signs as sender, encrypts to alice; nothing is done yet."""
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(own, SENDER.address))
        mailer.recipient_keys.append(Key(own, ALICE.address))
        yield mailer
