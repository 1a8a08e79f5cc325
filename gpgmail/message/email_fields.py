"""Header fields as an `email.message.Message` stores them, made into values of ours.

What is stored is text that a parser kept or that was set under an old policy, or an object that
knows its structure because the caller set it under a modern one. ASCII text passes unchanged but
for its folds; everything else is encoded anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.message.addresses import (
    Mailbox,
    check_header,
    format_header,
    header_mailboxes,
    parse_header,
)
from gpgmail.message.headers import (
    Field,
    check_name,
    encode_text,
    header_bytes,
    parameter,
    parameter_text,
)

if TYPE_CHECKING:
    from email.headerregistry import AddressHeader
    from email.message import Message

    AnyMessage = Message[Any, Any]

_ADDRESSES = {
    *("from", "sender", "reply-to", "to", "cc", "bcc", "disposition-notification-to"),
    *("resent-from", "resent-sender", "resent-to", "resent-cc"),
}
_PARAMETERS = {"content-type", "content-disposition"}
# RFC 5322 section 3.6, RFC 2045: of two such fields one reader takes the first, another the last.
_ONCE = {
    *("from", "sender", "subject", "date", "message-id"),
    *("content-type", "content-transfer-encoding", "content-disposition"),
}
_FOLD = re.compile(r"(?:\r\n|\r|\n)(?=[ \t])")
_LINE_END = re.compile(r"\r\n|\r|\n")


def fields_of(message: AnyMessage) -> tuple[Field, ...]:
    """Return all fields of one header.

    Raises:
        UsageError: If a line end in a field is no fold: it would begin another field.
        MessageError: If bytes in it are not UTF-8, or one that may stand once stands twice.
    """
    fields = tuple((check_name(name), _value(name, raw)) for name, raw in message.raw_items())
    names = [name.lower() for name, _ in fields]
    for name in _ONCE.intersection(names):
        if names.count(name) > 1:
            detail = "stands twice in one header, and readers take one or the other"
            raise Situation.BAD_MESSAGE.error(detail, subject=name.title())
    return fields


def mailboxes_of(message: AnyMessage, name: str) -> list[Mailbox]:
    """Return the mailboxes of all fields *name*."""
    return [
        mailbox
        for field, raw in message.raw_items()
        if field.lower() == name.lower() and str(raw).strip()
        for mailbox in header_mailboxes(_addresses(name, raw))
    ]


def exact_lines(name: str, raw: object) -> bytes:
    """Return a field with the folds that a parser kept, with CRLF.

    Raises:
        UsageError: If a line end in it is no fold.
    """
    check_name(name)
    if not _is_text(raw):
        return header_bytes([(name, _value(name, raw))])
    text = str(raw)
    refuse_controls(_FOLD.sub("", text), name)
    blank = "" if not text or text[0] in "\r\n" else " "
    return _LINE_END.sub("\r\n", f"{name}:{blank}{text}\n").encode("utf-8", "surrogateescape")


def _is_text(raw: object) -> bool:
    return isinstance(raw, str) and not hasattr(raw, "defects")


def _value(name: str, raw: object) -> str:
    text = _text(name, raw)
    if _is_text(raw) and text.isascii():
        return text.strip(" \t")
    if name.lower() in _ADDRESSES:
        return format_header(_addresses(name, raw))
    if name.lower() in _PARAMETERS:
        return _with_parameters(raw, text)
    return encode_text(name, text)


def _text(name: str, raw: object) -> str:
    """Return *raw* without folds; the parser keeps bytes beyond ASCII as surrogates."""
    if not _is_text(raw):
        return str(raw)
    text = refuse_controls(_FOLD.sub("", str(raw)), name)
    try:
        return text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        raise Situation.BAD_MESSAGE.error("holds bytes that are not UTF-8", subject=name) from None


def _addresses(name: str, raw: object) -> AddressHeader:
    text = _text(name, raw)
    if hasattr(raw, "groups"):
        return check_header(cast("AddressHeader", raw), text)
    return parse_header(text)


def _with_parameters(raw: object, text: str) -> str:
    """Return a Content-Type or Content-Disposition whose parameters may be more than ASCII."""
    from email.message import Message

    params = getattr(raw, "params", None)
    if params is None:
        scratch: Message[str, str] = Message()
        scratch["x"] = text
        found = scratch.get_params(failobj=[], header="x")[1:]
        params = {name: parameter_text(value) for name, value in found}
    head = text.partition(";")[0].strip()
    return head + "".join(parameter(name, value) for name, value in params.items())
