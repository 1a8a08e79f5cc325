"""`Query`: what somebody wrote to name a key, and what gpg is asked for because of it.

A query is a fingerprint, a key id (of the key or of a subkey), an address, or text: a user id
(`FirstName LastName (Comment) <Email>`) or a part of one.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.keys.key import Parts
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEX = re.compile(r"(?P<prefix>0[xX])?(?P<digits>[0-9A-Fa-f]+)(?P<exact>!?)")
_ADDRESS = re.compile(r"<?(?P<address>[^<>\s@]+@[^<>\s@]+)>?")
_ASCII = re.compile(r"[\x01-\x7f]+")
_LEAST_PATTERN = 3  # characters that not every key has
_LONGEST_PATTERN = 200  # characters that gpg is asked for; the rest is compared here


class Named(Enum):
    """What a query is."""

    ANY = "any"
    FINGERPRINT = "fingerprint"
    KEY_ID = "key id"
    ADDRESS = "address"
    TEXT = "text"


_HEX_LENGTHS = {8: Named.KEY_ID, 16: Named.KEY_ID, 40: Named.FINGERPRINT, 64: Named.FINGERPRINT}


class Query(NamedTuple):
    """What somebody asked for; `value` is without decoration, `exact` that this subkey is meant."""

    text: str
    named: Named
    value: str = ""
    exact: bool = False
    prefixed: bool = False

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a fingerprint or key id (0x, blanks, lower case, `!` are fine), address, or text.

        Raises:
            UsageError: If it holds what no argument can hold: NUL, or half a character.
        """
        text = text.strip()
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise Situation.BAD_VALUE.error(f"{text!a} is no text", subject="key")
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

    @property
    def parts(self) -> Parts | None:
        """Name, comment and address of a text that is written like a user id."""
        return Parts.of(self.text) if self.named is not Named.ADDRESS else None

    def for_gpg(self) -> tuple[str, ...]:
        """Return what to ask gpg for so that nothing that fits is missing.

        Each carries gpg's own mark, so that gpg guesses nothing: `0x` an id, `*` a part of a user
        id (which for an address finds also user ids that are nothing but the address).
        """
        return _FOR_GPG[self.named](self)


def _for_id(query: Query) -> tuple[str, ...]:
    # Eight or sixteen letters from a to f may be a word.
    return (f"0x{query.value}",) if query.prefixed else (f"0x{query.value}", f"*{query.text}")


def _for_address(address: str) -> tuple[str, ...]:
    # gpg finds other cases of ASCII letters alone.
    forms = (address, comparable(address), address.lower())
    return tuple(dict.fromkeys(f"*{form[:_LONGEST_PATTERN]}" for form in forms))


def _for_text(query: Query) -> tuple[str, ...]:
    """Ask for one of the parts, since others may stand between them.

    Letters outside ASCII may be in another case, composed otherwise, or in Latin-1, so what stands
    between them is asked for.
    """
    parts = query.parts
    if parts is not None and parts.address:
        return _for_address(parts.address)
    part = (parts and (parts.name or parts.comment)) or query.value
    plain = max(_ASCII.findall(part), key=len, default="").strip()
    if len(plain) >= _LEAST_PATTERN or part.isascii():
        return (f"*{(plain or part)[:_LONGEST_PATTERN]}",)
    composed = (unicodedata.normalize(form, part[:_LONGEST_PATTERN]) for form in ("NFC", "NFD"))
    forms = [(one, one.lower(), one.upper(), one.title()) for one in composed]
    return tuple(dict.fromkeys(f"*{one}" for several in forms for one in several))


_FOR_GPG: Mapping[Named, Callable[[Query], tuple[str, ...]]] = {
    Named.ANY: lambda _query: (),
    Named.FINGERPRINT: lambda query: (f"0x{query.value}",),
    Named.KEY_ID: _for_id,
    Named.ADDRESS: lambda query: _for_address(query.value),
    Named.TEXT: _for_text,
}
