"""A mail that is composed: its fields, its content, its envelope, ready to be protected or sent.

Message fields (From, Subject, …) and the content are kept apart: protection replaces the content
and leaves the fields, and the two are joined when the mail is rendered. Whatever composes mails
has recipients who stand in them once, and a Message-ID.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.message.addresses import domain_of, same_mailbox
from gpgmail.message.headers import WIDTH, header_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from gpgmail.core.envelope import Envelope, Recipient
    from gpgmail.message.headers import Field
    from gpgmail.message.part import Part

ID_ALGORITHMS = ("MD5", "SHA1", "SHA256")


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


def with_content(composed: Composed, part: Part) -> Composed:
    """Return a mail with *part* as its content, and MIME-Version where that has MIME fields."""
    named = {name.lower() for name, _ in composed.headers}
    lacks = part.headers and "mime-version" not in named
    headers = (*composed.headers, ("MIME-Version", "1.0")) if lacks else composed.headers
    return replace(composed, headers=headers, content=part)


def new_message_id(address: str, algorithm: str = ID_ALGORITHMS[1]) -> str:
    """Return a fresh message id in the domain of *address*, which tells no host name or time.

    What stands before the domain is a hash of random bytes by *algorithm*, in hexadecimal.
    """
    fresh = hashlib.new(algorithm, os.urandom(32), usedforsecurity=False)
    return f"<{fresh.hexdigest()}@{domain_of(address)}>"


def unique(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return *recipients* with each mailbox once, in the place where it was named first.

    It has the first name and the first options that were given, and is To before Cc before Bcc:
    who is named in a header is no secret any more.

    Raises:
        UsageError: If there is none.
    """
    found = merged(recipients)
    if not found:
        raise Situation.NO_RECIPIENT.error("the mail says nobody whom it goes to")
    return found


def merged(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return *recipients* with each mailbox once, as `unique` does; there may be none."""
    found: dict[str, Recipient] = {}
    for one in recipients:
        first = found.setdefault(same_mailbox(one.address), one)
        found[same_mailbox(one.address)] = replace(
            first,
            name=first.name or one.name,
            recipient_type=min(first.recipient_type, one.recipient_type),
            options=first.options or one.options,
        )
    return tuple(found.values())
