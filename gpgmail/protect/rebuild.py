"""What a reader should see of an opened mail, as a standard EmailMessage.

The outer header fields stay. Of the opened content only the Content-* fields count, and those
protected ones that `headers.py` lets through: others in it would replace what the receiving servers
wrote. The content is that of the core, on its exact bytes, or where inline OpenPGP was opened the
opened parts.
"""

from __future__ import annotations

import re
from contextlib import suppress
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import HeaderRegistry
from email.parser import BytesParser
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Self

from gpgmail.message.headers import is_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from email.message import EmailMessage
    from email.policy import Policy

    from gpgmail.message.headers import Field
    from gpgmail.message.walk import Entity
    from gpgmail.protect.verdict import ReadPart

_CHARSET = re.compile(r"[\w.:-]+", re.ASCII)
_LONGEST_PARSED = 16 * 1024  # characters of a field: some hundred addresses
_LONGEST_CONTENT = 2048
_LONGEST_HEADER = 64 * 1024  # of all fields of a mail and of its parts
_FAILURES = (
    AttributeError,
    HeaderParseError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_COMPOSITE = {"multipart", "message"}


def rebuild(
    root: Entity,
    core: Entity,
    opened: Sequence[ReadPart] | None = None,
    shown: Mapping[str, Field] | None = None,
) -> EmailMessage:
    """Return the mail *root* with the content of *core*, or with the *opened* parts.

    *shown* are fields, by their names in lower case, to have in place of those of *root*.
    """
    fields = (*_outer(root, shown or {}),)
    if opened is not None:
        return _of_parts(fields, opened)
    if core is root:
        return _parse(root.raw)
    content = (field for field in core.fields if is_content(field))
    return _parse(_header((*fields, *content)) + core.body)


def decoded_field(name: str, value: str) -> str:
    """Return the value of a field as people read it, on one line."""
    text = str(_parse(_header([(name, value)]))[name] or "")
    return "".join(char if char.isprintable() else " " for char in text)


def _outer(root: Entity, shown: Mapping[str, Field]) -> Iterable[Field]:
    left = dict(shown)
    for field in root.fields:
        name = field[0].lower()
        if name in shown:
            if name in left:
                yield left.pop(name)
        elif not is_content(field) and name != "mime-version":
            yield field
    yield from left.values()
    yield "MIME-Version", "1.0"


def _header(fields: Iterable[Field]) -> bytes:
    """Return *fields* as lines; a lone CR would begin another one for the parser."""
    lines = (f"{name}: {value}".replace("\r", " ") + "\r\n" for name, value in fields)
    return "".join((*lines, "\r\n")).encode("utf-8", "surrogateescape")


def _of_parts(fields: Iterable[Field], parts: Sequence[ReadPart]) -> EmailMessage:
    message = _parse(_header(fields))
    first = next((part for part in parts if part.content_type == "text/plain"), None)
    message.set_content(first.text if first and not first.name else "")
    for part in parts:
        if part is first and not part.name:
            continue
        main, _, sub = part.content_type.partition("/")
        message.add_attachment(
            part.content,
            maintype="application" if main in _COMPOSITE else main,
            subtype="octet-stream" if main in _COMPOSITE else sub,
            filename=part.name or None,
            params={"charset": part.charset} if _CHARSET.fullmatch(part.charset) else None,
        )
    return message


class _Unparsed(str):
    """A field as it came, with what the library asks of its own fields."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, value: str) -> Self:
        field = super().__new__(cls, " ".join(value.split()))
        field.name = name
        return field

    def fold(self, *, policy: Policy[Any]) -> str:
        """Return the lines of the field, its bytes as they came."""
        text = self.encode("utf-8", "surrogateescape").decode("ascii", "surrogateescape")
        lines = wrap(text, 76, break_long_words=False, break_on_hyphens=False)
        return f"{self.name}: {f'{policy.linesep} '.join(lines)}{policy.linesep}"


class _Tolerant(HeaderRegistry):
    """Gives a field as text where the library's own parser fails over its garbage.

    Python 3.11 raises AttributeError for some address fields, and not before they are read, and
    IndexError for others, not before they are written; nested comments end its stack. Its time
    grows with the square of a field's length, and faster where bytes stand in an address field, so
    that neither is given to it.
    """

    _unstructured = HeaderRegistry(use_default_map=False)

    def __init__(self) -> None:
        super().__init__()
        self._left = _LONGEST_HEADER
        self._seen: dict[tuple[str, str], bool] = {}

    def __call__(self, name: str, value: str) -> Any:  # noqa: ANN401 - as the base class has it
        if not self._may_parse(name, value):
            return _Unparsed(name, value)
        plain = value.isascii() and value.isprintable()
        for parse in (super().__call__, self._unstructured) if plain else (self._unstructured,):
            with suppress(*_FAILURES):
                field: Any = parse(name, value)
                field.fold(policy=policy.default)
                return field
        return _Unparsed(name, value)

    def _may_parse(self, name: str, value: str) -> bool:
        """Tell whether a field is short enough, and those of its mail together are."""
        field = (name, value)
        if field not in self._seen:
            self._left -= len(value)
            self._seen[field] = len(value) <= _most(name) and self._left > 0
        return self._seen[field]


def _most(name: str) -> int:
    """Return how many characters of a field are given to the library's parser."""
    return _LONGEST_CONTENT if is_content((name, "")) else _LONGEST_PARSED


def _parse(data: bytes) -> EmailMessage:
    rules = policy.default.clone(header_factory=_Tolerant())
    message = BytesParser(policy=rules).parsebytes(data)
    for part in message.walk():
        if part.get_content_maintype() == "multipart" and not part.is_multipart():
            # Without its boundary it is text, which the library would show and could not write.
            del part["Content-Type"]
            part["Content-Type"] = "text/plain; charset=utf-8"
    return message
