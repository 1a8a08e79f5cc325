"""A letter: composed, protected, ready to go out, one copy for each group of recipients.

Everything that can fail without a server fails here, before there is a connection.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import require_usable
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms, Engine, Job
from gpgmail.delivery.ending import Endings
from gpgmail.delivery.options import FORMATS
from gpgmail.delivery.plan import Plan, make_plan
from gpgmail.delivery.wishes import Wishes, settle
from gpgmail.keys.key import Purpose
from gpgmail.message.composed import Composed, with_content
from gpgmail.protect import pgpmime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.crypto.copies import Shares
    from gpgmail.delivery.accounts import Account
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.message.draft import Draft
    from gpgmail.message.part import Part


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail with its plan and its finished copies; a copy's envelope says who gets it.

    `remarks` tell what a person should know of it.
    """

    message_id: str
    plan: Plan
    copies: tuple[Composed, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What letters are written with: engine, keys, algorithms, passphrases, and what counts."""

    engine: Engine
    keyrings: Keyrings
    algorithms: Algorithms
    passphrases: Passphrases
    account: Account | None = None
    endings: Endings = field(default_factory=Endings)

    def write(self, message: EmailMessage | Draft, wishes: Wishes, run: Run) -> Letter:
        """Compose, plan and protect a mail.

        Raises:
            GpgmailError: If any step fails; there is no half-made letter.
        """
        from gpgmail.delivery.stated import as_draft, completed

        author = self.account.options.from_ if self.account else ""
        at = wishes.variant.time if wishes.variant else None
        message, composed = completed(message, author, at, run)
        addresses = composed.envelope.addresses
        decided = settle(wishes, self.account, addresses, self.keyrings, run)
        if decided.form not in FORMATS:
            raise Situation.BAD_VALUE.error(
                f"must be one of {', '.join(FORMATS)}, not {decided.form!r}", subject="format"
            )
        plan = make_plan(
            composed,
            self.keyrings,
            sign=decided.sign,
            encrypt=decided.encrypt,
            bcc=decided.bcc,
            run=run,
        )
        self.endings.tell(plan.signers, Purpose.SIGN, run)
        for copy in plan.copies:
            self.endings.tell(copy.keys, Purpose.ENCRYPT, run)
        symmetric = wishes.symmetric
        if symmetric is not None:
            require_usable(symmetric, "symmetric")
            run.redactor.know(symmetric)
            plan = plan._replace(symmetric=True)
        whole = decided.form == FORMATS[0] or not plan.protects
        source = composed if whole else as_draft(message)
        contents = self.contents(source, plan, wishes, run)
        copies = tuple(
            replace(
                with_content(composed, content),
                envelope=replace(composed.envelope, recipients=copy.recipients),
            )
            for copy, content in zip(plan.copies, contents, strict=True)
        )
        return Letter(composed.header("Message-ID"), plan, copies, decided.remarks)

    def contents(
        self, source: Composed | Draft, plan: Plan, wishes: Wishes, run: Run
    ) -> Sequence[Part]:
        """Return the content of each copy of *plan*.

        Raises:
            GpgmailError: If it cannot be protected.
        """
        with ExitStack() as held:
            return self._contents(source, plan, wishes, run, held)

    def _contents(
        self,
        source: Composed | Draft,
        plan: Plan,
        wishes: Wishes,
        run: Run,
        held: ExitStack,
    ) -> Sequence[Part]:
        """Return the content of each copy of the plan."""
        if isinstance(source, Composed) and not plan.protects:
            return (source.content,)
        job = replace(self._job(plan, run, held), symmetric=wishes.symmetric)
        nested = False
        if wishes.variant is not None:
            job = replace(job, algorithms=wishes.variant.algorithms(self.algorithms))
            nested = wishes.variant.nested and bool(job.signers)
        shares = [copy.keys for copy in plan.copies]
        if isinstance(source, Composed):
            return _entities(source, self.engine, job, shares, run, nested=nested)
        if nested:
            raise Situation.BAD_VALUE.error("is for pgpmime alone", subject="layout nested")
        from gpgmail.protect import inline

        return inline.contents(source, self.engine, job, shares, run)

    def _job(self, plan: Plan, run: Run, held: ExitStack) -> Job:
        """Return the job; where only a passphrase encrypts, nobody's home is touched."""
        secret, public = bool(plan.signers), any(copy.keys for copy in plan.copies)
        if secret or public:
            home = self.keyrings.home(run, self.passphrases, secret=secret, public=public)
        else:
            from gpgmail.gpg.prepared import empty_home

            home = held.enter_context(empty_home(run)).home
        return Job(
            home=home,
            signers=plan.signers,
            algorithms=self.algorithms,
            passphrases=self.passphrases,
        )


def _entities(
    composed: Composed, engine: Engine, job: Job, shares: Shares, run: Run, *, nested: bool
) -> list[Part]:
    if job.encrypts or any(shares):
        make = pgpmime.nest_copies if nested else pgpmime.encrypt_copies
        made = make(composed.content, engine, job, shares, run)
    else:
        made = (pgpmime.sign(composed.content, engine, job, run),)
    return [one.content for one in made]
