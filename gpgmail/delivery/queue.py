"""The queue runner: takes waiting mails from a directory to a server, one after another.

What becomes of a mail, by what its delivery came to:

| outcome | file |
|---|---|
| the server took it | gone, or `.sent` |
| refused for good, damaged, or impossible with this server | `.failed` |
| refused for now, connection lost, interrupted | `.queued` |
| all content was handed over and no answer came | `.sending` |
| taken for some recipients only | as taken; the others in a file of their own |

The fourth is not sent again by itself, since nobody knows whether it would be for the first or the
second time. A process that is killed leaves the same: its mail is sent again where the server
cannot have had all of it, and otherwise stays. Those that another process left come last, so that
one that ends its process again and again keeps none waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.codes import Retry
from gpgmail.core.errors import Cancelled, GpgmailError, MessageError
from gpgmail.core.events import ErrorReport
from gpgmail.core.situations import Situation
from gpgmail.core.text import shown
from gpgmail.spool import store
from gpgmail.spool.queuefile import Queued
from gpgmail.spool.store import Claim, State
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.core.envelope import Recipient
    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.message.composed import Composed

    # A file of recipients who were refused, where to note it, and who they are.
    _Others = tuple[Path, dict[Path, GpgmailError], tuple[Recipient, ...]]

_AFTER = {Retry.NO: State.FAILED, Retry.LATER: State.QUEUED, Retry.UNKNOWN: State.SENDING}
_SEND_AGAIN = "rename it to .queued to send it again, or remove it"


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of the mails of a directory, by the names that their files had or have now.

    `sent` were taken by the server, at least for some recipients. `failed` will not be tried again,
    `left` will, `unsure` may have been delivered and wait for a decision, `ignored` are no mails.
    """

    sent: list[Path] = field(default_factory=list)
    failed: dict[Path, GpgmailError] = field(default_factory=dict)
    left: dict[Path, GpgmailError] = field(default_factory=dict)
    unsure: dict[Path, GpgmailError] = field(default_factory=dict)
    ignored: dict[Path, GpgmailError] = field(default_factory=dict)

    def raise_for_unsent(self) -> None:
        """Raise one error for the mails that were not sent, if there are any.

        Raises:
            DeliveryError: With the code of the first; each of them was reported before.
        """
        unsent = {**self.failed, **self.left, **self.unsure}
        if not unsent:
            return
        path, first = next(iter(unsent.items()))
        raise Situation.QUEUE_UNSENT.error(
            f"{len(unsent)} of {len(unsent) + len(self.sent)}, the first for this reason: {first}",
            subject=shown(path),
            code=first.code,
            retry=first.retry,
        )


def queued(copy: Composed) -> Queued:
    """Return a finished mail as one that waits."""
    return Queued(
        envelope=copy.envelope,
        content=copy.render,
        needs_utf8=copy.needs_utf8,
        eight_bit=copy.eight_bit,
        size=copy.size,
    )


def waiting(directory: str | os.PathLike[str]) -> list[Path]:
    """Return the files that `process` would look at, in its order.

    Raises:
        MessageError: If *directory* is missing, no directory, or not readable.
    """
    place = Path(directory)
    return [*store.listed(place, State.QUEUED), *store.listed(place, State.SENDING)]


def process(
    directory: str | os.PathLike[str],
    deliver: Callable[[Queued], Mapping[str, Reply]],
    run: Run,
    *,
    keep: bool = False,
    ready: Callable[[], object] = lambda: None,
    usable: Callable[[], bool] = lambda: True,
) -> Processed:
    """Give the mails that wait in *directory* to *deliver*, and rename their files accordingly.

    *deliver* returns the server's words for those recipients that it refused while it took the
    mail, and reads the content to its end before the server is told of the end. Its errors decide
    by their `retry`. *ready* is called before each mail that can be sent, and raises where nothing
    can be delivered now; *usable* is asked between mails whether another one can be. With *keep*
    the files of sent mails stay. Errors of one mail are reported and do not stop the others.

    Raises:
        GpgmailError: What *ready* raised, or *deliver* for the last mail, if no other can be
            delivered then; those behind it stay as they were.
        MessageError: If the directory cannot be read or written.
        Cancelled, TimeLimitError: If *run* says so.
    """
    runner = _Runner(deliver, run, ready, usable, keep=keep)
    for path in waiting(directory):
        run.check(f"queue {shown(path.parent)}")
        runner.take(path)
    return runner.done


class _Runner:
    """One pass over a directory."""

    def __init__(
        self,
        deliver: Callable[[Queued], Mapping[str, Reply]],
        run: Run,
        ready: Callable[[], object],
        usable: Callable[[], bool],
        *,
        keep: bool,
    ) -> None:
        self.done = Processed()
        self._deliver = deliver
        self._run = run
        self._ready = ready
        self._usable = usable
        self._keep = keep

    def take(self, path: Path) -> None:
        """Deal with one file."""
        try:
            claim = store.claim(path)
        except MessageError as error:
            self._note(self.done.ignored, path, error)
            return
        if claim is None:  # another process has it
            return
        with claim:
            if claim.unsure:
                self._note(self.done.unsure, path, left_behind(path))
                return
            claim.begin()
            try:
                self._send(claim)
            except BaseException:  # of what is not this mail's, of a handler, or a signal's
                if claim.path.suffix == State.SENDING and not claim.handed_over:
                    claim.move(State.QUEUED)
                raise

    def _send(self, claim: Claim) -> None:
        try:
            mail = claim.read(self._run)
        except GpgmailError as error:
            self._not_sent(claim, error)
            return
        self._go_on()
        try:
            refused = self._deliver(replace(mail, content=lambda: self._content(claim, mail)))
        except GpgmailError as error:
            self._not_sent(claim, error)
            return
        self._sent(claim, self._put_aside(claim, mail, refused), refused)

    def _sent(self, claim: Claim, others: list[_Others], refused: Mapping[str, Reply]) -> None:
        """Note what the server took; the file tells it before any handler is told of the others."""
        if self._keep:
            claim.move(State.SENT)
        else:
            claim.remove()
        self.done.sent.append(claim.path)
        for path, book, whom in others:
            for one in whom:
                self._note(book, path, _refusal(one, refused))
        self._run.status(f"{shown(claim.path)}: sent", level=2)

    def _content(self, claim: Claim, mail: Queued) -> Iterator[bytes]:
        return claim.handing_over(told(mail.content(), mail.size, self._run))

    def _not_sent(self, claim: Claim, error: GpgmailError) -> None:
        state = _AFTER[error.retry]
        if state is not State.SENDING:
            claim.move(state)
        books = {
            State.FAILED: self.done.failed,
            State.QUEUED: self.done.left,
            State.SENDING: self.done.unsure,
        }
        if isinstance(error, Cancelled) or not self._usable():
            error.add_note(f"the mail is in {shown(claim.path)}")
            raise error
        self._note(books[state], claim.path, error)

    def _put_aside(self, claim: Claim, mail: Queued, refused: Mapping[str, Reply]) -> list[_Others]:
        """Put those whom the server refused into files of their own: for good, and for now."""
        others = []
        for state, book in ((State.FAILED, self.done.failed), (State.QUEUED, self.done.left)):
            whom = tuple(
                one
                for one in mail.envelope.recipients
                if one.address in refused
                and refused[one.address].temporary == (state is State.QUEUED)
            )
            if whom:
                rest = replace(mail, envelope=replace(mail.envelope, recipients=whom))
                path = store.add(claim.path.parent, rest, self._run, state)
                others.append((path, book, whom))
        return others

    def _go_on(self) -> None:
        if not self._usable():
            raise Situation.DROPPED.error(
                "the connection ended between two mails", subject="queue", hint="process it again"
            )
        self._ready()

    def _note(self, book: dict[Path, GpgmailError], path: Path, error: GpgmailError) -> None:
        book[path] = error
        text = self._run.redactor.clean(f"{shown(path)}: {error}")
        self._run.emit(ErrorReport(error.code.number, text))


def _refusal(one: Recipient, refused: Mapping[str, Reply]) -> GpgmailError:
    reply = refused[one.address]
    return Situation.SERVER_REFUSED.error(
        str(reply),
        subject=one.address,
        retry=Retry.LATER if reply.temporary else Retry.NO,
        reply=reply,
        refused=refused,
    )


def left_behind(path: Path) -> GpgmailError:
    """Return what is said of a file whose process ended before it heard whether it was sent."""
    return Situation.MAYBE_DELIVERED.error(
        "the process that sent it ended before the server answered",
        subject=shown(path),
        hint=_SEND_AGAIN,
    )
