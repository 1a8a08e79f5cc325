"""Which keys of a mail end soon: told once for each key, by an event, a status and the log.

A mail goes out all the same. Who watches keys instead of mails uses `gpgmail keys check`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gpgmail.core.events import KeyExpires

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.keys.key import Purpose

WARN_DAYS = 14
LOG = "gpgmail.keys"


class Endings:
    """Remembers what was told; *days* is how near an end must be, 0 for never."""

    def __init__(self, days: float = WARN_DAYS) -> None:
        self._days = timedelta(days=days)
        self._told: set[str] = set()

    def tell(self, keys: Iterable[ChosenKey], purpose: Purpose, run: Run) -> None:
        """Tell of those of *keys* that end soon and were not told of yet."""
        if not self._days:
            return
        soon = datetime.now(UTC) + self._days
        for key in keys:
            if key.ends is not None and key.ends <= soon and key.subkey not in self._told:
                self._told.add(key.subkey)
                _tell(KeyExpires(key.user_id, key.fingerprint, str(purpose), key.ends), run)


def _tell(event: KeyExpires, run: Run) -> None:
    from logging import getLogger  # for the few mails that have to be spoken of

    run.emit(event)
    run.status(str(event))
    getLogger(LOG).warning("%s", event)
