"""How the reference pages word the facts of a key, where gpg has other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from gpgmail.keys.key import Key

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_USAGES = (
    (0x01, "Certifying Other Certificates"),
    (0x02, "Signing Emails and Files"),
    (0x0C, "Encrypting Emails and Files"),
    (0x10, "Split Key"),
    (0x20, "Authenticate Against Servers"),
    (0x80, "Group Key"),
)
_ALGORITHMS = {"EDDSA": "EdDSA", "ED25519": "Ed25519", "ED448": "Ed448"}
_CURVES = {
    "nistp256": "secp256r1",
    "nistp384": "secp384r1",
    "nistp521": "secp521r1",
    "ed25519": "Ed25519",
    "ed448": "Ed448",
}
_LENGTHS = {"secp521r1": 528, "Ed25519": 256, "Ed448": 456}  # by curve; gpg counts other bits


def date(when: datetime | None) -> str:
    """Return a date as `23-Jan-2000 15:00:00`, with English months whatever the locale is."""
    if when is None:
        return ""
    return f"{when.day:02}-{_MONTHS[when.month - 1]}-{when.year:04} {when:%H:%M:%S}"


def usage(flags: int) -> str:
    """Return usage flags in words, separated by commas."""
    return ",".join(words for flag, words in _USAGES if flags & flag)


def user_id(key: Key) -> str:
    """Return the user id that was added last, which gpg knows by the date of its signature."""
    newest = key.newest_user_id
    return newest.text if newest else ""


def other_user_ids(key: Key) -> str:
    """Return all but that one, separated by commas."""
    newest = key.newest_user_id
    return ",".join(one.text for one in key.user_ids if one is not newest)


def algorithm(key: Key) -> str:
    """Return the primary key's algorithm; on curve 448 the pages know Ed448 alone."""
    if key.primary.curve == "ed448":
        return _ALGORITHMS["ED448"]
    return _ALGORITHMS.get(key.primary.algorithm, key.primary.algorithm)


def curve(key: Key) -> str:
    """Return the primary key's curve, empty where it has none."""
    return _CURVES.get(key.primary.curve, key.primary.curve)


def length(key: Key) -> int:
    """Return the primary key's length in bits."""
    return _LENGTHS.get(curve(key), key.primary.length)
