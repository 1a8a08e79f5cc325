"""RNP, which Thunderbird reads mail with."""

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

_GOOD = re.compile(rb"^Good signature .*\nusing \S+ key ([0-9a-f]{16})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rnp:
    """rnp 0.16, the one of Debian 12."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        with tempfile.TemporaryDirectory(prefix="gm-") as directory:
            return read_with(_Run(passphrase, keyring(circle), Path(directory)), mail, circle)


def keyring(circle: Circle) -> Path:
    """A home for rnp with everybody's keys, beside the exports that it is made of."""
    home = circle.files / "rnp"
    if not home.exists():
        home.mkdir()
        for path in (*circle.publics, *circle.secrets):
            run("rnpkeys", "--homedir", home, "--import-keys", path)
    return home


@dataclass(frozen=True, slots=True)
class _Run:
    passphrase: str
    home: Path
    directory: Path

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        source, file = self.directory / "source", self.directory / "source.sig"
        source.write_bytes(data)
        file.write_bytes(signature)
        return self._answer("--verify", file, "--source", source, data=b"").signers

    def signed(self, message: bytes) -> Opened:
        return self._answer("--verify", "-", "--output", "-", data=message)

    def decrypt(self, message: bytes) -> Opened:
        password = ("--password", self.passphrase) if self.passphrase else ()
        opened = self._answer("--decrypt", "-", "--output", "-", *password, data=message)
        return Opened(opened.content, opened.signers, decrypted=True)

    def _answer(self, *arguments: str | Path, data: bytes) -> Opened:
        done = run("rnp", "--homedir", self.home, "--notty", *arguments, data=data)
        if done.returncode:
            raise CannotReadError(f"rnp: {done.stderr.decode(errors='replace')[:500]}")
        return Opened(done.stdout, tuple(name.decode() for name in _GOOD.findall(done.stderr)))
