"""What a component's mail is made of: its texts and attachments, or what the caller encoded.

A mail has one source: whichever of `message_text`, `message`, `local_file` and the stream was set
last takes the place of the others.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.message.composed import Composed
from gpgmail.message.draft import Draft, compose, content_fields
from gpgmail.message.raw import Raw, look

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from gpgmail.components.options import SourceOptions
    from gpgmail.core.run import Run
    from gpgmail.message.part import Part

TEXT = "message_text"
_RAW = ("message", "local_file")
SOURCES = (TEXT, *_RAW)


class Stream:
    """The stream that the caller gave; read once, and kept until the mail was sent."""

    def __init__(self) -> None:
        self._given: BinaryIO | None = None
        self._looked: Raw | None = None
        self._spent = False

    def __bool__(self) -> bool:
        return self._spent or self._given is not None

    def give(self, stream: BinaryIO | None) -> None:
        """Take *stream* in the place of the one before.

        Raises:
            UsageError: If it is no binary stream.
        """
        if stream is not None and (not hasattr(stream, "read") or hasattr(stream, "encoding")):
            raise Situation.BAD_VALUE.error(
                f"takes a binary stream, not {type(stream).__name__}", subject="message stream"
            )
        self._given, self._looked, self._spent = stream, None, False

    def look(self, run: Run | None) -> Raw:
        """Return what is in it, from where it stands to its end.

        Raises:
            MessageError: With code 302 if it was closed with the last mail, or is not readable.
        """
        if self._spent:
            raise Situation.ATTACHMENT.error(
                "was closed when the last mail was sent",
                subject="message stream",
                hint="call set_message_stream again, or set another source",
            )
        if self._looked is None:
            self._looked = look(self._given, run)  # type: ignore[arg-type] # asked only where it is
        return self._looked

    def sent(self, *, close: bool) -> None:
        """Forget what was read; with *close* the stream too, which is closed."""
        given, self._looked = self._given, None
        if close and given is not None:
            self._given, self._spent = None, True
            with suppress(OSError, AttributeError):  # what only reads has nothing to close
                given.close()


def raw_source(options: SourceOptions, stream: Stream, run: Run | None) -> Raw | None:
    """Return what the caller encoded himself, or None where there are texts.

    Raises:
        MessageError: If it cannot be read, or is empty.
    """
    if stream:
        raw = stream.look(run)
    elif options.message or options.local_file:
        raw = look(options.message or options.local_file, run)
    else:
        return None
    if not raw.size:
        raise Situation.NO_INPUT.error("is empty; nothing was sent", subject="raw message")
    return raw


def composed(
    draft: Draft, raw: Raw | None, wrap: Callable[[Part], Part], run: Run | None
) -> Composed:
    """Return the finished mail of *draft*, with *raw* where there is one.

    Raises:
        UsageError: If something is missing or not allowed, or *raw* has company.
    """
    if raw is None:
        return compose(draft, wrap, run)
    if draft.attachments or draft.html is not None:
        raise Situation.BAD_VALUE.error(
            "cannot be combined with attachments or HTML text",
            subject="raw message",
            hint="put them into it, or set message_text",
        )
    fields = compose(replace(draft, text=""))
    if raw.whole:
        mail = wrap(raw.mail())
        return Composed((), mail, fields.envelope, fields.width, not raw.ascii_head)
    return replace(fields, content=wrap(raw.body(content_fields(draft))))
