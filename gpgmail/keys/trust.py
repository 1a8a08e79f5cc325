"""Whether a key may be used for an address: the trust policies.

A policy judges one key for one query and gives its objection, or none. It is asked only for
recipients, and not at all when the caller named the key by its fingerprint. Policies: `always`;
`gnupg`, the validity that gpg computes for the user id that matched, never for another one of the
same key; `pinned`, a file that says which address has which key.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple, Protocol
from unicodedata import normalize

from gpgmail.core.situations import Situation
from gpgmail.core.text import quoted, reason, shown
from gpgmail.keys.key import Key, UserId, Validity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FINGERPRINT = re.compile(r"(?:0X)?([0-9A-F]{40}|[0-9A-F]{64})")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_HEAD = "# Which address has which OpenPGP key: address fingerprint\n"


class Objection(NamedTuple):
    """Why a key may not be used.

    It ends once gpg holds `certify` for valid, or by `command`, a line for a shell, where gpg has
    no say in it.
    """

    text: str
    certify: UserId | None = None
    command: str = ""


class Trust(Protocol):
    """A policy."""

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> Objection | None:
        """Return why *key* may not be used, or None.

        *matching* are the key's user ids that fit the query; *address* is the query where it was
        an address, otherwise empty.
        """
        ...


@dataclass(frozen=True, slots=True)
class Always:
    """Every key may be used; `because` tells who says so."""

    because: str = "trust is always"

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> Objection | None:
        """Return None."""
        del key, matching, address
        return None


@dataclass(frozen=True, slots=True)
class GnuPG:
    """The validity of a matching user id must reach `least`."""

    least: Validity = Validity.MARGINAL

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> Objection | None:
        """Return which user id is not valid enough."""
        del key, address
        if any(user_id.validity.reaches(self.least) for user_id in matching):
            return None
        if not matching:
            return Objection("the key has no user id that could be valid")
        found = ", ".join(f"{shown(user_id.text)} is {user_id.validity}" for user_id in matching)
        text = f"the validity of {found}; {self.least} or more is needed"
        return Objection(text, certify=matching[0])


@dataclass(frozen=True, slots=True)
class Pinned:
    """The key must be the one that `pins` gives for the address; `source` is where they stand.

    An address that has a pin means that key, whatever the key's own user ids say.
    """

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
        pins: dict[str, frozenset[str]] = {}
        for number, line in enumerate(_text(Path(path)).split("\n"), 1):
            found = _pin(line, f"{shown(path)}, line {number}")
            if found is not None:
                address, fingerprint = found
                pins[address] = pins.get(address, frozenset()) | {fingerprint}
        return cls(pins, str(path))

    def of(self, address: str) -> frozenset[str]:
        """Return the fingerprints that are pinned for *address*.

        Where it has none, upper and lower case do not count, as with the user ids of keys.
        """
        return frozenset().union(*(self.pins[one] for one in self._forms(address)))

    def pin(self, address: str, fingerprint: str) -> Pinned:
        """Return these pins with one more.

        Raises:
            UsageError: If these are no address and no fingerprint.
        """
        found = _pin(f"{address} {fingerprint}", "pin")
        if found is None:
            raise Situation.BAD_VALUE.error("holds nothing", subject="pin")
        keys = self.pins.get(found[0], frozenset()) | {found[1]}
        return replace(self, pins={**self.pins, found[0]: keys})

    def unpin(self, address: str) -> Pinned:
        """Return these pins without what `of` gives for *address*."""
        gone = self._forms(address)
        return replace(self, pins={one: keys for one, keys in self.pins.items() if one not in gone})

    def _forms(self, address: str) -> tuple[str, ...]:
        """Return what of the pins *address* means: itself, or what differs in case alone."""
        wanted = comparable(address)
        if wanted in self.pins:
            return (wanted,)
        return tuple(one for one in self.pins if any_case(one) == any_case(wanted))

    def write(self, path: str | Path | None = None) -> None:
        """Write the pins to *path*, or to where they came from, all of them or nothing.

        Lines that stand there and still hold stay as they are, with their comments.

        Raises:
            KeyringError: If the file cannot be read or written.
            UsageError: If what stands there is no file of pins.
        """
        from gpgmail.keys.pinfile import replace_text

        target = Path(path or self.source)
        old = _text(target) if target.exists() else _HEAD
        replace_text(target, "".join(f"{line}\n" for line in self._lines(old, str(target))))

    def objection(self, key: Key, matching: Sequence[UserId], address: str) -> Objection | None:
        """Return that there is no pin, or another one."""
        addresses = [address] if address else [user_id.email for user_id in matching]
        wanted = [self.of(one) for one in addresses if one and self.of(one)]
        own = {part.fingerprint for part in key.parts}
        if any(not own.isdisjoint(fingerprints) for fingerprints in wanted):
            return None
        if wanted:
            return Objection(f"{shown(self.source)} pins another key for it")
        line = next((f"{one} {key.fingerprint}" for one in addresses if one), "")
        command = f"echo {quoted(line)} >> {quoted(self.source)}" if line else ""
        return Objection(f"{shown(self.source)} pins no key for it", command=command)

    def _lines(self, old: str, source: str) -> Iterator[str]:
        left = {(one, key) for one, keys in self.pins.items() for key in keys}
        for number, line in enumerate(old.removesuffix("\n").split("\n"), 1):
            found = _pin(line, f"{shown(source)}, line {number}")
            if found is None or found in left:
                yield line
            left.discard(found or ("", ""))
        yield from (f"{address} {fingerprint}" for address, fingerprint in sorted(left))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")  # editors of Windows begin a text with a mark
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(reason(failure), subject=shown(path)) from failure
    except UnicodeDecodeError as failure:
        raise Situation.KEYRING_UNREADABLE.error("is not UTF-8", subject=shown(path)) from failure


def _pin(line: str, where: str) -> tuple[str, str] | None:
    """Read a line: address and fingerprint, or None where it holds neither."""
    words = _COMMENT.sub("", line).split()
    if not words:
        return None
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

    The local part is the receiving host's own (RFC 5321 section 2.4) and kept; where no address is
    the same, `any_case` finds the one that people mean.
    """
    local, at, domain = address.rpartition("@")
    domain = domain.rstrip(".").lower()
    if not domain.isascii():
        with suppress(UnicodeError):  # what has no IDN form is compared as it stands
            domain = ".".join(map(_a_label, domain.split(".")))
    return f"{local}{at}{domain}"


def any_case(address: str) -> str:
    """Return an address with ASCII letters in lower case: other foldings make one of two."""
    return address.translate(_LOWER)


def _a_label(label: str) -> str:
    """Return a label as IDNA 2008 has it: Python's codec would make `ss` of a sharp s."""
    if label.isascii():
        return label
    from encodings import idna

    old = idna.ToASCII(label)
    composed = normalize("NFC", label)
    if idna.ToUnicode(old) == composed:
        return old.decode("ascii")
    return f"xn--{composed.encode('punycode').decode('ascii')}"
