"""Keys as values for the tests of pure rules: what is not given is that of a sound ed25519 key."""

from __future__ import annotations

from datetime import UTC, datetime

from gpgmail.keys.key import Key, SecretPart, State, Subkey, UserId, Validity

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MADE = datetime(2024, 1, 1, tzinfo=UTC)
PAST = datetime(2025, 1, 1, tzinfo=UTC)


def part(number, capabilities, **facts):
    """A (sub)key whose fingerprint ends with its number."""
    fingerprint = f"{number:040X}"
    sound = {
        "fingerprint": fingerprint,
        "key_id": fingerprint[-16:],
        "keygrip": "",
        "algorithm": "EDDSA",
        "length": 255,
        "curve": "ed25519",
        "created": MADE,
        "expires": None,
        "capabilities": capabilities,
        "state": State.VALID,
        "secret": SecretPart.PRESENT,
    }
    return Subkey(**sound | facts)


def uid(text, validity=Validity.FULL, state=State.VALID):
    """A user id."""
    return UserId(text=text, validity=validity, state=state, created=MADE)


def key(number, *uids, primary=None, subkeys=None, disabled=False):
    """A key with an encryption subkey numbered a hundred higher."""
    return Key(
        primary=primary or part(number, "cs"),
        user_ids=tuple(one if isinstance(one, UserId) else uid(one) for one in uids),
        subkeys=(part(number + 0x100, "e"),) if subkeys is None else tuple(subkeys),
        validity=Validity.FULL,
        ownertrust=Validity.UNKNOWN,
        disabled=disabled,
    )
