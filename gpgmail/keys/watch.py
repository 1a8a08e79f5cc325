"""Until when a key can serve, and how near that is: what monitoring and a warning go by.

Pure: a key that was chosen is a fact, and the limits are the caller's. When a user id ends gpg
does not list, so that only the key and its subkeys count.
"""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.keys.key import Purpose, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gpgmail.core.errors import GpgmailError
    from gpgmail.keys.key import Key
    from gpgmail.keys.selection import Selection

WARN_DAYS = 30
CRITICAL_DAYS = 7
_DAY = timedelta(days=1)


class Level(IntEnum):
    """How bad it is, in the numbers of Nagios plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Watched(NamedTuple):
    """A key that somebody counts on: who names it, for what, and what was found.

    `name` is what was asked for and `origin` says where. Without a selection `error` says why; a
    mail that does not `need` the key goes out without it.
    """

    name: str
    purpose: Purpose
    origin: str
    selection: Selection | None = None
    error: GpgmailError | None = None
    needed: bool = True

    @property
    def until(self) -> datetime | None:
        """When it ends; None where it does not, and where there is no key."""
        return works_until(self.selection, self.purpose) if self.selection else None

    def days_left(self, now: datetime) -> float | None:
        """Return the days until then."""
        until = self.until
        return None if until is None else (until - now) / _DAY


class Limits(NamedTuple):
    """From how many days on an end is near, and how near."""

    warn_days: float = WARN_DAYS
    critical_days: float = CRITICAL_DAYS

    def level(self, watched: Watched, now: datetime) -> Level:
        """Return how bad it is."""
        if watched.selection is None:
            return Level.CRITICAL if watched.needed else Level.WARNING
        left = watched.days_left(now)
        if left is None or left > max(self.warn_days, self.critical_days):
            return Level.OK
        return Level.CRITICAL if left <= self.critical_days else Level.WARNING


def works_until(selection: Selection, purpose: Purpose) -> datetime | None:
    """Return when the key of *selection* stops serving *purpose*, None if it does not.

    A subkey that lasts longer takes the place of the chosen one, as gpg has it.
    """
    key = selection.key
    return _first((key.primary.expires, _longest(_serving(key, purpose))))


def _serving(key: Key, purpose: Purpose) -> Iterable[datetime | None]:
    for part in key.parts:
        here = purpose is not Purpose.SIGN or part.secret_here
        if part.state is State.VALID and purpose.capability in part.capabilities and here:
            yield part.expires


def _longest(ends: Iterable[datetime | None]) -> datetime | None:
    known: list[datetime] = []
    for end in ends:
        if end is None:
            return None
        known.append(end)
    return max(known, default=None)


def _first(ends: Iterable[datetime | None]) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)
