"""Programs with the Stateless OpenPGP interface: sqop (Sequoia) and gosop (GopenPGP)."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.readers.mime import Opened, read_with
from tests.interop.running import run
from tests.interop.seen import CannotReadError, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.interop.circle import Circle


@dataclass(frozen=True, slots=True)
class Sop:
    """Such a program. A subcommand that it lacks is an error of its own, as any other failure."""

    program: str

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        with tempfile.TemporaryDirectory(prefix="gm-") as directory:
            return read_with(_Run(self.program, circle, passphrase, Path(directory)), mail, circle)


@dataclass(frozen=True, slots=True)
class _Run:
    program: str
    circle: Circle
    passphrase: str
    directory: Path

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        file = self._file("signature", signature)
        return self._signers(lambda key: self._answer("verify", file, key, data=data))

    def decrypt(self, message: bytes) -> Opened:
        if self.passphrase:
            password = self._file("password", self.passphrase.encode())
            plain = self._answer("decrypt", "--with-password", password, data=message)
            return Opened(plain, decrypted=True)
        # All at once would do; but gosop takes a second to read what it does not need.
        key, plain = self._decrypted(message)
        out = "--verifications-out" if self.program == "sqop" else "--verify-out"

        def verified(sender: Path) -> bytes:
            found = self._fresh()
            words = (out, found, "--verify-with", sender, "--", key)
            self._answer("decrypt", *words, data=message)
            return found.read_bytes()

        return Opened(plain, self._signers(verified), decrypted=True)

    def _decrypted(self, message: bytes) -> tuple[Path, bytes]:
        errors = []
        for key in self.circle.secrets:
            try:
                return key, self._answer("decrypt", "--", key, data=message)
            except CannotReadError as error:
                errors.append(str(error))
        raise CannotReadError(errors[-1])

    def signed(self, message: bytes) -> Opened:
        def verified(key: Path) -> bytes:
            return self._answer("inline-verify", key, data=message)

        signers = self._signers(verified)
        if not signers:
            raise CannotReadError(f"{self.program} inline-verify finds no signer")
        return Opened(verified(self.circle.files / f"{signers[0]}.pub"), signers)

    def _signers(self, verified: Callable[[Path], bytes]) -> tuple[str, ...]:
        """Those whose key alone verifies it: of several keys gosop names any."""
        signers = []
        for key in self.circle.publics:
            with suppress(CannotReadError):
                if verified(key):
                    signers.append(key.stem)
        return tuple(signers)

    def _fresh(self) -> Path:
        path = self.directory / "verifications"
        path.unlink(missing_ok=True)
        return path

    def _file(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path

    def _answer(self, *arguments: str | Path, data: bytes) -> bytes:
        done = run(self.program, *arguments, data=data)
        if done.returncode:
            words = (done.stderr or done.stdout).decode(errors="replace")
            raise CannotReadError(f"{self.program} {arguments[0]}: {words[:500]}")
        return done.stdout
