"""`ThrowawayHome`: a GNUPGHOME with fresh keys that leaves nothing behind, for tests and demos."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gpgmail.keys.keyring import Keyring
from gpgmail.testing.workshop import Bench

if TYPE_CHECKING:
    from gpgmail.core.run import Run


class ThrowawayHome(Bench):
    """A context manager: inside, `path` is a home of your own on a short path with mode 0700.

    It can be given wherever a path can. At the end its agent is stopped and the directory removed;
    after a crash the next one that is made sweeps it away.
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__(run=run)

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def keyring(self) -> Keyring:
        """Return the home as a keyring."""
        return Keyring.open(self.path)

    def gpg(self, *arguments: str, given: bytes | str = b"", at: str = "") -> bytes:
        """Run gpg in the home and return what it wrote; *at* is the time, now where it is empty.

        Raises:
            KeyringError: If it failed.
        """
        return super().gpg(*arguments, given=given, at=at)

    def make_key(
        self,
        user_id: str,
        *,
        passphrase: str = "",
        expires: str = "never",
        at: str = "",
    ) -> str:
        """Make a key that signs and encrypts, trust it, and return its fingerprint.

        It is ed25519 and cv25519, and unprotected without a *passphrase*. *expires* is as gpg takes
        it: `never`, `30d`, `2y`, or a time as `20301231T235959`. *at* is the time when it is made,
        in the same form, now where it is empty.

        Raises:
            KeyringError: If gpg makes no such key.
        """
        return self.new_key(user_id, passphrase=passphrase, expires=expires, at=at)
