"""Which key a query means: the rules, without asking gpg anything.

gpg gives the candidates. Only the best kind of match counts, so that an address that fits exactly
leaves no room for one that merely contains it; exactly one usable key must remain. Why each was
taken or not is worked out once: errors and `why` show the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.errors import Candidate, GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.core.text import shown
from gpgmail.keys.key import Key, Obstacle, Purpose, Reason, Subkey, Validity
from gpgmail.keys.matching import Match, Rank, match, pinned
from gpgmail.keys.query import Named, Query
from gpgmail.keys.trust import Always, Pinned, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from gpgmail.keys.key import UserId

_MOST_SHOWN = 10  # candidates in the text of an error; all are in its `candidates`


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


class Decision(NamedTuple):
    """What came out of a search: every candidate, and either the selection or the error."""

    candidates: tuple[Candidate, ...]
    selection: Selection | None
    error: GpgmailError | None

    def selected(self) -> Selection:
        """Return the selection.

        Raises:
            KeySelectionError: If there is none.
        """
        if self.selection is not None:
            return self.selection
        raise self.error or AssertionError(self)


class _Judged(NamedTuple):
    match: Match
    reason: Reason | None

    @property
    def obstacle(self) -> Obstacle | None:
        return self.reason.obstacle if self.reason else None


def no_command(key: Key, user_id: UserId) -> str:
    """Return that there is no command with which gpg would hold a user id for valid."""
    del key, user_id
    return ""


class Rules(NamedTuple):
    """What a search goes by.

    *trust* is asked for recipients that were not named by fingerprint. *place* names the keyring.
    *certify* gives the command with which gpg would hold a user id for valid.
    """

    purpose: Purpose
    trust: Trust
    now: datetime
    place: str
    certify: Callable[[Key, UserId], str] = no_command

    def pins(self, query: Query) -> frozenset[str]:
        """Return the fingerprints that a file of pins has for what was asked."""
        if isinstance(self.trust, Pinned) and query.named is Named.ADDRESS:
            return self.trust.of(query.value)
        return frozenset()

    def for_gpg(self, query: Query) -> tuple[str, ...]:
        """Return what to ask gpg for."""
        return (*query.for_gpg(), *(f"0x{pin}" for pin in sorted(self.pins(query))))


def decide(candidates: Iterable[Key], query: Query, rules: Rules) -> Decision:
    """Judge *candidates*, and choose the one usable key among them that fits *query* best.

    A query for nothing means the first usable key, whatever its trust.
    """
    judged = _judged(candidates, query, rules)
    best = min((one.match.rank for one in judged if one.obstacle is not Obstacle.MATCH), default=0)
    judged = [_ranked(one, best) for one in judged]
    usable = [one for one in judged if one.reason is None]
    chosen = usable[0] if len(usable) == 1 or (usable and query.named is Named.ANY) else None
    judged = [_beside(one, chosen, len(usable)) for one in judged]
    told = tuple(_candidate(one, query, rules) for one in judged)
    if chosen is None:
        return Decision(told, None, _refusal(told, query, rules))
    return Decision(told, _selection(chosen.match, query, rules), None)


def select(candidates: Iterable[Key], query: Query, rules: Rules) -> Selection:
    """Return the one usable key among *candidates* that fits *query*.

    Raises:
        KeySelectionError: If no key fits, none of them is usable, or more than one is; it names
            the candidates with the reasons.
    """
    return decide(candidates, query, rules).selected()


def joined(decisions: Iterable[Decision]) -> Decision:
    """Return what keyrings that are asked one after the other come to together.

    The first that has a usable key decides. A key that is revoked or expired in one keyring is not
    taken from a later one, which may only not have heard of it.
    """
    told: list[Candidate] = []
    refusals: list[Decision] = []
    settled: Decision | None = None
    for decision in decisions:
        candidates = decision.candidates
        taken = next((one for one in candidates if one.taken), None)
        if taken is None:
            refusals.append(decision)
        elif settled is not None:
            candidates = _instead(candidates, "usable, but a keyring before this one has one")
        elif over := next((one for one in refusals if _is_over(one, taken.fingerprint)), None):
            candidates = _instead(candidates, "it is over in another keyring", Obstacle.STATE)
            settled = over
        else:
            settled = decision
        told += candidates
    settled = settled or min(refusals, key=_distance)
    return settled._replace(candidates=tuple(told))


def until_taken(decisions: Iterable[Decision]) -> Iterator[Decision]:
    """Give decisions up to the first that has a selection: nobody after it need be asked."""
    for decision in decisions:
        yield decision
        if decision.selection is not None:
            return


def _instead(
    candidates: Iterable[Candidate], reason: str, obstacle: Obstacle = Obstacle.CHOICE
) -> tuple[Candidate, ...]:
    return tuple(
        replace(one, reason=reason, obstacle=obstacle) if one.taken else one for one in candidates
    )


def _is_over(decision: Decision, fingerprint: str) -> bool:
    return any(
        one.fingerprint == fingerprint and one.obstacle == Obstacle.STATE
        for one in decision.candidates
    )


def _distance(decision: Decision) -> int:
    """How far from a usable key a refusal is."""
    obstacles = [one.obstacle for one in decision.candidates]
    return min(map(list(Obstacle).index, map(Obstacle, obstacles)), default=len(Obstacle))


# ---- judging ----


def _matches(candidates: Iterable[Key], query: Query, rules: Rules) -> Iterator[Match]:
    pins = rules.pins(query)
    for key in candidates:
        found = (pins and pinned(key, pins, query)) or match(key, query)
        if found is not None:
            yield found


def _judged(candidates: Iterable[Key], query: Query, rules: Rules) -> list[_Judged]:
    """Judge each key once; of one that is there twice the copy that knows of its end counts."""
    by_fingerprint: dict[str, list[_Judged]] = {}
    for found in _matches(candidates, query, rules):
        judged = _Judged(found, _objection(found, query, rules))
        by_fingerprint.setdefault(found.key.fingerprint, []).append(judged)
    return [min(copies, key=_least_hopeful) for copies in by_fingerprint.values()]


def _least_hopeful(judged: _Judged) -> tuple[bool, int, int, str]:
    key = judged.match.key
    known = judged.obstacle is not Obstacle.STATE
    return known, -len(key.subkeys), -len(key.user_ids), repr(key)


def _objection(found: Match, query: Query, rules: Rules) -> Reason | None:
    """Return why a match cannot be taken, or None."""
    if found.rank is Rank.PART and _wants_whole(query, rules.purpose):
        return Reason(Obstacle.MATCH, f"{_shown(found)} only contains the address")
    reason = found.key.reason_unusable(rules.purpose, rules.now)
    if reason is None and query.exact and found.part is not None:
        reason = found.part.reason_unusable(rules.purpose, rules.now)
    if reason is not None or query.named in {Named.FINGERPRINT, Named.ANY}:
        return reason
    if found.user_ids and not found.live:
        states = ", ".join(f"{shown(uid.text)} is {uid.state}" for uid in found.user_ids)
        return Reason(Obstacle.STATE, f"the user id {states}")
    return _mistrust(found, query, rules) if rules.purpose is Purpose.ENCRYPT else None


def _wants_whole(query: Query, purpose: Purpose) -> bool:
    """Mail for bob@example.org must not be readable by hobob@example.org."""
    whole = query.parts is not None and query.parts.address
    return purpose is Purpose.ENCRYPT and "@" in query.text and not whole


def _mistrust(found: Match, query: Query, rules: Rules) -> Reason | None:
    address = query.value if query.named is Named.ADDRESS else ""
    objection = rules.trust.objection(found.key, found.live, address)
    if objection is None:
        return None
    command = objection.command
    if objection.certify is not None:
        command = rules.certify(found.key, objection.certify)
    return Reason(Obstacle.TRUST, objection.text, command)


def _ranked(judged: _Judged, best: int) -> _Judged:
    """Leave out what fits less well than another key."""
    if judged.match.rank <= best or judged.obstacle is Obstacle.MATCH:
        return judged
    return judged._replace(reason=Reason(Obstacle.MATCH, "another key fits better"))


def _beside(judged: _Judged, chosen: _Judged | None, usable: int) -> _Judged:
    """Say of a usable key that was not chosen that it was not."""
    if judged.reason is not None or judged is chosen:
        return judged
    text = "usable, but not the first" if chosen else f"usable, and {usable - 1} more as well"
    return judged._replace(reason=Reason(Obstacle.CHOICE, text))


# ---- telling ----


def _shown(found: Match) -> str:
    return shown(found.shown)


def _candidate(judged: _Judged, query: Query, rules: Rules) -> Candidate:
    found, reason = judged.match, judged.reason
    part = _part(found, query, rules)
    ends = [one.expires for one in (found.key, part) if one and one.expires]
    return Candidate(
        found.key.fingerprint,
        found.shown,
        reason.text if reason else _why_taken(found, query, rules),
        keyring=rules.place,
        subkey=part.fingerprint if part else "",
        expires=min(ends, default=None),
        obstacle=reason.obstacle if reason else "",
        command=reason.command if reason else "",
    )


def _why_taken(found: Match, query: Query, rules: Rules) -> str:
    if query.named is Named.ANY:
        return "the first usable key"
    if rules.purpose is not Purpose.ENCRYPT:
        return found.words
    validity = max((uid.validity for uid in found.live), key=list(Validity).index, default="")
    words = [found.words, f"its validity is {validity}" if validity else ""]
    words += [rules.trust.because] if isinstance(rules.trust, Always) else []
    return "; ".join(filter(None, words))


def _part(found: Match, query: Query, rules: Rules) -> Subkey | None:
    """Return the (sub)key that would do the work."""
    if query.exact and found.part is not None:
        usable = found.part.reason_unusable(rules.purpose, rules.now) is None
        return found.part if usable else None
    return found.key.part_for(rules.purpose, rules.now)


def _selection(found: Match, query: Query, rules: Rules) -> Selection:
    part = _part(found, query, rules)
    if part is None:  # a reason was found for such a key
        raise AssertionError(found.key.fingerprint)
    return Selection(found.key, part, found.shown)


def _refusal(told: Sequence[Candidate], query: Query, rules: Rules) -> GpgmailError:
    near = tuple(one for one in told if one.obstacle != Obstacle.MATCH) or told
    situation = _verdict({one.obstacle for one in near})
    subject = shown(query.text) if query.text else rules.place
    lines = [str(one) for one in near[:_MOST_SHOWN]]
    lines += [f"and {len(near) - _MOST_SHOWN} more"] if len(near) > _MOST_SHOWN else []
    if situation is Situation.KEY_NOT_FOUND:
        lines.insert(0, f"no {rules.purpose} key for it in {rules.place}")
    return situation.error(
        "; ".join(lines), subject=subject, hint=_hint(situation, near), candidates=near
    )


def _hint(situation: Situation, near: Sequence[Candidate]) -> str | None:
    commands = [one.command for one in near if one.command]
    if situation is not Situation.KEY_UNTRUSTED or not commands:
        return _HINTS.get(situation)
    which = "make sure that the key is theirs and" if len(near) == 1 else "for the right one"
    return f"{which} run: {' or '.join(commands[:_MOST_SHOWN])} ; {situation.hint}"


def _verdict(obstacles: set[str]) -> Situation:
    """Return the situation: the obstacle that stands nearest to a usable key decides."""
    found = (situation for obstacle, situation in _VERDICTS.items() if obstacle in obstacles)
    return next(found, Situation.KEY_NOT_FOUND)


_VERDICTS = {
    Obstacle.CHOICE: Situation.KEY_AMBIGUOUS,
    Obstacle.TRUST: Situation.KEY_UNTRUSTED,
    Obstacle.STATE: Situation.KEY_UNUSABLE,
    Obstacle.USAGE: Situation.KEY_USAGE,
}
_HINTS = {
    Situation.KEY_NOT_FOUND: "import the key, or name another keyring or key",
    Situation.KEY_UNUSABLE: "renew or replace the key, or name another one",
    Situation.KEY_USAGE: "add a subkey for it, or name another key",
}
