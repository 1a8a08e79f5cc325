"""The SMTP envelope as values (RFC 5321): who sends, who receives, apart from the content."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from gpgmail.core.text import refuse_controls

# What begins a mail: to the mailbox, or to the terminal of a user who is logged in (RFC 821 3.4).
VERBS = ("MAIL", "SEND", "SOML", "SAML")


class RecipientType(IntEnum):
    """Which header a recipient stands in; Bcc stands in none."""

    TO = 0
    CC = 1
    BCC = 2


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address that the mail goes to; `options` are RCPT parameters (RFC 3461)."""

    address: str
    name: str = ""
    recipient_type: RecipientType = RecipientType.TO
    options: str = ""

    def __post_init__(self) -> None:
        for part in (self.address, self.name, self.options):
            refuse_controls(part, "recipient")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender and recipients of one mail, in the order in which they are named to the server.

    `options` are MAIL parameters: RET, ENVID, REQUIRETLS, BY, MT-PRIORITY and others.
    """

    sender: str
    recipients: tuple[Recipient, ...] = field(default=())
    options: str = ""

    def __post_init__(self) -> None:
        refuse_controls(self.sender, "envelope sender")
        refuse_controls(self.options, "envelope options")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The recipients' addresses."""
        return tuple(recipient.address for recipient in self.recipients)
