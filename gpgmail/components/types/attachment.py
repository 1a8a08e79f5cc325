"""`Attachment`: names a file that goes with the mail, or holds its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.declare import Declared, is_set, prop
from gpgmail.core.situations import Situation
from gpgmail.message.content import Attachment as MessageAttachment

if TYPE_CHECKING:
    from pathlib import Path


class Attachment(Declared):
    """Names a file to attach, or holds its content."""

    file: str = prop(default="", doc="Path of the file.")
    data: bytes = prop(default=b"", doc="The content itself, where there is no file.")
    name: str = prop(default="", doc="Name that the recipient sees; by default the file's.")
    content_type: str = prop(default="", doc="Content type; by default what the name says.")

    def __init__(
        self,
        file: str | Path = "",
        *,
        data: bytes | None = None,
        name: str = "",
        content_type: str = "",
    ) -> None:
        super().__init__(file=str(file), name=name, content_type=content_type)
        if data is not None:
            self.data = data

    def stated(self) -> MessageAttachment:
        """Return the attachment as the message room takes it.

        Raises:
            MessageError: With code 302 if it has neither a file nor content, or both.
        """
        if bool(self.file) == is_set(self, "data"):
            detail = "has a file and content too" if self.file else "names no file"
            raise Situation.ATTACHMENT.error(
                detail, subject=self.file or self.name or "attachment", hint="set file, or data"
            )
        return MessageAttachment(
            source=self.file or self.data,
            name=self.name or None,
            content_type=self.content_type,
        )
