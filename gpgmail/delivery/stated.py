"""Mails as callers state them, a draft or a message of Python's `email`, and what they come to.

Apart from the letters that are made of them: a mail that was handed over is composed already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.message.draft import AUTO, Draft, compose
from gpgmail.message.email_message import from_email
from gpgmail.protect.inline import draft_of

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import EmailMessage

    from gpgmail.core.run import Run
    from gpgmail.message.composed import Composed


def completed(
    message: EmailMessage | Draft, author: str, at: datetime | None, run: Run
) -> tuple[EmailMessage | Draft, Composed]:
    """Return a mail and what it is composed to.

    Without a sender it has *author*, without a date it is of the time *at*.
    """
    if not isinstance(message, Draft):
        composed = from_email(message, author)
        dated = composed if at is None or "date" in message else composed.dated(at)
        return message, dated
    if at is not None and message.date == AUTO:
        message = replace(message, date=at)
    if author and not message.from_:
        message = replace(message, from_=author)
    return message, compose(message, run=run)


def as_draft(message: EmailMessage | Draft) -> Draft:
    """Return a mail as a draft, for OpenPGP in its text."""
    return message if isinstance(message, Draft) else draft_of(message)
