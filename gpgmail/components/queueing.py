"""What `queue` and `process_queue` of a component do, by the spool and its runner."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.text import shown
from gpgmail.delivery import queue as runner
from gpgmail.spool import store
from gpgmail.spool.queuefile import Queued, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    from gpgmail.core.envelope import RecipientType
    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.message.draft import Composed
    from gpgmail.transport.session import Session

_AS_TEXT = "*"


def queue(composed: Composed, directory: str, run: Run) -> str:
    """Put a finished mail into *directory* and return its file; for `*` return the file's text.

    Raises:
        MessageError: If it cannot be written.
    """
    mail = Queued(
        envelope=composed.envelope,
        content=composed.render,
        needs_utf8=composed.needs_utf8,
        eight_bit=composed.eight_bit,
        size=composed.size,
    )
    if directory == _AS_TEXT:
        return dumps(mail)
    path = store.add(Path(directory), mail, run)
    run.status(
        f"queued as {shown(path)}: only its owner can read it, and what was not encrypted is "
        "plain in it"
    )
    return str(path)


def process(
    directory: str,
    in_session: Callable[[], AbstractContextManager[Session]],
    run: Run,
    *,
    keep: bool,
    stop_on: Collection[RecipientType],
) -> None:
    """Send what waits in *directory* through one session, opened for the first that can be sent.

    Raises:
        MessageError: If the directory cannot be read or written.
        DeliveryError: If the connection fails, or after all were tried some mails were not sent.
    """
    with ExitStack() as stack:
        session = cache(lambda: stack.enter_context(in_session()))

        def deliver(mail: Queued) -> Mapping[str, Reply]:
            receipt = session().deliver(
                mail.envelope,
                mail.content(),
                size=mail.size,
                needs_utf8=mail.needs_utf8,
                needs_8bit=mail.eight_bit,
                stop_on=stop_on,
                verb=mail.verb,
            )
            return receipt.refused

        def usable() -> bool:
            return not session.cache_info().currsize or session().still_there()

        done = runner.process(directory, deliver, run, keep=keep, ready=session, usable=usable)
    done.raise_for_unsent()
