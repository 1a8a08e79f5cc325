"""The commands that make a key usable which was not taken: shown by `gpgmail keys why`, never run.

What trust lacks is `remedy`'s and known to the candidate. What stands here has gpg look for secret
parts, which starts an agent, so it is asked for only where somebody wants to read it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gpgmail.keys.key import Obstacle, Purpose, SecretPart, State
from gpgmail.keys.place import Kind
from gpgmail.keys.remedy import command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gpgmail.core.errors import Candidate
    from gpgmail.core.run import Run
    from gpgmail.keys.key import Key, Subkey
    from gpgmail.keys.keyring import Keyring

    Words = tuple[str, ...]

_LONGER = "2y"
_SUBKEYS = {Purpose.ENCRYPT: ("cv25519", "encr"), Purpose.SIGN: ("ed25519", "sign")}


def command_for(
    candidate: Candidate, keyrings: Iterable[Keyring], purpose: Purpose, run: Run
) -> str:
    """Return the line for a shell that would make *candidate* usable, empty where there is none.

    Raises:
        KeyringError: If its key cannot be read.
    """
    if candidate.command or candidate.taken:
        return candidate.command
    ring = next((one for one in keyrings if one.name == candidate.keyring), None)
    if ring is None or ring.kind is not Kind.HOME:
        return ""  # gpg cannot be told to change a file
    mend = _MENDS.get(candidate.obstacle)
    keys = ring.keys(f"0x{candidate.fingerprint}", secret=True, run=run) if mend else ()
    lines = mend(keys[0], candidate, purpose) if mend and keys else ()
    return " && ".join(command_line(ring.place, "gpg", *words) for words in lines)


def search(query: str, keyring: Keyring) -> str:
    """Return the line for a shell that looks for a key of an address which no keyring has."""
    if keyring.kind not in {Kind.HOME, Kind.ABSENT}:
        return ""
    words = ("--locate-external-keys", query) if "@" in query else ("--import", "FILE")
    return command_line(keyring.place, "gpg", *words)


def renewal(key: Key, purpose: Purpose, keyrings: Iterable[Keyring], run: Run) -> str:
    """Return the line for a shell that lets a key which ends soon last longer.

    Raises:
        KeyringError: If it cannot be read.
    """
    for ring in keyrings:
        known = ring.keys(f"0x{key.fingerprint}", secret=True, run=run) if _is_home(ring) else ()
        for one in known:
            if not one.primary.secret_here:
                address = next((uid.email for uid in one.user_ids if uid.email), "")
                words = ("--locate-external-keys", address)
                return command_line(ring.place, "gpg", *words) if address else ""
            ending = [part for part in one.subkeys if part.expires and _serves(part, purpose)]
            lines: list[Words] = []
            if one.expires:
                lines.append(("--quick-set-expire", key.fingerprint, _LONGER))
            if ending:
                parts = [part.fingerprint for part in ending]
                lines.append(("--quick-set-expire", key.fingerprint, _LONGER, *parts))
            return " && ".join(command_line(ring.place, "gpg", *words) for words in lines)
    return ""


def _is_home(ring: Keyring) -> bool:
    return ring.kind is Kind.HOME


def _serves(part: Subkey, purpose: Purpose) -> bool:
    return part.state is not State.REVOKED and purpose.capability in part.capabilities


def _state(key: Key, candidate: Candidate, purpose: Purpose) -> Iterator[Words]:
    now = datetime.now(UTC)
    if key.disabled:
        yield ("--batch", "--edit-key", key.fingerprint, "enable", "quit")
    elif key.revoked:
        yield _replacement(key, candidate)
    elif not key.primary.secret_here:
        yield from _elsewhere(key, candidate, purpose)
    else:
        yield from _renewal(key, purpose, now)


def _renewal(key: Key, purpose: Purpose, now: datetime) -> Iterator[Words]:
    """Give what makes a key of one's own last longer; what is revoked stays so."""
    if _ended(key.primary, now):
        yield ("--quick-set-expire", key.fingerprint, _LONGER)
    made = [part for part in key.subkeys if purpose.capability in part.capabilities]
    over = [part.fingerprint for part in made if _ended(part, now)]
    if over and not any(part.state_at(now) == "" for part in made):
        yield ("--quick-set-expire", key.fingerprint, _LONGER, *over)
    elif made and all(part.state is State.REVOKED for part in made):
        yield ("--quick-add-key", key.fingerprint, *_SUBKEYS[purpose], _LONGER)


def _ended(part: Subkey, now: datetime) -> bool:
    return part.state is not State.REVOKED and part.expires is not None and part.expires <= now


def _elsewhere(key: Key, candidate: Candidate, purpose: Purpose) -> Iterator[Words]:
    """Give what brings a key whose secret part is not here: from its owner, a card, or a file."""
    if purpose is Purpose.ENCRYPT:
        yield _fetch(key, candidate)
    elif any(part.secret is SecretPart.STUB for part in key.parts):
        yield ("--card-status",)
    else:
        yield ("--import", "FILE")


def _fetch(key: Key, candidate: Candidate) -> Words:
    address = next((uid.email for uid in key.user_ids if uid.text == candidate.user_id), "")
    return ("--locate-external-keys", address) if address else ("--refresh-keys", key.fingerprint)


def _replacement(key: Key, candidate: Candidate) -> Words:
    if key.primary.secret_here:
        words = ("--quick-generate-key", candidate.user_id, "future-default", "default")
        return (*words, _LONGER)
    return _fetch(key, candidate)


def _usage(key: Key, candidate: Candidate, purpose: Purpose) -> Iterator[Words]:
    if key.primary.secret_here:
        yield ("--quick-add-key", key.fingerprint, *_SUBKEYS[purpose], _LONGER)
    else:
        yield _fetch(key, candidate)


_MENDS: Mapping[str, Callable[[Key, Candidate, Purpose], Iterator[Words]]] = {
    Obstacle.STATE: _state,
    Obstacle.USAGE: _usage,
}
