"""Addresses as programs write them into the fields of their mails: perhaps without a domain.

What most fields hold is read here; the rest is left to the library's parser, and what that one has
to guess at is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls, shown

if TYPE_CHECKING:
    from email.headerregistry import AddressHeader, BaseHeader

    from gpgmail.core.errors import GpgmailError

_SPEC = r"[\w.+=!#$%&'*/?^`{|}~-]+(?:@[\w.-]+)?"
_PLAIN = re.compile(_SPEC, re.ASCII)
_NAMED = re.compile(rf"([^<>\"(),:;\\=]*)<({_SPEC})>", re.ASCII)
_COMMENTED = re.compile(rf"({_SPEC})\s*\(([^()\\]*)\)", re.ASCII)  # how RFC 822 shows a name
_NO_DOMAIN = "addr-spec local part with no domain"  # what the parser says of one


class Box(NamedTuple):
    """One of the addresses of a field, as it stands there: perhaps without a domain."""

    name: str
    spec: str


def boxes_of(value: str) -> list[Box]:
    """Return the addresses of a field's value, groups taken apart.

    Raises:
        UsageError: If it cannot be read.
    """
    boxes = [_simple(item.strip()) for item in value.split(",") if item.strip()]
    whole = [box for box in boxes if box is not None]
    return whole if len(whole) == len(boxes) else _parsed(value)


def _simple(item: str) -> Box | None:
    """Return the address of a field that holds nothing but what most do."""
    if _PLAIN.fullmatch(item):
        return Box("", item)
    named = _NAMED.fullmatch(item)
    if named is not None:
        return Box(named[1].strip(), named[2])
    commented = _COMMENTED.fullmatch(item)
    return Box(commented[2].strip(), commented[1]) if commented else None


def _parsed(value: str) -> list[Box]:
    from email.errors import InvalidHeaderDefect
    from email.headerregistry import HeaderRegistry

    try:
        header = cast("AddressHeader", HeaderRegistry()("to", refuse_controls(value, "addresses")))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _unreadable(value) from error
    defects = cast("BaseHeader", header).defects
    wrong = (one for one in defects if isinstance(one, InvalidHeaderDefect))
    if any(str(one) != _NO_DOMAIN for one in wrong):
        raise _unreadable(value)
    return [Box(one.display_name, one.addr_spec) for one in header.addresses]


def _unreadable(value: str) -> GpgmailError:
    return Situation.BAD_ADDRESS.error("cannot be read as addresses", subject=shown(value))
