"""A server that plays one side of a written conversation and checks the other, byte for byte.

A script is text; a file holds several, each begun by `=== title`:

    # a comment
    O: rows for the session, as name=value
    A: an action of the client's, in the words of whoever plays it
    R: its result, in the same order
    S: a line of the server's            L: the same, ended by LF alone
    C: a line that the client must say now, of a content too
    X: the server closes the connection

In lines of either side `\\x9c` is a byte; there and in results `{x*500}` is a run of characters.
Lines of the server that stand together are one reply. Before it answers the server looks that
nothing more has come: a client that says two things at once is at fault.
"""

from __future__ import annotations

import enum
import re
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IDLE_SECONDS = 20
_PAUSE_SECONDS = 0.0002
_PAUSES = 100  # bytes of one reply after which there is a pause; the others just follow

_END = ("", b"")

_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
_RUN = re.compile(r"\{(.)\*(\d+)\}")


class Pieces(enum.Enum):
    """How a reply goes out."""

    WHOLE = "all its lines in one write"
    LINES = "line by line"
    BYTES = "byte by byte"

    def of(self, reply: bytes) -> list[bytes]:
        """Return the pieces of a reply."""
        sliced = {
            Pieces.WHOLE: lambda: [reply],
            Pieces.LINES: lambda: reply.splitlines(keepends=True),
            Pieces.BYTES: lambda: [reply[n : n + 1] for n in range(len(reply))],
        }
        return sliced[self]()


@dataclass(slots=True)
class Script:
    """One conversation: `steps` are (mark, bytes) of C, S and X in their order."""

    title: str
    rows: dict[str, str] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    steps: list[tuple[str, bytes]] = field(default_factory=list)


def scripts(path: Path) -> Iterator[Script]:
    """Read the conversations of a file."""
    script = None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        mark, text = line[:2], line[3:]
        if line.startswith("=== "):
            if script:
                yield script
            script = Script(line[4:])
        elif line and not line.startswith("#"):
            if script is None or mark not in _READERS or line[2:3] not in {"", " "}:
                raise ValueError(f"{path.name}:{number}: {line}")
            _READERS[mark](script, text)
    if script:
        yield script


def _row(script: Script, text: str) -> None:
    name, _, value = text.partition("=")
    script.rows[name] = value


def _expanded(text: str) -> str:
    return _RUN.sub(lambda found: found[1] * int(found[2]), text)


def _bytes(text: str) -> bytes:
    return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), _expanded(text).encode())


def _reply_line(script: Script, text: str, end: bytes = b"\r\n") -> None:
    line = _bytes(text) + end
    if script.steps and script.steps[-1][0] == "S":
        script.steps[-1] = "S", script.steps[-1][1] + line
    else:
        script.steps.append(("S", line))


_READERS = {
    "O:": _row,
    "A:": lambda script, text: script.actions.append(text),
    "R:": lambda script, text: script.results.append(_expanded(text)),
    "S:": _reply_line,
    "L:": lambda script, text: _reply_line(script, text, b"\n"),
    "C:": lambda script, text: script.steps.append(("C", _bytes(text) + b"\r\n")),
    "X:": lambda script, _: script.steps.append(("X", b"")),
}


class FaultError(Exception):
    """The client did not say what the script has."""


class Replay:
    """Serves one connection by a script; use as a context manager, then ask for `fault`.

    Leaving the block waits for the conversation's end. `fault` is empty where it went as written.
    """

    host = "127.0.0.1"

    def __init__(self, script: Script, pieces: Pieces) -> None:
        self.fault = ""
        self._script = script
        self._pieces = pieces
        self._buffer = b""
        self._listener = socket.create_server((self.host, 0))
        self._listener.settimeout(_IDLE_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._sock, _ = self._listener.accept()
            with self._sock:
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sock.settimeout(_IDLE_SECONDS)
                self._play()
        except FaultError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"the connection failed: {error}"

    def _play(self) -> None:
        for (mark, data), (following, _) in pairwise([*self._script.steps, _END]):
            # A client that leaves in the middle of a last reply, because of it, is right.
            with suppress(*[OSError] if following == "X" else []):
                {"C": self._hear, "S": self._say, "X": lambda _: None}[mark](data)
            if mark == "X":
                return
        with suppress(ConnectionResetError):
            self._buffer += self._sock.recv(65536)
        if self._buffer:
            raise FaultError(f"after the end came {self._buffer!r}")

    def _hear(self, expected: bytes) -> None:
        while b"\n" not in self._buffer:
            data = self._sock.recv(65536)
            if not data:
                raise FaultError(f"expected {expected!r}, and the client left")
            self._buffer += data
        line, self._buffer = _first_line(self._buffer)
        if line != expected:
            raise FaultError(f"expected {expected!r}, got {line!r}")

    def _say(self, reply: bytes) -> None:
        if self._buffer or select.select([self._sock], [], [], 0)[0]:
            more = self._buffer or self._sock.recv(65536)
            raise FaultError(f"before its answer came {more!r}")
        for count, piece in enumerate(self._pieces.of(reply)):
            self._sock.sendall(piece)
            if count < _PAUSES and self._pieces is not Pieces.WHOLE:
                time.sleep(_PAUSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(_IDLE_SECONDS)
        self._listener.close()
        if self._thread.is_alive():
            self.fault = self.fault or "the conversation did not end"


def _first_line(data: bytes) -> tuple[bytes, bytes]:
    end = data.index(b"\n") + 1
    return data[:end], data[end:]
