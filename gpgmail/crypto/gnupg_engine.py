"""The `gnupg` engine: gpg is started by ourselves (`gpg/runner.py`)."""

from __future__ import annotations

from gpgmail.crypto.operations import Operations
from gpgmail.gpg.runner import execute


class GnupgEngine(Operations):
    """Does the cryptography with the gpg binary."""

    name = "gnupg"

    def __init__(self) -> None:
        super().__init__(execute)
