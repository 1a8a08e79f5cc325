"""A machine to try documentation on: a directory that stands for `/`, and a mail server.

What an example shows is run as it stands, but for this: `/etc`, `/opt`, `/usr/local`, `/usr/sbin`
and `/var` are below the directory, and `mail.example.org` is a server of ours, whose authority the
machine trusts.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import gpgmail
from gpgmail.testing import SmtpSink, ThrowawayHome
from tests.support.documents import programs
from tests.support.leftovers import MARK, home_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.testing.conversation import Received
    from tests.support.documents import Block

ALERTS, OPS = "alerts@example.org", "ops@example.org"
PASSWORD = "correct horse"
_MOVED = re.compile(r"(?<![\w.~$/{}-])/(?=(?:etc|opt|usr/local|usr/sbin|var)/)")
# What belongs to the whole machine: the real programs, on files of this one.
_WRAPPED = {
    "dpkg-divert": "--admindir {0}/var/lib/dpkg",
    "update-alternatives": "--altdir {0}/etc/alternatives "
    "--admindir {0}/var/lib/dpkg/alternatives --log {0}/var/lib/dpkg/log",
}
_DIRECTORIES = (
    *("etc", "home", "usr/local/bin", "usr/sbin", "var/spool"),
    *("etc/alternatives", "var/lib/dpkg/alternatives"),
)


@dataclass
class Host:
    """The machine; `environment` is that of a shell on it, `ops` has the key of who reads."""

    root: Path
    server: SmtpSink
    ops: ThrowawayHome
    environment: dict[str, str]
    seen: int = 0

    def shown(self, text: str) -> str:
        """Return a text as it means this machine."""
        there = text.replace("smtps://mail.example.org", self.server.url)
        return _MOVED.sub(f"{self.root}/", there)

    def path(self, shown: str) -> Path:
        """Return where a file is that is shown by an absolute path."""
        return Path(self.shown(shown))

    def run(self, block: Block, **more: str) -> subprocess.CompletedProcess[str]:
        """Run an example."""
        env = {**self.environment, **more}
        return replace(block, code=self.shown(block.code)).run(env, self.root)

    def write(self, shown: str, text: str, mode: int = 0o644) -> Path:
        """Write a file by the path that is shown for it."""
        path = self.path(shown)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.shown(text))
        path.chmod(mode)
        return path

    def received(self) -> list[Received]:
        """Return what arrived since the last time."""
        mails = list(self.server.mails[self.seen :])
        self.seen += len(mails)
        return mails

    def read(self) -> tuple[str, gpgmail.ReadMail]:
        """Return the one new mail to ops, signed and encrypted: its subject, and it opened."""
        (mail,) = self.received()
        assert (mail.recipients, mail.user) == ((OPS,), ALERTS)
        opened = gpgmail.read(mail.data, keyring=self.ops.path)
        assert opened.verdict.encrypted is gpgmail.Cover.WHOLE
        assert opened.verdict.signed is gpgmail.Cover.WHOLE
        return str(opened.message["Subject"]), opened


@contextmanager
def new_host() -> Iterator[Host]:
    """Make a machine with nothing on it but the commands, and the key of ops in HOME."""
    with (
        tempfile.TemporaryDirectory(prefix=home_prefix()) as directory,
        SmtpSink(tls="implicit", users={ALERTS: PASSWORD}) as server,
        ThrowawayHome() as ops,
    ):
        root = Path(directory)
        for name in _DIRECTORIES:
            (root / name).mkdir(parents=True, exist_ok=True)
        fingerprint = ops.make_key(f"Ops <{OPS}>")
        (root / "home/ops.asc").write_bytes(ops.gpg("--export", "--armor", OPS))
        environment = {
            "PATH": f"{_wrapped(root)}:{programs(root / 'usr/local/bin')}",
            "HOME": str(root / "home"),
            "LC_ALL": "C.UTF-8",
            "FINGERPRINT": fingerprint,
            "GPGMAIL_CONFIG": str(root / "etc/gpgmail/config.toml"),
            "SSL_CERT_FILE": str(server.ca_file),
            MARK: os.environ[MARK],
        }
        try:
            yield Host(root, server, ops, environment)
        finally:
            keys = root / "etc/gpgmail/keys"
            subprocess.run(["gpgconf", "--homedir", keys, "--kill", "all"], check=False)


def _wrapped(root: Path) -> Path:
    place = root / "wrapped"
    place.mkdir()
    for name, words in _WRAPPED.items():
        path = place / name
        real = f'"$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v {name})"'
        path.write_text(f'#!/bin/sh\nexec {real} {words.format(root)} "$@"\n')
        path.chmod(0o755)
    return place
