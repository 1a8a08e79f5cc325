"""Large public rings of prepared homes, packed into keyboxes beside the work.

gpg reads a ring from its beginning at every start (10,000 keys: 30 ms), a keybox several times as
fast. GnuPG's own kbxutil packs one in a process of its own, while the first mails go out with the
ring; where it is absent or leaves something out, the ring goes on being used.
"""

from __future__ import annotations

import os
import struct
import subprocess
import time
from typing import TYPE_CHECKING, BinaryIO

from gpgmail.core.errors import GpgmailError
from gpgmail.gpg.binary import tool
from gpgmail.gpg.framing import KEYBOX_MAGIC

if TYPE_CHECKING:
    from pathlib import Path

_WORTH = 256 * 1024  # bytes of a ring; smaller ones are read in no time
# kbx/keybox-blob.c: a first blob of 32 bytes, type 1, version 1, flag "holds OpenPGP keys", magic,
# reserved, made, maintained. kbxutil writes the other blobs alone.
_FIRST_BLOB = struct.Struct(">IBBH4sIIIII")
_LIMIT = 60.0  # seconds; kbxutil reads what is no ring without end


class Packing:
    """A ring that is being packed; `settle` puts the keybox in its place once it is there."""

    def __init__(self, ring: Path, program: str) -> None:
        from gpgmail.gpg.keybox import HEADER  # most rings are small: loaded for large ones

        self._ring = ring
        self._made = ring.with_name("packing")
        self._until = time.monotonic() + _LIMIT
        with self._made.open("xb") as file:
            now = int(time.time())
            file.write(
                _FIRST_BLOB.pack(_FIRST_BLOB.size, HEADER, 1, 2, KEYBOX_MAGIC, 0, now, now, 0, 0)
            )
            file.flush()
            try:
                self._process = self._start(program, file)
            except OSError:
                self._made.unlink()
                raise

    def _start(self, program: str, file: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [program, "--import-openpgp", os.fspath(self._ring)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def settle(self) -> bool:
        """Return whether it is over, after the keybox was put in its place if it is whole.

        gpg takes the keybox from its next start on (it is asked for the file each time).
        """
        if self._process.poll() is None and time.monotonic() < self._until:
            return False
        if self._process.returncode == 0 and self._is_whole():
            self._made.replace(self._ring.with_suffix(".kbx"))
        else:
            self.stop()
            self._made.unlink(missing_ok=True)
        return True

    def stop(self) -> None:
        """End it, whether it is over or not."""
        self._process.kill()
        self._process.wait()

    def _is_whole(self) -> bool:
        """Whether every byte of the ring stands in a blob, and nothing else."""
        from gpgmail.gpg.framing import FramingError
        from gpgmail.gpg.keybox import HEADER, OPENPGP, blobs, mapped

        try:
            with mapped(self._made) as made:
                (first, _), *others = blobs(made)
        except FramingError:
            return False
        kinds = {kind for kind, _ in others}
        held = sum(length for _, length in others)
        return first == HEADER and kinds == {OPENPGP} and held == self._ring.stat().st_size


def start(directory: Path) -> Packing | None:
    """Begin to pack the ring of a prepared home, or return None where it is not worth it."""
    ring = directory / "pubring.gpg"
    try:
        if ring.is_symlink() or ring.stat().st_size < _WORTH:
            return None
        return Packing(ring, tool("kbxutil"))
    except (OSError, GpgmailError):
        return None
