"""The script of a server: the moments at which it can act, and what it can do there.

Rules of this file: an action is one frozen class that says all of what it does, in terms of `Talk`;
when it is done is the conversation's matter. A new kind of failure is one class here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

_ENDLESS_CHUNK: Final = b"x" * 65536


class Phase(enum.Enum):
    """The moments at which a script can act."""

    BANNER = "before the greeting"
    TLS_HELLO = "when the client's TLS hello has come, implicit or after STARTTLS"
    EHLO = "EHLO or HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH, first line"
    AUTH_ANSWER = "a line that answers a challenge of AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "within the content, after the bytes that the action names"
    BDAT = "after a chunk that is not the last"
    DOT = "after the final dot, or the last chunk"
    RSET = "RSET"
    NOOP = "NOOP"
    QUIT = "QUIT"
    OTHER = "any other command"


class HangUpError(Exception):
    """The script ends the connection here."""


class Talk(Protocol):
    """What an action can do to the connection that it is in."""

    closing: threading.Event

    name: bytes

    def send(self, data: bytes) -> None:
        """Send these bytes."""

    def honest(self, behind: bytes = b"") -> None:
        """Send the answer that an honest server gives here, and *behind* in the same write."""

    def reset_on_close(self) -> None:
        """Make the end of this connection an RST."""


def multiline(code: int, lines: Sequence[bytes]) -> bytes:
    """Return a reply of several lines (RFC 5321 section 4.2.1)."""
    *before, last = lines
    head = b"".join(b"%d-%s\r\n" % (code, line) for line in before)
    return head + b"%d %s\r\n" % (code, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What the server does in place of the honest answer.

    `after` is for BODY alone: the bytes of content that come first.
    """

    after: int = 0

    def act(self, talk: Talk) -> None:
        """Do it; returning means that the conversation goes on."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Honest(Action):
    """The honest answer, for a place in a tuple."""

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.honest()


@dataclass(frozen=True, slots=True)
class Reply(Action):
    """These bytes as they are, in one write; `close` hangs up after them (421)."""

    data: bytes
    close: bool = field(default=False, kw_only=True)

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.send(self.data)
        if self.close:
            raise HangUpError


@dataclass(frozen=True, slots=True)
class Inject(Action):
    """The honest answer with more bytes right behind it, in the same write."""

    data: bytes

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.honest(behind=self.data)


@dataclass(frozen=True, slots=True)
class Offer(Action):
    """EHLO with these extensions and no others: without STARTTLS among them it is stripped."""

    extensions: tuple[bytes, ...] = ()

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.send(multiline(250, (talk.name, *self.extensions)))


@dataclass(frozen=True, slots=True)
class Drop(Action):
    """Close the connection in order (FIN), under TLS without its closing alert."""

    def act(self, talk: Talk) -> None:  # noqa: ARG002 - closing needs nothing of it
        """Do it."""
        raise HangUpError


@dataclass(frozen=True, slots=True)
class Reset(Action):
    """Abort the connection (RST)."""

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.reset_on_close()
        raise HangUpError


@dataclass(frozen=True, slots=True)
class Stall(Action):
    """Say nothing for some seconds (by default until the server is closed), then hang up."""

    seconds: float | None = None

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.closing.wait(self.seconds)
        raise HangUpError


@dataclass(frozen=True, slots=True)
class Endless(Action):
    """A reply line that does not end before `limit` bytes."""

    limit: int = 64 * 1024 * 1024

    def act(self, talk: Talk) -> None:
        """Do it."""
        talk.send(b"250 ")
        for _ in range(0, self.limit, len(_ENDLESS_CHUNK)):
            talk.send(_ENDLESS_CHUNK)
        talk.send(b"\r\n")


@dataclass(frozen=True, slots=True)
class Once(Action):
    """An action for the first time that any connection comes here; honest from then on.

    For what tries again: behind greylisting, or behind a lost connection.
    """

    action: Action
    _turns: Iterator[int] = field(default_factory=count, init=False, repr=False, compare=False)

    def act(self, talk: Talk) -> None:
        """Do it."""
        if next(self._turns):
            talk.honest()
        else:
            self.action.act(talk)


Script = Mapping[Phase, Action | tuple[Action, ...]]
