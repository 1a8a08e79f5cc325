"""Commands in groups: many in one write where the server offers PIPELINING (RFC 2920), else single.

In a group may stand RSET, MAIL, RCPT, and as the last DATA; what `chunking` sends may follow. All
other commands wait for their answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXTENSION = "PIPELINING"

GROUP = 64 * 1024  # bytes; at most two groups are unanswered, so that no buffer fills for ever


class Command(Protocol):
    """Anything with a line to say."""

    @property
    def line(self) -> bytes:
        """The whole line."""


_Said = TypeVar("_Said", bound=Command)


def groups(commands: Iterable[_Said], *, pipelined: bool) -> Iterator[list[_Said]]:
    """Yield *commands* in groups of at most GROUP bytes, or each alone."""
    limit = GROUP if pipelined else 0
    group: list[_Said] = []
    size = 0
    for command in commands:
        if group and size + len(command.line) > limit:
            yield group
            group, size = [], 0
        group.append(command)
        size += len(command.line)
    if group:
        yield group
