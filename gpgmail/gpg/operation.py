"""What an operation of gpg is, whichever way gpg is started: its options, what it says, its result.

`runner.py` starts gpg itself, `contexts.py` has libgpgme start it. Both come here for what must not
differ: options that always hold, the passphrase dialogue, progress, and what is left behind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

from gpgmail.core.events import Progress
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.dialogue import Dialogue
from gpgmail.gpg.status import StatusLine, StatusParser

if TYPE_CHECKING:
    from pathlib import Path

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.prompt import Prompt

Sink = Callable[[bytes], object]

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
    "--max-output=0",  # a message that is read ends where it ends
    "--exit-on-status-write-error",  # so that gpg ends when this program is killed
)
ENGLISH = {"LC_ALL": "C"}  # messages that people can look up and reports can quote
STDERR_KEPT = 64 * 1024
_ENDING_LIMIT = 0.5  # seconds that the agent of a stopped operation gets to answer
_TERMINAL = "GPG_TTY"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_working: set[tuple[Path, object]] = set()  # the homes that operations are working in


class Result(NamedTuple):
    """How a gpg process ended and what it said; `output` is empty where a sink took it."""

    returncode: int
    status: tuple[StatusLine, ...]
    stderr: str
    output: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether gpg says that all went well."""
        return self.returncode == 0


class Hearing:
    """Takes gpg's status as it comes: keeps it, tells it, and answers what it asks.

    Entered while gpg runs. Left by an exception it ends the pinentry that gpg's agent has up.
    """

    def __init__(self, dialogue: Dialogue | None, run: Run) -> None:
        self.lines: list[StatusLine] = []
        self._parser = StatusParser()
        self._dialogue = dialogue
        self._prompt: Prompt | None = None
        self._run = run

    def __enter__(self) -> Self:
        where = "" if self._dialogue is not None else terminal()
        if where:
            from gpgmail.gpg.prompt import Prompt

            self._prompt = Prompt(where)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        prompt, self._prompt = self._prompt, None
        if prompt is not None:
            prompt.close(end=kind is not None)

    def take(self, data: bytes) -> bytes:
        """Take what was read; return what gpg is to be answered, which often is nothing."""
        return b"".join(map(self._reply, self._parser.feed(data)))

    def _reply(self, line: StatusLine) -> bytes:
        self.lines.append(line)
        self._run.status(f"gpg says {line.keyword} {line.text}", level=3)
        if line.keyword == "PINENTRY_LAUNCHED" and self._prompt is not None:
            self._prompt.launched(line.number("process"))
        return b"" if self._dialogue is None else self._dialogue.reply(line)


def dialogue_for(
    home: Home, passphrases: Passphrases | None, symmetric: Secret | None, run: Run
) -> Dialogue | None:
    """Return what answers gpg in *home*, or None where the agent alone is to answer."""
    if symmetric is None and (passphrases is None or passphrases.silent):
        return None
    from gpgmail.core.passphrases import Passphrases
    from gpgmail.gpg import proof
    from gpgmail.gpg.linking import has_cards

    return Dialogue(
        passphrases or Passphrases(),
        run,
        lambda wanted: proof.identify(home, wanted, run),
        lambda identity, answer: proof.opens(home, identity.keygrip, answer, run),
        symmetric,
        careful=not home.prepared and has_cards(home),
    )


def pinentry_mode(home: Home, dialogue: Dialogue | None, run: Run) -> str:
    """Return who is to be asked for a passphrase: we, the user at a prompt, or nobody."""
    if dialogue is not None:
        return "loopback"
    return "ask" if can_prompt(home, run) else "error"


def can_prompt(home: Home, run: Run) -> bool:
    """Whether the user's own agent has a display or a terminal to ask on."""
    if home.prepared or run.unattended:
        return False
    return any(os.environ.get(name) for name in _DISPLAYS) or bool(terminal())


def environment() -> dict[str, str]:
    """Return what gpg's environment has in place of ours: English, and a pinentry's terminal."""
    where = terminal()
    return {**ENGLISH, **({_TERMINAL: where} if where else {})}


def terminal() -> str:
    """Return the terminal on which a person can be asked, empty where there is none.

    That of GPG_TTY, or where this is unset that of a standard stream whose foreground we are.
    """
    name = os.environ.get(_TERMINAL, "")
    if name:
        return name if _is_terminal(name) else ""
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                return os.ttyname(descriptor)
    return ""


def _is_terminal(name: str) -> bool:
    """Whether it opens as one: /dev/tty is there without a terminal too."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(opened) as stream:
        return stream.isatty()


def told(source: Iterable[bytes], size: int | None, run: Run) -> Iterator[bytes]:
    """Yield *source*, and tell how much of it gpg has taken.

    Raises:
        UsageError: If it gives anything but bytes, as a text stream does.
    """
    taken = 0
    for chunk in source:
        yield require_bytes(chunk)
        taken += len(chunk)
        run.emit(Progress(taken, min(100, taken * 100 // size) if size else -1))
    if taken:
        run.status(f"gpg took {taken} bytes", level=2)


def require_bytes(chunk: bytes) -> bytes:
    """Return a piece of a source unchanged.

    Raises:
        UsageError: If it is of another type.
    """
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise Situation.BAD_VALUE.error(
            f"gives {type(chunk).__name__}, not bytes",
            subject="source",
            hint="encode a text, open a file in binary mode, put bytes into a list",
        )
    return chunk


@contextlib.contextmanager
def agent_ended_if_stopped(home: Home) -> Iterator[None]:
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
