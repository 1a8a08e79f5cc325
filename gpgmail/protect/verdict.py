"""What was found out about a received mail, as values.

A signature counts for exactly the content that it covers. `Cover` says whether that is everything
that a reader would see; content outside is never called signed or encrypted.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum

from gpgmail.crypto.engine import SignatureSeen, SignatureStatus


class Cover(StrEnum):
    """How much of a mail's content something holds for."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"

    @classmethod
    def of(cls, held: list[bool]) -> Cover:
        """Return the cover where *held* says for each part whether it holds."""
        if held and all(held):
            return cls.WHOLE
        return cls.PART if any(held) else cls.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPart:
    """A piece of content, decoded and decrypted, with what holds for exactly this piece."""

    content_type: str
    name: str
    content: bytes
    charset: str = ""
    encrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()

    @property
    def signed(self) -> bool:
        """Whether a good signature covers this part."""
        return any(seen.status is SignatureStatus.GOOD for seen in self.signatures)

    @property
    def text(self) -> str:
        """The content as text; what its charset cannot express is replaced."""
        try:
            return self.content.decode(self.charset or "utf-8", "replace")
        except LookupError:
            return self.content.decode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What holds for the mail.

    `problems` says in words why something does not hold. `signatures` are all that were found, in
    their order, also bad ones.
    """

    signed: Cover
    encrypted: Cover
    signatures: tuple[SignatureSeen, ...] = ()
    recipients: tuple[str, ...] = ()
    decrypted_with: str = ""
    cipher: str = ""
    problems: tuple[str, ...] = ()

    @property
    def signer(self) -> SignatureSeen | None:
        """The first good signature that covers the whole content, otherwise None."""
        if self.signed is not Cover.WHOLE:
            return None
        return next((one for one in self.signatures if one.status is SignatureStatus.GOOD), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMail:
    """A received mail, opened.

    `message` is what a reader should see: the content that the verdict holds for with the outer
    header fields, or the mail as it came where nothing, or not everything, is protected. The outer
    header fields (Subject among them) are never covered by a signature.
    """

    message: EmailMessage
    parts: tuple[ReadPart, ...]
    verdict: Verdict
