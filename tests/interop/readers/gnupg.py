"""gpg itself, called directly: what the others are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.readers.mime import Opened, read_with
from tests.interop.seen import CannotReadError, Seen
from tests.servers.readers import Gpg, GpgVerdict

if TYPE_CHECKING:
    from tests.interop.circle import Circle


@dataclass(frozen=True, slots=True)
class GnuPG:
    """The machine's gpg in the circle's home."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        return read_with(_Run(Gpg(circle.home, passphrase or None)), mail, circle)


@dataclass(frozen=True, slots=True)
class _Run:
    gpg: Gpg

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        return _signers(self.gpg.verify(data, signature))

    def decrypt(self, message: bytes) -> Opened:
        verdict = self.gpg.read(message)
        if not verdict.decrypted:
            raise CannotReadError("\n".join(verdict.status))
        return Opened(verdict.content, _signers(verdict), decrypted=True)

    def signed(self, message: bytes) -> Opened:
        verdict = self.gpg.read(message)
        return Opened(verdict.content, _signers(verdict))


def _signers(verdict: GpgVerdict) -> tuple[str, ...]:
    if set(verdict.signature.split()) - {"good"}:
        raise CannotReadError(f"signatures are {verdict.signature}")
    return tuple(verdict.signing_key.split())
