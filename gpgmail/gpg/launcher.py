"""How gpg is started where a library starts it: a small shell script in a directory of our own.

libgpgme runs whatever program it is given as gpg, with arguments of its own. It has no call for
most options, does not wait for gpg's end, tells nobody gpg's process id, and drops most of the
status. The script adds the operation's own words, which stand in a file beside it and are no
secrets, keeps gpg's status and messages for us, and notes the process ids and how gpg ended.

One launcher serves one operation at a time.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import time
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.gpg import owned
from gpgmail.gpg.operation import STDERR_KEPT, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpgmail.core.run import Run
    from gpgmail.gpg.binary import Binary

# Plain POSIX. dash redirects descriptors of one digit alone: gpg's status goes to the first that no
# argument names, and libgpgme's end of it is opened by its path. What is started with `&` has no
# standard input unless it is given one, and ignores a Ctrl-C that is meant for this program.
# `--symmetric` is dropped because libgpgme says it whenever it is given no keys; where it is wanted
# it stands among our own words.
_SCRIPT = r"""#!/bin/sh
# libgpgme starts this in place of gpg.
trap '' INT QUIT
at=${0%/*}
. "$at/program"
case ${1-} in --version) exec "$program" --version ;; esac
named=' 0 1 2 ' previous=
for word do
    shift
    case $previous$word in
    --symmetric | --enable-progress-filter | --status-fd | --logger-fd) ;;
    --status-fd*) status=$word named="$named$word " ;;
    --logger-fd*) ;;
    --command-fd[0-9]* | -\&*) named="$named${word#-&} "; set -- "$@" "$word" ;;
    *) set -- "$@" "$word" ;;
    esac
    case $word in --status-fd | --logger-fd | --command-fd) previous=$word ;; *) previous= ;; esac
done
own= input=
for digit in 3 4 5 6 7 8 9; do
    case $named in *" $digit "*) continue ;; esac
    if test -z "$own"; then own=$digit; elif test -z "$input"; then input=$digit; fi
done
. "$at/words"
eval "exec $input<&0"
eval '"$program" --status-fd '"$own"' "$@" <&'"$input $own"'>"$at/pipe" 2>"$at/said" &'
gpg=$!
exec 6>"/dev/fd/$status"
exec 3<"$at/pipe" 4>>"$at/status" 5<>"$at/ends"
echo "$$ $gpg" >&5
while IFS= read -r line <&3; do
    printf '%s\n' "$line" >&4
    printf '%s\n' "$line" >&6 || break
done
exec 3<&-
wait "$gpg"
echo "$?" >&5
"""
_MODE = 0o700
_SHELL, _GPG, _CODE = range(3)  # what the script writes down, in this order
_LOOK = 0.005
_GRACE = 0.3  # seconds between asking gpg to end (it removes its locks then) and ending it
_STEPS = (
    (_GPG, signal.SIGTERM, 0.0),
    (_GPG, signal.SIGKILL, _GRACE),
    (_SHELL, signal.SIGKILL, 2 * _GRACE),
)
_ENDING = 3.0  # seconds that all of it may take
_BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended a program


class Launcher:
    """The script in its directory; `path` is what a library is given as gpg."""

    def __init__(self, binary: Binary, run: Run) -> None:
        self.binary = binary
        self._directory = owned.OwnedDirectory(run, for_programs=True)
        self._at = self._directory.path
        self._ends = -1
        self._seen = 0
        self._told = b""
        try:
            self._fill()
        except BaseException:
            self.close()
            raise

    def _fill(self) -> None:
        self._write("program", f"program={shlex.quote(self.binary.path)}\n")
        self._write("gpg", _SCRIPT)
        self._file("gpg").chmod(_MODE)
        for name in ("pipe", "ends"):
            os.mkfifo(self._file(name), 0o600)
        self._ends = os.open(self._file("ends"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not os.access(self.path, os.X_OK):
            raise Situation.ENGINE_CANNOT.error(
                "no program may be started from it",
                subject=str(self._at),
                hint='use engine "gnupg", or set TMPDIR to a directory without noexec',
            )

    @property
    def path(self) -> str:
        """The script's path."""
        return str(self._file("gpg"))

    def prepare(self, words: Sequence[str]) -> None:
        """Begin an operation: gpg gets *words* before what the library says."""
        quoted = " ".join(map(shlex.quote, words))
        stated = (f"export {name}={shlex.quote(value)}" for name, value in environment().items())
        self._write("words", "\n".join((f'set -- {quoted} "$@"', *stated, "")))
        for name in ("status", "said"):
            self._write(name, "")
        self._seen = 0
        self._told = b""

    def status(self) -> bytes:
        """Return what gpg said on its status descriptor since the last call."""
        with self._file("status").open("rb") as file:
            file.seek(self._seen)
            data = file.read()
        self._seen += len(data)
        return data

    def messages(self) -> bytes:
        """Return what gpg wrote for people, the end of it."""
        return self._file("said").read_bytes()[-STDERR_KEPT:]

    def wait(self, run: Run, what: str) -> int | None:
        """Wait for the end and return gpg's exit code, None where the script did not come to it."""
        while self._running():
            run.check(what)
            self._rest(run.slice())
        return _exit_code(self._numbers[_CODE]) if len(self._numbers) > _CODE else None

    def stop(self, ended: Callable[[], bool]) -> bool:
        """End gpg and the script; tell whether both are gone.

        Until *ended* says that the library is done the script may be one that only just begins.
        """
        began = time.monotonic()
        while (waited := time.monotonic() - began) < _ENDING:
            if self._running():
                for which, number, grace in _STEPS:
                    if waited >= grace:
                        self._signal(which, number)
            elif ended() and (self._numbers or waited > _GRACE):
                return True
            time.sleep(_LOOK)
        return False

    def close(self) -> None:
        """Remove the directory; what is closed twice is closed."""
        ends, self._ends = self._ends, -1
        if ends >= 0:
            os.close(ends)
        self._directory.remove()

    @property
    def _numbers(self) -> list[int]:
        """What the script wrote down: its own process id, gpg's, and then gpg's exit code."""
        return [int(word) for word in self._told[: self._told.rfind(b"\n") + 1].split()]

    def _running(self) -> bool:
        """Take what the script wrote down; tell whether it still may write more."""
        while True:
            try:
                data = os.read(self._ends, 4096)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._told += data

    def _rest(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._ends, select.POLLIN)
        poll.poll(seconds * 1000)

    def _signal(self, which: int, number: int) -> None:
        # gpg's number is its own until the script has its exit code; the script's while it runs.
        numbers = self._numbers
        if len(numbers) <= _CODE and which < len(numbers):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(numbers[which], number)

    def _write(self, name: str, text: str) -> None:
        self._file(name).write_bytes(os.fsencode(text))

    def _file(self, name: str) -> Path:
        return self._at / name


def _exit_code(shown: int) -> int:
    """Return what a shell shows of an end as Python shows it: negative for a signal."""
    return shown if shown <= _BY_SIGNAL else _BY_SIGNAL - shown
