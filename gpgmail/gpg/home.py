"""`Home`: a place in which gpg can be run, as a value.

Made from a user's directory by `own_home`, or by `prepared.py` for what gpg must not touch. Which
options follow from it is decided here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A GNUPGHOME, with the public keyrings to read beside its own.

    `prepared` homes are ours: gpg reads no configuration but `options_file` and takes no locks
    there. `keyrings` are binary exports, `pubring.gpg` or `.kbx` files that are only read.
    `check_trust` lets gpg bring its trust database up to date, for which it rewrites an old
    `pubring.gpg`.
    """

    directory: Path
    keyrings: tuple[Path, ...] = ()
    prepared: bool = False
    options_file: Path | None = None
    check_trust: bool = True

    def arguments(self) -> list[str]:
        """Return the gpg options that select this home."""
        options = ["--homedir", str(self.directory)]
        if self.options_file is not None:
            options += ["--options", str(self.options_file)]
        elif self.prepared:
            options.append("--no-options")
        if self.prepared:
            options.append("--lock-never")
        if not self.check_trust:
            options.append("--no-auto-check-trustdb")
        for keyring in self.keyrings:
            options += ["--keyring", str(keyring)]
        return options
