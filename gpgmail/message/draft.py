"""A mail as the caller states it, and how it is composed.

`compose` checks everything that can be checked before a connection is opened, and reads no
attachment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.message.addresses import (
    Mailbox,
    check_address,
    format_list,
    mailboxes,
    one_mailbox,
)
from gpgmail.message.charsets import UTF8, Charset
from gpgmail.message.composed import (
    ID_ALGORITHMS,
    Composed,
    merged,
    new_message_id,
    unique,
    with_content,
)
from gpgmail.message.content import as_it_is, content
from gpgmail.message.headers import (
    WIDTH,
    Style,
    check_name,
    encode_field,
    encode_text,
    is_content,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from gpgmail.core.run import Run
    from gpgmail.message.content import Attachment
    from gpgmail.message.headers import Field
    from gpgmail.message.part import Part


AUTO = "*"  # of a date or message id: make one

Addresses = str | tuple[str | Mailbox, ...]

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


def body(draft: Draft, run: Run | None = None) -> Part:
    """Return the content of *draft* alone: its texts and attachments, under its MIME fields."""
    return content(draft, content_fields(draft), run=run)


def content_fields(draft: Draft) -> tuple[Field, ...]:
    """Return the MIME fields of *draft* that say how its text is encoded already."""
    return _content_fields(_other_fields(draft))


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
        chosen = merged(one for one in named if one.recipient_type == kind)
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
