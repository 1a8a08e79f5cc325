"""`MessageRecipient`: one address that the mail goes to."""

from __future__ import annotations

from gpgmail.core.checks import between, one_line
from gpgmail.core.declare import Declared, prop
from gpgmail.core.envelope import Recipient, RecipientType
from gpgmail.core.errors import UsageError
from gpgmail.core.situations import Situation
from gpgmail.message.addresses import Mailbox, one_mailbox


class MessageRecipient(Declared):
    """Names a recipient, what kind of one, and what the server is asked to do for him."""

    address: str = prop(
        default="", check=one_line("address"), doc="His address, also as `Name <address>`."
    )
    name: str = prop(default="", check=one_line("name"), doc="His name, where a header shows it.")
    options: str = prop(
        default="",
        check=one_line("options"),
        doc="Parameters of RCPT such as `NOTIFY=FAILURE,DELAY` (RFC 3461).",
    )
    recipient_type: int = prop(default=0, check=between(0, 2), doc="0 To, 1 Cc, 2 Bcc.")

    listed_in = ""  # the property whose text named him, where one did

    def __init__(  # the reference's constructors are positional
        self, address: str = "", recipient_type: int = 0, *, name: str = "", options: str = ""
    ) -> None:
        super().__init__(address=address, recipient_type=recipient_type, name=name, options=options)

    def mailbox(self) -> Mailbox:
        """Return his name and address, as they stand where they are no address yet."""
        try:
            box = one_mailbox(self.address, "message recipient")
        except UsageError:
            return Mailbox(self.name, self.address)
        return Mailbox(self.name or box.name, box.address)

    def stated(self) -> Recipient:
        """Return the recipient as the message room takes it.

        Raises:
            UsageError: If `address` is not one address.
        """
        if not self.address.strip():
            raise Situation.BAD_ADDRESS.error(
                "has no address", subject="message recipient", hint="set it, or drop the recipient"
            )
        box = one_mailbox(self.address, "message recipient")
        kind = RecipientType(self.recipient_type)
        return Recipient(box.address, self.name or box.name, kind, self.options)
