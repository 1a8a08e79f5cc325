"""Homes for the engine's tests, and every engine that there is."""

from __future__ import annotations

import pytest

from gpgmail.crypto.engines import engine
from tests.crypto.helpers import Gpg
from tests.support.engines import EACH
from tests.support.keyrings import empty_home, keyring_copy


@pytest.fixture(params=EACH)
def crypto(request):
    """Each engine in turn: what uses this fixture is the contract that they all keep."""
    made = engine(request.param)
    yield made
    made.close()


@pytest.fixture
def gnupg():
    """The engine on the gpg binary, for what only it can do."""
    return engine("gnupg")


@pytest.fixture(scope="session")
def modern():
    """The sender's home: own key unprotected, alice, bob and carol to encrypt to."""
    with keyring_copy("modern") as path:
        yield Gpg(path)


@pytest.fixture(scope="session")
def recipients():
    """The other side: the secret keys of alice, bob and carol."""
    with keyring_copy("recipients-home") as path:
        yield Gpg(path)


@pytest.fixture(scope="session")
def empty():
    """A home without a key."""
    with empty_home() as path:
        yield Gpg(path)
