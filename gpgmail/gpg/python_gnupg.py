"""python-gnupg, used for listing and export, and kept to our rules.

What differs from the library: our `Home` decides the arguments; a call runs in its own session and
is killed with its group when the `Run` ends; its constructor asks gpg for nothing; lines end at LF
only and text is UTF-8 (it would take latin-1 and split at NEL); user ids keep their own validity,
state and date; nothing is logged for us, since it writes the first bytes of keys at debug level.
Imported only by `librarian.py`, at the first question.
"""

# ruff: noqa: ANN401 - the library has no types

from __future__ import annotations

import io
import logging
import os
import re
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import gnupg

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import Binary, find
from gpgmail.gpg.librarian import KeyRecord
from gpgmail.gpg.operation import ALWAYS
from gpgmail.gpg.status import StatusLine, decoded, parse
from gpgmail.gpg.trouble import delay_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home

_QUESTION_OF_THE_CONSTRUCTOR = "--list-config"
_ABSENT = "unavailable"  # python-gnupg's word for a field that gpg did not print
# libgpg-error, es_write_sanitized: what a field holds besides printable text.
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_NAMED_ESCAPES = {"n": "\n", "r": "\r", "f": "\f", "v": "\v", "b": "\b", "0": "\0"}
_BEGINNINGS = frozenset({"pub", "sec"})  # of a key; what stands before the first belongs to none
_FIELDS = 21  # of a record; gpg leaves out the last ones where they are empty
_RECORDS = frozenset({"pub", "sec", "uid", "fpr", "sub", "ssb", "grp"})
_GRACE = 0.3  # seconds between asking gpg to end (it removes its locks then) and ending it
_here = threading.local()


class Outcome(NamedTuple):
    """What a call gave: exit code, gpg's words, and what was asked for."""

    returncode: int
    stderr: bytes
    data: bytes = b""
    records: tuple[KeyRecord, ...] = ()

    @property
    def status(self) -> tuple[StatusLine, ...]:
        """The status lines."""
        return parse(self.stderr)

    @property
    def messages(self) -> list[str]:
        """Every line, meant for people or not."""
        return self.stderr.decode("utf-8", "replace").splitlines()


@contextmanager
def python_gnupg(home: Home, run: Run, what: str) -> Iterator[PythonGnupg]:
    """Give python-gnupg for one call; *what* names the wait in the error of a time limit."""
    _here.quiet = True
    gpg = PythonGnupg(find(), home, run, what)
    with delay_named(home):
        try:
            yield gpg
        finally:
            _here.quiet = False
            gpg.settle()


class _Quiet(logging.Filter):
    """Keeps records of our calls away from every handler, those of others untouched."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the thread decides
        return not getattr(_here, "quiet", False)


gnupg.logger.addFilter(_Quiet())


@dataclass
class _Answered:
    """Stands for a process where the answer is known without one."""

    stdout: io.BytesIO
    stdin: io.BytesIO = field(default_factory=io.BytesIO)
    stderr: io.BytesIO = field(default_factory=io.BytesIO)
    returncode: int = 0

    def wait(self) -> int:
        return self.returncode


class _Listing(gnupg.ListKeys):  # type: ignore[misc]  # the library has no types
    """The library's result, with what it drops: each user id's own fields."""

    def key(self, args: list[str]) -> None:
        super().key(args)
        self.curkey["user_ids"] = []

    pub = sec = key

    def uid(self, args: list[str]) -> None:
        self.curkey["user_ids"].append(self.get_fields(args))

    # Of a stub or a secret listing the library keeps no capabilities.
    def ssb(self, args: list[str]) -> None:
        self.sub(args)

    def records(self) -> tuple[KeyRecord, ...]:
        """What gpg listed, as values."""
        return tuple(map(_record, self))


def _record(key: Mapping[str, Any]) -> KeyRecord:
    facts = key.get("subkey_info", {})
    subkeys = (
        facts[key_id] | {"fingerprint": fingerprint, "keygrip": keygrip}
        for key_id, _, fingerprint, keygrip in key["subkeys"]
    )
    return KeyRecord(_part(key), tuple(map(_text, key["user_ids"])), tuple(map(_part, subkeys)))


def _part(fields: Mapping[str, Any]) -> Mapping[str, str]:
    texts = {"keygrip": "", **_text(fields)}
    if not texts.get("fingerprint"):
        raise Situation.KEYRING_UNREADABLE.error("gpg lists a key without its fingerprint")
    return texts


def _text(fields: Mapping[str, Any]) -> Mapping[str, str]:
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    return {name: "" if value == _ABSENT else value for name, value in texts.items()}


class PythonGnupg(gnupg.GPG):  # type: ignore[misc]  # the library has no types
    """One call of python-gnupg."""

    result_map = gnupg.GPG.result_map | {"list": _Listing}

    def __init__(self, binary: Binary, home: Home, run: Run, what: str) -> None:
        self._version = binary.shown_version
        self._run = run
        self._what = what
        self._watchdog: _Watchdog | None = None
        self._result: Any = None
        super().__init__(
            gpgbinary=binary.path,
            options=[*home.arguments(), *ALWAYS],
            env={**os.environ, "LC_ALL": "C"},  # messages that people can look up
        )
        self.on_data = lambda _data: run.touch()

    def listing(self, queries: Sequence[str], *options: str) -> Outcome:
        """List keys; after `--` a query cannot be taken for an option."""
        self.options += options
        listed = self.list_keys(keys=["--", *queries])
        return self._outcome(records=listed.records())

    def exporting(self, fingerprints: Sequence[str], *, armor: bool) -> Outcome:
        """Export public keys."""
        self.export_keys(["--", *fingerprints], armor=armor)
        return self._outcome(data=self._result.data)

    def settle(self) -> None:
        """End what still runs and raise what ended it."""
        if self._watchdog is not None:
            self._watchdog.settle()

    def _outcome(self, **given: Any) -> Outcome:
        self.settle()
        return Outcome(self._result.returncode, self._result.stderr.encode(self.encoding), **given)

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        if args[0] == _QUESTION_OF_THE_CONSTRUCTOR:
            return _Answered(io.BytesIO(f"cfg:version:{self._version}\n".encode()))
        command = self.make_args(args, passphrase)
        try:
            process: Any = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.env,
                start_new_session=True,
            )
        except OSError as failure:
            raise Situation.GPG_MISSING.error(
                f"does not start: {failure.strerror}", subject=self.gpgbinary
            ) from failure
        process.stdout = process.stdout.detach()  # what comes shows at once, not by full buffers
        self._watchdog = _Watchdog(process, self._run, self._what)
        return process

    def _collect_output(self, process: Any, result: Any, *args: Any, **named: Any) -> Any:
        self._result = result
        return super()._collect_output(process, result, *args, **named)

    def _read_response(self, stream: Any, result: Any) -> None:
        _here.quiet = True
        super()._read_response(stream, result)

    def _read_data(self, *args: Any, **named: Any) -> None:
        _here.quiet = True
        super()._read_data(*args, **named)

    def _decode_result(self, result: _Listing) -> _Listing:
        for line in result.data.split(b"\n"):
            fields = [_field(value) for value in line.split(b":")]
            if fields[0] in _BEGINNINGS or (fields[0] in _RECORDS and result.curkey):
                getattr(result, fields[0])([*fields, *[""] * (_FIELDS - len(fields))])
        return result


def _field(value: bytes) -> str:
    return _ESCAPE.sub(lambda found: _escaped(found[1]), decoded(value))


def _escaped(code: str) -> str:
    return chr(int(code[1:], 16)) if len(code) > 1 else _NAMED_ESCAPES.get(code, f"\\{code}")


class _Watchdog:
    """Kills a process and all that it started when the run is over before it."""

    def __init__(self, process: subprocess.Popen[bytes], run: Run, what: str) -> None:
        self._process = process
        self._run = run
        self._what = what
        self._done = threading.Event()
        self._failure: GpgmailError | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """Stop watching; end the process where the caller was interrupted; raise what ended it."""
        self._done.set()
        self._thread.join()
        self._end()
        if self._failure is not None:
            raise self._failure

    def _watch(self) -> None:
        try:
            while not self._done.wait(self._run.slice()):
                self._run.check(self._what)
        except GpgmailError as failure:
            self._failure = failure
            self._end()

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
