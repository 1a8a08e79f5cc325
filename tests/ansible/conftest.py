"""Ansible with the keys of a fixture, and the servers that mails go to."""

from __future__ import annotations

import pytest

from tests.ansible.playbooks import Ansible
from tests.servers.fixtures import certificates, postfix, postfix_server
from tests.support.installed import machine, wheel
from tests.support.keyrings import keyring_copy

__all__ = ["certificates", "machine", "postfix", "postfix_server", "wheel"]


@pytest.fixture(scope="session")
def sender_home():
    """The home of who sends: alice and bob are valid there, carol is not."""
    with keyring_copy("modern") as path:
        yield path


@pytest.fixture(scope="session")
def readers_home():
    """The home of who reads."""
    with keyring_copy("recipients-home") as path:
        yield path


@pytest.fixture
def ansible(tmp_path, sender_home):
    """Programs of Ansible, with the sender's keys."""
    return Ansible(tmp_path, sender_home)
