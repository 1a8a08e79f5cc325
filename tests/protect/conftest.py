"""Homes for reading and making protected mails, and the readers that others wrote."""

from __future__ import annotations

import pytest

from gpgmail.protect.read import read
from tests.crypto.helpers import Gpg
from tests.servers.fixtures import notmuch
from tests.support.keyrings import keyring_copy

__all__ = ["notmuch"]


@pytest.fixture(scope="session")
def sender():
    """The sender's home: his own key, alice, bob and carol to encrypt to."""
    with keyring_copy("modern") as path:
        yield Gpg(path)


@pytest.fixture(scope="session")
def alice():
    """The reader's home: the secret keys of alice, bob and carol, and the sender's public key."""
    with keyring_copy("recipients-home") as path:
        yield Gpg(path)


@pytest.fixture(scope="session")
def opened(alice):
    """Reads a mail as alice."""

    def read_as_alice(data, **options):
        return read(data, keyring=alice.home, **options)

    return read_as_alice
