"""What options say behind MAIL and RCPT: status notifications (RFC 3461) and other extensions.

    MAIL  RET=HDRS ENVID=4711                    what comes back, and by which name (RFC 3461)
          REQUIRETLS                             encrypted and verified all the way (RFC 8689)
          BY=3600;R                              in an hour, else returned (RFC 2852)
          MT-PRIORITY=3                          from -9 to 9 (RFC 6710)
    RCPT  NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alice@example.org

`NOTIFY SUCCESS`, with a blank, counts as `NOTIFY=SUCCESS`. Other parameters go out as they are, to
servers that offer an extension of their name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.errors import GpgmailError

Parameters = dict[str, str]  # keyword in capitals -> value, empty where it has none

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # RFC 5321 section 4.1.2, values too
_VALUE = re.compile(r"[!-<>-~]+")
_MOMENTS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_NEVER = "NEVER"
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_ORIGINAL = re.compile(rf"[!#-'*+\-/-9?A-Z^-~]+;{_XTEXT}")  # type;xtext
_LONGEST_ORIGINAL = 500
_ENVELOPE_ID = re.compile(_XTEXT)
_LONGEST_ENVELOPE_ID = 100
_BY = re.compile(r"[+-]?\d{1,9};[NR]T?")
_RETURN = ";R"
_PRIORITY = re.compile(r"-[1-9]|[0-9]")
_XTEXT_HINT = "write + as +2B and = as +3D (xtext)"

# Keyword -> the extension for it, where that has another name.
_EXTENSIONS: Mapping[str, str] = {
    **dict.fromkeys(("RET", "ENVID", "NOTIFY", "ORCPT"), "DSN"),
    "BY": "DELIVERBY",
}


def mail_parameters(options: str) -> Parameters:
    """Return the parameters of MAIL that *options* state.

    Raises:
        UsageError: If they are none, or not those of their RFC.
    """
    return _parameters(options, _MAIL, "mail options")


def parameters(options: str, address: str) -> Parameters:
    """Return the parameters of RCPT that *options* state for *address*.

    Raises:
        UsageError: If they are none, or not those of RFC 3461.
    """
    return _parameters(options, _RCPT, f"options of {address}")


def extension(keyword: str) -> str:
    """Return the extension that a server has to offer for a parameter."""
    return _EXTENSIONS.get(keyword, keyword)


def seconds_to_return(value: str) -> int | None:
    """Return after how many seconds a value of BY has the mail returned, None if it does not."""
    seconds, _, mode = value.partition(";")
    return int(seconds) if mode.startswith("R") else None


def _parameters(options: str, checks: Checks, about: str) -> Parameters:
    found: Parameters = {}
    for keyword, value in _pairs(options.split(), checks):
        if not _KEYWORD.fullmatch(keyword):
            raise _bad(f"{keyword!r} is no parameter", about)
        if keyword in found:
            raise _bad(f"{keyword} stands there twice", about)
        if value is not None and not _VALUE.fullmatch(value):
            raise _bad(f"{keyword} has a value that cannot stand in a command", about)
        found[keyword] = checks.get(keyword, _as_it_is)(value or "", about)
    return found


def _pairs(words: list[str], checks: Checks) -> Iterator[tuple[str, str | None]]:
    rest = iter(words)
    for word in rest:
        keyword, equals, value = word.partition("=")
        if not equals and keyword.upper() in checks and keyword.upper() not in _WITHOUT_VALUE:
            yield keyword.upper(), next(rest, "")
        else:
            yield keyword.upper(), value if equals else None


def _notify(value: str, about: str) -> str:
    moments = value.upper().split(",")
    if moments != [_NEVER] and not _MOMENTS.issuperset(moments):
        known = ", ".join(sorted(_MOMENTS))
        raise _bad(f"NOTIFY takes NEVER alone, or some of {known}", about)
    return value.upper()


def _original(value: str, about: str) -> str:
    if not _ORIGINAL.fullmatch(value) or len(value) > _LONGEST_ORIGINAL:
        detail = f"ORCPT takes type;address of at most {_LONGEST_ORIGINAL} characters"
        raise _bad(detail, about, hint=_XTEXT_HINT)
    return value


def _returned(value: str, about: str) -> str:
    if value.upper() not in {"FULL", "HDRS"}:
        raise _bad("RET takes FULL or HDRS", about)
    return value.upper()


def _envelope_id(value: str, about: str) -> str:
    if not _ENVELOPE_ID.fullmatch(value) or len(value) > _LONGEST_ENVELOPE_ID:
        detail = f"ENVID takes at most {_LONGEST_ENVELOPE_ID} printable characters"
        raise _bad(detail, about, hint=_XTEXT_HINT)
    return value


def _deliver_by(value: str, about: str) -> str:
    value = value.upper()
    if not _BY.fullmatch(value):
        raise _bad("BY takes seconds;N to be told of a delay, seconds;R to have it back", about)
    if _RETURN in value and seconds_to_return(value) < 1:  # type: ignore[operator] # it is R
        raise _bad("BY with R takes a second at least", about)
    return value


def _priority(value: str, about: str) -> str:
    if not _PRIORITY.fullmatch(value):
        raise _bad("MT-PRIORITY takes a number from -9 to 9", about)
    return value


def _nothing(value: str, about: str) -> str:
    if value:
        raise _bad("REQUIRETLS takes no value", about)
    return value


def _of_the_mail(_: str, about: str) -> str:
    raise _bad("SIZE, BODY and SMTPUTF8 are said by themselves where a mail needs them", about)


def _as_it_is(value: str, _: str) -> str:
    return value


Checks = Mapping[str, Callable[[str, str], str]]

_RCPT: Checks = {"NOTIFY": _notify, "ORCPT": _original}
_MAIL: Checks = {
    "RET": _returned,
    "ENVID": _envelope_id,
    "REQUIRETLS": _nothing,
    "BY": _deliver_by,
    "MT-PRIORITY": _priority,
    **dict.fromkeys(("SIZE", "BODY", "SMTPUTF8"), _of_the_mail),
}
_WITHOUT_VALUE = frozenset({"REQUIRETLS", "SMTPUTF8"})


def _bad(detail: str, about: str, hint: str = "nothing was sent") -> GpgmailError:
    return Situation.BAD_VALUE.error(detail, subject=about, hint=hint)
