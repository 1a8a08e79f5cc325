"""gpgme contexts: libgpgme starts gpg and moves its data, in threads of our own.

libgpgme blocks the thread that calls it, knows no time limit, and pygpgme cannot cancel. So each
context belongs to one thread that does nothing else (`exchange.py`); source, sink and handlers run
in the caller's, which meanwhile looks at its `Run` and ends gpg when it is to stop. Contexts are
kept for the next operation and never shared: who works at the same time has another one.

What gpg does follows from the words that it gets (`launcher.py`), as with `runner.py`, and so does
what is judged: libgpgme returns without an error also where gpg ended with one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find, require_secret
from gpgmail.gpg.endless import FAILED, NOBODY_TO_ASK, AskedForeverError, asked_forever
from gpgmail.gpg.exchange import Ended, Exchange, command, load
from gpgmail.gpg.launcher import Launcher
from gpgmail.gpg.operation import (
    ALWAYS,
    Hearing,
    Result,
    agent_ended_if_stopped,
    dialogue_for,
    pinentry_mode,
    told,
)
from gpgmail.gpg.status import StatusLine
from gpgmail.gpg.trouble import delay_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Unpack

    from gpgmail.core.run import Run
    from gpgmail.gpg.binary import Binary
    from gpgmail.gpg.exchange import Context
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.runner import Given

_KEPT = 4  # idle contexts; what was used at once by more threads than that is made anew


class Contexts:
    """The contexts of one engine; `close` may be called twice, and the next operation begins anew.

    Raises:
        UnsupportedError: If pygpgme is not installed.
    """

    def __init__(self) -> None:
        load()
        self._idle: list[_Worker] = []
        weakref.finalize(self, _close_all, self._idle)
        _all.add(self)

    def execute(
        self, home: Home, arguments: Sequence[str], *, run: Run, **given: Unpack[Given]
    ) -> Result:
        """Do what `runner.execute` does, with the same arguments and the same outcome.

        Raises:
            EngineError, TimeLimitError, Cancelled, Exception: As there.
            UnsupportedError: If there is no directory in which a program may be started (112).
        """
        dialogue = dialogue_for(home, given.get("passphrases"), given.get("symmetric"), run)
        hearing = Hearing(dialogue, run)
        mode = pinentry_mode(home, dialogue, run)
        words = [*home.arguments(), *ALWAYS, "--pinentry-mode", mode]
        words += arguments[: arguments.index("--")] if "--" in arguments else arguments
        collected = bytearray()
        what = f"gpg in {home.directory}"
        try:
            with delay_named(home), agent_ended_if_stopped(home), self._worker(run) as own, hearing:
                run.status(f"gpg {own.binary.shown_version} in {home.directory}", level=2)
                launcher = own.launcher
                exchange = Exchange(
                    command(arguments),
                    told(given.get("source", ()), given.get("size"), run),
                    given.get("sink") or collected.extend,
                    signature=next(iter(given.get("extra_input", {}).values()), None),
                    hear=lambda: hearing.take(launcher.status()),
                    look=lambda: _require_end(launcher, hearing),
                    answers=dialogue is not None,
                )
                code, failure, said = own.carry_out(exchange, words, run, what)
        except AskedForeverError:
            return Result(FAILED, tuple(hearing.lines), "")
        if failure and not code:
            # gpg knows of no failure: what it did never came here, or not all of it.
            hearing.lines.append(StatusLine("FAILURE", ("gpgme", str(failure))))
            code = failure
        return Result(code, tuple(hearing.lines), said, bytes(collected))

    def close(self) -> None:
        """End the idle contexts and remove their directories."""
        _close_all(self._idle)

    def forget(self) -> None:
        """Leave the contexts to the process that made them: a forked child has no such threads."""
        self._idle.clear()

    @contextlib.contextmanager
    def _worker(self, run: Run) -> Iterator[_Worker]:
        """Lend a context to one operation; one that was stopped does not come back."""
        worker = self._idle_one(require_secret(find("gpg"))) or _Worker(run)
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        if len(self._idle) < _KEPT:
            self._idle.append(worker)
        else:
            worker.close()

    def _idle_one(self, binary: Binary) -> _Worker | None:
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread was faster
                worker = self._idle.pop()
                if worker.binary == binary:
                    return worker
                worker.close()
        return None


class _Worker:
    """A thread with its context, and the launcher that libgpgme starts."""

    def __init__(self, run: Run) -> None:
        self.binary = require_secret(find("gpg"))
        self.launcher = Launcher(self.binary, run)
        self.inbox: queue.SimpleQueue[Exchange | None] = queue.SimpleQueue()
        threading.Thread(
            target=_work, args=(self.launcher.path, self.inbox), name="gpgmail gpgme", daemon=True
        ).start()

    def carry_out(
        self, exchange: Exchange, words: Sequence[str], run: Run, what: str
    ) -> tuple[int, int, str]:
        """Have gpg do it; return its exit code, libgpgme's error number, and gpg's own words.

        Raises:
            EngineError: If gpg does not start.
        """
        run.status(" ".join((self.binary.path, *words)), level=3)
        run.status(f"by gpgme, through {self.launcher.path}", level=3)
        self.launcher.prepare(words)
        failure = self._work(exchange, run, what)
        code = self.launcher.wait(run, what)
        exchange.hear()
        if code is None:
            raise Situation.GPG_MISSING.error("does not start by way of gpgme", subject=what)
        said = self.launcher.messages().decode("utf-8", "replace")
        return code, failure, run.redactor.clean(said)

    def _work(self, exchange: Exchange, run: Run, what: str) -> int:
        exchange.begin()
        run.touch()  # a source may be slow
        self.inbox.put(exchange)
        try:
            return exchange.serve(run, what)
        except BaseException:
            self.launcher.stop(exchange.refuse)
            exchange.hear_without_answer()
            raise

    def close(self) -> None:
        """End the thread and remove the directory."""
        self.inbox.put(None)
        self.launcher.close()


def _require_end(launcher: Launcher, hearing: Hearing) -> None:
    """Raise where gpg would go on for ever, with what it said until then heard."""
    if asked_forever(launcher.messages()):
        hearing.take(launcher.status() + NOBODY_TO_ASK)
        raise AskedForeverError


def _work(program: str, inbox: queue.SimpleQueue[Exchange | None]) -> None:
    """Do what comes, with one context; never leave a caller without an answer."""
    context = None
    while (exchange := inbox.get()) is not None:
        ended = Ended()
        try:
            context = context or _context(program)
            ended = exchange.work(context)
        except Exception as failure:  # noqa: BLE001 - the caller waits for it, and raises it
            ended = Ended(failure=failure)
        exchange.requests.put(ended)
        del exchange


def _context(program: str) -> Context:
    gpgme = load()
    context = gpgme.Context()
    context.set_engine_info(gpgme.Protocol.OpenPGP, program, None)
    return cast("Context", context)


def _close_all(idle: list[_Worker]) -> None:
    while idle:
        idle.pop().close()


def _forget_all() -> None:
    for contexts in tuple(_all):
        contexts.forget()


_all: weakref.WeakSet[Contexts] = weakref.WeakSet()
os.register_at_fork(after_in_child=_forget_all)
