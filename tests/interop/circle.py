"""Who reads and writes with foreign programs: a gpg home, and its keys as the files that they want.

Programs other than gpg take keys as exported files. These stand beside the home and go with it.
All secret keys here are without a passphrase: how programs ask for one is not what is tested.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.keyrings import keyring_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FINGERPRINT, _USER_ID = 9, 9
_ADDRESS = re.compile(r"<([^<>]+)>$")
_PRIMARY = ("pub", "sec")


@dataclass(frozen=True, slots=True)
class Circle:
    """A home, and beside it `FINGERPRINT.pub` and `FINGERPRINT.sec` of each key, armored.

    `members` has the primary key's fingerprint for that of each primary key and subkey, `addresses`
    for each address.
    """

    home: Path
    files: Path
    members: Mapping[str, str]
    addresses: Mapping[str, str]

    @property
    def publics(self) -> list[Path]:
        """Every public key, a file each."""
        return sorted(self.files.glob("*.pub"))

    @property
    def secrets(self) -> list[Path]:
        """Every secret key, a file each."""
        return sorted(self.files.glob("*.sec"))

    def primary(self, name: str) -> str:
        """The primary key's fingerprint for a fingerprint or key id of any of its parts."""
        found = {own for part, own in self.members.items() if part.endswith(name.upper())}
        (fingerprint,) = found or {name.upper()}
        return fingerprint

    def public(self, *addresses: str) -> list[Path]:
        """The public keys of these addresses."""
        return [self.files / f"{self.addresses[address]}.pub" for address in addresses]

    def secret(self, address: str) -> Path:
        """The secret key of this address."""
        return self.files / f"{self.addresses[address]}.sec"


@contextmanager
def circle(situation: str, owner: str = "") -> Iterator[Circle]:
    """A copy of a fixture home with its exports, until the block ends.

    Only the secret key of the address *owner* is in it, where one is named.
    """
    with keyring_copy(situation) as home, tempfile.TemporaryDirectory(prefix="gm-") as files:
        members, addresses = _members(_gpg(home, "--with-colons", "--list-keys"))
        for fingerprint in sorted(set(members.values())):
            _export(home, Path(files, f"{fingerprint}.pub"), "--export", fingerprint)
        secrets, _ = _members(_gpg(home, "--with-colons", "--list-secret-keys"))
        for fingerprint in sorted(set(secrets.values())):
            if owner and fingerprint != addresses[owner]:
                _gpg(home, "--yes", "--delete-secret-keys", fingerprint)
                continue
            _export(home, Path(files, f"{fingerprint}.sec"), "--export-secret-keys", fingerprint)
        yield Circle(home, Path(files), members, addresses)


def _members(listing: bytes) -> tuple[dict[str, str], dict[str, str]]:
    members: dict[str, str] = {}
    addresses: dict[str, str] = {}
    primary = ""
    for fields in (line.split(":") for line in listing.decode().splitlines()):
        if fields[0] in _PRIMARY:
            primary = ""
        elif fields[0] == "fpr":
            primary = primary or fields[_FINGERPRINT]
            members[fields[_FINGERPRINT]] = primary
        elif fields[0] == "uid" and (found := _ADDRESS.search(fields[_USER_ID])):
            addresses.setdefault(found[1].lower(), primary)
    return members, addresses


def _export(home: Path, target: Path, *arguments: str) -> None:
    target.write_bytes(_gpg(home, "--armor", *arguments))


def _gpg(home: Path, *arguments: str) -> bytes:
    command: Sequence[str | Path] = ("gpg", "--batch", "--homedir", home, *arguments)
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
