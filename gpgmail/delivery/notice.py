"""The notice to a recipient whose mail had to be encrypted and could not be.

It says what he or an administrator has to do, and nothing of the mail but who sent it and its
Message-ID: no subject, no content, nobody else whom it went to.
"""

from __future__ import annotations

import socket
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING

from gpgmail.core.text import shown
from gpgmail.message.draft import Draft

if TYPE_CHECKING:
    from gpgmail.core.errors import KeySelectionError
    from gpgmail.delivery.addressing import Addressed

SUBJECT = "A mail to you could not be encrypted"

_TEXT = """\
A mail to {recipient} was not sent to you. It must be encrypted, and there
is no key that it can be encrypted to:

{reasons}

Sender:     {sender}
Recipient:  {recipient}
Host:       {host}
Date:       {date}
Message-ID: {message_id}

This notice holds nothing of the mail. It can be sent again once there is a
key: have the owner of an expired one extend it, or import a new one on the
host, and see there what "gpgmail keys why {recipient}" says.
"""


def notice(addressed: Addressed, recipient: str, error: KeySelectionError) -> Draft:
    """Return the notice to *recipient*, for whom there was no key."""
    text = _TEXT.format(
        recipient=shown(recipient),
        sender=shown(addressed.envelope.sender or addressed.author),
        reasons="\n".join(f"  {line}" for line in reasons(error)),
        host=shown(socket.gethostname()),
        date=format_datetime(localtime()),
        message_id=shown(addressed.message_id),
    )
    return Draft(
        from_=addressed.author,
        to=recipient,
        subject=SUBJECT,
        text=text,
        return_path=addressed.envelope.sender or "<>",
        headers=(("Auto-Submitted", "auto-generated"),),
    )


def reasons(error: KeySelectionError) -> list[str]:
    """Return which keys were looked at and why none can be used, without anybody's name."""
    looked_at = [
        f"key {one.fingerprint}: {one.reason}"
        for one in error.candidates
        if one.obstacle != "match"  # somebody else's
    ]
    return looked_at or ["there is no such key"]
