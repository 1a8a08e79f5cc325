"""What a reader should see of an opened mail, as a standard EmailMessage.

The outer header fields stay. Of the opened content only the Content-* fields count, and those
protected ones that `headers.py` lets through: others in it would replace what the receiving servers
wrote. The content is that of the core, on its exact bytes, or where inline OpenPGP was opened the
opened parts.
"""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from gpgmail.message.headers import is_content
from gpgmail.message.walk import MOST_PARTS
from gpgmail.protect.limits import bad
from gpgmail.protect.tolerant import Tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from email.policy import Policy

    from gpgmail.message.headers import Field
    from gpgmail.message.walk import Entity
    from gpgmail.protect.verdict import ReadPart

_CHARSET = re.compile(r"[\w.:-]+", re.ASCII)
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


class _Factory:
    """Makes the messages of one mail for the library, which takes apart more than `walk` does."""

    def __init__(self) -> None:
        self._left = 2 * MOST_PARTS

    def __call__(self, policy: Policy[Any] | None = None) -> EmailMessage:
        self._left -= 1
        if self._left < 0:
            raise bad(f"has more than {2 * MOST_PARTS} parts and messages inside one another")
        return EmailMessage(policy=policy)


def _parse(data: bytes) -> EmailMessage:
    """Have the library take *data* apart.

    Raises:
        MessageError: If it has too many parts or levels, in kinds of messages that only it opens.
    """
    rules = policy.default.clone(header_factory=Tolerant())
    try:
        message = BytesParser(_Factory(), policy=rules).parsebytes(data)
    except RecursionError:
        raise bad("has too many messages inside one another") from None
    for part in message.walk():
        if part.get_content_maintype() == "multipart" and not part.is_multipart():
            # Without its boundary it is text, which the library would show and could not write.
            del part["Content-Type"]
            part["Content-Type"] = "text/plain; charset=utf-8"
    return message
