"""What `queue` and `process_queue` of a component do, by the spool and its runner."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.errors import MessageError
from gpgmail.core.situations import Situation
from gpgmail.core.text import shown
from gpgmail.delivery import queue as runner
from gpgmail.spool import store
from gpgmail.spool.queuefile import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from gpgmail.core.envelope import RecipientType
    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.message.composed import Composed
    from gpgmail.spool.queuefile import Queued
    from gpgmail.transport.session import Session

_AS_TEXT = "*"
_MOST_LOST = 3


def queue(copies: Sequence[Composed], directory: str, run: Run) -> str:
    """Put a finished mail into *directory*, a file for each copy, and return the first one's name.

    For `*` return the file's text. A failure takes back those that were written before.

    Raises:
        MessageError: If it cannot be written.
        UnsupportedError: If one text would have to hold several copies.
    """
    mails = [runner.queued(copy) for copy in copies]
    if directory == _AS_TEXT:
        if len(mails) > 1:
            raise Situation.UNSUPPORTED_HERE.error(
                "one text cannot hold the copies of Bcc recipients",
                subject="queue",
                hint="queue into a directory, or config BccPolicy=hidden",
            )
        return dumps(mails[0])
    _named(directory)
    paths: list[Path] = []
    try:
        for mail in mails:
            paths.append(store.add(Path(directory), mail, run))  # noqa: PERF401 - known if one fails
    except BaseException as error:
        for path in paths:
            _take_back(path, error)
        raise
    for path in paths:
        run.status(
            f"queued as {shown(path)}: only its owner can read it, and what was not encrypted is "
            "plain in it"
        )
    return str(paths[0])


def _take_back(path: Path, error: BaseException) -> None:
    """Remove a file, unless who sends the queue has it already."""
    with suppress(MessageError):
        claim = store.claim(path)
        if claim is not None:
            with claim:
                claim.remove()
            return
    error.add_note(f"{shown(path)} was queued and may be sent")


def process(
    directory: str,
    in_session: Callable[[], AbstractContextManager[Session]],
    run: Run,
    *,
    keep: bool,
    stop_on: Collection[RecipientType],
) -> None:
    """Send what waits in *directory*; a connection is opened for the first that can be sent.

    One that is lost over a mail is made anew for the next, until that happens three times in a row.

    Raises:
        MessageError: If the directory cannot be read or written.
        DeliveryError: If no connection can be made, or a mail is unsent after all were tried.
    """
    _named(directory)
    with ExitStack() as stack:
        session: Session | None = None
        lost = 0  # connections, one after the other

        def ready() -> Session:
            nonlocal session
            if session is None or not session.still_there():
                session = stack.enter_context(in_session())
            return session

        def deliver(mail: Queued) -> Mapping[str, Reply]:
            nonlocal lost
            lost += 1
            receipt = ready().deliver(
                mail.envelope,
                mail.content(),
                size=mail.size,
                needs_utf8=mail.needs_utf8,
                needs_8bit=mail.eight_bit,
                stop_on=stop_on,
                verb=mail.verb,
            )
            lost = 0
            return receipt.refused

        def usable() -> bool:
            nonlocal lost
            if session is not None and session.still_there():
                lost = 0
            return lost < _MOST_LOST

        done = runner.process(directory, deliver, run, keep=keep, ready=ready, usable=usable)
    done.raise_for_unsent()


def _named(directory: str) -> None:
    if not directory.strip():
        raise Situation.BAD_VALUE.error(
            "names no directory", subject="queue_dir", hint="give the path of one that exists"
        )
