"""The `gpgme` engine: gpg is started by libgpgme, through pygpgme (`gpg/contexts.py`)."""

from __future__ import annotations

from gpgmail.crypto.operations import Operations
from gpgmail.gpg.contexts import Contexts


class GpgmeEngine(Operations):
    """Does the cryptography with gpg by way of gpgme.

    Raises:
        UnsupportedError: If pygpgme is not installed.
    """

    name = "gpgme"

    def __init__(self) -> None:
        self._contexts = Contexts()
        super().__init__(self._contexts.execute)

    def close(self) -> None:
        """End the contexts; the next operation makes another."""
        self._contexts.close()
