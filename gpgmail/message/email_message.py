"""A standard `EmailMessage` (or `Message` of any policy) to fields, content and envelope.

Leaves are encoded anew only where a relay could change them. What others signed or sealed
(multipart/signed, multipart/encrypted, message/*) keeps its bytes, as `exact.py` says.
"""

from __future__ import annotations

import binascii
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING, cast

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.message import bodies
from gpgmail.message.addresses import format_list, one_mailbox
from gpgmail.message.composed import Composed, new_message_id, unique
from gpgmail.message.email_fields import fields_of, mailboxes_of
from gpgmail.message.exact import exact_body, payload_bytes, with_boundary
from gpgmail.message.headers import is_content, parameter_text
from gpgmail.message.part import Part, multipart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.message.addresses import Mailbox
    from gpgmail.message.email_fields import AnyMessage
    from gpgmail.message.headers import Field

_TEXT = "text/plain; charset=utf-8"
_LISTS = (("To", RecipientType.TO), ("Cc", RecipientType.CC), ("Bcc", RecipientType.BCC))
_EXACT = {"multipart/signed", "multipart/encrypted"}
_NOT_OURS = {"bcc", "mime-version"}  # of the fields of a mail
_MADE_ANEW = {"content-transfer-encoding", "content-length"}  # of those of a part
_UNENCODED = ("", "7bit", "8bit", "binary")
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(_UNENCODED, bytes),
    "base64": binascii.a2b_base64,
    "quoted-printable": binascii.a2b_qp,
}


def from_email(message: AnyMessage, author: str = "") -> Composed:
    """Return *message* as fields, content and envelope; the message itself is not changed.

    *author* is whom it is from where it does not say. The envelope sender is Sender, else the first
    From; Bcc goes into the envelope and stands in no
    field. Date and Message-ID are added where they are missing. Resent-* fields pass as they are.

    Raises:
        UsageError: If sender or recipients are missing, or an address or field is not allowed.
        MessageError: If the parser found defects, or a body cannot be decoded.
    """
    try:
        return _composed(message, author)
    except GpgmailError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # What the email package raises on some garbage.
        raise _bad(f"has a header that cannot be read: {error}") from error


def _composed(message: AnyMessage, author: str) -> Composed:
    for part in message.walk():
        if part.defects:
            found = ", ".join(dict.fromkeys(type(defect).__name__ for defect in part.defects))
            raise _bad(f"was not parsed cleanly: {found}")
    if "resent-bcc" in message:
        raise _bad("has Resent-Bcc, which tells everybody who else gets it")
    added = [one_mailbox(author, "From")] if author and "from" not in message else []
    named = mailboxes_of(message, "Sender") + mailboxes_of(message, "From")
    sender = next(iter((*named, *added)), None)
    if sender is None:
        raise Situation.NO_SENDER.error("the mail says nobody whom it is from")
    recipients = unique(
        Recipient(box.address, box.name, kind)
        for name, kind in _LISTS
        for box in mailboxes_of(message, name)
    )
    fields = fields_of(message)
    kept = (one for one in fields if not is_content(one) and one[0].lower() not in _NOT_OURS)
    return Composed(
        (*(("From", format_list(added)) for _ in added), *kept, *_missing(message, sender)),
        _part(message, tuple(filter(is_content, fields)), top=True),
        Envelope(sender.address, recipients),
    )


def _missing(message: AnyMessage, sender: Mailbox) -> Iterator[Field]:
    if "date" not in message:
        yield "Date", format_datetime(localtime())
    if "message-id" not in message:
        yield "Message-ID", new_message_id(sender.address)
    yield "MIME-Version", "1.0"


def _part(message: AnyMessage, fields: tuple[Field, ...], *, top: bool = False) -> Part:
    fields = tuple(field for field in fields if field[0].lower() not in _MADE_ANEW)
    kind = message.get_content_type()
    if kind in _EXACT or message.get_content_maintype() == "message":
        return _exact_part(message, fields)
    payload = message.get_payload()
    if not isinstance(payload, list):
        return _leaf(message, fields, top=top)
    if message.get_content_maintype() != "multipart":
        raise _bad(f"has parts below {kind}")
    children = cast("list[AnyMessage]", payload)
    found = message.get_params(failobj=[])[1:]
    return multipart(
        message.get_content_subtype(),
        [_part(child, fields_of(child)) for child in children],
        {name: parameter_text(value) for name, value in found if name != "boundary"},
        _without_type(fields),
    )


def _leaf(message: AnyMessage, fields: tuple[Field, ...], *, top: bool) -> Part:
    data, charset = payload_bytes(message)
    stated = next((value for name, value in fields if name.lower() == "content-type"), _TEXT)
    if charset and message.get_content_charset() is None and "charset" not in stated:
        stated += f"; charset={charset}"
    encoding, body = _encoded(message, data, top=top)
    return Part(
        (
            ("Content-Type", stated),
            *_without_type(fields),
            ("Content-Transfer-Encoding", encoding),
        ),
        lambda: iter((body,)),
        len(body),
    )


def _encoded(message: AnyMessage, data: bytes, *, top: bool) -> tuple[str, bytes]:
    """Return a body with its transfer encoding: the one that it has, where that is safe.

    Inside of a multipart a body need not end with CRLF: the delimiter brings its own.
    """
    encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in _DECODERS:
        raise _bad(f"has a part in an unknown transfer encoding: {encoding}")
    ready = bodies.canonical(data)
    if encoding == "base64" and not ready.endswith(b"\r\n"):
        ready += b"\r\n"
    if bodies.is_safe(ready) or (not top and bodies.is_safe(ready + b"\r\n")):
        return "7bit" if encoding in _UNENCODED else encoding, ready
    try:
        decoded = _DECODERS[encoding](data)
    except ValueError as error:
        raise _bad(f"has a broken {encoding} body: {error}") from None
    if message.get_content_maintype() == "text":
        return bodies.encode_text(bodies.canonical(decoded))
    return "base64", b"".join(bodies.base64_lines([decoded]))


def _exact_part(message: AnyMessage, fields: tuple[Field, ...]) -> Part:
    """Return an entity whose body must not change; its own header is not part of that."""
    bounded = with_boundary(message)
    if bounded is not message:
        typed = next(field for field in fields_of(bounded) if field[0].lower() == "content-type")
        fields = (typed, *_without_type(fields))
    body = b"".join(exact_body(bounded))
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    if b"\0" in body or b"\r" in body.replace(b"\r\n", b""):
        raise _bad("has NUL or a lone CR in a signed or attached message")
    eight_bit = not body.isascii()
    encoding = [("Content-Transfer-Encoding", "8bit")] if eight_bit else []
    return Part((*fields, *encoding), lambda: iter((body,)), len(body), eight_bit)


def _without_type(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(field for field in fields if field[0].lower() != "content-type")


def _bad(detail: str) -> GpgmailError:
    return Situation.BAD_MESSAGE.error(detail, subject="the mail")
