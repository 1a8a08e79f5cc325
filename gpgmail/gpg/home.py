"""`Home`: a place in which gpg can be run, as a value.

Made by `keys/keyring.py` from a user's directory, or by `prepared.py` for what gpg must not touch.
Which options follow from it is decided here and nowhere else.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path


class Home(NamedTuple):
    """A GNUPGHOME, with the public keyrings to read beside its own.

    `prepared` homes are ours: gpg reads no configuration but `options_file` and takes no locks
    there. `keyrings` are binary exports, `pubring.gpg` or `.kbx` files that are only read.
    `check_trust` lets gpg bring its trust database up to date, for which it rewrites an old
    `pubring.gpg`. Where the home is not `writable` neither that nor a lock can be had.
    """

    directory: Path
    keyrings: tuple[Path, ...] = ()
    prepared: bool = False
    options_file: Path | None = None
    check_trust: bool = True
    writable: bool = True

    def arguments(self) -> list[str]:
        """Return the gpg options that select this home."""
        options = ["--homedir", str(self.directory)]
        if self.options_file is not None:
            options += ["--options", str(self.options_file)]
        elif self.prepared:
            options.append("--no-options")
        if self.prepared or not self.writable:
            options.append("--lock-never")
        # Said either way: gpg.conf may forbid the check, and a key trusted since would not count.
        check = self.check_trust and self.writable
        options.append("--auto-check-trustdb" if check else "--no-auto-check-trustdb")
        for keyring in self.keyrings:
            options += ["--keyring", str(keyring)]
        return options


def open_to_read(path: Path) -> BinaryIO:
    """Open a file; a pipe that took its place gives nothing, where `open` would wait for ever."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def file_identity(path: Path) -> Hashable:
    """Return what changes whenever the content of a file may have, raising what `stat` does."""
    found = path.stat()
    # The time of change tells of content that came with its old date; an agent changes modes of
    # directories.
    changed = 0 if stat.S_ISDIR(found.st_mode) else found.st_ctime_ns
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, changed
