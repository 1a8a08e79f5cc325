"""Fixtures of the end-to-end tests: the real servers and readers, homes, and each face."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache

import pytest

from tests.e2e.faces import FACES
from tests.servers.fixtures import certificates, notmuch, postfix, postfix_server
from tests.servers.hostile import Hostile
from tests.support.installed import machine, wheel
from tests.support.keyrings import keyring_copy

__all__ = ["certificates", "machine", "notmuch", "postfix", "postfix_server", "wheel"]


@pytest.fixture(params=sorted(FACES))
def face(request):
    """Each face in turn: `face(job)` answers with a report."""
    return FACES[request.param]


@pytest.fixture(scope="session")
def place():
    """`place(situation)`: a copy of that fixture keyring, one for the whole run."""
    with ExitStack() as copies:
        yield cache(lambda situation: copies.enter_context(keyring_copy(situation)))


@pytest.fixture
def server():
    """A server that takes everything; what came to it is in `connections`."""
    with Hostile() as server:
        yield server


@pytest.fixture
def ca_file(certificates, tmp_path):
    """The authority of the good certificates, as a file."""
    return str(certificates.write_authority(tmp_path / "ca.pem"))
