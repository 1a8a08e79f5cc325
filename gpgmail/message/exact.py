"""The bytes of a parsed entity that must not change, as the parser kept them.

`email.generator` folds header lines anew and adds an empty line between nested multiparts
(cpython#99533), which breaks what others signed. Here only line ends change, to CRLF. What the
parser does not keep is lost: blanks between a field's colon and its value, blanks behind a
boundary, and whether an empty body had its own line end.
"""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation
from gpgmail.message.bodies import crlf
from gpgmail.message.email_fields import exact_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.email_fields import AnyMessage


def payload_bytes(message: AnyMessage) -> tuple[bytes, str]:
    """Return the payload of a leaf, and its charset; `utf-8` where text beyond ASCII has none.

    Raises:
        MessageError: If the charset cannot express the text.
    """
    # get_payload() puts replacements in the place of bytes beyond ASCII that have no charset.
    payload: object = message._payload  # type: ignore[attr-defined]  # noqa: SLF001
    charset = message.get_content_charset("")
    if not isinstance(payload, str):
        return payload if isinstance(payload, bytes) else b"", charset
    try:
        return payload.encode("ascii", "surrogateescape"), charset
    except UnicodeEncodeError:
        charset = charset or "utf-8"
    try:
        return payload.encode(charset), charset
    except (LookupError, UnicodeEncodeError):
        detail = f"cannot be expressed in {charset}"
        raise Situation.BAD_MESSAGE.error(detail, subject="text") from None


def with_boundary(message: AnyMessage) -> AnyMessage:
    """Return *message*, or a copy that has a boundary where it is a multipart without one."""
    if message.get_content_maintype() != "multipart" or message.get_boundary():
        return message
    copied = copy.copy(message)  # set_boundary replaces the list of fields, which both share
    copied.set_boundary(f"=_{os.urandom(16).hex()}")
    return copied


def exact_body(message: AnyMessage) -> Iterator[bytes]:
    """Yield the body of an entity whose boundary is set."""
    payload = message.get_payload()
    if not isinstance(payload, list):
        yield from crlf([payload_bytes(message)[0]])
        return
    children = cast("list[AnyMessage]", payload)
    if message.get_content_maintype() == "multipart":
        yield from _multipart(message, children)
    elif message.get_content_type() == "message/delivery-status":
        yield b"\r\n".join(map(_header, children))  # RFC 3464 section 2.1: groups of fields
    else:
        for child in children:
            yield from _entity(child)


def _entity(message: AnyMessage) -> Iterator[bytes]:
    message = with_boundary(message)
    yield _header(message) + b"\r\n"
    yield from exact_body(message)


def _header(message: AnyMessage) -> bytes:
    return b"".join(exact_lines(name, raw) for name, raw in message.raw_items())


def _multipart(message: AnyMessage, children: list[AnyMessage]) -> Iterator[bytes]:
    """Yield a multipart; a line end before a delimiter belongs to it (RFC 2046 section 5.1.1)."""
    delimiter = _bytes(f"--{message.get_boundary()}")
    if message.preamble is not None:
        yield from crlf([_bytes(f"{message.preamble}\n")])
    for number, child in enumerate(children):
        yield (b"\r\n" if number else b"") + delimiter + b"\r\n"
        yield from _entity(child)
    yield b"\r\n" + delimiter + b"--"
    if message.epilogue is not None:  # None where the delimiter of an outer multipart follows
        yield from crlf([_bytes(f"\n{message.epilogue}")])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
