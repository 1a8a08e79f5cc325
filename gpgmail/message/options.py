"""The rows of the message: what the caller sets on a component, and the draft that follows from it.

Names are those of the reference pages. Each row ends in a field, in the content or in the envelope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import between, one_line, one_of
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.message import charsets
from gpgmail.message.addresses import format_list, mailboxes, parse_list
from gpgmail.message.charsets import UTF8
from gpgmail.message.composed import ID_ALGORITHMS
from gpgmail.message.draft import AUTO, Draft, refuse_twice
from gpgmail.message.headers import Field, Style, parse_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.content import Attachment

_LONGEST_LINE = 998  # RFC 5322 section 2.1.1


def _header_charset(name: str) -> str:
    return charsets.of_name(name).name if name else ""


def _code_page(page: int) -> int:
    charsets.of_page(page)
    return page


def address_list(value: str) -> str:
    """Accept a list of addresses as RFC 5322 writes it."""
    parse_list(value)
    return value


class MessageOptions(Declared):
    """What a mail says and to whom it goes."""

    from_: str = prop(default="", check=one_line("From"), doc="Address of the sender.")
    send_to: str = prop(default="", check=address_list, doc="Recipients, separated by commas.")
    cc: str = prop(default="", check=address_list, doc="Recipients of copies that all see.")
    b_cc: str = prop(default="", check=address_list, doc="Recipients that nobody else sees.")
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
    message_text: str = prop(default="", private=True, doc="Text of the mail.")
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
    message_id_algorithm: str = setting(
        default="SHA1",
        key="MessageIdAlgorithm",
        check=one_of(ID_ALGORITHMS),
        doc="What a new message id is a hash by: `MD5`, `SHA1` or `SHA256`.",
    )
    charset: str = setting(
        default="",
        key="Charset",
        check=_header_charset,
        doc="Charset of what is not ASCII in header fields (RFC 2047); empty for UTF-8.",
    )
    code_page: int = setting(
        default=65001,
        key="CodePage",
        check=_code_page,
        doc="Windows code page in which `message_text` is sent, with the charset of that name.",
    )
    allow_empty_to: bool = setting(
        default=False,
        key="AllowEmptyTo",
        doc="Whether a mail may go to `cc` and `b_cc` alone.",
    )
    mail_options: str = setting(
        default="",
        key="MailOptions",
        check=one_line("MailOptions"),
        doc="Parameters of MAIL: `RET=HDRS ENVID=4711` (RFC 3461), `REQUIRETLS` (RFC 8689), "
        "`BY=3600;R` (RFC 2852), `MT-PRIORITY=3` (RFC 6710). Ours.",
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
    style = Style(
        charsets.of_name(options.charset) if options.charset else UTF8,
        options.max_header_length if options.fold_headers else _LONGEST_LINE,
    )
    others = parse_fields(options.other_headers, style)
    computed = () if own else tuple(_fields(options, style))
    refuse_twice(computed, others)
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
        headers=(*computed, *others),
        own_headers=own,
        width=style.width,
        header_charset=style.charset,
        text_charset=charsets.of_page(options.code_page),
        id_algorithm=options.message_id_algorithm,
        require_to=not options.allow_empty_to,
        mail_options=options.mail_options,
    )


def _fields(options: MessageOptions, style: Style) -> Iterator[Field]:
    for row, name, grades in _GRADES:
        grade = grades[getattr(options, row)]
        if grade:
            yield name, grade
    for row, name in _NOTICES:
        value = format_list(mailboxes(getattr(options, row)), style, field=name)
        if value:
            yield name, value
