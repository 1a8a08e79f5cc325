"""Copies of a large mail: read once, one ciphertext on the disk, nothing in clear, memory flat."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpgmail.core.events import StartTransfer
from gpgmail.delivery.mailer import Mailer
from gpgmail.message.content import Attachment
from tests.delivery.helpers import ALICE, BOB, CAROL, draft
from tests.servers.readers import encrypted_part
from tests.support.commands import environment

MARK = b"this must never lie on a disk " * 32
MEBIBYTE = 1 << 20
PROGRAM = """
import sys
from gpgmail import Attachment, Draft, Mailer
home, url, attached = sys.argv[1:]
with Mailer(url, keyring=home, trust="always", timeout=120) as mailer:
    mailer.send(
        Draft(
            from_="sender@example.org", to="alice@example.org", subject="x", text="x",
            bcc=("bob@example.org", "carol@example.org"),
            attachments=(Attachment(source=attached),),
        ),
        sign=True, encrypt=True,
    )
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


def unnamed_files(directory):
    """The files that this process has open in a directory and that have no name."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith(str(directory)) and target.endswith("(deleted)"):
            yield entry


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc")
def test_one_ciphertext_is_kept_and_nothing_in_clear(sender, sink, readers, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = bytearray(os.urandom(2 * MEBIBYTE))
    for start in range(0, len(content), 65536):
        content[start : start + len(MARK)] = MARK
    sizes = []

    def look(_):
        kept = [entry.read_bytes() for entry in unnamed_files(tmp_path)]
        assert not any(MARK[:30] in one for one in kept)
        sizes.append(sum(map(len, kept)))

    with Mailer(sink.url, keyring=sender.home, trust="always") as mailer:
        mailer.on(StartTransfer, look)
        attached = (Attachment(source=bytes(content), name="a"),)
        mailer.send(draft(ALICE, bcc=(BOB, CAROL), attachments=attached), encrypt=True, sign=True)
    assert len(sizes) == 3
    assert max(sizes) < 4 * MEBIBYTE  # base64 within, and compressed: one copy, not three
    opened = {readers("--decrypt", stdin=encrypted_part(one.data)) for one in sink.received}
    assert len(opened) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.interop
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_memory_does_not_grow_with_the_mail(sender, sink, tmp_path):
    used = []
    for size in (1, 24):
        path = tmp_path / "attached"
        path.write_bytes(os.urandom(size * MEBIBYTE))
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, os.fspath(sender.home), sink.url, path],
            env=environment(),
            capture_output=True,
            check=True,
        )
        used.append(int(ran.stdout))
    small, large = used
    assert large - small < 8 * 1024  # KiB
    assert len(sink.received) == 6
