"""Sequoia's own program. It asks for a passphrase on a terminal only: sqop does that part."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.readers.mime import Opened, read_with
from tests.interop.running import run
from tests.interop.seen import CannotReadError, Seen

if TYPE_CHECKING:
    from tests.interop.circle import Circle

_GOOD = re.compile(rb"^Good signature from ([0-9A-F]{16,40})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sq:
    """sq 0.27, the one of Debian 12."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        if passphrase:
            raise CannotReadError("asks for a passphrase on a terminal only")
        with tempfile.TemporaryDirectory(prefix="gm-") as directory:
            return read_with(_Run(circle, Path(directory)), mail, circle)


@dataclass(frozen=True, slots=True)
class _Run:
    circle: Circle
    directory: Path

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        file = self.directory / "signature"
        file.write_bytes(signature)
        return self._answer("verify", "--detached", file, data=data).signers

    def signed(self, message: bytes) -> Opened:
        return self._answer("verify", data=message)

    def decrypt(self, message: bytes) -> Opened:
        keys = [word for path in self.circle.secrets for word in ("--recipient-key", path)]
        # With certificates it refuses a message without a signature, unless none is demanded.
        opened = self._answer("decrypt", "--signatures", "0", *keys, data=message)
        return Opened(opened.content, opened.signers, decrypted=True)

    def _answer(self, verb: str, *arguments: str | Path, data: bytes) -> Opened:
        senders = [word for path in self.circle.publics for word in ("--signer-cert", path)]
        done = run("sq", verb, *arguments, *senders, data=data)
        if done.returncode:
            raise CannotReadError(f"sq {verb}: {done.stderr.decode(errors='replace')[:500]}")
        return Opened(done.stdout, tuple(name.decode() for name in _GOOD.findall(done.stderr)))
