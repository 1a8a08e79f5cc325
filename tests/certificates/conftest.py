"""Stores that every test of the room reads and none changes."""

from __future__ import annotations

import pytest

from tests.certificates.stores_of import fill


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A directory with a store of every format that openssl writes."""
    return fill(tmp_path_factory.mktemp("stores"))
