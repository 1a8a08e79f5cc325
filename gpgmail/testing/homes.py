"""`ThrowawayHome`: a GNUPGHOME with fresh keys that leaves nothing behind, for tests and demos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.home import Home
from gpgmail.gpg.owned import OwnedDirectory, sweep
from gpgmail.gpg.prepared import AGENT_OPTIONS
from gpgmail.gpg.runner import execute
from gpgmail.gpg.status import select
from gpgmail.keys.keyring import Keyring

if TYPE_CHECKING:
    from pathlib import Path

_ALGORITHMS = ("ed25519", "cv25519")  # to sign, to encrypt: fast to make


class ThrowawayHome:
    """A context manager: inside, `path` is a home of your own on a short path with mode 0700.

    At the end its agent is stopped and the directory removed; after a crash the next one that is
    made sweeps it away.
    """

    def __init__(self, run: Run | None = None) -> None:
        self._run = run or Run()
        self._directory: OwnedDirectory | None = None

    @property
    def path(self) -> Path:
        """The directory."""
        if self._directory is None:
            raise Situation.POLICY.error("is used outside its with block", subject="ThrowawayHome")
        return self._directory.path

    def __enter__(self) -> Self:
        sweep()
        self._directory = OwnedDirectory(self._run)
        try:
            (self.path / "gpg-agent.conf").write_text(AGENT_OPTIONS, encoding="ascii")
            (self.path / "private-keys-v1.d").mkdir(mode=0o700)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.remove()

    def keyring(self) -> Keyring:
        """Return the home as a keyring."""
        return Keyring.open(self.path)

    def make_key(self, user_id: str) -> str:
        """Make an unprotected key that signs and encrypts, trust it, and return its fingerprint."""
        primary, subkey = _ALGORITHMS
        empty = ("--passphrase", "")  # says that there is no passphrase, so it is no secret
        fingerprint = self._gpg(*empty, "--quick-gen-key", user_id, primary, "sign", "never")
        self._gpg(*empty, "--quick-add-key", fingerprint, subkey, "encr", "never")
        return fingerprint

    def _gpg(self, *arguments: str) -> str:
        home = Home(directory=self.path)
        command = ("--pinentry-mode", "loopback", *arguments)
        result = execute(home, command, run=self._run)
        made = next(select(result.status, "KEY_CREATED"), None)
        if not result.ok or made is None:
            raise Situation.KEY_CREATE.error("gpg made no key", subject=arguments[-4])
        return made.get("fingerprint")
