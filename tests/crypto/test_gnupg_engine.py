"""What only the gnupg engine can be held to: what it starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto.engine import SignatureMode
from gpgmail.gpg import process
from tests.crypto.helpers import ALICE, BOB, SENDER, TEXT, encrypt, job, sign


@pytest.fixture
def started(monkeypatch):
    """Every command line that is started."""
    lines = []
    real = subprocess.Popen

    def popen(arguments, **options):
        lines.append(list(arguments))
        return real(arguments, **options)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    return lines


def test_every_operation_is_one_process(gnupg, modern, recipients, empty, started):
    work = job(modern, signers=(SENDER,), recipients=(ALICE, BOB))
    reading, run = job(recipients), Run(timeout=30)
    message = encrypt(gnupg, work)[1]
    signature = sign(gnupg, work)[1]
    clear = sign(gnupg, work, SignatureMode.CLEARTEXT)[1]
    gnupg.encrypt(job(empty, symmetric=Secret("abcd")), [TEXT], bytes, run)
    assert len(started) == 4
    gnupg.decrypt(reading, [message], bytes, run)
    gnupg.verify(reading, [TEXT], signature, run)
    gnupg.verify_inline(reading, [clear], bytes, run)
    assert len(started) == 7
    assert all(Path(line[0]).name == "gpg" for line in started)


def test_what_is_passed_to_gpg(gnupg, modern, started):
    hidden = type(BOB)(BOB.fingerprint, BOB.subkey, hidden=True)
    encrypt(gnupg, job(modern, signers=(SENDER,), recipients=(ALICE, hidden)))
    (line,) = started
    for option, value in (
        ("-u", f"{SENDER.subkey}!"),
        ("--recipient", f"{ALICE.subkey}!"),
        ("--hidden-recipient", f"{BOB.subkey}!"),
    ):
        assert line[line.index(option) + 1] == value
    assert not [word for word in line if "default-key" in word or "@" in word]
