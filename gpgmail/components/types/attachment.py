"""`Attachment`: names what goes with the mail, a file, bytes or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import one_line
from gpgmail.core.declare import Declared, is_set, prop
from gpgmail.core.situations import Situation
from gpgmail.message.content import Attachment as MessageAttachment

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO


class Attachment(Declared):
    """Names a file to attach, or holds its content, or a binary stream that gives it.

    An *inline* one stands beside the HTML text, which shows it by its `content_id`.
    """

    file: str = prop(default="", doc="Path of the file.")
    data: bytes = prop(default=b"", private=True, doc="The content itself, where there is no file.")
    name: str = prop(default="", doc="Name that the recipient sees; by default the file's.")
    content_type: str = prop(default="", doc="Content type; by default what the name says.")
    inline: bool = prop(default=False, doc="Whether it is shown within the text.")
    content_id: str = prop(
        default="", check=one_line("content_id"), doc="What `cid:` in an HTML text refers to."
    )

    def __init__(
        self,
        file: str | Path = "",
        *,
        data: bytes | None = None,
        stream: BinaryIO | None = None,
        name: str = "",
        content_type: str = "",
        inline: bool = False,
        content_id: str = "",
    ) -> None:
        super().__init__(
            file=str(file),
            name=name,
            content_type=content_type,
            inline=inline,
            content_id=content_id,
        )
        self.stream = stream
        if data is not None:
            self.data = data

    @property
    def stream(self) -> BinaryIO | None:
        """A binary stream with the content, read when the mail is sent; one that seeks, again."""
        return self._stream

    @stream.setter
    def stream(self, value: BinaryIO | None) -> None:
        if value is not None and not hasattr(value, "read"):
            raise Situation.BAD_VALUE.error(
                f"takes a binary stream or None, not {type(value).__name__}", subject="stream"
            )
        self._stream = value

    def stated(self) -> MessageAttachment:
        """Return the attachment as the message room takes it.

        Raises:
            MessageError: With code 302 if it has no content, or more than one.
        """
        contents = (
            (bool(self.file), self.file),
            (is_set(self, "data"), self.data),
            (self.stream is not None, self.stream),
        )
        sources = [source for there, source in contents if there and source is not None]
        if len(sources) != 1:
            detail = "has more than one content" if sources else "names no file"
            raise Situation.ATTACHMENT.error(
                detail,
                subject=self.file or self.name or "attachment",
                hint="set one of file, data, stream",
            )
        return MessageAttachment(
            source=sources[0],
            name=self.name or None,
            content_type=self.content_type,
            content_id=self.content_id,
            inline=self.inline,
        )
