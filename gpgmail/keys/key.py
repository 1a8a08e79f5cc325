"""`Key`: what gpg says about a key, as a frozen fact.

Made from the records of a listing and from nothing else; nothing here starts gpg. Dates are UTC.
Whether a key may be used for an address is decided in `selection.py` and `trust.py`; here stands
only what is true of the key itself at a given time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.gpg.status import PUBLIC_KEY_ALGORITHMS, algorithm, as_number, as_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.gpg.librarian import KeyRecord

_ADDRESS = re.compile(r"[^<>\s]+@[^<>\s]+")
_NAME_AND_ADDRESS = re.compile(rf"(?P<name>[^<>]*)<(?P<address>{_ADDRESS.pattern})>\s*")
_NAME_AND_COMMENT = re.compile(r"(?P<name>[^()]*)(?:\((?P<comment>[^()]*)\))?\s*")
_SHORT_KEY_ID = 16  # digits of a long key id
_VERSIONS = {32: 3, 40: 4, 64: 5}  # digits of a fingerprint -> version of the key
_LONGEST_HASH = 512
_DSA_GROUPS = {2047: 256, 1024: 224, -1: 160}  # key longer than this -> bits of q (FIPS 186-4 4.2)
_USAGE_FLAGS = {"c": 0x01, "s": 0x02, "e": 0x0C, "a": 0x20, "g": 0x80}  # RFC 9580 section 5.2.3.29


class Validity(StrEnum):
    """How sure gpg is that a user id belongs to the key, the least sure first."""

    NEVER = "never"
    UNKNOWN = "unknown"
    UNDEFINED = "undefined"
    MARGINAL = "marginal"
    FULL = "full"
    ULTIMATE = "ultimate"

    def reaches(self, other: Validity) -> bool:
        """Whether this is *other* or more."""
        order = tuple(Validity)
        return order.index(self) >= order.index(other)


class State(StrEnum):
    """Whether a key, subkey or user id holds."""

    VALID = "valid"
    INVALID = "invalid"
    REVOKED = "revoked"
    EXPIRED = "expired"


class SecretPart(StrEnum):
    """Where the secret part of a key or subkey is; `STUB` means known to be kept elsewhere."""

    NONE = ""
    PRESENT = "present"
    STUB = "stub"
    CARD = "card"


class Purpose(StrEnum):
    """What a key is wanted for."""

    SIGN = "signing"
    ENCRYPT = "encryption"

    @classmethod
    def of(cls, purpose: str | Purpose) -> Purpose:
        """Return the purpose of that name.

        Raises:
            UsageError: If there is none.
        """
        if purpose not in tuple(cls):
            names = ", ".join(cls)
            raise Situation.BAD_VALUE.error(f"{purpose!r} is none of {names}", subject="purpose")
        return cls(purpose)

    @property
    def capability(self) -> str:
        """The letter that gpg shows for it."""
        return self.value[0]


class Obstacle(StrEnum):
    """The kind of reason for which a key is not taken."""

    CHOICE = "choice"  # usable, but so is another one, or another one comes first
    TRUST = "trust"  # not known to belong to the address
    STATE = "state"  # revoked, expired, disabled, not here
    USAGE = "usage"  # not made for the purpose
    MATCH = "match"  # not what was asked for, only like it


class Reason(NamedTuple):
    """Why a key cannot be taken, and the command line that would change it, where there is one."""

    obstacle: Obstacle
    text: str
    command: str = ""


# doc/DETAILS of GnuPG, field 2: letters that say something about the state, the rest are validity.
_STATES = {"r": State.REVOKED, "e": State.EXPIRED, "i": State.INVALID}
_VALIDITIES = {
    "n": Validity.NEVER,
    "q": Validity.UNDEFINED,
    "m": Validity.MARGINAL,
    "f": Validity.FULL,
    "u": Validity.ULTIMATE,
}
_SECRET_PARTS = {"": SecretPart.NONE, "+": SecretPart.PRESENT, "#": SecretPart.STUB}


class Parts(NamedTuple):
    """The parts of a text that is written like a user id, `Name (Comment) <Address>`."""

    name: str
    comment: str
    address: str

    @classmethod
    def of(cls, text: str) -> Parts | None:
        """Return the parts, each of which may be empty; None where the text has another form."""
        found = _NAME_AND_ADDRESS.fullmatch(text)
        named = _NAME_AND_COMMENT.fullmatch(found["name"] if found else text)
        if named is None or not (found or set("<>").isdisjoint(text)):
            return None
        address = found["address"] if found else ""
        return cls(named["name"].strip(), (named["comment"] or "").strip(), address)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserId:
    """A user id, and the validity that gpg computes for it alone."""

    text: str
    validity: Validity
    state: State
    created: datetime | None

    @property
    def email(self) -> str:
        """The address, or empty where the text does not hold exactly one in the usual form."""
        found = _NAME_AND_ADDRESS.fullmatch(self.text)
        if found:
            return found["address"]
        return self.text if _ADDRESS.fullmatch(self.text) else ""

    @property
    def name(self) -> str:
        """What stands before the address, a comment included."""
        found = _NAME_AND_ADDRESS.fullmatch(self.text)
        return (found["name"] if found else self.text.removesuffix(self.email)).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subkey:
    """A key proper, primary or not; `capabilities` are gpg's letters out of `cesa`, sorted."""

    fingerprint: str
    key_id: str
    keygrip: str
    algorithm: str
    length: int
    curve: str
    created: datetime | None
    expires: datetime | None
    capabilities: str
    state: State
    secret: SecretPart

    @property
    def secret_here(self) -> bool:
        """Whether gpg can use the secret part, be it in a file or on a card."""
        return self.secret in {SecretPart.PRESENT, SecretPart.CARD}

    @property
    def shortest_hash(self) -> int:
        """Bits that a hash must have for this key to sign it, 0 where any will do.

        As gpg has it: of DSA the group that gpg itself makes for such a length, of ECDSA the curve.
        """
        if self.algorithm == "ECDSA":
            return min(self.length, _LONGEST_HASH)
        if self.algorithm != "DSA":
            return 0
        return next(bits for longer_than, bits in _DSA_GROUPS.items() if self.length > longer_than)

    def state_at(self, now: datetime) -> str:
        """Return empty while the (sub)key holds, otherwise why it does not."""
        if self.state is State.EXPIRED or (self.expires is not None and self.expires <= now):
            return f"expired on {self.expires:%Y-%m-%d}" if self.expires else "expired"
        if self.created is not None and self.created > now:
            return f"not valid before {self.created:%Y-%m-%d}"
        return "" if self.state is State.VALID else self.state.value

    def reason_unusable(self, purpose: Purpose, now: datetime) -> Reason | None:
        """Return why this (sub)key cannot serve *purpose* at *now*, or None when it can."""
        if purpose.capability not in self.capabilities:
            return Reason(Obstacle.USAGE, f"{self.fingerprint} is not made for {purpose}")
        state = self.state_at(now)
        if state:
            return Reason(Obstacle.STATE, f"its {purpose} subkey is {state}")
        if purpose is Purpose.SIGN and not self.secret_here:
            return Reason(Obstacle.STATE, "its secret key is not here")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as gpg lists it: the primary (sub)key's facts, the user ids, the other subkeys.

    The secret parts are known only from a listing that asked for them.
    """

    primary: Subkey
    user_ids: tuple[UserId, ...]
    subkeys: tuple[Subkey, ...]
    validity: Validity
    ownertrust: Validity
    disabled: bool

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, which names the key."""
        return self.primary.fingerprint

    @property
    def key_id(self) -> str:
        """The primary key's id, 16 digits."""
        return self.primary.key_id

    @property
    def user_id(self) -> str:
        """The user id that gpg shows first, or empty where a key has none."""
        return self.user_ids[0].text if self.user_ids else ""

    @property
    def newest_user_id(self) -> UserId | None:
        """The user id that holds and was signed last by the key itself; gpg knows no other age.

        Of several the first that gpg shows; one that does not hold only where all do not.
        """
        holding = [one for one in self.user_ids if one.state is State.VALID]
        return max(holding or self.user_ids, key=_age, default=None)

    @property
    def other_user_ids(self) -> tuple[str, ...]:
        """The texts of the remaining user ids."""
        return tuple(user_id.text for user_id in self.user_ids[1:])

    @property
    def created(self) -> datetime | None:
        """When the key was made."""
        return self.primary.created

    @property
    def expires(self) -> datetime | None:
        """When the key ends, or None where it does not."""
        return self.primary.expires

    @property
    def revoked(self) -> bool:
        """Whether the key was revoked."""
        return self.primary.state is State.REVOKED

    @property
    def parts(self) -> tuple[Subkey, ...]:
        """The primary key and its subkeys."""
        return (self.primary, *self.subkeys)

    @property
    def secret_available(self) -> bool:
        """Whether at least one secret part is here or on a card."""
        return any(part.secret_here for part in self.parts)

    @property
    def usage_flags(self) -> int:
        """What the key and its subkeys may be used for, in the flags of RFC 9580 5.2.3.29."""
        letters = {letter for part in self.parts for letter in part.capabilities}
        return sum(flag for letter, flag in _USAGE_FLAGS.items() if letter in letters)

    @property
    def version(self) -> int:
        """The version of the key's format."""
        return _VERSIONS.get(len(self.fingerprint), 4)

    def part_for(self, purpose: Purpose, now: datetime) -> Subkey | None:
        """Return the (sub)key that does the work, or None.

        Like gpg: the newest subkey that can, and the primary key only where no subkey can.
        """
        able = [part for part in self.subkeys if not part.reason_unusable(purpose, now)]
        if able:
            return max(able, key=_age)
        return None if self.primary.reason_unusable(purpose, now) else self.primary

    def signing_subkey(self, now: datetime) -> Subkey | None:
        """Return the (sub)key that signs, or None; needs a listing with secret parts."""
        return self.part_for(Purpose.SIGN, now)

    def encryption_subkey(self, now: datetime) -> Subkey | None:
        """Return the (sub)key that messages are encrypted to, or None."""
        return self.part_for(Purpose.ENCRYPT, now)

    def reason_unusable(self, purpose: Purpose, now: datetime) -> Reason | None:
        """Return why the key cannot serve *purpose* at *now*, or None when it can."""
        state = self.primary.state_at(now)
        if self.primary.state is State.INVALID:
            lacks = "no signature of its own that holds" if self.user_ids else "no user id"
            return Reason(Obstacle.STATE, f"gpg does not take the key: it has {lacks}")
        if state or self.disabled:
            return Reason(Obstacle.STATE, f"the key is {state or 'disabled'}")
        if self.part_for(purpose, now) is not None:
            return None
        made = [part for part in self.parts if purpose.capability in part.capabilities]
        if not made:
            return Reason(Obstacle.USAGE, f"the key has no {purpose} subkey")
        return max(made, key=_age).reason_unusable(purpose, now)


def _age(part: Subkey | UserId) -> datetime:
    return part.created or datetime.fromtimestamp(0, UTC)


def key_from_record(record: KeyRecord) -> Key:
    """Return the key that a listing describes."""
    primary = record.primary
    return Key(
        primary=_subkey(primary),
        user_ids=tuple(map(_user_id, record.user_ids)),
        subkeys=tuple(map(_subkey, record.subkeys)),
        validity=_validity(primary["trust"]),
        ownertrust=_validity(primary["ownertrust"]),
        disabled="D" in primary["cap"],  # field 2 shows it too, but not in every version
    )


def _subkey(fields: Mapping[str, str]) -> Subkey:
    capabilities = {letter for letter in fields["cap"] if letter.islower()}
    return Subkey(
        fingerprint=fields["fingerprint"],
        key_id=fields["keyid"][-_SHORT_KEY_ID:],
        keygrip=fields["keygrip"],
        algorithm=algorithm(PUBLIC_KEY_ALGORITHMS, fields["algo"]),
        length=as_number(fields["length"]),
        curve=fields["curve"],
        created=as_time(fields["date"]),
        expires=as_time(fields["expires"]),
        capabilities="".join(sorted(capabilities)),
        state=_STATES.get(fields["trust"], State.VALID),
        secret=_SECRET_PARTS.get(fields["token"], SecretPart.CARD),
    )


def _user_id(fields: Mapping[str, str]) -> UserId:
    return UserId(
        text=fields["uid"],
        validity=_validity(fields["trust"]),
        state=_STATES.get(fields["trust"], State.VALID),
        created=as_time(fields["date"]),
    )


def _validity(letter: str) -> Validity:
    return _VALIDITIES.get(letter, Validity.UNKNOWN)
