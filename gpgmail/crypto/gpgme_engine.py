"""The `gpgme` engine: libgpgme, by pygpgme, starts the same gpg and does the same with it.

What is planned, what gpg is told and what is made of its answer is the `gnupg` engine's. A kept
context does an operation in little more than gpg's own time.
"""

from __future__ import annotations

from gpgmail.crypto.gnupg_engine import GnupgEngine
from gpgmail.gpg.contexts import Contexts


class GpgmeEngine(GnupgEngine):
    """Does the cryptography with gpg, by way of gpgme.

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
