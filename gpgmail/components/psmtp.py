"""`PSMTP`: OpenPGP mail, with the names of the reference pages."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.components import recipients
from gpgmail.components._accessors import PsmtpAccessors
from gpgmail.components.formats import Bench
from gpgmail.components.keychain import Keychain
from gpgmail.components.life import Act, Step, advance
from gpgmail.components.protected import OPEN, Done, Origin, Version
from gpgmail.components.smtp import CONTENT, SMTP
from gpgmail.components.source import SOURCES
from gpgmail.components.types.key import Key
from gpgmail.core.declare import Deferred
from gpgmail.core.situations import Situation
from gpgmail.crypto.engines import engine
from gpgmail.delivery.ending import Endings
from gpgmail.delivery.sharing import check_policy
from gpgmail.keys.key import Purpose
from gpgmail.message.bodies import whole_lines
from gpgmail.message.composed import unique, with_content
from gpgmail.message.content import as_it_is, content
from gpgmail.message.draft import compose, content_fields
from gpgmail.protect.options import algorithms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from gpgmail.core.declare import Row
    from gpgmail.core.events import KeyPassphrase
    from gpgmail.core.run import Run
    from gpgmail.crypto.copies import Shares
    from gpgmail.crypto.engine import Engine
    from gpgmail.message.composed import Composed
    from gpgmail.message.content import Attachment
    from gpgmail.message.draft import Draft
    from gpgmail.message.part import Part


class PSMTP(PsmtpAccessors, SMTP):
    """Signs and encrypts mail with OpenPGP, and sends it through a server.

    After `sign()`, `encrypt()` or `sign_and_encrypt()` the result stands in `message_text`; setting
    the text begins anew, changing the attachments too, with the text as it was composed. Keys are
    in `keys` (signers) and `recipient_keys`. Other arguments and errors are those of `SMTP`.
    """

    def _set_up(self) -> None:
        super()._set_up()
        self._done = Done()
        self._made: tuple[str, Engine] | None = None
        self._endings = Endings()

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
        self._done = Done()

    def reset(self) -> None:
        """Close the connection and set everything but the handlers back to its default."""
        super().reset()
        self._done = Done()

    def close(self) -> None:
        """Let go of the connection and of opened keyrings; the object can be used again."""
        super().close()  # which fails while a call runs, and that may need them
        for key in (*self.keys, *self.recipient_keys):
            key.close()
        self._let_go()

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
                done = self._worked(run, held, sign=sign, encrypt=encrypt)
            except BaseException:
                failed = Done(signed=sign, encrypted=encrypt)
                self._done = replace(self._done, owed=self._done.owed | failed.all)
                self._step = advance(self._step, Act.FAIL)
                raise
            self._replace("message_text", _text_of(done.shown))
            self._done = replace(
                done,
                signed=done.signed or sign,
                encrypted=done.encrypted or encrypt,
                signers=_names(self.keys) if sign else done.signers,
                recipients=_names(self.recipient_keys) if encrypt else done.recipients,
            )
            self._step = advance(self._step, Act.SUCCEED)

    def _worked(self, run: Run, held: ExitStack, *, sign: bool, encrypt: bool) -> Done:
        people = recipients.stated(self.message_recipients)
        keychain = Keychain(
            signers=tuple(self.keys) if sign else None,
            recipients=tuple(self.recipient_keys) if encrypt else None,
            people=unique(people) if people else (),
            policy=check_policy(self.bcc_policy),
            trust=self.trust,
            symmetric=self.symmetric_passphrase,
        )
        ask = self._ask if self.on_key_passphrase is not None else None
        work = keychain.work(algorithms(self), ask, run, held)
        self._endings.tell(work.job.signers, Purpose.SIGN, run)
        for keys in work.shares.values():
            self._endings.tell(keys, Purpose.ENCRYPT, run)
        bench = Bench(self, self._named_engine(), work.job, run)

        def make(version: Version, shares: Shares) -> Sequence[Version]:
            return bench.make(self._draft_of(version), version, shares)

        return self._begun().worked_on(work, make)

    def _named_engine(self) -> Engine:
        """Return the engine, which is kept for the next operation as long as it is the same one."""
        if self._made is None or self._made[0] != self.engine:
            self._let_go()
            self._made = self.engine, engine(self.engine)
        return self._made[1]

    def _let_go(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            made[1].close()

    def _ask(self, event: KeyPassphrase) -> None:
        event.key_id = event.key_id[-2 * self.key_id_length :]
        self.fire(event)

    def _begun(self) -> Done:
        """Return what was done so far, and before the first time note what was composed."""
        if self._done.origin is not None:
            return self._done
        text = self.message_text
        origin = Origin(text, super()._stated())
        return replace(self._done, origin=origin, versions={OPEN: Version(text=text)})

    def _stated(self) -> tuple[Attachment, ...]:
        attached = self._done.shown.attachments
        return super()._stated() if attached is None else attached

    def _draft_of(self, version: Version) -> Draft:
        """Return the mail with an inline version's text and files in the place of those shown."""
        draft = self._draft()
        if version.attachments is None:
            return draft
        return replace(draft, text=whole_lines(version.text), attachments=version.attachments)

    # ---- sending ----

    def _compose(self, wrap: Callable[[Part], Part] = as_it_is) -> Composed:
        self._notice_attachments()
        self._require_protection()
        return self._composed(wrap)

    def _preview(self) -> Composed:
        return self._composed(as_it_is)

    def _composed(self, wrap: Callable[[Part], Part]) -> Composed:
        fields = self._draft(with_text=False)
        shown = self._done.shown
        if shown.content is not None:
            return with_content(compose(fields), wrap(shown.content))
        if self._done.origin is not None and content_fields(fields):
            raise Situation.BAD_VALUE.error(
                "would make something else of a protected text",
                subject="a MIME field of your own",
                hint="take it out of other_headers",
            )
        return super()._compose(wrap)

    def _copies(
        self, composed: Composed, wrap: Callable[[Part], Part] = as_it_is
    ) -> tuple[Composed, ...]:
        dealt = self._done.deal(composed.envelope.recipients, self.bcc_policy)
        return tuple(
            replace(
                composed if version is self._done.shown else self._with(version, composed, wrap),
                envelope=replace(composed.envelope, recipients=people),
            )
            for version, people in dealt
        )

    def _with(self, version: Version, composed: Composed, wrap: Callable[[Part], Part]) -> Composed:
        """Return the mail, under the same header fields, with another version as its content."""
        if version.content is not None:
            return with_content(composed, wrap(version.content))
        return with_content(composed, content(self._draft_of(version), wrap=wrap))

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
            self._done = Done()
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
        self._done = Done(owed=self._done.all)


def _names(keys: Iterable[Key]) -> tuple[object, ...]:
    return tuple(key.names for key in keys)


def _text_of(version: Version) -> str | Deferred:
    content = version.content
    if content is None:
        return version.text
    return Deferred(lambda: b"".join(content.chunks()).decode("ascii", "surrogateescape"))
