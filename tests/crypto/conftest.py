"""Homes for the engine's tests: copies of fixture keyrings, and gpg itself as the judge.

Nothing here goes through the code under test: `Gpg` runs the binary directly.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.keyrings import keyring_copy

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Gpg:
    """The gpg binary on a home, called directly."""

    home: Path

    def __call__(self, *arguments, stdin=b"", check=True):
        ran = subprocess.run(
            ["gpg", "--homedir", os.fspath(self.home), "--batch", "--no-tty", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert not check or ran.returncode == 0, ran.stderr.decode()
        return ran.stdout

    def status(self, *arguments, stdin=b""):
        """The status lines of a run that may fail."""
        ran = subprocess.run(
            ["gpg", "--homedir", self.home, "--batch", "--status-fd", "2", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return ran.stderr.decode()

    def packets(self, data):
        """What `--list-packets` prints, whatever gpg thinks of the data."""
        return self("--list-packets", "--list-only", stdin=data, check=False).decode()

    def recipients(self, data):
        """The key ids of the message's session key packets."""
        listed = re.compile(r"^:pubkey enc packet:.* keyid ([0-9A-F]{16})", re.MULTILINE)
        return tuple(listed.findall(self.packets(data)))


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
