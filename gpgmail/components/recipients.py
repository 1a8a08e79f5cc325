"""How `send_to`, `cc` and `b_cc` and the collection of recipients are one list.

The collection is what counts. Setting one of the three properties takes out whom it had named
before and puts the new ones in; whoever was put into the collection by hand stays, and is not put
in twice. Reading one gives the text that was set, or the list of its recipients once that changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.components.types.recipient import MessageRecipient
from gpgmail.core.envelope import RecipientType
from gpgmail.message.addresses import Mailbox, format_mailbox, parse_list

if TYPE_CHECKING:
    from gpgmail.components.collection import Collection
    from gpgmail.core.envelope import Recipient

LISTS = {"send_to": RecipientType.TO, "cc": RecipientType.CC, "b_cc": RecipientType.BCC}


def relist(recipients: Collection[MessageRecipient], name: str, text: str) -> None:
    """Let the property *name* name the recipients of *text*.

    Raises:
        UsageError: If it is no list of addresses.
    """
    kept = [one for one in recipients if one.listed_in != name]
    there = {one.mailbox() for one in kept if one.recipient_type == LISTS[name]}
    listed = [_listed(box, name) for box in parse_list(text) if box not in there]
    recipients.replace([*kept, *listed])


def as_text(recipients: Collection[MessageRecipient], name: str, text: str) -> str:
    """Return what the property *name* reads, *text* being what was set."""
    there = [one for one in recipients if one.recipient_type == LISTS[name]]
    boxes = [one.mailbox() for one in there]
    if boxes == list(parse_list(text)):
        return text
    return ", ".join(format_mailbox(box) if box.name else box.address for box in boxes)


def stated(recipients: Collection[MessageRecipient]) -> tuple[Recipient, ...]:
    """Return the recipients as the message room takes them: To, Cc, Bcc, whatever was set first.

    Raises:
        UsageError: If one has no usable address.
    """
    return tuple(sorted((one.stated() for one in recipients), key=lambda one: one.recipient_type))


def _listed(box: Mailbox, name: str) -> MessageRecipient:
    recipient = MessageRecipient(box.address, LISTS[name], name=box.name)
    recipient.listed_in = name
    return recipient
