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
from gpgmail.spool import store
from gpgmail.spool.store import Claim, State
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.spool.queuefile import Queued

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
            subject=store.shown(path),
            code=first.code,
            retry=first.retry,
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
    usable: Callable[[], bool] = lambda: True,
) -> Processed:
    """Give the mails that wait in *directory* to *deliver*, and rename their files accordingly.

    *deliver* returns the server's words for those recipients that it refused while it took the
    mail, and reads the content to its end before the server is told of the end. Its errors decide
    by their `retry`. *usable* is asked between mails whether another one can be delivered. With
    *keep* the files of sent mails stay. Errors of one mail are reported and do not stop the others.

    Raises:
        GpgmailError: What *deliver* raised for the last mail, if no other can be delivered then;
            those behind it stay as they were.
        MessageError: If the directory cannot be read or written.
        Cancelled, TimeLimitError: If *run* says so.
    """
    runner = _Runner(deliver, run, usable, keep=keep)
    for path in waiting(directory):
        run.check(f"queue {store.shown(path.parent)}")
        runner.take(path)
    return runner.done


class _Runner:
    """One pass over a directory."""

    def __init__(
        self,
        deliver: Callable[[Queued], Mapping[str, Reply]],
        run: Run,
        usable: Callable[[], bool],
        *,
        keep: bool,
    ) -> None:
        self.done = Processed()
        self._deliver = deliver
        self._run = run
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
                self._note(self.done.unsure, path, _left_behind(path))
                return
            self._go_on()
            claim.begin()
            self._send(claim)

    def _send(self, claim: Claim) -> None:
        try:
            mail = claim.read(self._run)
            refused = self._deliver(replace(mail, content=lambda: self._content(claim, mail)))
        except GpgmailError as error:
            self._not_sent(claim, error)
            return
        except BaseException:  # of a handler, or a signal's
            if not claim.handed_over:
                claim.move(State.QUEUED)
            raise
        self._keep_refused(claim, mail, refused)
        if self._keep:
            claim.move(State.SENT)
        else:
            claim.remove()
        self.done.sent.append(claim.path)
        self._run.status(f"{store.shown(claim.path)}: sent", level=2)

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
            error.add_note(f"the mail is in {store.shown(claim.path)}")
            raise error
        self._note(books[state], claim.path, error)

    def _keep_refused(self, claim: Claim, mail: Queued, refused: Mapping[str, Reply]) -> None:
        """Put those whom the server refused into files of their own: for good, and for now."""
        for state, book in ((State.FAILED, self.done.failed), (State.QUEUED, self.done.left)):
            whom = tuple(
                one
                for one in mail.envelope.recipients
                if one.address in refused
                and refused[one.address].temporary == (state is State.QUEUED)
            )
            if not whom:
                continue
            rest = replace(mail, envelope=replace(mail.envelope, recipients=whom))
            path = store.add(claim.path.parent, rest, self._run, state)
            for one in whom:
                reply = refused[one.address]
                retry = Retry.LATER if reply.temporary else Retry.NO
                error = Situation.SERVER_REFUSED.error(
                    str(reply), subject=one.address, retry=retry, reply=reply, refused=refused
                )
                self._note(book, path, error)

    def _go_on(self) -> None:
        if not self._usable():
            raise Situation.DROPPED.error(
                "the connection ended between two mails", subject="queue", hint="process it again"
            )

    def _note(self, book: dict[Path, GpgmailError], path: Path, error: GpgmailError) -> None:
        book[path] = error
        text = self._run.redactor.clean(f"{store.shown(path)}: {error}")
        self._run.emit(ErrorReport(error.code.number, text))


def _left_behind(path: Path) -> GpgmailError:
    return Situation.MAYBE_DELIVERED.error(
        "the process that sent it ended before the server answered",
        subject=store.shown(path),
        hint=_SEND_AGAIN,
    )
