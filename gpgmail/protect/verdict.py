"""What was found out about a received mail, as values, and how it follows from its parts.

A signature counts for exactly the content that it covers. `Cover` says whether that is everything
that a reader would see; content outside is never called signed or encrypted. Whole needs one
signer: what two people signed, each a part of it, nobody signed as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gpgmail.crypto.engine import SignatureSeen, SignatureStatus
from gpgmail.protect.shapes import blank

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

    from gpgmail.protect.headers import ProtectedHeaders


class Cover(StrEnum):
    """How much of a mail's content something holds for."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"

    @classmethod
    def of(cls, held: Sequence[bool]) -> Cover:
        """Return the cover where *held* says for each part whether it holds."""
        if held and all(held):
            return cls.WHOLE
        return cls.PART if any(held) else cls.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPart:
    """A piece of content, decoded and decrypted, with what holds for exactly this piece.

    `by_author` says that a good signature over it is by a key that has a user id with the From
    address. `outside` is a piece that stands beside what is signed or encrypted in the same mail,
    as the footer of a mailing list does.
    """

    content_type: str
    name: str
    content: bytes
    charset: str = ""
    encrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()
    by_author: bool = False
    outside: bool = False

    @property
    def signed(self) -> bool:
        """Whether a good signature covers this part."""
        return bool(self.good)

    @property
    def good(self) -> tuple[SignatureSeen, ...]:
        """The good signatures that cover this part."""
        return tuple(seen for seen in self.signatures if seen.status is SignatureStatus.GOOD)

    @property
    def blank(self) -> bool:
        """Whether it is a text without a name that shows nothing."""
        return not self.name and blank(self.content_type, self.content)

    @property
    def text(self) -> str:
        """The content as text; what its charset cannot express is replaced."""
        try:
            return self.content.decode(self.charset or "utf-8", "replace")
        except (LookupError, ValueError):  # no such charset, or no name of one
            return self.content.decode("latin-1")


class Outcome(StrEnum):
    """The signatures of a mail in one word; that of a bad one goes before those of others.

    `good` is a signature over the whole content by a key of the author, `wrong signer` a good one
    over the whole content by another key, `partial` a good one over a part of it. The others are
    those of `SignatureStatus`, where no good signature covers anything.
    """

    NONE = "none"
    GOOD = "good"
    WRONG_SIGNER = "wrong signer"
    PARTIAL = "partial"
    BAD = "bad"
    REVOKED_KEY = "revoked key"
    EXPIRED_KEY = "expired key"
    EXPIRED_SIGNATURE = "expired signature"
    MISSING_KEY = "missing key"
    ERROR = "error"


_NOT_GOOD = tuple(Outcome)[list(Outcome).index(Outcome.BAD) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What holds for the mail.

    `signer` is the good signature that covers the whole content, the author's where there are
    several; None where there is none.
    `author` is the address in From, which everybody can write there: `author_validity` is that of
    the signer's user id with this address, and empty where his key has no such user id.
    `signatures` are all that were found, also bad ones. `problems` says in words what does not
    hold. `protected` are the header fields that stand inside the protection, None without any.
    """

    signed: Cover
    encrypted: Cover
    signer: SignatureSeen | None = None
    author: str = ""
    author_validity: str = ""
    signatures: tuple[SignatureSeen, ...] = ()
    recipients: tuple[str, ...] = ()
    decrypted_with: str = ""
    cipher: str = ""
    problems: tuple[str, ...] = ()
    protected: ProtectedHeaders | None = None

    @property
    def outcome(self) -> Outcome:
        """The signatures in one word."""
        if self.signer is not None:
            return Outcome.GOOD if self.by_author else Outcome.WRONG_SIGNER
        if self.signed is not Cover.NONE:
            return Outcome.PARTIAL
        found = {str(seen.status) for seen in self.signatures}
        return next((word for word in _NOT_GOOD if word in found), Outcome.NONE)

    @property
    def by_author(self) -> bool:
        """Whether the whole content is signed by a key that has a user id with the From address.

        How sure gpg is that the address belongs to the key says `author_validity`.
        """
        return self.signer is not None and bool(self.author_validity)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMail:
    """A received mail, opened.

    `message` is what a reader should see: where all of the content is signed, or all is encrypted,
    the opened content under the outer header fields, otherwise the mail as it came. Outer header
    fields are never covered by a signature; where protected ones stand in their place says
    `verdict.protected`.
    """

    message: EmailMessage
    parts: tuple[ReadPart, ...]
    verdict: Verdict


def signers_of(parts: Sequence[ReadPart]) -> tuple[SignatureSeen, ...]:
    """Return good signatures by keys that signed every part, one of each key."""
    keys = [{seen.primary for seen in part.good} for part in parts]
    common = set.intersection(*keys) if keys else set()
    found = {seen.primary: seen for part in reversed(parts) for seen in reversed(part.good)}
    return tuple(seen for primary, seen in reversed(found.items()) if primary in common)


def counted(parts: Sequence[ReadPart]) -> Sequence[ReadPart]:
    """Return the parts that say something: an empty text beside others needs no protection."""
    return [part for part in parts if not part.blank] or parts


def complaints(parts: Sequence[ReadPart], signatures: Sequence[SignatureSeen]) -> tuple[str, ...]:
    """Return in words which signatures are not good, and what covers only a part."""
    bad = [_complaint(seen) for seen in signatures if seen.status is not SignatureStatus.GOOD]
    signed, encrypted = ([part.signed for part in parts], [part.encrypted for part in parts])
    if all(signed) and not signers_of(parts):
        bad.append("the parts are signed by different keys")
    for what, held in (("signed", signed), ("encrypted", encrypted)):
        if Cover.of(held) is Cover.PART:
            bad.append(f"only {sum(held)} of {len(held)} parts are {what}")
    return tuple(bad)


def _complaint(seen: SignatureSeen) -> str:
    who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
    return f"signature by {who}: {seen.status}"
