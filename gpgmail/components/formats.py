"""The two formats of a protected message, for every version of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.components.protected import Version
from gpgmail.core.declare import is_set
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import SignatureMode
from gpgmail.message.draft import body, content_fields
from gpgmail.protect import inline, pgpmime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpgmail.core.run import Run
    from gpgmail.crypto.copies import Shares
    from gpgmail.crypto.engine import Engine, Job
    from gpgmail.message.content import Attachment
    from gpgmail.message.draft import Draft
    from gpgmail.protect.options import ProtectOptions


@dataclass(frozen=True, slots=True)
class Bench:
    """What versions are made with. Without keys in *shares* and a passphrase they are signed."""

    options: ProtectOptions
    engine: Engine
    job: Job
    run: Run

    def make(self, draft: Draft, version: Version, shares: Shares) -> Sequence[Version]:
        """Return what becomes of *version*, which stands in *draft*: a version for each share.

        Raises:
            UnsupportedError: If the format cannot hold it.
            PolicyError: If attachments would go out in clear and nobody said so.
        """
        return _FORMATS[self.options.message_format](self, draft, version, shares)

    def as_pgpmime(self, draft: Draft, version: Version, shares: Shares) -> Sequence[Version]:
        """Make RFC 3156 parts."""
        content = version.content or body(draft, self.run)
        if not self._encrypts(shares):
            signed = pgpmime.sign(content, self.engine, self.job, self.run)
            return (Version(content=signed.content),)
        made = pgpmime.encrypt_copies(content, self.engine, self.job, shares, self.run)
        return [Version(content=one.content) for one in made]

    def as_inline(self, draft: Draft, version: Version, shares: Shares) -> Sequence[Version]:
        """Put OpenPGP into the text."""
        if version.content is not None or draft.html is not None or content_fields(draft):
            raise Situation.UNSUPPORTED_HERE.error(
                "text that is MIME already, or has HTML beside it, cannot be protected inline",
                subject="MessageFormat",
                hint="config MessageFormat=PGPMIME",
            )
        if not self._encrypts(shares):
            return (self._signed(draft, version.text),)
        files = self._encrypted(draft.attachments, shares)
        texts = inline.encrypt_text(
            version.text, self.engine, self.job, shares, self.run, charset=draft.text_charset
        )
        return [
            Version(text=one.text, attachments=attached)
            for one, attached in zip(texts, files, strict=True)
        ]

    def _signed(self, draft: Draft, text: str) -> Version:
        attached = draft.attachments
        if self.options.process_attachments:
            attached = inline.sign_attachments(attached, self.engine, self.job, self.run)
        clear = self.options.clear_signature
        mode = SignatureMode.CLEARTEXT if clear else SignatureMode.OPAQUE
        made = inline.sign_text(
            text, mode, self.engine, self.job, self.run, charset=draft.text_charset
        )
        return Version(text=made.text, attachments=attached)

    def _encrypted(
        self, attached: tuple[Attachment, ...], shares: Shares
    ) -> Sequence[tuple[Attachment, ...]]:
        if attached and not is_set(self.options, "process_attachments"):
            raise Situation.POLICY.error(
                f"{len(attached)} attachments would go out in clear beside an encrypted text",
                subject="attachments",
                hint="config ProcessAttachments=True to encrypt them, =False to send them in clear",
            )
        if not self.options.process_attachments:
            return [attached] * len(shares)
        return inline.encrypt_attachments(attached, self.engine, self.job, shares, self.run)

    def _encrypts(self, shares: Shares) -> bool:
        return self.job.encrypts or any(shares)


_FORMATS: dict[str, Callable[[Bench, Draft, Version, Shares], Sequence[Version]]] = {
    "INLINE": Bench.as_inline,
    "PGPMIME": Bench.as_pgpmime,
}
