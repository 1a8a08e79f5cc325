"""How well a key fits a query, judged by its texts and numbers alone.

Whether it may be used is `selection.py`'s business.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.keys.key import Key, Parts, State, Subkey, UserId
from gpgmail.keys.query import Named, Query
from gpgmail.keys.trust import any_case, comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Rank(IntEnum):
    """How well a key fits, the best first."""

    EXACT = 0
    OTHER_CASE = 1
    FIELDS = 2  # the name, comment or address that were given are whole ones of a user id
    PART = 3


_WORDS = {
    Rank.EXACT: "it fits exactly",
    Rank.OTHER_CASE: "it fits but for upper and lower case",
    Rank.FIELDS: "it has what was given",
    Rank.PART: "it contains what was given",
}


class Match(NamedTuple):
    """A key, how well it fits, by which user ids, and which (sub)key was named."""

    key: Key
    rank: Rank
    user_ids: tuple[UserId, ...]
    part: Subkey | None = None

    @property
    def live(self) -> tuple[UserId, ...]:
        """The fitting user ids that hold."""
        return tuple(user_id for user_id in self.user_ids if user_id.state is State.VALID)

    @property
    def shown(self) -> str:
        """The user id to show."""
        return next((uid.text for uid in (*self.live, *self.user_ids)), self.key.user_id)

    @property
    def words(self) -> str:
        """How well it fits."""
        return _WORDS[self.rank]


def match(key: Key, query: Query) -> Match | None:
    """Return how *key* fits *query*, or None."""
    return _MATCHERS[query.named](key, query)


def pinned(key: Key, fingerprints: frozenset[str], query: Query) -> Match | None:
    """Return an exact match where one of *fingerprints* is that of *key* or a subkey of it.

    Of its user ids those count that have the address that *query* asks for: there may be none.
    """
    if fingerprints.isdisjoint(part.fingerprint for part in key.parts):
        return None
    found = _by_address(key, query)
    whole = found is not None and found.rank is not Rank.PART
    return Match(key, Rank.EXACT, found.user_ids if found and whole else ())


def _by_id(key: Key, query: Query) -> Match | None:
    for part in key.parts:
        if part.fingerprint == query.value or part.key_id.endswith(query.value):
            return Match(key, Rank.EXACT, key.user_ids, part)
    return None if query.prefixed else _by_text(key, query)


def _by_text(key: Key, query: Query) -> Match | None:
    wanted, parts = query.text, query.parts
    folded = _folded(wanted)
    return _ranked(
        key,
        {
            Rank.EXACT: lambda uid: uid.text == wanted,
            Rank.OTHER_CASE: lambda uid: any_case(uid.text) == any_case(wanted),
            Rank.FIELDS: lambda uid: _has(uid, parts, str.__eq__),
            Rank.PART: lambda uid: (
                folded in _folded(uid.text) or _has(uid, parts, str.__contains__)
            ),
        },
    )


def _by_address(key: Key, query: Query) -> Match | None:
    wanted = comparable(query.value)
    return _ranked(
        key,
        {
            Rank.EXACT: lambda uid: comparable(uid.email) == wanted,
            Rank.OTHER_CASE: lambda uid: any_case(comparable(uid.email)) == any_case(wanted),
            Rank.PART: lambda uid: _folded(query.value) in _folded(uid.text),
        },
    )


def _has(uid: UserId, parts: Parts | None, holds: Callable[[str, str], bool]) -> bool:
    """Whether each part that was given *holds* for that of the user id, the address being whole."""
    own = Parts.of(uid.text)
    if parts is None or own is None or parts == Parts("", "", ""):
        return False
    if parts.address and any_case(comparable(parts.address)) != any_case(comparable(uid.email)):
        return False
    given = ((parts.name, own.name), (parts.comment, own.comment))
    return all(not wanted or holds(_folded(there), _folded(wanted)) for wanted, there in given)


def _ranked(key: Key, tests: Mapping[Rank, Callable[[UserId], bool]]) -> Match | None:
    found = ((rank, tuple(filter(test, key.user_ids))) for rank, test in tests.items())
    return next((Match(key, rank, uids) for rank, uids in found if uids), None)


def _folded(text: str) -> str:
    """Return a text for finding it: names come in any case, composed in any way."""
    return unicodedata.normalize("NFC", text).casefold()


_MATCHERS: Mapping[Named, Callable[[Key, Query], Match | None]] = {
    Named.ANY: lambda key, _query: Match(key, Rank.EXACT, key.user_ids),
    Named.FINGERPRINT: _by_id,
    Named.KEY_ID: _by_id,
    Named.ADDRESS: _by_address,
    Named.TEXT: _by_text,
}
