"""A mail as the caller states it, and what it is composed to.

`compose` checks everything that can be checked before a connection is opened, and reads no
attachment. Message fields (From, Subject, …) and the content are kept apart: protection replaces
the content and leaves the fields, and the two are joined when the mail is rendered.
"""

from __future__ import annotations

import os
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
    domain_of,
    format_list,
    format_mailbox,
    mailboxes,
    one_mailbox,
)
from gpgmail.message.content import as_it_is, content
from gpgmail.message.headers import (
    WIDTH,
    Field,
    check_name,
    encode_field,
    encode_text,
    header_bytes,
)
from gpgmail.message.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from gpgmail.message.content import Attachment
    from gpgmail.message.part import Part


AUTO = "*"  # of a date or message id: make one

Addresses = str | tuple[str | Mailbox, ...]

_MESSAGE_ID = re.compile(r"[!-;=?-~]+")
# What the draft says by other means, or what would tell everybody who else got the mail.
_NOT_AMONG_OTHERS = {"from", "to", "cc", "bcc", "resent-bcc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a mail shall be.

    Addresses are lists as text, or tuples of text and mailboxes. *return_path* is the envelope
    sender where that is not the sender; `<>` asks for no bounces. *date* and *message_id* are made
    for `*` and left out when empty. *headers* are further fields; MIME fields among them say that
    *text* is encoded already and is sent as it is. With *own_headers* they are the only ones.
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


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready to be protected or sent: message fields, content entity, envelope.

    `headers` are encoded and hold MIME-Version but no Content-* field: those belong to `content`.
    A mail is *international* whose content has header fields that are not ASCII (RFC 6532).
    """

    headers: tuple[Field, ...]
    content: Part
    envelope: Envelope
    width: int = WIDTH
    international: bool = False

    def render(self) -> Iterator[bytes]:
        """Yield the whole mail; the content's header lines follow those of the message."""
        yield header_bytes(self.headers, self.width)
        yield from self.content.render()

    @property
    def size(self) -> int | None:
        """How many bytes `render` yields, None where that is not known before."""
        size = self.content.size
        return None if size is None else len(header_bytes(self.headers, self.width)) + size

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


def compose(draft: Draft, wrap: Callable[[Part], Part] = as_it_is) -> Composed:
    """Return *draft* as fields, content and envelope; for *wrap* see `content`.

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
    twice = given & {name.lower() for name, _ in computed}
    if twice:
        raise Situation.BAD_VALUE.error(
            "is set twice, among other headers too", subject=min(twice).title()
        )
    return Composed(
        (*computed, *(field for field in others if not _is_content(field))),
        content(draft, _content_fields(others), wrap),
        Envelope(_return_path(draft, sender or author), unique(named)),
        draft.width,
    )


def body(draft: Draft) -> Part:
    """Return the content of *draft* alone: its texts and attachments, under its MIME fields."""
    return content(draft, content_fields(draft))


def content_fields(draft: Draft) -> tuple[Field, ...]:
    """Return the MIME fields of *draft* that say how its text is encoded already."""
    return _content_fields(_other_fields(draft))


def new_message_id(address: str) -> str:
    """Return a fresh message id in the domain of *address*, which tells no host name or time."""
    return f"<{os.urandom(16).hex()}@{domain_of(address)}>"


def unique(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return *recipients* with each address once, as it was named first.

    Raises:
        UsageError: If there is none.
    """
    first: dict[str, Recipient] = {}
    for recipient in recipients:
        first.setdefault(recipient.address, recipient)
    if not first:
        raise Situation.NO_RECIPIENT.error("the mail says nobody whom it goes to")
    return tuple(first.values())


def _recipients(draft: Draft) -> list[Recipient]:
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
    return [*listed, *given]


def _other_fields(draft: Draft) -> tuple[Field, ...]:
    for name, _ in draft.headers:
        wrong = {"bcc", "resent-bcc"} if draft.own_headers else _NOT_AMONG_OTHERS
        if check_name(name).lower() in wrong:
            raise Situation.BAD_VALUE.error(
                "cannot be set as an other header", subject=name, hint="name it as a recipient"
            )
    return tuple((name, encode_field(name, value)) for name, value in draft.headers)


def _fields(
    draft: Draft,
    author: Mailbox,
    sender: Mailbox | None,
    named: Sequence[Recipient],
    given: set[str],
) -> tuple[Field, ...]:
    """Return the computed fields in the order of RFC 5322; empty ones are left out."""

    def listed(kind: RecipientType) -> str:
        chosen = (one for one in named if one.recipient_type == kind)
        return format_list(Mailbox(one.name, one.address) for one in chosen)

    fields = (
        ("Date", "" if "date" in given else _date(draft.date)),
        ("From", format_mailbox(author)),
        ("Sender", format_mailbox(sender) if sender else ""),
        ("Reply-To", format_list(mailboxes(draft.reply_to))),
        ("To", listed(RecipientType.TO)),
        ("Cc", listed(RecipientType.CC)),
        ("Message-ID", "" if "message-id" in given else _message_id(draft.message_id, author)),
        ("Subject", encode_text("Subject", draft.subject)),
        ("MIME-Version", "" if "mime-version" in given else "1.0"),
    )
    return tuple(field for field in fields if field[1])


def _date(date: datetime | str) -> str:
    if date == AUTO:
        return format_datetime(localtime())
    return encode_field("Date", date) if isinstance(date, str) else format_datetime(date)


def _message_id(message_id: str, author: Mailbox) -> str:
    if message_id == AUTO:
        return new_message_id(author.address)
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
    return tuple(field for field in fields if _is_content(field))


def _is_content(field: Field) -> bool:
    return field[0].lower().startswith("content-")
