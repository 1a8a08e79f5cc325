"""Fixture keyrings for tests: a copy to work on, and what the manifest says of it.

Here belongs reading `fixtures/keyrings/`; making it is the task of the script that stands there.
Tests name situations and keys, never a fingerprint. gpg writes even where it only reads, so a test
gets a copy: on a short path (an agent's socket must stay under 108 bytes), modes as gpg wants them,
its agent ended and everything removed at the end.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.leftovers import fast_place, home_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYRINGS = Path(__file__).resolve().parents[2] / "fixtures" / "keyrings"


@dataclass(frozen=True, slots=True)
class UserId:
    """A user id and the validity that gpg computes for it in this situation."""

    uid: str
    validity: str

    @property
    def address(self) -> str:
        """What stands between the angle brackets."""
        return self.uid.partition("<")[2].removesuffix(">")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A primary key or subkey; times are seconds since 1970, `expires` is None for never.

    `state` is usable, expired, revoked or disabled; `secret` is present, missing (a stub) or none.
    """

    fingerprint: str
    keygrip: str
    algorithm: str
    capabilities: str
    created: int
    expires: int | None
    state: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureKey(Part):
    """A key by its name in the manifest; `passphrase` is None for an unprotected one."""

    name: str
    passphrase: str | None
    ownertrust: str
    uids: tuple[UserId, ...]
    subkeys: tuple[Part, ...]

    @property
    def address(self) -> str:
        """The address of the first user id that gpg lists."""
        return self.uids[0].address

    @property
    def parts(self) -> tuple[Part, ...]:
        """The primary key and its subkeys."""
        return self, *self.subkeys


@dataclass(frozen=True, slots=True)
class Situation:
    """A directory of `fixtures/keyrings/`: kind is home, legacy, files or damaged."""

    name: str
    kind: str
    purpose: str
    files: tuple[str, ...]
    keys: Mapping[str, FixtureKey]

    @property
    def path(self) -> Path:
        """The fixture itself: to be read as a file, not to be used by gpg."""
        return KEYRINGS / self.name


@cache
def situations() -> Mapping[str, Situation]:
    """Every situation of the manifest by name."""
    manifest = json.loads((KEYRINGS / "manifest.json").read_text("utf8"))
    return {name: _situation(name, facts) for name, facts in manifest.items()}


def _situation(name: str, facts: dict[str, Any]) -> Situation:
    keys = {key_name: _key(key_name, key) for key_name, key in facts["keys"].items()}
    return Situation(name, facts["kind"], facts["purpose"], tuple(facts["files"]), keys)


def _key(name: str, facts: dict[str, Any]) -> FixtureKey:
    uids = tuple(UserId(**uid) for uid in facts["uids"])
    subkeys = tuple(Part(**part) for part in facts["subkeys"])
    return FixtureKey(name=name, **facts | {"uids": uids, "subkeys": subkeys})


def fixture_key(situation: str, name: str) -> FixtureKey:
    """One key of a situation."""
    return situations()[situation].keys[name]


@contextmanager
def keyring_copy(name: str) -> Iterator[Path]:
    """A copy of a situation's directory, modes 0700 and 0600, that ends with the block."""
    with empty_home() as path:
        shutil.copytree(KEYRINGS / name, path, dirs_exist_ok=True, copy_function=shutil.copyfile)
        for entry in (path, *path.rglob("*")):
            entry.chmod(0o700 if entry.is_dir() else 0o600)
        yield path


@contextmanager
def empty_home() -> Iterator[Path]:
    """An empty directory fit to be a home, whose agent ends with the block."""
    path = Path(tempfile.mkdtemp(prefix=home_prefix(), dir=fast_place()))
    try:
        yield path
    finally:
        for order in (("--kill", "all"), ("--remove-socketdir",)):
            subprocess.run(["gpgconf", "--homedir", path, *order], check=False, capture_output=True)
        _remove(path)


def _remove(path: Path) -> None:
    # An agent that was told to end takes its sockets away meanwhile, which rmtree may trip over.
    for _ in range(100):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.02)
    raise OSError(f"{path} cannot be removed: something still writes there")
