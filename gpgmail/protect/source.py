"""Content on its way into an engine: who gives it may be slow, and the caller may want to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpgmail.core.run import Run


def watched(chunks: Iterable[bytes], run: Run) -> Iterator[bytes]:
    """Yield *chunks*, and stop between two of them when *run* says so.

    Raises:
        Cancelled, TimeLimitError: If it does.
    """
    for chunk in chunks:
        run.check("reading the message")
        run.touch()
        yield chunk
