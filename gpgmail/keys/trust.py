"""Whether a key may be used for an address: the trust policies.

A policy judges one key for one query and gives the objection in words, or none. It is asked only
for recipients, and not at all when the caller named the key by its fingerprint. Policies: `always`;
`gnupg`, the validity that gpg computes for the user id that matched, never for another one of the
same key; `pinned`, a file that says which address has which key.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gpgmail.core.situations import Situation
from gpgmail.keys.key import Key, UserId, Validity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FINGERPRINT = re.compile(r"(?:0X)?([0-9A-F]{40}|[0-9A-F]{64})")


class Trust(Protocol):
    """A policy."""

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> str:
        """Return why *key* may not be used, or empty.

        *matching* are the key's user ids that fit the query; *address* is the query where it was
        an address, otherwise empty.
        """
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """Every key may be used."""

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> str:
        """Return empty."""
        del key, matching, address
        return ""


@dataclass(frozen=True, slots=True)
class GnuPG:
    """The validity of a matching user id must reach `least`."""

    least: Validity = Validity.MARGINAL

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> str:
        """Return which user id is not valid enough."""
        del key, address
        if any(user_id.validity.reaches(self.least) for user_id in matching):
            return ""
        if not matching:
            return "the key has no user id that could be valid"
        shown = ", ".join(f"{user_id.text} is {user_id.validity}" for user_id in matching)
        return f"the validity of {shown}; {self.least} or more is needed"


@dataclass(frozen=True, slots=True)
class Pinned:
    """The key must be the one that `pins` gives for the address."""

    pins: Mapping[str, frozenset[str]]
    source: str

    @classmethod
    def read(cls, path: str | Path) -> Pinned:
        """Read lines of `address fingerprint`; `#` begins a comment.

        A fingerprint may hold blanks. An address may have several lines, each pins one key more.

        Raises:
            UsageError: If a line is neither; the error names file and line.
            KeyringError: If the file cannot be read.
        """
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as failure:
            reason = getattr(failure, "strerror", None) or "is not UTF-8"
            raise Situation.KEYRING_UNREADABLE.error(reason, subject=str(path)) from failure
        pins: dict[str, frozenset[str]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            words = line.partition("#")[0].split()
            if words:
                address, fingerprint = _pin(words, f"{path}, line {number}")
                pins[address] = pins.get(address, frozenset()) | {fingerprint}
        return cls(pins, str(path))

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> str:
        """Return that there is no pin, or another one."""
        addresses = [address] if address else [user_id.email for user_id in matching]
        wanted = [self.pins[form] for form in map(comparable, addresses) if form in self.pins]
        if any(key.fingerprint in fingerprints for fingerprints in wanted):
            return ""
        return f"{self.source} pins {'another key' if wanted else 'no key'} for it"


def _pin(words: list[str], where: str) -> tuple[str, str]:
    address, *rest = words
    fingerprint = _FINGERPRINT.fullmatch("".join(rest).upper())
    if "@" in address and fingerprint:
        return comparable(address), fingerprint[1]
    raise Situation.BAD_VALUE.error(
        f"{' '.join(words)!r} is not an address and a fingerprint of 40 hexadecimal digits",
        subject=where,
        hint="write: address fingerprint",
    )


ALWAYS = Always()
GNUPG = GnuPG()
_BY_NAME: Mapping[str, Trust] = {"always": ALWAYS, "gnupg": GNUPG}
_PINNED = "pinned:"


def parse(trust: str | Trust) -> Trust:
    """Return the policy called `always`, `gnupg` or `pinned:FILE`; a policy is returned as it is.

    Raises:
        UsageError: If there is no such policy, or a line of the file is wrong.
        KeyringError: If the file cannot be read.
    """
    if not isinstance(trust, str):
        return trust
    if trust.startswith(_PINNED):
        return Pinned.read(trust.removeprefix(_PINNED))
    policy = _BY_NAME.get(trust.lower())
    if policy is None:
        raise Situation.BAD_VALUE.error(
            f"{trust!r} is none of always, gnupg, pinned:FILE", subject="trust"
        )
    return policy


def comparable(address: str) -> str:
    """Return *address* in the form in which two are compared: the domain in any case and IDN form.

    The local part is the receiving host's own (RFC 5321 section 2.4) and kept.
    """
    local, at, domain = address.rpartition("@")
    domain = domain.rstrip(".").lower()
    if not domain.isascii():
        with suppress(UnicodeError):  # what has no IDN form is compared as it stands
            domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}"
