"""How keys are shown: a line each, all their facts, and candidates with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpgmail.cli.report import one_line
from gpgmail.delivery.facts import of_key
from gpgmail.keys.key import Purpose
from gpgmail.keys.selection import Selection
from gpgmail.keys.watch import works_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from gpgmail.core.errors import Candidate
    from gpgmail.keys.key import Key

_PURPOSES = (Purpose.SIGN, Purpose.ENCRYPT)
_MADE_FOR = {"c": "certify", "s": "sign", "e": "encrypt", "a": "authenticate"}


def day(when: datetime | None, otherwise: str = "never") -> str:
    """Return a date for people."""
    return f"{when:%Y-%m-%d}" if when else otherwise


def usable(key: Key, now: datetime) -> dict[Purpose, str]:
    """Return why a key cannot serve each purpose, empty where it can.

    Who signs needs the secret part, so that keys are to be listed with theirs.
    """
    reasons = {purpose: key.reason_unusable(purpose, now) for purpose in _PURPOSES}
    return {purpose: reason.text if reason else "" for purpose, reason in reasons.items()}


def brief(key: Key, now: datetime) -> Iterator[str]:
    """Give the lines of a listing: what the key can do until when, and who it says it is."""
    able = usable(key, now)
    can = [f"{purpose}{_until(key, purpose, now)}" for purpose in able if not able[purpose]]
    yield f"{key.fingerprint}  {', '.join(can) or 'not usable'}"
    for user_id in key.user_ids:
        state = f", {user_id.state}" if user_id.state != "valid" else ""
        yield f"    {one_line(user_id.text)} [{user_id.validity}{state}]"
    for purpose, reason in able.items():
        if reason:
            yield f"    no {purpose}: {reason}"


def whole(key: Key, now: datetime) -> Iterator[str]:
    """Give every fact of a key."""
    yield from brief(key, now)
    yield f"    ownertrust {key.ownertrust}, validity {key.validity}, version {key.version}"
    for part in key.parts:
        named = "primary" if part is key.primary else "subkey"
        uses = ", ".join(_MADE_FOR[letter] for letter in part.capabilities if letter in _MADE_FOR)
        kind = part.curve or f"{part.length} bits"
        yield f"    {named} {part.fingerprint}: {part.algorithm} {kind}, to {uses or 'nothing'}"
        yield (
            f"      made {day(part.created, 'at an unknown time')}, ends {day(part.expires)}, "
            f"{part.state_at(now) or 'valid'}, secret part: {part.secret or 'not here'}"
        )
        if part.keygrip:
            yield f"      keygrip {part.keygrip}"


def as_json(key: Key, keyring: str, now: datetime) -> dict[str, Any]:
    """Return every fact of a key as values for JSON."""
    able = {
        str(purpose): {"usable": not reason, "reason": reason, "until": _iso(key, purpose, now)}
        for purpose, reason in usable(key, now).items()
    }
    return {"keyring": keyring, **of_key(key), **able}


def candidate_lines(one: Candidate, command: str) -> Iterator[str]:
    """Give the lines for a candidate, and the command that would make it usable."""
    mark = "taken" if one.taken else f"not taken ({one.obstacle})"
    yield f"{mark}: {one.fingerprint} {one_line(one.user_id)}"
    yield f"    because: {one_line(one.reason)}"
    work = f", by {one.subkey}" if one.subkey else ""
    yield f"    in {one.keyring}{work}, ends {day(one.expires)}"
    if command:
        yield f"    to change that: {command}"


def _until(key: Key, purpose: Purpose, now: datetime) -> str:
    end = _end(key, purpose, now)
    return f" until {day(end)}" if end else ""


def _end(key: Key, purpose: Purpose, now: datetime) -> datetime | None:
    part = key.part_for(purpose, now)
    return works_until(Selection(key, part, key.user_id), purpose) if part else None


def _iso(key: Key, purpose: Purpose, now: datetime) -> str | None:
    end = _end(key, purpose, now)
    return end.isoformat() if end else None
