"""`PSMTP`: OpenPGP mail, with the names of the reference pages."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpgmail.components._accessors import PsmtpAccessors
from gpgmail.components.keychain import Keychain
from gpgmail.components.life import Act, Step, advance
from gpgmail.components.smtp import CONTENT, SMTP
from gpgmail.components.source import SOURCES
from gpgmail.components.types.key import Key
from gpgmail.core.declare import Deferred, is_set
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import SignatureMode
from gpgmail.crypto.engines import engine
from gpgmail.keys.trust import comparable
from gpgmail.message.addresses import parse_list
from gpgmail.message.charsets import of_page
from gpgmail.message.content import as_it_is
from gpgmail.message.draft import body, compose, content_fields, with_content
from gpgmail.protect import inline, pgpmime
from gpgmail.protect.options import algorithms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from gpgmail.core.declare import Row
    from gpgmail.core.events import KeyPassphrase
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import Job
    from gpgmail.message.content import Attachment
    from gpgmail.message.draft import Composed
    from gpgmail.message.part import Part


@dataclass(frozen=True, slots=True)
class _Origin:
    """What was composed, before anything was protected."""

    text: str
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was done to the message so far; `owed` was asked for and came to nothing."""

    origin: _Origin | None = None
    signed: bool = False
    encrypted: bool = False
    content: Part | None = None  # PGP/MIME's, in place of text and attachments
    attachments: tuple[Attachment, ...] | None = None  # inline: those that were protected
    visible: frozenset[str] = frozenset()  # addresses of keys that the ciphertext names
    owed: frozenset[Situation] = frozenset()
    signers: tuple[object, ...] = ()  # what named the keys that were used
    recipients: tuple[object, ...] = ()

    @property
    def all(self) -> frozenset[Situation]:
        """What is missing when this is taken back."""
        asked = {Situation.NOT_SIGNED: self.signed, Situation.NOT_ENCRYPTED: self.encrypted}
        return self.owed.union(situation for situation, done in asked.items() if done)


_Protected = tuple[str | Deferred, _Done]  # the new message_text comes first


class PSMTP(PsmtpAccessors, SMTP):
    """Signs and encrypts mail with OpenPGP, and sends it through a server.

    After `sign()`, `encrypt()` or `sign_and_encrypt()` the result stands in `message_text`; setting
    the text begins anew, changing the attachments too, with the text as it was composed. Keys are
    in `keys` (signers) and `recipient_keys`. Other arguments and errors are those of `SMTP`.
    """

    def _set_up(self) -> None:
        super()._set_up()
        self._done = _Done()

    def sign(self) -> None:
        """Sign the message with every key in `keys`.

        Raises:
            KeySelectionError: If a key is missing or cannot sign.
            PassphraseError: With code 122 if a passphrase is missing or wrong.
        """
        self._protect(sign=True)

    def encrypt(self) -> None:
        """Encrypt the message to every key in `recipient_keys`, or with SymmetricPassphrase.

        Raises:
            KeySelectionError: If a key is missing or cannot be encrypted to.
            PolicyError: If attachments would go out in clear and nobody said so.
        """
        self._protect(encrypt=True)

    def sign_and_encrypt(self) -> None:
        """Sign and encrypt in one OpenPGP message; raises what `sign` and `encrypt` do."""
        self._protect(sign=True, encrypt=True)

    def set_message_stream(self, message_stream: BinaryIO) -> None:
        """Take the message from a binary stream, which is not protected; see `SMTP`."""
        super().set_message_stream(message_stream)
        self._done = _Done()

    def reset(self) -> None:
        """Close the connection and set everything but the handlers back to its default."""
        super().reset()
        self._done = _Done()

    def close(self) -> None:
        """Let go of the connection and of opened keyrings; the object can be used again."""
        super().close()  # which fails while a call runs, and that may need them
        for key in (*self.keys, *self.recipient_keys):
            key.close()

    # ---- protecting ----

    def _protect(self, *, sign: bool = False, encrypt: bool = False) -> None:
        with self._working(Situation.CRYPTO_BUSY) as run, ExitStack() as held:
            if self._encoded_elsewhere:
                raise Situation.UNSUPPORTED_HERE.error(
                    "a raw message goes out as it is and cannot be protected",
                    subject="message",
                    hint="set message_text, or protect it before",
                )
            self._notice_attachments()
            self._step = advance(self._step, Act.PROTECT)
            try:
                job, visible = self._job(run, held, sign=sign, encrypt=encrypt)
                text, done = _FORMATS[self.message_format](self, self._begun(), job, run)
            except BaseException:
                failed = _Done(signed=sign, encrypted=encrypt)
                self._done = replace(self._done, owed=self._done.owed | failed.all)
                self._step = advance(self._step, Act.FAIL)
                raise
            self._replace("message_text", text)
            self._done = replace(
                done,
                signed=done.signed or sign,
                encrypted=done.encrypted or encrypt,
                signers=_names(self.keys) if sign else done.signers,
                recipients=_names(self.recipient_keys) if encrypt else done.recipients,
                visible=done.visible | visible,
            )
            self._step = advance(self._step, Act.SUCCEED)

    def _job(
        self, run: Run, held: ExitStack, *, sign: bool, encrypt: bool
    ) -> tuple[Job, frozenset[str]]:
        keychain = Keychain(
            signers=tuple(self.keys) if sign else None,
            recipients=tuple(self.recipient_keys) if encrypt else None,
            hidden=self._blind(),
            trust=self.trust,
            symmetric=self.symmetric_passphrase,
        )
        ask = self._ask if self.on_key_passphrase is not None else None
        return keychain.job(algorithms(self), ask, run, held)

    def _ask(self, event: KeyPassphrase) -> None:
        event.key_id = event.key_id[-2 * self.key_id_length :]
        self.fire(event)

    def _begun(self) -> _Done:
        """Return what was done so far, and before the first time note what was composed."""
        if self._done.origin is not None:
            return self._done
        return replace(self._done, origin=_Origin(self.message_text, super()._stated()))

    def _as_pgpmime(self, done: _Done, job: Job, run: Run) -> _Protected:
        content = done.content or body(self._draft(), run)
        protect = pgpmime.encrypt if job.encrypts else pgpmime.sign
        protected = protect(content, engine(), job, run).content
        return Deferred(lambda: _text_of(protected)), replace(done, content=protected)

    def _as_inline(self, done: _Done, job: Job, run: Run) -> _Protected:
        if done.content is not None or self.html_text or content_fields(self._draft()):
            raise Situation.UNSUPPORTED_HERE.error(
                "text that is MIME already, or has HTML beside it, cannot be protected inline",
                subject="MessageFormat",
                hint="config MessageFormat=PGPMIME",
            )
        attached = self._inline_attachments(job, run)
        text, charset = self.message_text, of_page(self.code_page)
        if job.encrypts:
            made = inline.encrypt_text(text, engine(), job, run, charset=charset)
        else:
            mode = SignatureMode.CLEARTEXT if self.clear_signature else SignatureMode.OPAQUE
            made = inline.sign_text(text, mode, engine(), job, run, charset=charset)
        return made.text, replace(done, attachments=attached)

    def _inline_attachments(self, job: Job, run: Run) -> tuple[Attachment, ...]:
        attached = self._stated()
        if attached and job.encrypts and not is_set(self, "process_attachments"):
            raise Situation.POLICY.error(
                f"{len(attached)} attachments would go out in clear beside an encrypted text",
                subject="attachments",
                hint="config ProcessAttachments=True to encrypt them, =False to send them in clear",
            )
        if not self.process_attachments:
            return attached
        return inline.attachments(attached, engine(), job, run)

    def _stated(self) -> tuple[Attachment, ...]:
        if self._done.attachments is not None:
            return self._done.attachments
        return super()._stated()

    def _blind(self) -> frozenset[str]:
        return frozenset(comparable(box.address) for box in parse_list(self.b_cc))

    # ---- sending ----

    def _compose(self, wrap: Callable[[Part], Part] = as_it_is) -> Composed:
        self._notice_attachments()
        self._require_protection()
        exposed = self._blind() & self._done.visible
        if exposed:
            raise Situation.POLICY.error(
                "was added after encryption, and the ciphertext shows everybody its key",
                subject=f"b_cc {', '.join(sorted(exposed))}",
                hint="set the recipients first, then the text, then encrypt",
            )
        return self._composed(wrap)

    def _preview(self) -> Composed:
        return self._composed(as_it_is)

    def _composed(self, wrap: Callable[[Part], Part]) -> Composed:
        fields = self._draft(with_text=False)
        if self._done.content is not None:
            return with_content(compose(fields), wrap(self._done.content))
        if self._done.origin is not None and content_fields(fields):
            raise Situation.BAD_VALUE.error(
                "would make something else of a protected text",
                subject="a MIME field of your own",
                hint="take it out of other_headers",
            )
        return super()._compose(wrap)

    def _require_protection(self) -> None:
        wanted = (
            (
                bool(len(self.recipient_keys) or self.symmetric_passphrase),
                self._done.encrypted,
                self._done.recipients != _names(self.recipient_keys),
                Situation.NOT_ENCRYPTED,
            ),
            (
                bool(len(self.keys)),
                self._done.signed,
                self._done.signers != _names(self.keys),
                Situation.NOT_SIGNED,
            ),
        )
        for asked, done, changed, situation in wanted:
            if done and not (asked and changed):
                continue
            if done:
                raise situation.error(
                    "the keys were changed since",
                    subject="message",
                    hint="set its text anew and protect it, or set the keys as they were",
                )
            if situation in self._done.owed:
                raise situation.error(
                    "the attachments were changed since",
                    subject="message",
                    hint="protect the message again, or set its text anew",
                )
            if self.require_protection and asked:
                raise situation.error(
                    "keys or a passphrase are set but were not used",
                    subject="message",
                    hint="protect the message, drop them, or config RequireProtection=False",
                )

    # ---- beginning anew ----

    def _after_set(self, row: Row) -> None:
        super()._after_set(row)
        if row.name in SOURCES:
            self._done = _Done()
        elif row.name in CONTENT:
            self._reopen()
        if row.name == "key_id_length":
            self._show_ids((*self.keys, *self.recipient_keys))

    def _collection_changing(self, name: str) -> None:
        super()._collection_changing(name)
        if name in CONTENT:
            self._reopen()

    def _collection_placed(self, name: str, items: Sequence[object]) -> None:
        super()._collection_placed(name, items)
        for item in items:
            if isinstance(item, Key):
                item.signs = name == "keys"
        self._show_ids(items)

    def _show_ids(self, items: Iterable[object]) -> None:
        for item in items:
            if isinstance(item, Key):
                item.show_ids(self.key_id_length)

    def _notice_attachments(self) -> None:
        """Begin anew where an attachment itself was changed since it was protected."""
        origin = self._done.origin
        if self._step is Step.PROTECTED and origin and super()._stated() != origin.attachments:
            self._collection_changing("attachments")

    def _reopen(self) -> None:
        """Go back to the text as it was composed; what was done to it is owed from now on."""
        if self._done.origin is not None:
            self._replace("message_text", self._done.origin.text)
        self._done = _Done(owed=self._done.all)


_FORMATS: dict[str, Callable[[PSMTP, _Done, Job, Run], _Protected]] = {
    "INLINE": PSMTP._as_inline,  # noqa: SLF001 - this module's own
    "PGPMIME": PSMTP._as_pgpmime,  # noqa: SLF001 - this module's own
}


def _names(keys: Iterable[Key]) -> tuple[object, ...]:
    return tuple(key.names for key in keys)


def _text_of(content: Part) -> str:
    return b"".join(content.chunks()).decode("ascii", "surrogateescape")
