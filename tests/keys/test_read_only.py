"""The promise: what is done with a keyring changes nothing in it and nothing beside it.

A legacy directory or a file is the same byte for byte, with the same names around it, modes and
dates. In a modern home gpg's own files may change, of which this is the whole list: its random
seed, its trust database, locks and sockets. A table of kinds of keyrings by operations, then the
same where operations end in the middle or the disk is full.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from gpgmail.core.errors import GpgmailError
from gpgmail.gpg import owned
from tests.support.commands import environment
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy
from tests.support.operations import EVERYTHING
from tests.support.places import ROOT, needs_mounts, operate

GPGS_OWN = re.compile(
    r"random_seed|trustdb\.gpg|S\.(gpg-agent|scdaemon|dirmngr|keyboxd)[.\w]*|\.#lk.*|.*\.lock"
)


@dataclass(frozen=True)
class Kind:
    """A keyring as a situation of the fixtures has it, and what there is in it to work with."""

    situation: str
    key: str
    file: str = ""
    cannot: frozenset[str] = frozenset()

    @property
    def who(self):
        return fixture_key(self.situation, self.key)

    def __str__(self):
        return f"{self.situation}/{self.file}".rstrip("/")


INTEROP = pytest.mark.interop
SECRET = frozenset({"selected", "signed", "decrypted", "verified", "exported", "both"})
KINDS = [
    Kind("own-key", "sender"),
    Kind("protected", "locked"),
    Kind("signing-subkey", "subsigner"),
    Kind("upgraded", "vault"),
    Kind("upgraded-kbx", "vault"),
    Kind("legacy", "vault"),
    Kind("legacy-secret", "legacy", cannot=frozenset({"selected"})),  # no trust is known
    Kind("legacy-public", "legacy", cannot=SECRET),
    Kind("legacy", "vault", "secring.gpg"),
    Kind("legacy", "vault", "pubring.gpg", cannot=SECRET),
    Kind("exports", "sender", "public.asc", cannot=SECRET),
    Kind("exports", "sender", "public.gpg", cannot=SECRET),
    Kind("exports", "sender", "public.kbx", cannot=SECRET),
    Kind("exports", "sender", "secret.asc"),
    Kind("exports-protected", "locked", "secret.gpg"),
]


def is_home(directory):
    return (directory / "private-keys-v1.d").is_dir()


def state(directory):
    """Everything in a directory but what is gpg's own in a home: content, mode and date.

    What is gpg's own is not even looked at: a lock may be gone by then.
    """
    home = is_home(directory)
    named = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*")}
    kept = {name: path for name, path in named.items() if not (home and GPGS_OWN.fullmatch(name))}
    return {name: _seen(path, home) for name, path in {".": directory, **kept}.items()}


def _seen(path, home):
    found = path.lstat()
    content = path.read_bytes() if path.is_file() else None
    # Sockets come and go in a home: the directory's own date is that of gpg's files.
    when = found.st_mtime_ns if path.is_file() or not home else 0
    return content, found.st_mode, found.st_ino, when


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_nothing_changes(kind):
    with keyring_copy(kind.situation) as directory:
        before = state(directory)
        for operation in EVERYTHING:
            name = operation.__name__
            try:
                operation(directory / kind.file, kind.who.address, passphrase=kind.who.passphrase)
            except GpgmailError:
                assert name in kind.cannot
            else:
                assert name not in kind.cannot
            assert state(directory) == before, name


def test_nor_a_key_that_was_imported_and_never_used():
    """The user's agent would write its file anew when it first opens it, so ours is taken."""
    key = fixture_key("exports", "sender")
    with empty_home() as home:
        for order, data in (
            ("--import", (KEYRINGS / "exports" / "secret.gpg").read_bytes()),
            ("--import-ownertrust", f"{key.fingerprint}:6:\n".encode()),
        ):
            gpg = ["gpg", "--homedir", home, "--batch", order]
            subprocess.run(gpg, input=data, check=True, capture_output=True)
        files = list((home / "private-keys-v1.d").iterdir())
        assert all(b"openpgp-native" in path.read_bytes() for path in files)
        before = state(home)
        for operation in EVERYTHING:
            operation(home, key.address)
            assert state(home) == before, operation.__name__


def test_the_comparison_sees_a_change():
    with keyring_copy("own-key") as home, keyring_copy("legacy") as legacy:
        for directory, name in ((home, "pubring.kbx"), (legacy, "trustdb.gpg")):
            before = state(directory)
            (directory / "S.gpg-agent").touch()
            assert (state(directory) == before) == (directory is home)
            (directory / "S.gpg-agent").unlink()
            os.utime(directory / name)
            assert state(directory) != before
        before = state(home)
        next((home / "private-keys-v1.d").iterdir()).chmod(0o640)
        assert state(home) != before


def operating(place, kind, *names):
    """A process that does operations."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.operations", place, kind.who.address, *names],
        env=environment(
            PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]),
            TEST_PASSPHRASE=kind.who.passphrase or "",
        ),
        stdout=subprocess.PIPE,
        text=True,
    )


BY_HALF = [KINDS[5], KINDS[3], *(pytest.param(one, marks=INTEROP) for one in (KINDS[0], KINDS[-2]))]


@pytest.mark.parametrize("kind", BY_HALF, ids=str)
def test_nor_where_it_is_killed_in_the_middle(kind):
    """Killed 10 to 130 ms into its work, at four places; what is left is swept by the next."""
    with keyring_copy(kind.situation) as directory:
        before = state(directory)
        for moment in range(4):
            with operating(directory / kind.file, kind, "encrypted", "both", "both") as process:
                process.stdout.readline()  # warm, so that the moments are those of an operation
                time.sleep(0.01 + moment * 0.04)
                process.kill()
            assert state(directory) == before
        owned.sweep()
        time.sleep(0.1)  # gpg, which ends when nobody hears it any more
        assert state(directory) == before
        with operating(directory / kind.file, kind, "both") as process:
            assert process.stdout.read() == "both ok\n"
        assert state(directory) == before
        owned.sweep()


@needs_mounts
@pytest.mark.parametrize("size", [4, 16, 24, 48])
@pytest.mark.parametrize("kind", [KINDS[5], KINDS[-1]], ids=str)
def test_nor_where_there_is_no_space_to_prepare_keys(kind, size):
    """The error is that of the full disk, not of the keyring that is sound."""
    with keyring_copy(kind.situation) as directory, empty_home() as runtime:
        full = f"mount -t tmpfs -o mode=700,size={size}k none {runtime}"
        before = state(directory)
        got = operate(
            directory / kind.file,
            kind.who.address,
            *("encrypted", "selected", "both"),
            mounts=full,
            XDG_RUNTIME_DIR=str(runtime),
            TEST_PASSPHRASE=kind.who.passphrase or "",
        )
        assert state(directory) == before
    refused = [outcome for outcome in got.values() if outcome != "ok"]
    for outcome in refused:
        assert outcome.startswith("MessageError ")
        assert "no space left" in outcome.lower()
        assert str(runtime) in outcome
    assert refused or size == 48
