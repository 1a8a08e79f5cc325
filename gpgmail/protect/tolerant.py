"""Header fields of strangers for the standard library, which fails over some or never returns.

Python 3.11 raises AttributeError for some address fields, and not before they are read, and
IndexError for others, not before they are written; nested comments end its stack. Its time grows
with the square of a field's length, and faster where bytes stand in an address field; where the
name of a parameter is long it never ends to fold the field. None of these is given to it.
"""

from __future__ import annotations

from contextlib import suppress
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Self

from gpgmail.message.headers import is_content

if TYPE_CHECKING:
    from email.policy import Policy

_LONGEST_PARSED = 16 * 1024  # characters of a field: some hundred addresses
_LONGEST_CONTENT = 2048
_LONGEST_PARAMETER = 40  # characters of its name; a line must have room for it and a character
_LONGEST_HEADER = 64 * 1024  # of all fields of a mail and of its parts
_DISPOSITION = "content-disposition"
_FAILURES = (
    AttributeError,
    HeaderParseError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Tolerant(HeaderRegistry):
    """Gives a field as text where the library's own parser fails over its garbage.

    What was given is kept: the library asks for each field again and again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._left = _LONGEST_HEADER
        self._given: dict[tuple[str, str], Any] = {}

    def __call__(self, name: str, value: str) -> Any:  # noqa: ANN401 - as the base class has it
        """Return the field."""
        known = self._given.get((name, value))
        if known is not None:
            return known
        self._left -= len(name) + len(value)
        if self._left < 0:
            return _Unparsed(name, value)
        field = self._given[name, value] = self._parsed(name, value)
        return field

    def _parsed(self, name: str, value: str) -> Any:  # noqa: ANN401 - as the base class has it
        if len(value) > (_LONGEST_CONTENT if is_content((name, "")) else _LONGEST_PARSED):
            return _Unparsed(name, value)
        plain = value.isascii() and value.isprintable()
        for parse in (super().__call__, _as_text) if plain else (_as_text,):
            with suppress(*_FAILURES):
                field: Any = parse(name, value)
                if max(map(len, getattr(field, "params", ())), default=0) <= _LONGEST_PARAMETER:
                    field.fold(policy=policy.default)
                    return field
        return _Unparsed(name, value)


class _Text(UnstructuredHeader):
    """A field as text, with what the library asks of a Content-Disposition in any form."""

    @property
    def content_disposition(self) -> str:
        """What stands before the parameters."""
        return _disposition(str(self))


_as_text = HeaderRegistry(default_class=_Text, use_default_map=False)


class _Unparsed(str):
    """A field as it came, with what the library asks of its own fields.

    Of a Content-Disposition only the first word: the library fails over some parameters.
    """

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, value: str) -> Self:
        text = _disposition(value) if name.lower() == _DISPOSITION else " ".join(value.split())
        field = super().__new__(cls, text)
        field.name = name
        return field

    @property
    def content_disposition(self) -> str:
        """What stands before the parameters."""
        return _disposition(self)

    def fold(self, *, policy: Policy[Any]) -> str:
        """Return the lines of the field, its bytes as they came."""
        text = self.encode("utf-8", "surrogateescape").decode("ascii", "surrogateescape")
        lines = wrap(text, 76, break_long_words=False, break_on_hyphens=False)
        return f"{self.name}: {f'{policy.linesep} '.join(lines)}{policy.linesep}"


def _disposition(value: str) -> str:
    return value.partition(";")[0].strip().lower()
