"""A finished letter goes out now, or waits in a queue: what a mail program may rely on.

A mail waits where nobody says that it was refused for good: no server could be had, none let us in,
or one said "later". One that a server may have taken waits too: whoever hands a mail over and hears
nothing of it again has lost it, and the Message-ID tells that it came twice (RFC 5321 4.5.3.2.6).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import (
    DeliveryError,
    MessageError,
    PolicyError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from gpgmail.core.replies import Reply
    from gpgmail.core.run import Run
    from gpgmail.delivery.letter import Letter
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.rehearsal import Rehearsal
    from gpgmail.delivery.routes import Routes, Told
    from gpgmail.message.composed import Composed
    from gpgmail.spool.store import State

_ASKED_TO_WAIT = "it was asked to wait"


class Dispatched(NamedTuple):
    """What became of a letter: the servers' receipt, who waits in the queue, who was refused."""

    receipt: Receipt | None = None
    queued: tuple[str, ...] = ()
    why: str = ""  # they wait
    refused: Mapping[str, Reply] = MappingProxyType({})

    @property
    def accepted(self) -> tuple[str, ...]:
        """Who has it."""
        return self.receipt.accepted if self.receipt else ()


class Dispatcher(NamedTuple):
    """Where letters go: the ways to servers, and the queue, None where there is none."""

    routes: Routes
    queue: Path | None
    run: Run
    only_queue: bool = False

    def dispatch(self, letter: Letter, easier: Callable[[], Letter] | None = None) -> Dispatched:
        """Deliver *letter*, or put into the queue what is to be tried again.

        *easier* gives the same for a server that lacks an extension.

        Raises:
            GpgmailError: If nobody has it and it does not wait either.
        """
        if self.only_queue and self.queue is not None:
            return self._queued(letter, (), _ASKED_TO_WAIT)
        try:
            receipt = self._through(self.routes.deliver, letter, easier)
        except (DeliveryError, PolicyError) as error:
            refused = _for_good(getattr(error, "refused", {}))
            done = {*getattr(error, "accepted", ()), *refused}
            if self.queue is None or not _others(letter, done):
                raise
            return self._queued(letter, done, str(error))._replace(refused=refused)
        refused = _for_good(receipt.refused)
        done = {*receipt.accepted, *refused}
        if self.queue is None or not _others(letter, done):
            return Dispatched(receipt=receipt, refused=receipt.refused)
        why = next(str(reply) for reply in receipt.refused.values() if reply.temporary)
        return self._queued(letter, done, why)._replace(receipt=receipt, refused=refused)

    def rehearse(self, letter: Letter, easier: Callable[[], Letter] | None = None) -> Rehearsal:
        """Return what `dispatch` would do, without naming the mail to a server or writing it.

        Raises:
            GpgmailError: If nobody would get it and it would not wait either.
        """
        if self.only_queue and self.queue is not None:
            return self._would_wait(letter, _ASKED_TO_WAIT)
        try:
            return self._through(self.routes.rehearse, letter, easier)
        except (DeliveryError, PolicyError) as error:
            if self.queue is None:
                raise
            return self._would_wait(letter, str(error))

    def keep(self, copies: Sequence[Composed], state: State) -> list[Path]:
        """Put *copies* into the queue, all or none.

        Raises:
            MessageError: If they cannot be written.
        """
        from gpgmail.delivery.queue import queued
        from gpgmail.spool import store

        paths: list[Path] = []
        try:
            for copy in copies:
                paths.append(store.add(self.place, queued(copy), self.run, state))  # noqa: PERF401 - known if one fails
        except BaseException:
            take_back(paths)
            raise
        return paths

    @property
    def place(self) -> Path:
        """The queue's directory."""
        if self.queue is None:
            raise AssertionError("there is no queue")
        return self.queue

    def require_place(self) -> None:
        """Go on where a mail could be put into the queue; nothing is written.

        Raises:
            MessageError: If it cannot.
        """
        from gpgmail.spool import store

        store.require(self.place)

    def _through(
        self,
        bring: Callable[[Letter, Run], Told],
        letter: Letter,
        easier: Callable[[], Letter] | None,
    ) -> Told:
        """Bring *letter* to a server, and what is easier to one that lacks an extension."""
        self.routes.require()
        try:
            return bring(letter, self.run)
        except UnsupportedError as error:
            if easier is None or error.code is not ErrorCode.NOT_FOR_SERVER:
                raise
            return bring(easier(), self.run)

    def _would_wait(self, letter: Letter, why: str) -> Rehearsal:
        from gpgmail.delivery.rehearsal import planned

        self.require_place()
        return replace(planned(letter), waits=why)

    def _queued(self, letter: Letter, without: Collection[str], why: str) -> Dispatched:
        copies = [
            replace(copy, envelope=replace(copy.envelope, recipients=rest))
            for copy in letter.copies
            if (
                rest := tuple(one for one in copy.envelope.recipients if one.address not in without)
            )
        ]
        from gpgmail.spool.store import State

        self.keep(copies, State.QUEUED)
        waiting = tuple(address for copy in copies for address in copy.envelope.addresses)
        return Dispatched(queued=waiting, why=why)


def take_back(paths: Sequence[Path]) -> None:
    """Remove files from the queue, unless who runs it has them already."""
    from gpgmail.spool import store

    for path in paths:
        with suppress(MessageError):
            claim = store.claim(path)
            if claim is not None:
                with claim:
                    claim.remove()


def _for_good(refused: Mapping[str, Reply]) -> dict[str, Reply]:
    return {address: reply for address, reply in refused.items() if not reply.temporary}


def _others(letter: Letter, done: Collection[str]) -> bool:
    return any(address not in done for copy in letter.copies for address in copy.envelope.addresses)
