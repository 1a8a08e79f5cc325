"""Running gpg: one process an operation, streams on both sides, time limit, cancel, passphrases.

Every message operation goes through `execute`. It decides how gpg is started and nothing about
mail: arguments come from the engines, the home's options from `Home`, the meaning of a failure from
`judge`. Secrets travel only on the command descriptor.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypedDict

from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find, require_secret
from gpgmail.gpg.endless import FAILED, NOBODY_TO_ASK, AskedForeverError, asked_forever
from gpgmail.gpg.operation import (
    ALWAYS,
    STDERR_KEPT,
    Hearing,
    Result,
    agent_ended_if_stopped,
    dialogue_for,
    environment,
    pinentry_mode,
    told,
)
from gpgmail.gpg.process import Pipe, Process
from gpgmail.gpg.pump import Feeder, pump, write_line
from gpgmail.gpg.trouble import delay_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Unpack

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.dialogue import Dialogue
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.operation import Sink


class Given(TypedDict, total=False):
    """What gpg gets and gives beside its arguments; `execute` says what each is."""

    source: Iterable[bytes]
    size: int | None
    sink: Sink | None
    passphrases: Passphrases | None
    symmetric: Secret | None
    extra_input: Mapping[str, bytes]


def execute(home: Home, arguments: Sequence[str], *, run: Run, **given: Unpack[Given]) -> Result:
    """Run gpg in *home* and return how it ended; a failure of gpg is the caller's to judge.

    *source*, of *size* bytes where that is known, goes to gpg's standard input; its standard output
    to *sink* block by block, or into the result without one. An argument behind `--` that equals a
    key of *extra_input* becomes a descriptor that gives those bytes (a detached signature).
    *passphrases* that know nothing leave the answer to the agent, which shows a prompt only where
    there is a display or a terminal. *symmetric* is a passphrase to encrypt with.
    The handler of *passphrases*, *source* and *sink* run in the caller's thread.

    Raises:
        EngineError: If gpg is missing or older than 2.1.
        TimeLimitError: If nothing moved for as long as *run* allows; gpg and its group are ended.
        Cancelled: If the caller asked to stop; gpg and its group are ended.
        Exception: Whatever *source*, *sink* or the handler raised, after gpg was ended. What the
            sink got until then is worth nothing.
    """
    dialogue = dialogue_for(home, given.get("passphrases"), given.get("symmetric"), run)
    source = told(given.get("source", ()), given.get("size"), run)
    operation = _Operation(home, run, source, dialogue, given.get("extra_input", {}))
    with delay_named(home), agent_ended_if_stopped(home):
        return operation.run(arguments, given.get("sink"))


class _Operation:
    """One gpg process with its pipes."""

    def __init__(
        self,
        home: Home,
        run: Run,
        source: Iterable[bytes],
        dialogue: Dialogue | None,
        extra_input: Mapping[str, bytes],
    ) -> None:
        self._binary = require_secret(find("gpg"))
        self._home = home
        self._run = run
        self._stdin, self._status = Pipe(to_child=True), Pipe(to_child=False)
        self._stdout, self._stderr = Pipe(to_child=False), Pipe(to_child=False)
        self._command = None if dialogue is None else Pipe(to_child=True)
        self._mode = pinentry_mode(home, dialogue, run)
        self._extra = {name: (Pipe(to_child=True), data) for name, data in extra_input.items()}
        self._feeders = [Feeder(self._stdin, source)]
        self._feeders += [Feeder(pipe, (data,)) for pipe, data in self._extra.values()]
        self._hearing = Hearing(dialogue, run)
        self._words = bytearray()
        self._forever = False

    def run(self, arguments: Sequence[str], sink: Sink | None) -> Result:
        """Start gpg, move its data, and wait for its end."""
        command = self._line(arguments)
        what = f"gpg in {self._home.directory}"
        self._run.status(f"gpg {self._binary.shown_version} in {self._home.directory}", level=2)
        self._run.status(" ".join(command), level=3)
        collected = bytearray()
        with self._hearing:
            process = self._start(command)
            try:
                takers = {
                    self._stdout: sink or collected.extend,
                    self._stderr: self._take_words,
                    self._status: self._take_status,
                }
                pump(process, takers, self._feeders, self._run, what)
                returncode = process.wait(self._run, what)
            except AskedForeverError:
                self._hearing.take(NOBODY_TO_ASK)
                returncode = FAILED
            finally:
                process.stop()
        words = self._run.redactor.clean(self._words.decode("utf-8", "replace"))
        return Result(returncode, tuple(self._hearing.lines), words, bytes(collected))

    def _start(self, command: Sequence[str]) -> Process:
        try:
            return Process(
                command,
                standard=(self._stdin, self._stdout, self._stderr),
                further=self._further(),
                environment={**os.environ, **environment()},
            )
        except OSError as failure:
            raise Situation.GPG_MISSING.error(
                f"does not start: {failure.strerror}", subject=command[0]
            ) from failure

    def _further(self) -> list[Pipe]:
        pipes = [self._status, *(pipe for pipe, _ in self._extra.values())]
        return pipes if self._command is None else [*pipes, self._command]

    def _line(self, arguments: Sequence[str]) -> list[str]:
        line = [self._binary.path, *self._home.arguments(), *ALWAYS]
        line += ["--status-fd", str(self._status.child)]
        line += ["--pinentry-mode", self._mode]
        if self._command is not None:
            line += ["--command-fd", str(self._command.child)]
        if self._extra:
            line.append("--enable-special-filenames")
        names = {name: f"-&{pipe.child}" for name, (pipe, _) in self._extra.items()}
        return line + [names.get(argument, argument) for argument in arguments]

    def _take_status(self, data: bytes) -> None:
        answer = self._hearing.take(data)
        if self._command is not None:
            write_line(self._command, answer)

    def _take_words(self, data: bytes) -> None:
        self._words += data
        if self._forever:  # what it said before, on other pipes, was heard meanwhile
            raise AskedForeverError
        self._forever = asked_forever(self._words)
        del self._words[:-STDERR_KEPT]
