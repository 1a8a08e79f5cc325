"""A mail that a program handed over, as to sendmail: addressed, protected by policy, and sent.

What needs no protection, or has it already, goes out with the bytes that it came in. What is
encrypted streams from the program into gpg. Nothing goes out unless everything that the policy
wants could be done; what happens to a recipient who cannot be encrypted to is a policy of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.envelope import Envelope
from gpgmail.core.errors import GpgmailError, KeySelectionError
from gpgmail.core.situations import Situation
from gpgmail.delivery.addressing import address, names_of
from gpgmail.delivery.choice import exact
from gpgmail.delivery.dispatch import Dispatched, Dispatcher, take_back
from gpgmail.delivery.letter import Letter
from gpgmail.delivery.options import FORMATS, ON_UNENCRYPTABLE
from gpgmail.delivery.plan import Plan, make_plan
from gpgmail.delivery.policy import on_unencryptable
from gpgmail.delivery.sharing import Copy
from gpgmail.delivery.wishes import Decided, Wishes, settle
from gpgmail.keys.key import Purpose
from gpgmail.message.boxes import boxes_of
from gpgmail.message.carried import Carried
from gpgmail.message.composed import Composed
from gpgmail.message.handed import field as header_field
from gpgmail.message.headers import header_bytes
from gpgmail.message.part import Part, verbatim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gpgmail.core.envelope import Recipient
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.addressing import Addressed, Wanted
    from gpgmail.delivery.aliases import Aliases
    from gpgmail.delivery.letter import Desk
    from gpgmail.delivery.rehearsal import Foreseen
    from gpgmail.delivery.routes import Routes
    from gpgmail.message.draft import Draft
    from gpgmail.message.handed import Handed

_FAIL, _NOTICE, _DROP, _HOLD = ON_UNENCRYPTABLE
_PGPMIME = FORMATS[0]
_REQUIRED = Wishes(encrypt=True)


class Submitted(NamedTuple):
    """What became of a mail, and of whom; `without_key` says why for those who had none."""

    message_id: str
    sender: str
    letter: Letter | None = None
    sent: Dispatched = Dispatched()
    held: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    without_key: Mapping[str, KeySelectionError] = MappingProxyType({})
    problems: tuple[GpgmailError, ...] = ()  # with notices, when the mail itself was sent


class _Ready(NamedTuple):
    """A letter; the same without what a server may lack; copies that are held."""

    letter: Letter
    easier: Callable[[], Letter]
    held: tuple[Composed, ...] = ()


class _Shut(NamedTuple):
    """Who cannot be encrypted to, what then becomes of each, and the keys for whom it is held."""

    errors: Mapping[str, KeySelectionError] = MappingProxyType({})
    what: Mapping[str, str] = MappingProxyType({})
    hold: tuple[ChosenKey, ...] = ()

    def those(self, word: str) -> tuple[str, ...]:
        """Return of whom that becomes."""
        return tuple(whom for whom, what in self.what.items() if what == word)


class _Made(NamedTuple):
    """A mail of which nothing went out yet: what is decided, what is ready, who has no key."""

    addressed: Addressed
    decided: Decided
    ready: _Ready
    shut: _Shut = _Shut()


class Submission:
    """Takes mails for one account.

    Raises:
        UsageError: With code 24 if aliases are to be looked up and cannot be read.
    """

    def __init__(
        self,
        account: Account,
        desk: Desk,
        routes: Routes,
        run: Run,
        *,
        only_queue: bool = False,
        resolve: bool = True,
    ) -> None:
        options = account.options
        self._account = account
        self._options = options
        self._desk = desk
        self._run = run
        self._names = names_of(options)
        self._aliases = _aliases(options.aliases) if resolve else None
        self._dispatcher = Dispatcher(
            routes=routes,
            queue=Path(options.queue) if options.queue else None,
            run=run,
            only_queue=only_queue,
        )

    def submit(self, handed: Handed, wanted: Wanted) -> Submitted:
        """Take a mail, and return what became of it.

        Raises:
            GpgmailError: If nobody has it, and it does not wait in a queue.
        """
        addressed = self._addressed(handed, wanted)
        if not addressed.envelope.recipients:
            return _nobody_yet(addressed)
        mail = self._made(addressed, handed)
        done = self._with_notices(self._sent(mail), mail)
        return done._replace(dropped=mail.shut.those(_DROP))

    def rehearse(self, handed: Handed, wanted: Wanted) -> Foreseen:
        """Do what `submit` does up to the login, and return what would become of the mail.

        Raises:
            GpgmailError: As `submit`, as far as that is known before a server hears of a mail.
        """
        from gpgmail.delivery.rehearsal import Foreseen

        addressed = self._addressed(handed, wanted)
        if not addressed.envelope.recipients:
            return Foreseen()
        mail = self._made(addressed, handed)
        found = self._foreseen(mail)
        notices = {
            whom: self._dispatcher.rehearse(self._notice(mail, whom))
            for whom in mail.shut.those(_NOTICE)
        }
        return replace(found, notices=notices, dropped=mail.shut.those(_DROP))

    def release(self, addressed: Addressed, carried: Carried) -> Submitted:
        """Send a mail that was held, to whom it can be encrypted now; nobody else gets anything.

        Raises:
            KeySelectionError: If that is nobody.
            GpgmailError: If it cannot be sent.
        """
        return self._sent(self._made_of_held(addressed, carried))

    def rehearse_release(self, addressed: Addressed, carried: Carried) -> Foreseen:
        """Do what `release` does up to the login, and return what would become of the mail.

        Raises:
            GpgmailError: As `release`, as far as that is known before a server hears of a mail.
        """
        return self._foreseen(self._made_of_held(addressed, carried))

    # -------------------------------------------------------------------------------- what is ready

    def _addressed(self, handed: Handed, wanted: Wanted) -> Addressed:
        return address(handed, wanted, self._options, self._names, self._aliases)

    def _made(self, addressed: Addressed, handed: Handed) -> _Made:
        content = (one for one in addressed.fields if one.key.startswith("content-"))
        carried = Carried(content, handed.body)
        decided = self._settled(Wishes(), addressed.envelope)
        decided, passes = _unless_already(decided, carried)
        if passes:
            return _Made(addressed, decided, self._as_it_is(addressed, carried, decided))
        shut = self._shut(addressed, decided)
        ready = self._protected(addressed, carried, decided, shut)
        return _Made(addressed, decided, ready, shut)

    def _made_of_held(self, addressed: Addressed, carried: Carried) -> _Made:
        decided = self._settled(_REQUIRED, addressed.envelope)
        shut = _Shut(self._without_key(addressed.envelope.recipients))
        if len(shut.errors) == len(addressed.envelope.recipients):
            raise next(iter(shut.errors.values()))
        ready = self._protected(addressed, carried, decided, shut)
        return _Made(addressed, decided, ready, shut)

    def _settled(self, wishes: Wishes, envelope: Envelope) -> Decided:
        return settle(wishes, self._account, envelope.addresses, self._desk.keyrings, self._run)

    # ------------------------------------------------------------------------------------- sending

    def _sent(self, mail: _Made) -> Submitted:
        """Send what is ready; what is to be held is on the disk before anything goes out."""
        ready = mail.ready
        held = self._hold(ready.held) if ready.held else []
        done = _nobody_yet(mail.addressed)._replace(
            letter=ready.letter,
            held=tuple(each for copy in ready.held for each in copy.envelope.addresses),
            without_key=mail.shut.errors,
        )
        if not ready.letter.copies:
            return done
        try:
            return done._replace(sent=self._dispatcher.dispatch(ready.letter, ready.easier))
        except BaseException as error:
            if not getattr(error, "accepted", ()):
                take_back(held)  # the caller has the mail, and may hand it over again
            raise

    def _foreseen(self, mail: _Made) -> Foreseen:
        from gpgmail.delivery.rehearsal import Foreseen, copy_of

        ready = mail.ready
        if ready.held:
            self._dispatcher.require_place()
        sends = ready.letter.copies
        return Foreseen(
            mail=self._dispatcher.rehearse(ready.letter, ready.easier) if sends else None,
            held=tuple(copy_of(copy, mail.shut.hold) for copy in ready.held),
            without_key=mail.shut.errors,
        )

    def _hold(self, copies: Sequence[Composed]) -> list[Path]:
        from gpgmail.spool.store import State

        return self._dispatcher.keep(copies, State.HELD)

    def _with_notices(self, done: Submitted, mail: _Made) -> Submitted:
        noticed: list[str] = []
        problems: list[GpgmailError] = []
        for whom in mail.shut.those(_NOTICE):
            try:
                self._dispatcher.dispatch(self._notice(mail, whom))
            except GpgmailError as failure:
                if not (done.sent.accepted or done.sent.queued or done.held or noticed):
                    raise
                problems.append(failure)
            else:
                noticed.append(whom)
        return done._replace(noticed=tuple(noticed), problems=tuple(problems))

    def _notice(self, mail: _Made, whom: str) -> Letter:
        from gpgmail.delivery.notice import notice

        draft = notice(mail.addressed, whom, mail.shut.errors[whom])
        wishes = Wishes(sign=mail.decided.sign, encrypt=False)
        return self._desk.write(draft, wishes, self._run)

    # ---------------------------------------------------------------------------- who has no key

    def _shut(self, addressed: Addressed, decided: Decided) -> _Shut:
        """Say who cannot be encrypted to.

        Raises:
            KeySelectionError: If that lets the mail fail.
            UsageError: If it is to be held and there is no queue.
        """
        recipients = addressed.envelope.recipients
        errors = self._without_key(recipients) if decided.encrypt is True else {}
        if not errors:
            return _Shut()
        shut = _Shut(errors, {whom: on_unencryptable(self._account, whom) for whom in errors})
        failing = shut.those(_FAIL)
        if len(shut.those(_DROP)) == len(recipients):  # nobody is left
            failing = tuple(errors)
        if failing:
            first, *others = failing
            for whom in others:
                errors[first].add_note(f"{whom}: {errors[whom].detail}")
            raise errors[first]
        held = shut.those(_HOLD)
        return shut._replace(hold=self._hold_keys(addressed, held)) if held else shut

    def _without_key(self, recipients: Sequence[Recipient]) -> dict[str, KeySelectionError]:
        errors = {}
        for one in recipients:
            try:
                self._desk.keyrings.recipients(one.address, self._run)
            except KeySelectionError as error:
                errors[one.address] = error
        return errors

    def _hold_keys(self, addressed: Addressed, held: Sequence[str]) -> tuple[ChosenKey, ...]:
        if not self._options.queue:
            raise Situation.BAD_CONFIG.error(
                "hold needs a queue", subject="on_unencryptable", hint="set queue to a directory"
            )
        query = self._options.hold_key or _address(addressed.author)
        try:
            return tuple(map(exact, self._desk.keyrings.recipients(query, self._run)))
        except KeySelectionError as error:
            error.add_note(f"mail to {', '.join(held)} is held with this key (hold_key)")
            raise

    # ------------------------------------------------------------------------------------ writing

    def _as_it_is(self, addressed: Addressed, carried: Carried, decided: Decided) -> _Ready:
        """Return a letter of the bytes that came; encoded for seven bits only where it must be."""
        kept = carried.kept()
        envelope = addressed.envelope
        plan = Plan((), (Copy(envelope.recipients),), {})

        def letter(copy: Composed) -> Letter:
            return Letter(addressed.message_id, plan, (copy,), decided.remarks)

        def encoded() -> Composed:
            return _behind(addressed, kept.encoded(), envelope.recipients)

        if not kept.can_be_sent():
            copy = encoded()
            return _Ready(letter(copy), lambda: letter(_plain(copy)))
        whole = kept.behind(addressed.fields)
        copy = Composed((), whole, envelope, international=_international(addressed))
        return _Ready(letter(copy), lambda: letter(_plain(encoded() if whole.eight_bit else copy)))

    def _protected(
        self, addressed: Addressed, carried: Carried, decided: Decided, shut: _Shut
    ) -> _Ready:
        """Return the letter of a mail that is signed or encrypted, and what of it is held."""
        recipients = tuple(
            one for one in addressed.envelope.recipients if one.address not in shut.errors
        )
        to_hold = _copies_to_hold(addressed, shut)
        if not recipients and not to_hold:
            nothing = Letter(addressed.message_id, Plan((), (), {}), (), decided.remarks)
            return _Ready(nothing, lambda: nothing)
        source = _source(carried, decided)
        content = source if isinstance(source, Part) else Part((), lambda: iter(()))
        view = Composed(
            (("From", addressed.author),),
            content,
            replace(addressed.envelope, recipients=recipients),
        )
        plan = self._planned(view, decided) if recipients else Plan((), (), {})
        whole = plan._replace(copies=(*plan.copies, *to_hold))
        parts = self._desk.contents(
            view if isinstance(source, Part) else source, whole, Wishes(), self._run
        )
        copies = tuple(
            _behind(addressed, part, copy.recipients)
            for copy, part in zip(whole.copies, parts, strict=True)
        )
        sent, held = copies[: len(plan.copies)], copies[len(plan.copies) :]
        letter = Letter(addressed.message_id, plan, sent, decided.remarks)
        return _Ready(letter, lambda: replace(letter, copies=tuple(map(_plain, sent))), held)

    def _planned(self, view: Composed, decided: Decided) -> Plan:
        sign = [_address(view.header("From"))] if decided.sign is True else decided.sign
        plan = make_plan(
            view,
            self._desk.keyrings,
            sign=sign,
            encrypt=decided.encrypt,
            bcc=decided.bcc,
            run=self._run,
        )
        self._desk.endings.tell(plan.signers, Purpose.SIGN, self._run)
        for copy in plan.copies:
            self._desk.endings.tell(copy.keys, Purpose.ENCRYPT, self._run)
        return plan


def _nobody_yet(addressed: Addressed) -> Submitted:
    return Submitted(message_id=addressed.message_id, sender=addressed.envelope.sender)


def _address(author: str) -> str:
    """Return the address of From.

    Raises:
        UsageError: If it names more than one author.
    """
    found = boxes_of(author)
    if len(found) != 1:
        raise Situation.BAD_ADDRESS.error(f"holds {len(found)} addresses, not one", subject="From")
    return found[0].spec


def _aliases(path: str) -> Aliases | None:
    if not path:
        return None
    from gpgmail.delivery.aliases import Aliases

    return Aliases(Path(path))


def _unless_already(decided: Decided, carried: Carried) -> tuple[Decided, bool]:
    """Return what is left to be done to a mail, and whether it goes out as it is."""
    if not (decided.sign or decided.encrypt):
        return decided, True
    from gpgmail.protect.already import Already, already

    found = already(carried)
    if found is Already.SIGNED:
        decided = decided._replace(sign=False)
    return decided, found is Already.ENCRYPTED or not (decided.sign or decided.encrypt)


def _source(carried: Carried, decided: Decided) -> Part | Draft:
    """Return the content that is to be protected: its exact bytes where it is encrypted."""
    if decided.form != _PGPMIME:
        return _as_draft(carried)
    if decided.encrypt:
        return carried.exact()
    return carried.kept().to_sign()


def _as_draft(carried: Carried) -> Draft:
    """Return the content as a draft, for OpenPGP in its text; it is in memory, as no disk may."""
    import email
    import email.policy

    from gpgmail.protect import inline

    data = b"".join(carried.exact().chunks())
    return inline.draft_of(email.message_from_bytes(data, policy=email.policy.default))


def _copies_to_hold(addressed: Addressed, shut: _Shut) -> tuple[Copy, ...]:
    held = shut.those(_HOLD)
    whom = tuple(one for one in addressed.envelope.recipients if one.address in held)
    return (Copy(whom, shut.hold),) if whom else ()


def _behind(addressed: Addressed, part: Part, recipients: tuple[Recipient, ...]) -> Composed:
    """Return *part* as the content of a mail whose own fields stay as they came."""
    fields = [one for one in addressed.fields if not one.key.startswith("content-")]
    if not any(one.key == "mime-version" for one in fields):
        fields.append(header_field("MIME-Version", "1.0"))
    own = b"".join(one.rendered() for one in fields)
    head = own if part.verbatim else own + header_bytes(part.headers) + b"\r\n"

    def chunks() -> Iterator[bytes]:
        yield head
        yield from part.chunks()

    size = None if part.body_size is None else len(head) + part.body_size
    return Composed(
        (),
        verbatim(chunks, size=size, eight_bit=part.eight_bit),
        replace(addressed.envelope, recipients=recipients),
        international=_international(addressed),
    )


def _international(addressed: Addressed) -> bool:
    return not all(one.rendered().isascii() for one in addressed.fields)


def _plain(copy: Composed) -> Composed:
    """Return a copy that asks for nothing beside its delivery."""
    recipients = tuple(replace(one, options="") for one in copy.envelope.recipients)
    return replace(copy, envelope=Envelope(copy.envelope.sender, recipients))
