"""Choosing an entry of a store by its subject or thumbprint, by the reference's rules.

`*`, or nothing, takes any. A subject is looked for exactly first, then inside longer ones; upper
and lower case count the same. Where several fit, the first that has a private key is taken, without
one the first: a store that signs in is chosen from for its key.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gpgmail.certificates import names
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.certificates.entry import Entry

_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}  # by their length in hexadecimal digits
_SHOWN = 5  # subjects that an error lists


def select(entries: Iterable[Entry], wanted: str, store: str) -> Entry:
    """Return the entry that *wanted* means; *store* is what an error calls the store.

    Raises:
        TlsError: With code 272 if there is none.
        UsageError: If a thumbprint is none.
    """
    entries = list(entries)
    found = _matching(entries, wanted.strip())
    if not found:
        there = "; ".join(filter(None, map(subject, entries[:_SHOWN]))) or "keys alone"
        raise Situation.CERTIFICATE_NOT_FOUND.error(
            f"nothing matches {wanted!r}", subject=store, hint=f"it holds {there}"
        )
    return max(found, key=_preference)


def subject(entry: Entry) -> str:
    """Return the subject of *entry*, empty where it has none or one that does not parse."""
    if entry.certificate is None:
        return ""
    try:
        return names.distinguished(entry.certificate.subject)
    except ValueError:
        return ""


def _preference(entry: Entry) -> tuple[bool, bool]:
    """Return what is larger for an entry that is preferred; of equals max() takes the first."""
    return entry.private_key is not None, entry.has_private_key


def _matching(entries: list[Entry], wanted: str) -> list[Entry]:
    if wanted in {"", "*"}:
        return entries
    name, _, value = wanted.partition("=")
    if name.strip().lower() == "thumbprint":
        return _by_thumbprint(entries, value)
    folded = wanted.casefold()
    subjects = [(subject(entry).casefold(), entry) for entry in entries]
    exact = [entry for text, entry in subjects if text == folded]
    return exact or [entry for text, entry in subjects if folded in text]


def _by_thumbprint(entries: list[Entry], stated: str) -> list[Entry]:
    from cryptography.hazmat.primitives.serialization import Encoding

    digits = "".join(stated.replace(":", " ").split()).lower()
    digest = _DIGESTS.get(len(digits))
    if digest is None or digits.strip("0123456789abcdef"):
        raise Situation.BAD_VALUE.error(
            f"{stated!r} is no MD5, SHA-1 or SHA-256 thumbprint", subject="subject"
        )
    return [
        entry
        for entry in entries
        if entry.certificate is not None
        and hashlib.new(
            digest, entry.certificate.public_bytes(Encoding.DER), usedforsecurity=False
        ).hexdigest()
        == digits
    ]
