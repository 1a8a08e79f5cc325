"""What the engine's tests share: gpg itself as the judge, keys of fixtures as a plan names them.

Nothing here goes through the code under test but the values that it takes.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import ChosenKey, Job, SignatureMode
from gpgmail.gpg.home import Home
from tests.support.keyrings import fixture_key

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = ("--trust-model", "always")
PLAIN = ("--compress-algo", "none")  # packets side by side, none swallowed by compression
TEXT = b"Gr\xc3\xbc\xc3\x9fe\r\n-- \r\nFrom here\r\n-----BEGIN PGP nothing\r\n\r\n"


@dataclass(frozen=True)
class Gpg:
    """The gpg binary on a home, called directly."""

    home: Path
    binary: str = "gpg"

    def run(self, *arguments, stdin=b""):
        """The finished process: stdout as bytes, status lines and messages in stderr."""
        return subprocess.run(
            [self.binary, "--homedir", os.fspath(self.home), "--batch", "--no-tty", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )

    def __call__(self, *arguments, stdin=b"", check=True):
        ran = self.run(*arguments, stdin=stdin)
        assert not check or ran.returncode == 0, ran.stderr.decode()
        return ran.stdout

    def status(self, *arguments, stdin=b""):
        """The status lines of a run that may fail."""
        return self.run("--status-fd", "2", *arguments, stdin=stdin).stderr.decode()

    def verify(self, data, signature, tmp_path):
        """The status lines of checking a detached signature."""
        (tmp_path / "data").write_bytes(data)
        (tmp_path / "data.sig").write_bytes(signature)
        return self.status("--verify", str(tmp_path / "data.sig"), str(tmp_path / "data"))

    def packets(self, data):
        """What `--list-packets` prints, whatever gpg thinks of the data."""
        return self("--list-packets", "--list-only", stdin=data, check=False).decode()

    def recipients(self, data):
        """The key ids of the message's session key packets."""
        listed = re.compile(r"^:pubkey enc packet:.* keyid ([0-9A-F]{16})", re.MULTILINE)
        return tuple(listed.findall(self.packets(data)))

    def new_key(self, algorithm, name, *, passphrase="", usage="sign", expires="never"):
        """Make a key and return its fingerprint; with *expires* in the past, made before that."""
        made = self.status(
            *("--pinentry-mode", "loopback", "--passphrase", passphrase, "--quick-generate-key"),
            *(f"{name} <{name}@example.org>", algorithm, usage, expires),
        )
        return re.search(r"KEY_CREATED \w ([0-9A-F]{40})", made)[1]


def signer(situation, name):
    """A key as the plan names it to sign with: the newest part that can sign."""
    key = fixture_key(situation, name)
    part = [part for part in key.parts if "s" in part.capabilities][-1]
    return ChosenKey(key.fingerprint, part.fingerprint, key.uids[0].uid)


def recipient(situation, name, *, hidden=False):
    """A key as the plan names it to encrypt to."""
    key = fixture_key(situation, name)
    part = next(part for part in key.parts if "e" in part.capabilities)
    return ChosenKey(key.fingerprint, part.fingerprint, key.uids[0].uid, hidden=hidden)


SENDER = signer("modern", "sender")
ALICE, BOB, CAROL = (recipient("modern", name) for name in ("alice", "bob", "carol"))


def job(gpg, **facts):
    """A job in the home of *gpg*."""
    return Job(home=Home(directory=gpg.home), **facts)


def knows(**values):
    """Passphrases by fingerprint, or under `any` for every key."""
    return Passphrases({"" if key == "any" else key: Secret(v) for key, v in values.items()})


def sign(engine, work, mode=SignatureMode.DETACHED, data=TEXT):
    pieces = []
    made = engine.sign(work, [data], pieces.append, mode, Run(timeout=30))
    return made, b"".join(pieces)


def encrypt(engine, work, data=TEXT):
    pieces = []
    made = engine.encrypt(work, [data], pieces.append, Run(timeout=30))
    return made, b"".join(pieces)


def decrypt(engine, work, data):
    pieces = []
    opened = engine.decrypt(work, [data], pieces.append, Run(timeout=30))
    return opened, b"".join(pieces)


def statuses(opened):
    return [seen.status for seen in opened.signatures]


def encrypted(gpg, *options, data=TEXT, to=(ALICE,)):
    words = [word for key in to for word in ("-r", key.exact)]
    return gpg(*ALWAYS, *words, *options, "--encrypt", stdin=data)
