"""`Place`: a directory for the time of a with block; benches and copies of keyrings have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.gpg.owned import OwnedDirectory, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpgmail.core.run import Run


class Place:
    """A directory of mode 0700 on a short path; *owner* is who has it, for an error.

    Agents that run in it end with it. After a crash the next one sweeps it away.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._directory: OwnedDirectory | None = None

    @property
    def path(self) -> Path:
        """The directory.

        Raises:
            PolicyError: If there is none now.
        """
        if self._directory is None:
            raise Situation.POLICY.error("is used outside its with block", subject=self._owner)
        return self._directory.path

    def open(self, fill: Callable[[Path], None], run: Run) -> None:
        """Make it, with what *fill* writes there."""
        sweep()
        self._directory = OwnedDirectory(run)
        try:
            fill(self.path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove it; what is closed twice is closed."""
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.remove()
