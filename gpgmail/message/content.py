"""The content of a mail: its texts and attachments as one MIME entity, under no message fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.message.bodies import crlf, is_safe
from gpgmail.message.part import Part, file_part, multipart, text_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.core.run import Run
    from gpgmail.message.draft import Draft
    from gpgmail.message.headers import Field
    from gpgmail.message.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, bytes or a binary stream to attach.

    *name* defaults to the file's, *content_type* to what the name says. *inline* parts stand beside
    the HTML text, which shows them by their *content_id*.
    """

    source: Source
    name: str | None = None
    content_type: str = ""
    content_id: str = ""
    inline: bool = False

    def part(self, run: Run | None = None) -> Part:
        """Return the attachment as a MIME part; see `file_part` for what it raises."""
        return file_part(
            self.source,
            name=self.name,
            content_type=self.content_type,
            content_id=self.content_id,
            inline=self.inline,
            run=run,
        )


def as_it_is(part: Part) -> Part:
    """Return *part*."""
    return part


def content(
    draft: Draft,
    fields: tuple[Field, ...] = (),
    wrap: Callable[[Part], Part] = as_it_is,
    run: Run | None = None,
) -> Part:
    """Return the content of *draft*; under MIME *fields* of its own its text is taken as it is.

    Under header fields of its own alone it has none, as long as it needs none.

    *wrap* is applied to each text and to each attachment; who reads those waits as *run* says.

    Raises:
        UsageError: If such a text cannot be one part of a mail.
        MessageError: If an attachment cannot be read.
    """
    if fields or (draft.own_headers and _needs_no_fields(draft)):
        return wrap(_encoded_already(draft, fields))
    inline = [wrap(one.part(run)) for one in draft.attachments if one.inline]
    attached = [wrap(one.part(run)) for one in draft.attachments if not one.inline]
    charset = draft.text_charset
    alternatives = []
    if draft.text is not None:
        alternatives.append(wrap(text_part(draft.text, charset=charset)))
    if draft.html is not None:
        html = wrap(text_part(draft.html, "html", charset))
        related = multipart("related", [html, *inline], {"type": "text/html"})
        alternatives.append(related if inline else html)
        inline = []
    if not alternatives and not inline and not attached:
        alternatives = [text_part("", charset=charset)]
    body = alternatives
    if len(alternatives) > 1:
        body = [multipart("alternative", alternatives)]
    parts = [*body, *inline, *attached]
    return parts[0] if len(parts) == 1 and body else multipart("mixed", parts)


def _needs_no_fields(draft: Draft) -> bool:
    if draft.attachments or draft.html is not None:
        return False
    text = draft.text or ""
    data = draft.text_charset.encode(text, "text")
    return data == text.encode() and is_safe(b"".join(crlf([data])))


def _encoded_already(draft: Draft, fields: tuple[Field, ...]) -> Part:
    """Return the text as a body that the caller encoded to fit his own MIME fields."""
    if draft.attachments or draft.html is not None:
        raise Situation.BAD_VALUE.error(
            "cannot be combined with HTML text or attachments", subject="a MIME field of your own"
        )
    body = b"".join(crlf([draft.text_charset.encode(draft.text or "", "text")]))
    if b"\r" in body.replace(b"\r\n", b""):
        raise Situation.BAD_VALUE.error("holds a lone CR, which no mail can", subject="text")
    return Part(fields, lambda: iter((body,)), len(body), eight_bit=not body.isascii())
