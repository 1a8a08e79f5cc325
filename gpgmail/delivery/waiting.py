"""Mails that wait on the disk: sending them, releasing those that are held, and listing them.

A held mail is one that its recipient had no key for. It lies there encrypted to a key of this
machine; it is opened in memory alone, and goes out as soon as it can be encrypted to him.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError, KeySelectionError
from gpgmail.core.situations import Situation
from gpgmail.core.text import shown
from gpgmail.crypto.engine import Job
from gpgmail.delivery import queue
from gpgmail.delivery.addressing import Addressed
from gpgmail.delivery.letter import Letter
from gpgmail.delivery.plan import Plan
from gpgmail.delivery.sharing import Copy
from gpgmail.message.carried import Carried
from gpgmail.message.composed import Composed
from gpgmail.message.handed import taken_apart
from gpgmail.message.part import verbatim
from gpgmail.spool import store
from gpgmail.spool.store import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.delivery.letter import Desk
    from gpgmail.delivery.queue import Processed
    from gpgmail.delivery.rehearsal import Foreseen
    from gpgmail.delivery.routes import Routes
    from gpgmail.delivery.submission import Submission
    from gpgmail.spool.queuefile import Queued
    from gpgmail.spool.store import Claim

_LISTED = (State.QUEUED, State.SENDING, State.HELD, State.FAILED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that waits: its file, how it stands, and its envelope, None where it is damaged."""

    path: Path
    state: State
    mail: Queued | None


@dataclass(frozen=True, slots=True)
class Released:
    """What became of held mails: files that are gone, and those that stay, each with the reason."""

    sent: list[Path] = field(default_factory=list)
    stay: dict[Path, GpgmailError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What would become of a mail that waits: it goes out, or it does not for that reason."""

    path: Path
    state: State
    told: Foreseen | None = None
    error: GpgmailError | None = None


def listed(directory: Path, run: Run) -> Iterator[Waiting]:
    """Yield what waits in *directory*.

    Raises:
        MessageError: If it cannot be read.
    """
    for state in _LISTED:
        for path in store.listed(directory, state):
            yield Waiting(path, state, _looked_into(path, run))


def _looked_into(path: Path, run: Run) -> Queued | None:
    try:
        claim = store.claim(path)
        if claim is None:
            return None
        with claim:
            return claim.read(run)
    except GpgmailError:
        return None


def send(directory: Path, routes: Routes, run: Run) -> Processed:
    """Send what waits in *directory*, and return what became of it.

    Raises:
        GpgmailError: If the directory cannot be used, or *run* ends.
    """
    routes.require()

    def deliver(mail: Queued) -> Mapping[str, Reply]:
        return routes.deliver(_letter(mail), run).refused

    return queue.process(directory, deliver, run)


def _letter(mail: Queued) -> Letter:
    copy = Composed(
        (),
        verbatim(mail.content, size=mail.size, eight_bit=mail.eight_bit),
        mail.envelope,
        international=mail.needs_utf8,
    )
    return Letter("", Plan((), (Copy(mail.envelope.recipients),), {}), (copy,))


def release(directory: Path, submission: Submission, desk: Desk, run: Run) -> Released:
    """Send those held mails in *directory* that can be encrypted to their recipients now.

    Raises:
        MessageError: If the directory cannot be read.
        Cancelled, TimeLimitError: If *run* ends.
    """
    done = Released()
    for path in store.listed(directory, State.HELD):
        run.check(f"queue {shown(directory)}")
        try:
            claim = store.claim(path)
            if claim is not None:
                with claim:
                    _released(claim, submission, desk, run, done)
        except GpgmailError as error:
            if run.cancelled:
                raise
            done.stay[path] = error
    return done


def rehearse(
    directory: Path, submission: Submission, desk: Desk, routes: Routes, run: Run
) -> Iterator[Look]:
    """Yield what `release` and `send` would do with each mail; no file changes, no mail is named.

    Raises:
        MessageError: If *directory* cannot be used.
        Cancelled, TimeLimitError: If *run* ends.
    """
    from gpgmail.delivery.rehearsal import Foreseen

    def held(claim: Claim) -> Foreseen:
        return submission.rehearse_release(*_taken_out(claim.read(run), desk, run))

    def queued(claim: Claim) -> Foreseen:
        if claim.unsure:
            raise queue.left_behind(claim.path)
        return Foreseen(mail=routes.rehearse(_letter(claim.read(run)), run))

    routes.require()
    for state, look in ((State.HELD, held), (State.QUEUED, queued), (State.SENDING, queued)):
        for path in store.listed(directory, state):
            run.check(f"queue {shown(directory)}")
            yield from _looked_at(path, state, look, run)


def _looked_at(
    path: Path, state: State, look: Callable[[Claim], Foreseen], run: Run
) -> Iterator[Look]:
    """Yield what *look* finds, nothing where another process has the file."""
    try:
        claim = store.claim(path)
        if claim is None:
            return
        with claim:
            told = look(claim)
    except GpgmailError as error:
        if run.cancelled:
            raise
        yield Look(path, state, error=error)
    else:
        yield Look(path, state, told=told)


def _released(claim: Claim, submission: Submission, desk: Desk, run: Run, done: Released) -> None:
    mail = claim.read(run)
    result = submission.release(*_taken_out(mail, desk, run))
    left = tuple(one for one in mail.envelope.recipients if one.address in result.without_key)
    if left:
        rest = replace(mail, envelope=replace(mail.envelope, recipients=left))
        path = store.add(claim.path.parent, rest, run, State.HELD)
        done.stay[path] = next(iter(result.without_key.values()))
    claim.remove()
    done.sent.append(claim.path)


def _taken_out(mail: Queued, desk: Desk, run: Run) -> tuple[Addressed, Carried]:
    """Return a held mail as it was handed over, if there is a key for somebody."""
    addressed, ciphertext = _taken_apart(mail)
    _require_key(mail, desk, run)
    return addressed, _opened(ciphertext, desk, run)


def _require_key(mail: Queued, desk: Desk, run: Run) -> None:
    """Go on where there is a key for one of the recipients: nothing is opened for nobody.

    Raises:
        KeySelectionError: If there is none.
    """
    failed: KeySelectionError | None = None
    for address in mail.envelope.addresses:
        try:
            desk.keyrings.recipients(address, run)
        except KeySelectionError as error:
            failed = failed or error
        else:
            return
    if failed is not None:
        raise failed


def _taken_apart(mail: Queued) -> tuple[Addressed, bytes]:
    """Return the header of a held mail without that of its ciphertext, and the ciphertext."""
    handed = taken_apart(b"".join(mail.content()))
    fields = tuple(one for one in handed.fields if not one.key.startswith("content-"))
    values = {one.key: one.value for one in reversed(fields)}
    addressed = Addressed(
        fields, mail.envelope, values.get("from", ""), values.get("message-id", "")
    )
    return addressed, b"".join(handed.body)


def _opened(body: bytes, desk: Desk, run: Run) -> Carried:
    """Return the content that was held; it is in memory alone."""
    begins = body.find(b"-----BEGIN PGP MESSAGE-----")
    if begins < 0:
        raise Situation.QUEUE_DAMAGED.error("holds no ciphertext", subject="a held mail")
    plain = bytearray()
    job = Job(
        home=desk.keyrings.home(run, desk.passphrases, secret=True), passphrases=desk.passphrases
    )
    opened = desk.engine.decrypt(job, (body[begins:],), plain.extend, run)
    if opened.bad:
        raise Situation.VERIFY_FAILED.error("was changed since it was held", subject="a held mail")
    entity = taken_apart(bytes(plain))
    return Carried(entity.fields, entity.body)
