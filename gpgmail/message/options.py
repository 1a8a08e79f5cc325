"""The rows of the message: what the caller sets on a component, and the draft that follows from it.

Names are those of the reference pages. Each row ends in a field, in the content or in the envelope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import between, one_line
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.message.addresses import format_list, mailboxes
from gpgmail.message.draft import AUTO, Draft
from gpgmail.message.headers import Field, parse_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.content import Attachment

_LONGEST_LINE = 998  # RFC 5322 section 2.1.1


class MessageOptions(Declared):
    """What a mail says and to whom it goes."""

    from_: str = prop(default="", check=one_line("From"), doc="Address of the sender.")
    send_to: str = prop(default="", check=one_line("To"), doc="Recipients, separated by commas.")
    cc: str = prop(default="", check=one_line("Cc"), doc="Recipients of copies that all see.")
    b_cc: str = prop(default="", check=one_line("Bcc"), doc="Recipients that nobody else sees.")
    reply_to: str = prop(
        default="", check=one_line("Reply-To"), doc="Where answers go, when not to the sender."
    )
    return_path: str = prop(
        default="",
        key="ReturnPath",
        check=one_line("return path"),
        doc="Envelope sender, when not `from_`; `<>` asks for no bounces.",
    )
    subject: str = prop(default="", check=one_line("Subject"), doc="Subject, in any script.")
    message_text: str = prop(default="", doc="Text of the mail.")
    message_date: str = prop(
        default=AUTO, check=one_line("Date"), doc="Date field; `*` for now, empty for none."
    )
    message_id: str = prop(
        default=AUTO, check=one_line("Message-ID"), doc="Message id; `*` for a new one."
    )
    importance: int = prop(
        default=0,
        check=between(0, 3),
        doc="Importance field: 0 none, 1 high, 2 normal, 3 low.",
    )
    priority: int = prop(
        default=0,
        check=between(0, 3),
        doc="Priority field: 0 none, 1 normal, 2 urgent, 3 non-urgent.",
    )
    sensitivity: int = prop(
        default=0,
        check=between(0, 3),
        doc="Sensitivity field: 0 none, 1 personal, 2 private, 3 company-confidential.",
    )
    read_receipt_to: str = prop(
        default="",
        check=one_line("Disposition-Notification-To"),
        doc="Who asks to be told that the mail was read.",
    )
    delivery_notification_to: str = prop(
        default="",
        check=one_line("Return-Receipt-To"),
        doc="Who asks to be told that the mail was delivered.",
    )
    other_headers: str = prop(
        default="",
        key="OtherHeaders",
        doc="Further header lines. MIME fields among them say that `message_text` is encoded "
        "already; with an empty first line they stand in place of all computed fields.",
    )
    max_header_length: int = setting(
        default=80,
        key="MaxHeaderLength",
        check=between(40, _LONGEST_LINE),
        doc="Characters after which a header line is folded.",
    )
    fold_headers: bool = setting(
        default=True,
        key="FoldHeaders",
        doc=f"Whether header lines are folded before {_LONGEST_LINE} characters.",
    )


# RFC 4021 section 2.1.54 on: the values that these fields take.
_GRADES = (
    ("importance", "Importance", ("", "high", "normal", "low")),
    ("priority", "Priority", ("", "normal", "urgent", "non-urgent")),
    ("sensitivity", "Sensitivity", ("", "personal", "private", "company-confidential")),
)
_NOTICES = (
    ("read_receipt_to", "Disposition-Notification-To"),
    ("delivery_notification_to", "Return-Receipt-To"),
)


def draft_from(
    options: MessageOptions, attachments: tuple[Attachment, ...] = (), *, with_text: bool = True
) -> Draft:
    """Return the draft that *options* and *attachments* state, *with_text* or for its fields alone.

    Raises:
        UsageError: If `other_headers` are no header lines, or an address is not usable.
    """
    own = options.other_headers.startswith(("\r\n", "\n"))
    others = parse_fields(options.other_headers)
    return Draft(
        from_=options.from_,
        to=options.send_to,
        cc=options.cc,
        bcc=options.b_cc,
        reply_to=options.reply_to,
        return_path=options.return_path,
        subject=options.subject,
        text=options.message_text if with_text else None,
        attachments=attachments,
        date=options.message_date,
        message_id=options.message_id,
        headers=others if own else (*_fields(options), *others),
        own_headers=own,
        width=options.max_header_length if options.fold_headers else _LONGEST_LINE,
    )


def _fields(options: MessageOptions) -> Iterator[Field]:
    for row, name, grades in _GRADES:
        grade = grades[getattr(options, row)]
        if grade:
            yield name, grade
    for row, name in _NOTICES:
        value = format_list(mailboxes(getattr(options, row)))
        if value:
            yield name, value
