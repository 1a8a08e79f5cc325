"""Work that cannot be interrupted, done in a thread that can be left behind.

Name resolution is such work, a ticket from a Kerberos server, whose library waits by itself, and
reading a stream of which nobody knows what it waits for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.core.run import Run

_Done = TypeVar("_Done")


def aside(work: Callable[[], _Done], run: Run, what: str) -> _Done:
    """Return what *work* returns, or raise what it raises, unless *run* ends before.

    Raises:
        Cancelled, TimeLimitError: As `run.check` does; *what* names the wait. The work goes on by
            itself then, and nobody sees its end.
    """
    results: list[_Done] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=do, name=f"gpgmail {what}", daemon=True).start()
    while not done.wait(run.slice()):
        run.check(what)
    if errors:
        raise errors[0]
    run.touch()
    return results[0]
