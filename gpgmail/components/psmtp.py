"""`PSMTP`: OpenPGP mail, with the names of the reference pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gpgmail.components._accessors import PsmtpAccessors
from gpgmail.components.keychain import Keychain
from gpgmail.components.life import Act, Step, advance
from gpgmail.components.smtp import SMTP
from gpgmail.core.declare import Deferred, Row, is_set
from gpgmail.core.events import KeyPassphrase
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Job, SignatureMode
from gpgmail.crypto.engines import engine
from gpgmail.keys.trust import comparable
from gpgmail.message.addresses import parse_list
from gpgmail.message.draft import Attachment, Composed, body, compose
from gpgmail.message.options import draft_from
from gpgmail.message.part import Part
from gpgmail.protect import inline, pgpmime
from gpgmail.protect.options import algorithms


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done to the message so far."""

    signed: bool = False
    encrypted: bool = False
    content: Part | None = None  # PGP/MIME's, in place of text and attachments
    attachments: tuple[Attachment, ...] | None = None  # inline: those that were protected
    visible: frozenset[str] = frozenset()  # addresses of keys that the ciphertext names


class PSMTP(PsmtpAccessors, SMTP):
    """Signs and encrypts mail with OpenPGP, and sends it through a server.

    After `sign()`, `encrypt()` or `sign_and_encrypt()` the result stands in `message_text`; setting
    the text or the attachments begins anew. Keys are in `keys` (signers) and `recipient_keys`.
    """

    def __init__(self, **values: Any) -> None:
        self._done = _Done()
        super().__init__(**values)

    def sign(self) -> None:
        """Sign the message with every key in `keys`.

        Raises:
            KeySelectionError: If a key is missing or cannot sign.
            PassphraseError: With code 122 if a passphrase is missing or wrong.
        """
        self._protect(sign=True, encrypt=False)

    def encrypt(self) -> None:
        """Encrypt the message to every key in `recipient_keys`.

        Raises:
            KeySelectionError: If a key is missing or cannot be encrypted to.
            PolicyError: If attachments would go out in clear and nobody said so.
        """
        self._protect(sign=False, encrypt=True)

    def sign_and_encrypt(self) -> None:
        """Sign and encrypt the message in one OpenPGP message; raises what `sign` and `encrypt` do."""
        self._protect(sign=True, encrypt=True)

    def close(self) -> None:
        """Let go of the connection and of opened keyrings; the object can be used again."""
        super().close()
        for key in (*self.keys, *self.recipient_keys):
            key.close()

    # ---- protecting ----

    def _protect(self, *, sign: bool, encrypt: bool) -> None:
        with self._working(Situation.CRYPTO_BUSY) as run:
            after = advance(self._step, Act.PROTECT)
            try:
                keychain = Keychain(self.keys if sign else (), self.recipient_keys if encrypt else ())
                ask = self._ask if self.on_key_passphrase is not None else None
                job = keychain.job(
                    algorithms(self), ask, run, hidden=self._blind() if encrypt else frozenset()
                )
                done = _FORMATS[self.message_format](self, job, run)
            except BaseException:
                self._step = advance(self._step, Act.FAIL)
                raise
            self._done = replace(
                done,
                signed=self._done.signed or sign,
                encrypted=self._done.encrypted or encrypt,
                visible=self._done.visible | keychain.visible,
            )
            self._step = after

    def _as_pgpmime(self, job: Job, run: Run) -> _Done:
        content = self._done.content or body(draft_from(self, self._stated()))
        protect = pgpmime.encrypt if job.recipients else pgpmime.sign
        protected = protect(content, engine(), job, run).content
        self._replace("message_text", Deferred(lambda: _text_of(protected)))
        return _Done(content=protected)

    def _as_inline(self, job: Job, run: Run) -> _Done:
        attached = self._inline_attachments(job, run)
        if job.recipients:
            done = inline.encrypt_text(self.message_text, engine(), job, run)
        else:
            mode = SignatureMode.CLEARTEXT if self.clear_signature else SignatureMode.OPAQUE
            done = inline.sign_text(self.message_text, mode, engine(), job, run)
        self._replace("message_text", done.text)
        return _Done(attachments=attached)

    def _inline_attachments(self, job: Job, run: Run) -> tuple[Attachment, ...]:
        attached = self._stated()
        if attached and job.recipients and not is_set(self, "process_attachments"):
            raise Situation.POLICY.error(
                f"{len(attached)} attachments would go out in clear beside an encrypted text",
                subject="attachments",
                hint="config ProcessAttachments=True to encrypt them, =False to send them in clear",
            )
        return inline.attachments(attached, engine(), job, run) if self.process_attachments else attached

    def _stated(self) -> tuple[Attachment, ...]:
        if self._done.attachments is not None:
            return self._done.attachments
        return super()._stated()

    def _blind(self) -> frozenset[str]:
        return frozenset(comparable(box.address) for box in parse_list(self.b_cc))

    def _ask(self, event: KeyPassphrase) -> None:
        self.fire(event)

    # ---- sending ----

    def _compose(self) -> Composed:
        self._require_protection()
        exposed = self._blind() & self._done.visible
        if exposed:
            raise Situation.POLICY.error(
                "was added after encryption, and the ciphertext shows everybody its key",
                subject=f"b_cc {', '.join(sorted(exposed))}",
                hint="set the recipients first, then the text, then encrypt",
            )
        if self._done.content is None:
            return super()._compose()
        fields = compose(draft_from(self, with_text=False))
        return replace(fields, content=self._done.content)

    def _require_protection(self) -> None:
        wanted = (
            (self.recipient_keys, self._done.encrypted, Situation.NOT_ENCRYPTED),
            (self.keys, self._done.signed, Situation.NOT_SIGNED),
        )
        for keys, done, situation in wanted:
            if self.require_protection and len(keys) and not done:
                raise situation.error(
                    "keys are set but were not used",
                    subject="message",
                    hint="protect the message, drop the keys, or config RequireProtection=False",
                )

    def _after_set(self, row: Row) -> None:
        super()._after_set(row)
        self._forget_if_changed()

    def _collection_changed(self, name: str) -> None:
        super()._collection_changed(name)
        self._forget_if_changed()

    def _forget_if_changed(self) -> None:
        if self._step is Step.COMPOSE:
            self._done = _Done()


_FORMATS: dict[str, Callable[[PSMTP, Job, Run], _Done]] = {
    "INLINE": PSMTP._as_inline,  # noqa: SLF001 - this module's own
    "PGPMIME": PSMTP._as_pgpmime,  # noqa: SLF001 - this module's own
}


def _text_of(content: Part) -> str:
    return b"".join(content.chunks()).decode("ascii", "surrogateescape")
