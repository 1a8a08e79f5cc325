from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gpgmail.core.errors import MessageError
from gpgmail.message.storage import IN_MEMORY, Spooled

OPEN_FILES = Path("/proc/self/fd")


def opened():
    """The files of this process that have no name any more."""
    found = (Path(entry) for entry in OPEN_FILES.iterdir())
    targets = [(entry, str(entry.readlink())) for entry in found if entry.is_symlink()]
    return [entry for entry, target in targets if target.endswith("(deleted)")]


def spooled(*pieces):
    spool = Spooled()
    for piece in pieces:
        spool.write(piece)
    return spool


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"",),
        (b"one", b"two"),
        (b"x" * IN_MEMORY,),
        (b"x" * IN_MEMORY, b"y"),
        (b"a", os.urandom(3 * IN_MEMORY), b"z"),
    ],
)
def test_what_was_written_is_read_as_often_as_wanted(pieces):
    with spooled(*pieces) as spool:
        for _ in range(2):
            assert b"".join(spool.chunks()) == b"".join(pieces)
        assert spool.size == sum(map(len, pieces))
        assert spool.reader().read() == b"".join(pieces)


def test_readers_side_by_side_do_not_disturb_one_another():
    data = os.urandom(2 * IN_MEMORY)
    with spooled(data) as spool:
        pairs = list(zip(spool.chunks(), spool.chunks(), strict=True))
    assert b"".join(one for one, _ in pairs) == data
    assert all(one == two for one, two in pairs)


def test_little_stays_in_memory_and_much_in_a_file_without_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(opened())
    with spooled(b"x" * IN_MEMORY) as spool:
        assert set(opened()) == before
        spool.write(b"y")
        (file,) = set(opened()) - before
        assert file.readlink().is_relative_to(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == []
    assert set(opened()) == before


def test_a_full_disk_is_an_error_that_says_so():
    """A process that may write no file beyond 400 kB stands in for a full disk."""
    code = (
        "import resource, signal\n"
        "from gpgmail.core.errors import MessageError\n"
        "from gpgmail.message.storage import Spooled\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "spool = Spooled()\n"
        "try:\n"
        "    for _ in range(100): spool.write(b'x' * 50_000)\n"
        "except MessageError as error: print(error.code.name, spool.size, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    name, size, *text = done.stdout.split()
    assert (name, size) == ("NO_SPACE", "0")
    assert "TMPDIR" in " ".join(text)


def test_no_place_for_a_working_file_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(MessageError) as caught:
        spooled(b"x" * (IN_MEMORY + 1))
    assert caught.value.code.name == "NO_SPACE"
