"""The axes of the matrix: kinds of keys, kinds of keyrings, and what is not to be had of either.

Keys are those of fixtures/keyrings, or made where only a newer gpg makes them; keyrings are made of
their exports by bare gpg.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crypto.helpers import Gpg
from tests.support.keyrings import fixture_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.gpg.binary import Version

SIGN, ENCRYPT = "signing", "encryption"
_SINCE_448: Version = (2, 3, 0)
_SINCE_KEYBOXD: Version = (2, 4, 1)


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A row of the first table: a key of a situation, and which of the two uses it lacks."""

    row: str
    situation: str = "every-kind"
    name: str = ""
    lacks: str = ""
    since: Version = (2, 1, 0)

    @property
    def key(self) -> KeyFacts:
        """Fingerprint and address."""
        if self.situation == MADE:
            raise LookupError(self.row)
        found = fixture_key(self.situation, self.name or self.row)
        return KeyFacts(found.fingerprint, found.address)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """How a key is named."""

    fingerprint: str
    address: str


MADE = "made by the test"
KINDS = (
    *(KeyKind(f"RSA {bits}", name=f"rsa{bits}") for bits in (1024, 2048, 3072, 4096)),
    *(KeyKind(f"DSA/ElGamal {bits}", name=f"dsa{bits}") for bits in (1024, 2048)),
    *(KeyKind(f"ECDSA/ECDH P-{bits}", name=f"nistp{bits}") for bits in (256, 384, 521)),
    KeyKind("ECDSA/ECDH secp256k1", name="secp256k1"),
    *(
        KeyKind(f"ECDSA/ECDH brainpool P{bits}r1", name=f"brainpoolP{bits}r1")
        for bits in (256, 384, 512)
    ),
    KeyKind("Ed25519/Cv25519", name="ed25519"),
    KeyKind("Ed448/Cv448", MADE, "ed448", since=_SINCE_448),
    KeyKind("signs only", "no-encryption", "signonly", lacks=ENCRYPT),
    KeyKind("encryption subkey without a secret one to sign", "decrypt-only", "reader", lacks=SIGN),
    KeyKind("signing subkey", "signing-subkey", "subsigner"),
    KeyKind("several subkeys of each use", "several-subkeys", "choices"),
    KeyKind("primary key offline", "offline-primary", "subsigner"),
)


@dataclass(frozen=True, slots=True)
class KeyringKind:
    """A row of the second table: how a keyring of that kind is made of a key in a home."""

    row: str
    make: Callable[[Gpg, str, Path], Path | bytes]
    secret: bool = True
    since: Version = (2, 1, 0)


def _exports(gpg: Gpg, fingerprint: str, *options: str, secret: bool) -> bytes:
    command = "--export-secret-keys" if secret else "--export"
    return gpg("--pinentry-mode", "loopback", "--passphrase", "", *options, command, fingerprint)


def _legacy(gpg: Gpg, fingerprint: str, place: Path) -> Path:
    (place / "pubring.gpg").write_bytes(_exports(gpg, fingerprint, secret=False))
    (place / "secring.gpg").write_bytes(_exports(gpg, fingerprint, secret=True))
    return place


def _file(gpg: Gpg, fingerprint: str, place: Path, *, name: str, options: tuple[str, ...]) -> Path:
    (place / name).write_bytes(_exports(gpg, fingerprint, *options, secret=True))
    return place / name


def _bytes(gpg: Gpg, fingerprint: str, _: Path) -> bytes:
    return _exports(gpg, fingerprint, secret=True)


def _keybox(gpg: Gpg, _: str, place: Path) -> Path:
    return Path(shutil.copyfile(gpg.home / "pubring.kbx", place / "public.kbx"))


def _home(gpg: Gpg, fingerprint: str, place: Path) -> Path:
    Gpg(place)("--import", stdin=_exports(gpg, fingerprint, secret=True))
    return place


def _keyboxd(gpg: Gpg, fingerprint: str, place: Path) -> Path:
    (place / "common.conf").write_text("use-keyboxd\n")
    return _home(gpg, fingerprint, place)


KEYRINGS = (
    KeyringKind("home", _home),
    KeyringKind("home with keyboxd", _keyboxd, since=_SINCE_KEYBOXD),
    KeyringKind("legacy directory", _legacy),
    KeyringKind("armored file", partial(_file, name="key.asc", options=("--armor",))),
    KeyringKind("binary file", partial(_file, name="key.gpg", options=())),
    KeyringKind("bytes", _bytes),
    KeyringKind("keybox file", _keybox, secret=False),
)
IN_KEYRINGS = tuple(kind for kind in KINDS if kind.name in {"rsa2048", "ed25519"})


def make_448(gpg: Gpg) -> KeyFacts:
    """Make the key that only gpg 2.3 and newer make."""
    words = ("ed448 <ed448@example.org>", "ed448", "sign", "never")
    options = ("--compliance", "gnupg", "--passphrase", "")  # Debian's gpg makes none otherwise
    made = gpg.status(*options, "--quick-generate-key", *words)
    fingerprint = re.search(r"KEY_CREATED \w ([0-9A-F]+)", made)[1]  # of a version 5 key: longer
    gpg(*options, "--quick-add-key", fingerprint, "cv448", "encr", "never")
    return KeyFacts(fingerprint, "ed448@example.org")


def key_ids(status: str) -> list[str]:
    """The key ids that a message is encrypted to, in gpg's words."""
    return re.findall(r"ENC_TO ([0-9A-F]{16})", status)
