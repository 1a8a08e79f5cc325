"""Fixtures for the tests of the transport room."""

from __future__ import annotations

import pytest

from tests.servers.fixtures import certificates, exim, postfix, postfix_server

__all__ = ["certificates", "exim", "postfix", "postfix_server"]


@pytest.fixture
def ca_file(certificates, tmp_path):
    """The authority of the good certificates, as a file."""
    return str(certificates.write_authority(tmp_path / "ca.pem"))
