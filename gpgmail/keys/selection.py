"""Which key a text means: the rules, without asking gpg anything.

A query is a fingerprint, a key id (of the key or of a subkey), an address or other text. gpg gives
the candidates; only the best kind of match counts, so that an address that fits exactly leaves no
room for one that merely contains it. What cannot be used is kept with its reason; exactly one
usable key must remain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from gpgmail.core.errors import Candidate, GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.keys.key import Key, Obstacle, Purpose, Reason, State, Subkey, UserId
from gpgmail.keys.trust import Trust, comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

_HEX = re.compile(r"(?P<prefix>0[xX])?(?P<digits>[0-9A-Fa-f]+)(?P<exact>!?)")
_ADDRESS = re.compile(r"<?(?P<address>[^<>\s@]+@[^<>\s@]+)>?")


class Named(Enum):
    """What a query is."""

    ANY = "any"
    FINGERPRINT = "fingerprint"
    KEY_ID = "key id"
    ADDRESS = "address"
    TEXT = "text"


_HEX_LENGTHS = {8: Named.KEY_ID, 16: Named.KEY_ID, 40: Named.FINGERPRINT, 64: Named.FINGERPRINT}


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asked for; `value` is without decoration, `exact` that this subkey is meant."""

    text: str
    named: Named
    value: str = ""
    exact: bool = False
    prefixed: bool = False

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a fingerprint or key id (0x, blanks, lower case, `!` are fine), address, or text."""
        text = text.strip()
        if not text:
            return cls(text, Named.ANY)
        digits = _HEX.fullmatch("".join(text.split()))
        if digits and len(digits["digits"]) in _HEX_LENGTHS:
            named = _HEX_LENGTHS[len(digits["digits"])]
            value, exact, prefixed = digits["digits"].upper(), digits["exact"], digits["prefix"]
            return cls(text, named, value, bool(exact), bool(prefixed))
        address = _ADDRESS.fullmatch(text)
        if address:
            return cls(text, Named.ADDRESS, address["address"])
        return cls(text, Named.TEXT, text)

    def for_gpg(self) -> tuple[str, ...]:
        """Return what to ask gpg for so that nothing that fits is missing.

        Each carries gpg's own mark, so that gpg guesses nothing: `0x` an id, `*` a part of a user
        id (which for an address finds also user ids that are nothing but the address).
        """
        return _FOR_GPG[self.named](self)


def _id_or_text(query: Query) -> tuple[str, ...]:
    # Eight or sixteen letters from a to f may be a word.
    return (f"0x{query.value}",) if query.prefixed else (f"0x{query.value}", f"*{query.text}")


_FOR_GPG: Mapping[Named, Callable[[Query], tuple[str, ...]]] = {
    Named.ANY: lambda _query: (),
    Named.FINGERPRINT: lambda query: (f"0x{query.value}",),
    Named.KEY_ID: _id_or_text,
    Named.ADDRESS: lambda query: tuple(
        dict.fromkeys(f"*{form}" for form in (query.value, comparable(query.value)))
    ),
    Named.TEXT: lambda query: (f"*{query.value}",),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The key that was chosen, the (sub)key that does the work, and the user id that fitted."""

    key: Key
    subkey: Subkey
    user_id: str

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint."""
        return self.key.fingerprint


class _Rank(IntEnum):
    """How well a key fits, the best first."""

    EXACT = 0
    OTHER_CASE = 1
    PART = 2


@dataclass(frozen=True, slots=True)
class _Match:
    key: Key
    rank: _Rank
    user_ids: tuple[UserId, ...]
    part: Subkey | None = None  # the (sub)key that the query named

    @property
    def live(self) -> tuple[UserId, ...]:
        return tuple(user_id for user_id in self.user_ids if user_id.state is State.VALID)

    @property
    def shown(self) -> str:
        return next((uid.text for uid in (*self.live, *self.user_ids)), self.key.user_id)


def select(
    candidates: Iterable[Key],
    query: Query,
    purpose: Purpose,
    *,
    trust: Trust,
    now: datetime,
    place: str,
) -> Selection:
    """Return the one usable key among *candidates* that fits *query*; *place* names the keyring.

    *trust* is asked for recipients that were not named by fingerprint.

    Raises:
        KeySelectionError: If no key fits, none of them is usable, or more than one is; it names
            every candidate with the reason.
    """
    matches = _best(_matches(candidates, query, purpose))
    judged = [(match, _reason(match, query, purpose, trust, now)) for match in matches]
    usable = [match for match, reason in judged if reason is None]
    if len(usable) != 1:
        raise _refusal(judged, query, purpose, place)
    return _selection(usable[0], query, purpose, now)


def first(candidates: Iterable[Key], purpose: Purpose, *, now: datetime, place: str) -> Selection:
    """Return the first usable key: a keyring given without a selection means that one.

    Raises:
        KeySelectionError: If there is none.
    """
    judged = [
        (_Match(key, _Rank.EXACT, key.user_ids), key.reason_unusable(purpose, now))
        for key in candidates
    ]
    query = Query.parse("")
    usable = next((match for match, reason in judged if reason is None), None)
    if usable is None:
        raise _refusal(judged, query, purpose, place)
    return _selection(usable, query, purpose, now)


def _selection(match: _Match, query: Query, purpose: Purpose, now: datetime) -> Selection:
    part = match.part if query.exact else match.key.part_for(purpose, now)
    if part is None:  # a reason was found for such a key
        raise AssertionError(match.key.fingerprint)
    return Selection(match.key, part, match.shown)


def _best(matches: Sequence[_Match]) -> list[_Match]:
    rank = min((match.rank for match in matches), default=_Rank.EXACT)
    by_fingerprint: dict[str, _Match] = {}
    for match in matches:
        if match.rank is rank:
            by_fingerprint.setdefault(match.key.fingerprint, match)
    return list(by_fingerprint.values())


def _matches(candidates: Iterable[Key], query: Query, purpose: Purpose) -> list[_Match]:
    found = [_MATCHERS[query.named](key, query) for key in candidates]
    # Mail for bob@example.org must not be readable by hobob@example.org.
    whole = query.named is Named.ADDRESS and purpose is Purpose.ENCRYPT
    return [match for match in found if match and not (whole and match.rank is _Rank.PART)]


def _by_id(key: Key, query: Query) -> _Match | None:
    for part in key.parts:
        if part.fingerprint == query.value or part.key_id.endswith(query.value):
            return _Match(key, _Rank.EXACT, key.user_ids, part)
    return None if query.prefixed else _by_text(key, query)


def _by_text(key: Key, query: Query) -> _Match | None:
    wanted = query.text
    return _ranked(
        key,
        {
            _Rank.EXACT: [uid for uid in key.user_ids if uid.text == wanted],
            _Rank.OTHER_CASE: [uid for uid in key.user_ids if _same(uid.text, wanted)],
            _Rank.PART: [uid for uid in key.user_ids if wanted.lower() in uid.text.lower()],
        },
    )


def _by_address(key: Key, query: Query) -> _Match | None:
    wanted = comparable(query.value)
    return _ranked(
        key,
        {
            _Rank.EXACT: [uid for uid in key.user_ids if comparable(uid.email) == wanted],
            _Rank.OTHER_CASE: [uid for uid in key.user_ids if _same(comparable(uid.email), wanted)],
            _Rank.PART: [uid for uid in key.user_ids if query.value.lower() in uid.text.lower()],
        },
    )


def _ranked(key: Key, found: Mapping[_Rank, list[UserId]]) -> _Match | None:
    return next((_Match(key, rank, tuple(uids)) for rank, uids in found.items() if uids), None)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


_MATCHERS = {
    Named.ANY: lambda key, _query: _Match(key, _Rank.EXACT, key.user_ids),
    Named.FINGERPRINT: _by_id,
    Named.KEY_ID: _by_id,
    Named.ADDRESS: _by_address,
    Named.TEXT: _by_text,
}


def _reason(
    match: _Match, query: Query, purpose: Purpose, trust: Trust, now: datetime
) -> Reason | None:
    """Return why a match cannot be taken, or None."""
    reason = match.key.reason_unusable(purpose, now)
    if reason is None and query.exact and match.part is not None:
        reason = match.part.reason_unusable(purpose, now)
    if reason is not None or query.named is Named.FINGERPRINT:
        return reason
    if match.user_ids and not match.live:
        states = ", ".join(f"{uid.text} is {uid.state}" for uid in match.user_ids)
        return Reason(Obstacle.STATE, f"the user id {states}")
    if purpose is not Purpose.ENCRYPT:
        return None
    address = query.value if query.named is Named.ADDRESS else ""
    objection = trust.objection(match.key, match.live, address)
    return Reason(Obstacle.TRUST, objection) if objection else None


def _refusal(
    judged: Sequence[tuple[_Match, Reason | None]], query: Query, purpose: Purpose, place: str
) -> GpgmailError:
    subject = query.text or place
    if not judged:
        return Situation.KEY_NOT_FOUND.error(
            f"no {purpose} key for it in {place}",
            subject=subject,
            hint="import the key, or name another keyring or key",
        )
    candidates = tuple(
        Candidate(match.key.fingerprint, match.shown, reason.text if reason else "usable")
        for match, reason in judged
    )
    situation = _verdict({reason.obstacle if reason else None for _, reason in judged})
    return situation.error(
        "; ".join(map(str, candidates)),
        subject=subject,
        hint=_HINTS.get(situation),
        candidates=candidates,
    )


def _verdict(obstacles: set[Obstacle | None]) -> Situation:
    """Return the situation: the obstacle that stands nearest to a usable key decides."""
    return next(situation for obstacle, situation in _VERDICTS.items() if obstacle in obstacles)


_VERDICTS = {
    None: Situation.KEY_AMBIGUOUS,  # usable, and yet refused: there are several
    Obstacle.TRUST: Situation.KEY_UNTRUSTED,
    Obstacle.STATE: Situation.KEY_UNUSABLE,
    Obstacle.USAGE: Situation.KEY_USAGE,
}
_HINTS = {
    Situation.KEY_UNUSABLE: "renew or replace the key, or name another one",
    Situation.KEY_USAGE: "add a subkey for it, or name another key",
}
