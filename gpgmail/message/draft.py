"""A mail as the caller states it, and what it is composed to.

`compose` checks everything that can be checked before a connection is opened, and reads no
attachment. Message fields (From, Subject, …) and the content are kept apart: protection replaces
the content and leaves the fields, and the two are joined when the mail is rendered.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.message.addresses import (
    Mailbox,
    check_address,
    domain_of,
    format_list,
    mailboxes,
    one_mailbox,
    same_mailbox,
)
from gpgmail.message.charsets import UTF8, Charset
from gpgmail.message.content import as_it_is, content
from gpgmail.message.headers import (
    WIDTH,
    Field,
    Style,
    check_name,
    encode_field,
    encode_text,
    header_bytes,
    is_content,
)
from gpgmail.message.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from gpgmail.core.run import Run
    from gpgmail.message.content import Attachment
    from gpgmail.message.part import Part


AUTO = "*"  # of a date or message id: make one

Addresses = str | tuple[str | Mailbox, ...]

ID_ALGORITHMS = ("MD5", "SHA1", "SHA256")
_MESSAGE_ID = re.compile(r"[!-;=?-~]+")
# What would tell everybody who else got the mail, and what only the last server may write (RFC
# 5321 section 4.4); then what the draft says by other means.
_NEVER = {"bcc", "resent-bcc", "return-path"}
_NOT_AMONG_OTHERS = _NEVER | {"from", "to", "cc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a mail shall be.

    Addresses are lists as text, or tuples of text and mailboxes. *return_path* is the envelope
    sender where that is not the sender; `<>` asks for no bounces. *date* and *message_id* are made
    for `*` and left out when empty. *headers* are further fields; MIME fields among them say that
    *text* is encoded already and is sent as it is. With *own_headers* they are the only ones.
    Names and texts are UTF-8 unless *header_charset* and *text_charset* say otherwise; with
    *require_to* copies alone are not enough. *mail_options* are parameters of MAIL, such as
    `RET=HDRS ENVID=4711`; those of a recipient stand with it.
    """

    from_: str = ""
    to: Addresses = ()
    cc: Addresses = ()
    bcc: Addresses = ()
    recipients: tuple[Recipient, ...] = ()
    sender: str = ""
    return_path: str = ""
    reply_to: Addresses = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    date: datetime | str = AUTO
    message_id: str = AUTO
    headers: tuple[Field, ...] = ()
    own_headers: bool = False
    width: int = WIDTH
    header_charset: Charset = UTF8
    text_charset: Charset = UTF8
    id_algorithm: str = ID_ALGORITHMS[1]
    require_to: bool = False
    mail_options: str = ""

    @property
    def style(self) -> Style:
        """How its header fields are written."""
        return Style(self.header_charset, self.width)


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready to be protected or sent: message fields, content entity, envelope.

    `headers` are encoded and hold MIME-Version but no Content-* field: those belong to `content`.
    A mail is *international* whose content has header fields that are not ASCII (RFC 6532).

    Raises:
        UsageError: If a field cannot stand in a header, or cannot be folded.
    """

    headers: tuple[Field, ...]
    content: Part
    envelope: Envelope
    width: int = WIDTH
    international: bool = False

    def __post_init__(self) -> None:
        """Find a field that cannot be folded while nothing of the mail is on its way."""
        _ = self._head

    def render(self) -> Iterator[bytes]:
        """Yield the whole mail; the content's header lines follow those of the message."""
        yield self._head
        yield from self.content.chunks()

    def dated(self, at: datetime) -> Composed:
        """Return the same mail with another date."""
        others = (field for field in self.headers if field[0].lower() != "date")
        return replace(self, headers=(("Date", format_datetime(at)), *others))

    @property
    def size(self) -> int | None:
        """How many bytes `render` yields, None where that is not known before."""
        size = self.content.body_size
        return None if size is None else len(self._head) + size

    @property
    def _head(self) -> bytes:
        """Everything before what the content's chunks are."""
        if self.content.verbatim:
            return header_bytes(self.headers, self.width)
        return header_bytes((*self.headers, *self.content.headers), self.width) + b"\r\n"

    @property
    def needs_utf8(self) -> bool:
        """Whether the mail can only be sent with SMTPUTF8 (RFC 6531)."""
        values = (value for _, value in self.headers)
        named = (self.envelope.sender, *self.envelope.addresses)
        return self.international or not all(text.isascii() for text in (*values, *named))

    @property
    def eight_bit(self) -> bool:
        """Whether the content holds bytes that need 8BITMIME (RFC 6152)."""
        return self.content.eight_bit

    def header(self, name: str) -> str:
        """Return the encoded value of the first field *name*, empty where there is none."""
        wanted = name.lower()
        return next((value for field, value in self.headers if field.lower() == wanted), "")


def compose(
    draft: Draft, wrap: Callable[[Part], Part] = as_it_is, run: Run | None = None
) -> Composed:
    """Return *draft* as fields, content and envelope; for *wrap* and *run* see `content`.

    Raises:
        UsageError: If an address, name or value is missing or not allowed.
        MessageError: If an attachment cannot be read.
    """
    if not draft.from_.strip():
        raise Situation.NO_SENDER.error("the mail says nobody whom it is from")
    author = one_mailbox(draft.from_, "From")
    sender = one_mailbox(draft.sender, "Sender") if draft.sender else None
    named = _recipients(draft)
    others = _other_fields(draft)
    given = {name.lower() for name, _ in others}
    computed = () if draft.own_headers else _fields(draft, author, sender, named, given)
    refuse_twice(computed, others)
    composed = Composed(
        (*computed, *(field for field in others if not is_content(field))),
        content(draft, _content_fields(others), wrap, run),
        Envelope(_return_path(draft, sender or author), unique(named), draft.mail_options),
        draft.width,
    )
    return with_content(composed, composed.content)


def with_content(composed: Composed, part: Part) -> Composed:
    """Return a mail with *part* as its content, and MIME-Version where that has MIME fields."""
    named = {name.lower() for name, _ in composed.headers}
    lacks = part.headers and "mime-version" not in named
    headers = (*composed.headers, ("MIME-Version", "1.0")) if lacks else composed.headers
    return replace(composed, headers=headers, content=part)


def body(draft: Draft, run: Run | None = None) -> Part:
    """Return the content of *draft* alone: its texts and attachments, under its MIME fields."""
    return content(draft, content_fields(draft), run=run)


def content_fields(draft: Draft) -> tuple[Field, ...]:
    """Return the MIME fields of *draft* that say how its text is encoded already."""
    return _content_fields(_other_fields(draft))


def new_message_id(address: str, algorithm: str = ID_ALGORITHMS[1]) -> str:
    """Return a fresh message id in the domain of *address*, which tells no host name or time.

    What stands before the domain is a hash of random bytes by *algorithm*, in hexadecimal.
    """
    fresh = hashlib.new(algorithm, os.urandom(32), usedforsecurity=False)
    return f"<{fresh.hexdigest()}@{domain_of(address)}>"


def refuse_twice(computed: Iterable[Field], others: Iterable[Field]) -> None:
    """Let no field that is *computed* stand among *others* too.

    Raises:
        UsageError: If one does.
    """
    twice = {name.lower() for name, _ in others} & {name.lower() for name, _ in computed}
    if twice:
        raise Situation.BAD_VALUE.error(
            "is set twice, among other headers too", subject=min(twice).title()
        )


def unique(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return *recipients* with each mailbox once, in the place where it was named first.

    It has the first name and the first options that were given, and is To before Cc before Bcc:
    who is named in a header is no secret any more.

    Raises:
        UsageError: If there is none.
    """
    merged = _merged(recipients)
    if not merged:
        raise Situation.NO_RECIPIENT.error("the mail says nobody whom it goes to")
    return merged


def _merged(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    merged: dict[str, Recipient] = {}
    for one in recipients:
        first = merged.setdefault(same_mailbox(one.address), one)
        merged[same_mailbox(one.address)] = replace(
            first,
            name=first.name or one.name,
            recipient_type=min(first.recipient_type, one.recipient_type),
            options=first.options or one.options,
        )
    return tuple(merged.values())


def _recipients(draft: Draft) -> tuple[Recipient, ...]:
    lists = (
        (RecipientType.TO, draft.to),
        (RecipientType.CC, draft.cc),
        (RecipientType.BCC, draft.bcc),
    )
    listed = [
        Recipient(box.address, box.name, kind) for kind, value in lists for box in mailboxes(value)
    ]
    given = [
        Recipient(check_address(one.address), one.name, one.recipient_type, one.options)
        for one in draft.recipients
    ]
    named = (*listed, *given)
    copies_only = named and all(one.recipient_type != RecipientType.TO for one in named)
    if draft.require_to and copies_only:
        raise Situation.NO_RECIPIENT.error(
            "the mail has copies only", hint="set send_to, or config AllowEmptyTo=True"
        )
    return named


def _other_fields(draft: Draft) -> tuple[Field, ...]:
    for name, _ in draft.headers:
        wrong = _NEVER if draft.own_headers else _NOT_AMONG_OTHERS
        if check_name(name).lower() in wrong:
            raise Situation.BAD_VALUE.error(
                "cannot be set as an other header",
                subject=name,
                hint="set sender, recipients and return path as such",
            )
    return tuple((name, encode_field(name, value, draft.style)) for name, value in draft.headers)


def _fields(
    draft: Draft,
    author: Mailbox,
    sender: Mailbox | None,
    named: Sequence[Recipient],
    given: set[str],
) -> tuple[Field, ...]:
    """Return the computed fields in the order of RFC 5322; empty ones are left out."""

    def listed(field: str, boxes: Iterable[Mailbox]) -> Field:
        return field, format_list(boxes, draft.style, field=field)

    def named_as(kind: RecipientType) -> Iterator[Mailbox]:
        chosen = _merged(one for one in named if one.recipient_type == kind)
        return (Mailbox(one.name, one.address) for one in chosen)

    fields = (
        ("Date", "" if "date" in given else _date(draft)),
        listed("From", [author]),
        listed("Sender", [sender] if sender else ()),
        listed("Reply-To", mailboxes(draft.reply_to)),
        listed("To", named_as(RecipientType.TO)),
        listed("Cc", named_as(RecipientType.CC)),
        ("Message-ID", "" if "message-id" in given else _message_id(draft, author)),
        ("Subject", encode_text("Subject", draft.subject, draft.style)),
        ("MIME-Version", "" if "mime-version" in given else "1.0"),
    )
    return tuple(field for field in fields if field[1])


def _date(draft: Draft) -> str:
    date = draft.date
    if date == AUTO:
        return format_datetime(localtime())
    if isinstance(date, str):
        return encode_field("Date", date, draft.style)
    return format_datetime(date)


def _message_id(draft: Draft, author: Mailbox) -> str:
    message_id = draft.message_id
    if message_id == AUTO:
        return new_message_id(author.address, draft.id_algorithm)
    refuse_controls(message_id, "Message-ID")
    bare = message_id.removeprefix("<").removesuffix(">")
    if message_id and not _MESSAGE_ID.fullmatch(bare):
        raise Situation.BAD_VALUE.error("is not a message id", subject=repr(message_id))
    return f"<{bare}>" if message_id else ""


def _return_path(draft: Draft, sender: Mailbox) -> str:
    if draft.return_path == "<>":
        return ""
    return (
        one_mailbox(draft.return_path, "return path").address
        if draft.return_path
        else sender.address
    )


def _content_fields(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(field for field in fields if is_content(field))
