"""Homes, and servers that count who comes."""

from __future__ import annotations

import pytest

from gpgmail.testing import Sink
from tests.crypto.helpers import Gpg
from tests.servers.hostile import Hostile
from tests.support.keyrings import keyring_copy


@pytest.fixture(scope="session")
def sender():
    """The sender's home: his own key, alice and bob who are valid, carol who is not."""
    with keyring_copy("modern") as path:
        yield Gpg(path)


@pytest.fixture(scope="session")
def readers():
    """The other side: the secret keys of alice, bob and carol, and the sender's public key."""
    with keyring_copy("recipients-home") as path:
        yield Gpg(path)


@pytest.fixture
def sink():
    """A server that keeps what it receives."""
    with Sink() as server:
        yield server


@pytest.fixture
def nobody_comes():
    """A server that nothing must connect to: the test fails if something does."""
    with Hostile() as server:
        yield server
        server.close()
        assert server.connections == []
