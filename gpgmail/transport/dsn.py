"""What a recipient's options say behind RCPT: delivery status notifications (RFC 3461), and others.

    NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alice@example.org

`NOTIFY SUCCESS`, with a blank, counts as `NOTIFY=SUCCESS`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.core.errors import GpgmailError

Parameters = dict[str, str]  # keyword in capitals -> value, empty where it has none

_EXTENSION = "DSN"
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # RFC 5321 section 4.1.2, values too
_VALUE = re.compile(r"[!-<>-~]+")
_MOMENTS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_NEVER = "NEVER"
_ORIGINAL = re.compile(r"[!#-'*+\-/-9?A-Z^-~]+;(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # type;xtext
_LONGEST_ORIGINAL = 500


def parameters(options: str, address: str) -> Parameters:
    """Return the parameters that *options* state for *address*.

    Raises:
        UsageError: If they are none, or not those of RFC 3461.
    """
    found: Parameters = {}
    for keyword, value in _pairs(options.split()):
        if not _KEYWORD.fullmatch(keyword):
            raise _bad(f"{keyword!r} is no parameter", address)
        if keyword in found:
            raise _bad(f"{keyword} stands there twice", address)
        if value is not None and not _VALUE.fullmatch(value):
            raise _bad(f"{keyword} has a value that cannot stand in a command", address)
        found[keyword] = _CHECKS.get(keyword, _as_it_is)(value or "", address)
    return found


def extension(keyword: str) -> str:
    """Return the extension that a server has to offer for a parameter: DSN, or that of its name."""
    return _EXTENSION if keyword in _CHECKS else keyword


def _pairs(words: list[str]) -> Iterator[tuple[str, str | None]]:
    rest = iter(words)
    for word in rest:
        keyword, equals, value = word.partition("=")
        if not equals and keyword.upper() in _CHECKS:
            yield keyword.upper(), next(rest, "")
        else:
            yield keyword.upper(), value if equals else None


def _notify(value: str, address: str) -> str:
    moments = value.upper().split(",")
    if moments != [_NEVER] and not _MOMENTS.issuperset(moments):
        known = ", ".join(sorted(_MOMENTS))
        raise _bad(f"NOTIFY takes NEVER alone, or some of {known}", address)
    return value.upper()


def _original(value: str, address: str) -> str:
    if not _ORIGINAL.fullmatch(value) or len(value) > _LONGEST_ORIGINAL:
        raise _bad(
            f"ORCPT takes type;address of at most {_LONGEST_ORIGINAL} characters",
            address,
            hint="write + as +2B and = as +3D (xtext)",
        )
    return value


def _as_it_is(value: str, _: str) -> str:
    return value


_CHECKS: Mapping[str, Callable[[str, str], str]] = {"NOTIFY": _notify, "ORCPT": _original}


def _bad(detail: str, address: str, hint: str = "nothing was sent") -> GpgmailError:
    return Situation.BAD_VALUE.error(detail, subject=f"options of {address}", hint=hint)
