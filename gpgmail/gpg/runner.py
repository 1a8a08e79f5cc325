"""Running gpg: one process an operation, streams on both sides, time limit, cancel, passphrases.

Every message operation goes through `execute`. It decides how gpg is started and nothing about
mail: arguments come from the engines, the home's options from `Home`, the meaning of a failure from
`judge`. Secrets travel only on the command descriptor.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.events import Progress
from gpgmail.core.run import Run
from gpgmail.gpg.binary import find, require_secret
from gpgmail.gpg.dialogue import Dialogue
from gpgmail.gpg.process import Pipe, Process
from gpgmail.gpg.pump import Feeder, pump, write_line
from gpgmail.gpg.status import StatusLine, StatusParser

if TYPE_CHECKING:
    from pathlib import Path

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.gpg.home import Home

ALWAYS = (
    "--batch",
    "--no-tty",
    "--no-greeting",
    "--no-secmem-warning",
    "--no-permission-warning",
    "--no-auto-key-locate",  # what is not in the keyring is not looked for on the network
    "--disable-dirmngr",
    "--no-random-seed-file",  # its lock makes parallel processes wait for one another
    "--display-charset=utf-8",
    "--utf8-strings",
    "--exit-on-status-write-error",  # so that gpg ends when this program is killed
)
_ENDING_LIMIT = 0.5  # seconds that the agent of a stopped operation gets to answer
_STDERR_KEPT = 64 * 1024
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")

Sink = Callable[[bytes], object]
_working: set[tuple[Path, object]] = set()  # the homes that operations are working in


@dataclass(frozen=True, slots=True)
class Result:
    """How a gpg process ended and what it said; `output` is empty where a sink took it."""

    returncode: int
    status: tuple[StatusLine, ...]
    stderr: str
    output: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether gpg says that all went well."""
        return self.returncode == 0


def execute(
    home: Home,
    arguments: Sequence[str],
    *,
    run: Run,
    source: Iterable[bytes] = (),
    size: int | None = None,
    sink: Sink | None = None,
    passphrases: Passphrases | None = None,
    extra_input: Mapping[str, bytes] | None = None,
) -> Result:
    """Run gpg in *home* and return how it ended; a failure of gpg is the caller's to judge.

    *source*, of *size* bytes where that is known, goes to gpg's standard input; its standard output
    to *sink* block by block, or into the result without one. An argument behind `--` that equals a
    key of *extra_input* becomes a descriptor that gives those bytes (a detached signature).
    *passphrases* that know nothing leave the answer to the agent, which shows a prompt only where
    there is a display or a terminal.
    The handler of *passphrases*, *source* and *sink* run in the caller's thread.

    Raises:
        EngineError: If gpg is missing or older than 2.1.
        TimeLimitError: If nothing moved for as long as *run* allows; gpg and its group are ended.
        Cancelled: If the caller asked to stop; gpg and its group are ended.
        Exception: Whatever *source*, *sink* or the handler raised, after gpg was ended. What the
            sink got until then is worth nothing.
    """
    told = _told(source, size, run)
    operation = _Operation(home, run, told, passphrases, extra_input or {})
    with _agent_ended_if_stopped(home):
        return operation.run(arguments, sink)


class _Operation:
    """One gpg process with its pipes."""

    def __init__(
        self,
        home: Home,
        run: Run,
        source: Iterable[bytes],
        passphrases: Passphrases | None,
        extra_input: Mapping[str, bytes],
    ) -> None:
        self._binary = require_secret(find("gpg"))
        self._home = home
        self._run = run
        self._stdin, self._status = Pipe(to_child=True), Pipe(to_child=False)
        self._stdout, self._stderr = Pipe(to_child=False), Pipe(to_child=False)
        self._command: Pipe | None = None
        self._dialogue: Dialogue | None = None
        if passphrases is not None and not passphrases.silent:
            self._command = Pipe(to_child=True)
            self._dialogue = self._dialogue_for(passphrases)
        self._extra = {name: (Pipe(to_child=True), data) for name, data in extra_input.items()}
        self._feeders = [Feeder(self._stdin, source)]
        self._feeders += [Feeder(pipe, (data,)) for pipe, data in self._extra.values()]
        self._parser = StatusParser()
        self._lines: list[StatusLine] = []
        self._words = bytearray()

    def _dialogue_for(self, passphrases: Passphrases) -> Dialogue:
        from gpgmail.gpg import proof

        return Dialogue(
            passphrases,
            self._run,
            lambda wanted: proof.identify(self._home, wanted, self._run),
            lambda identity, answer: proof.opens(self._home, identity.keygrip, answer, self._run),
        )

    def run(self, arguments: Sequence[str], sink: Sink | None) -> Result:
        """Start gpg, move its data, and wait for its end."""
        command = self._line(arguments)
        what = f"gpg in {self._home.directory}"
        self._run.status(f"gpg {self._binary.shown_version} in {self._home.directory}", level=2)
        self._run.status(" ".join(command), level=3)
        collected = bytearray()
        process = Process(
            command,
            standard=(self._stdin, self._stdout, self._stderr),
            further=self._further(),
            environment=_environment(),
        )
        try:
            takers = {
                self._stdout: sink or collected.extend,
                self._stderr: self._take_words,
                self._status: self._take_status,
            }
            pump(process, takers, self._feeders, self._run, what)
            returncode = process.wait(self._run, what)
        finally:
            process.stop()
        words = self._run.redactor.clean(self._words.decode("utf-8", "replace"))
        return Result(returncode, tuple(self._lines), words, bytes(collected))

    def _further(self) -> list[Pipe]:
        pipes = [self._status, *(pipe for pipe, _ in self._extra.values())]
        return pipes if self._command is None else [*pipes, self._command]

    def _line(self, arguments: Sequence[str]) -> list[str]:
        line = [self._binary.path, *self._home.arguments(), *ALWAYS]
        line += ["--status-fd", str(self._status.child)]
        if self._command is not None:
            line += ["--pinentry-mode", "loopback", "--command-fd", str(self._command.child)]
        else:
            line += ["--pinentry-mode", "ask" if _can_prompt(self._home) else "error"]
        if self._extra:
            line.append("--enable-special-filenames")
        names = {name: f"-&{pipe.child}" for name, (pipe, _) in self._extra.items()}
        return line + [names.get(argument, argument) for argument in arguments]

    def _take_status(self, data: bytes) -> None:
        for line in self._parser.feed(data):
            self._lines.append(line)
            self._run.status(f"gpg says {line.keyword} {line.text}", level=3)
            if self._dialogue is not None and self._command is not None:
                write_line(self._command, self._dialogue.reply(line))

    def _take_words(self, data: bytes) -> None:
        self._words += data
        del self._words[:-_STDERR_KEPT]


@contextlib.contextmanager
def _agent_ended_if_stopped(home: Home) -> Iterator[None]:
    """End the agent of a prepared home when the operation was stopped and no other works there.

    It would go on with what gpg asked of it; the next gpg starts another.
    """
    mine = (home.directory, object())
    _working.add(mine)
    stopped = True
    try:
        yield
        stopped = False
    finally:
        _working.discard(mine)
        if (
            stopped
            and home.prepared
            and home.directory not in {where for where, _ in tuple(_working)}
        ):
            from gpgmail.gpg import proof

            proof.end_agent(home.directory, Run(timeout=_ENDING_LIMIT))


def _environment() -> dict[str, str]:
    """Our environment with English messages, which people can look up and reports can quote."""
    return {**os.environ, "LC_ALL": "C"}


def _can_prompt(home: Home) -> bool:
    """Whether the user's own agent has a display or a terminal to ask on."""
    if home.prepared:
        return False
    if any(os.environ.get(name) for name in _DISPLAYS):
        return True
    # Opened, because /dev/tty is there without a terminal too.
    try:
        terminal = os.open(os.environ["GPG_TTY"], os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except (KeyError, OSError):
        return False
    with os.fdopen(terminal) as opened:
        return opened.isatty()


def _told(source: Iterable[bytes], size: int | None, run: Run) -> Iterator[bytes]:
    """Yield *source*, and tell how much of it gpg has taken."""
    taken = 0
    for chunk in source:
        yield chunk
        taken += len(chunk)
        run.emit(Progress(taken, min(100, taken * 100 // size) if size else -1))
    if taken:
        run.status(f"gpg took {taken} bytes", level=2)
