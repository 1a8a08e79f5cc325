"""A letter: composed, protected, ready to go out, one copy for each group of recipients.

Everything that can fail without a server fails here, before there is a connection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms, Engine, Job
from gpgmail.delivery.plan import Copy, Plan, Wish, make_plan
from gpgmail.message.draft import Composed, Draft, body, compose, with_content
from gpgmail.message.email_message import from_email
from gpgmail.protect import inline, pgpmime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.message.part import Part

Format = Literal["pgpmime", "inline"]
FORMATS: Sequence[Format] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail with its plan and its finished copies; a copy's envelope says who gets it."""

    message_id: str
    plan: Plan
    copies: tuple[Composed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What letters are written with: engine, keys, algorithms, passphrases."""

    engine: Engine
    keyrings: Keyrings
    algorithms: Algorithms
    passphrases: Passphrases

    def write(
        self, message: EmailMessage | Draft, *, sign: Wish, encrypt: Wish, form: str, run: Run
    ) -> Letter:
        """Compose, plan and protect a mail.

        Raises:
            GpgmailError: If any step fails; there is no half-made letter.
        """
        if form not in FORMATS:
            raise Situation.BAD_VALUE.error(
                f"must be one of {', '.join(FORMATS)}, not {form!r}", subject="format"
            )
        composed = compose(message, run=run) if isinstance(message, Draft) else from_email(message)
        plan = make_plan(composed, self.keyrings, sign=sign, encrypt=encrypt, run=run)
        source = composed if form == "pgpmime" or not plan.protects else _as_draft(message)
        copies = tuple(
            replace(
                with_content(composed, self._protect(source, plan, copy, run)),
                envelope=replace(composed.envelope, recipients=copy.recipients),
            )
            for copy in plan.copies
        )
        return Letter(composed.header("Message-ID"), plan, copies)

    def _protect(self, source: Composed | Draft, plan: Plan, copy: Copy, run: Run) -> Part:
        if isinstance(source, Composed) and not plan.protects:
            return source.content
        job = self._job(plan, copy, run)
        if isinstance(source, Draft):
            return body(inline.protect(source, self.engine, job, run), run)
        protect = pgpmime.encrypt if copy.keys else pgpmime.sign
        return protect(source.content, self.engine, job, run).content

    def _job(self, plan: Plan, copy: Copy, run: Run) -> Job:
        home = self.keyrings.home(
            run, self.passphrases, secret=bool(plan.signers), public=bool(copy.keys)
        )
        return Job(
            home=home,
            signers=plan.signers,
            recipients=copy.keys,
            algorithms=self.algorithms,
            passphrases=self.passphrases,
        )


def _as_draft(message: EmailMessage | Draft) -> Draft:
    return message if isinstance(message, Draft) else inline.draft_of(message)
