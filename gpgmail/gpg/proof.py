"""Whether a passphrase opens a key, asked of gpg-agent itself, whatever the agent has in its cache.

The agent is talked to over its socket (Assuan: lines, `OK`, `ERR`, `INQUIRE`, `D`), which costs no
process; which socket, and which key has which keygrip, gpg is asked. Used where a handler can be
asked again: gpg itself ends at the first wrong answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from gpgmail.core.errors import GpgmailError, TimeLimitError
from gpgmail.core.passphrases import encoded
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg import trouble
from gpgmail.gpg.binary import tool
from gpgmail.gpg.dialogue import Identity, Wanted
from gpgmail.gpg.status import error_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.secret import Secret
    from gpgmail.gpg.home import Home

_LIMIT = 5.0  # seconds that gpgconf may take
_LOOK = 1.0  # seconds in which an agent that is alive says who it is
AGENT_SOCKETS = {f"S.gpg-agent{purpose}" for purpose in ("", ".browser", ".extra", ".ssh")}
_BAD_PASSPHRASE = 11
NOT_SUPPORTED = 60
_KEY_ID, _VALUE = 4, 9  # fields of gpg's colon listing
_TYPE, _CACHED, _PROTECTION = 2, 5, 6  # words of KEYINFO's status line
_MOST_KNOWN = 1000
_ESCAPED = {byte: f"%{byte:02X}".encode() for byte in b"%\r\n"}
_ELSEWHERE = b"%Assuan%"
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")  # how colons and the like stand in a listing
_identities: dict[str, Identity] = {}  # by key id or fingerprint: neither ever changes its key


class Held(NamedTuple):
    """How the agent holds a secret key."""

    here: bool = False
    on_card: bool = False
    protected: bool = False
    cached: bool = False

    @property
    def provable(self) -> bool:
        """Whether a passphrase can be tried: a card would count a wrong PIN, and block itself."""
        return self.here and self.protected and not self.on_card


def identify(home: Home, wanted: Wanted, run: Run) -> Identity | None:
    """Return what the keyring says of a key, or None when it is not there."""
    known = _identities.get(wanted.key_id)
    if known is None:
        known = _look_up(home, wanted.key_id, run)
        if known is not None:
            while len(_identities) >= _MOST_KNOWN:
                _identities.pop(next(iter(_identities)), None)
            _identities[wanted.key_id] = known
    return known


def _look_up(home: Home, name: str, run: Run) -> Identity | None:
    """Ask gpg for the (sub)key with a key id or fingerprint."""
    from gpgmail.gpg.runner import execute

    listed = execute(home, ["--with-colons", "--with-keygrip", "--list-keys", f"{name}!"], run=run)
    primary = key_id = fingerprint = keygrip = found_id = user_id = ""
    for record in _records(listed.output):
        if record[0] in ("pub", "sub"):
            key_id = record[_KEY_ID]
        elif record[0] == "fpr":
            fingerprint = record[_VALUE]
            primary = primary or fingerprint
        elif record[0] == "uid":
            user_id = user_id or _ESCAPE.sub(_unescape, record[_VALUE])
        elif record[0] == "grp" and name in (key_id, fingerprint):
            found_id, keygrip = key_id, record[_VALUE]
    return Identity(primary, keygrip, found_id, user_id) if keygrip else None


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _records(output: bytes) -> Iterator[list[str]]:
    for line in output.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) > _VALUE:
            yield fields


def held(home: Home, keygrip: str, run: Run) -> Held:
    """Return how the agent of *home* holds the key with *keygrip*; it is started if need be.

    Raises:
        EngineError: If the agent cannot be started, or does not answer as an agent does.
        TimeLimitError: If it does not answer.
    """
    with _talking(home, run) as agent:
        agent.ask(f"KEYINFO {keygrip}")
        words = next((line.split() for line in agent.told if b"KEYINFO" in line), [])
    if len(words) <= _PROTECTION:
        return Held()
    return Held(
        here=True,
        on_card=words[_TYPE] == b"T",
        protected=words[_PROTECTION] != b"C",
        cached=words[_CACHED] == b"1",
    )


def opens(home: Home, keygrip: str, passphrase: Secret, run: Run) -> bool | None:
    """Tell whether *passphrase* opens the key with *keygrip*.

    True for a key without protection, None where it cannot be tried: a key on a card.

    Raises:
        EngineError: If the agent takes no passphrase from us, or does not answer as one does.
        TimeLimitError: If it does not answer.
    """
    state = held(home, keygrip, run)
    if not state.provable:
        return None if state.on_card else True
    with _talking(home, run) as agent:
        allowed = agent.ask("OPTION pinentry-mode=loopback")
        number = allowed or agent.ask(f"PASSWD --verify {keygrip}", passphrase)
    if allowed == NOT_SUPPORTED:
        raise trouble.loopback_refused(home)
    if number not in (0, _BAD_PASSPHRASE):
        raise Situation.GPG_FAILED.error(f"gpg-agent answers with error {number}", subject=keygrip)
    return number == 0


def answers(directory: Path) -> bool:
    """Tell whether the agent of a home, if one runs, says anything at all."""
    try:
        with _Agent(directory, Run(timeout=_LOOK)).connect():
            return True
    except TimeLimitError:
        return False
    except (GpgmailError, OSError):
        return True


def end_agent(directory: Path, run: Run) -> None:
    """Ask the agent of a home to end; one that is not there has ended."""
    with contextlib.suppress(GpgmailError, OSError), _Agent(directory, run).connect() as agent:
        agent.ask("KILLAGENT")


def agent_version(directory: Path, run: Run) -> str | None:
    """Return the version of the agent that runs for a home, None where none does.

    Raises:
        TimeLimitError: If it does not answer.
        EngineError: If it answers as no agent does.
    """
    try:
        with _Agent(directory, run).connect() as agent:
            agent.ask("GETINFO version")
            return b"".join(agent.data).decode("ascii", "replace")
    except GpgmailError:
        raise
    except OSError:
        return None


@contextlib.contextmanager
def _talking(home: Home, run: Run) -> Iterator[_Agent]:
    """Give a connection to the agent of a home, which is started if need be."""
    why = ""
    try:
        with _connected(home, run) as agent:
            yield agent
    except OSError as failure:
        if isinstance(failure, GpgmailError):
            raise
        why = failure.strerror or "the connection was lost"
    if why:  # not within the handler: the failure's frames have the passphrase
        raise Situation.GPG_FAILED.error(
            f"gpg-agent does not answer: {why}", subject=str(home.directory)
        )


def _connected(home: Home, run: Run) -> _Agent:
    try:
        return _Agent(home.directory, run).connect()
    except (FileNotFoundError, ConnectionRefusedError):
        launch(home.directory)
        return _Agent(home.directory, run).connect()


def launch(directory: Path) -> None:
    """Start the agent of a home.

    Raises:
        EngineError: If it does not start.
    """
    said = _gpgconf(directory, "--launch", "gpg-agent")
    if said.returncode:
        raise trouble.no_agent(directory, said.stderr.decode("utf-8", "replace"))


def _gpgconf(directory: Path, *action: str) -> subprocess.CompletedProcess[bytes]:
    command = [tool("gpgconf"), "--homedir", str(directory), *action]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False
    )


@lru_cache(maxsize=64)
def socket_path(directory: Path) -> str:
    """Return where the agent of a home listens."""
    return os.fsdecode(_gpgconf(directory, "--list-dirs", "agent-socket").stdout.strip())


def listed_directory(directory: Path, name: str) -> Path:
    """Return one of the directories that gpgconf names, such as `libexecdir`, for a home."""
    return Path(os.fsdecode(_gpgconf(directory, "--list-dirs", name).stdout.strip()))


def led(path: str) -> str:
    """Return where a file leads that stands in for a socket which would have too long a path."""
    with contextlib.suppress(OSError):
        if Path(path).is_file():
            lines = Path(path).read_bytes().splitlines()
            found = [line for line in lines[1:] if line.startswith(b"socket=")]
            if lines[:1] == [_ELSEWHERE] and found:
                return os.path.expandvars(os.fsdecode(found[0].partition(b"=")[2]))
    return path


class _Agent:
    """A connection to gpg-agent."""

    def __init__(self, directory: Path, run: Run) -> None:
        self._path = socket_path(directory)
        self._what = f"gpg-agent at {self._path}"
        self._run = run
        self._socket = socket.socket(socket.AF_UNIX)
        self._rest = b""
        self.told: list[bytes] = []  # status lines of the last answer
        self.data: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def connect(self) -> Self:
        """Connect, and wait until the agent greets us."""
        try:
            self._reach()
            self._answer(None)
        except BaseException:
            self._socket.close()
            raise
        return self

    def _reach(self) -> None:
        while True:
            self._socket.settimeout(max(0.001, self._run.slice()))
            try:
                return self._socket.connect(led(self._path))
            except (TimeoutError, BlockingIOError):  # it takes no more connections
                self._run.check(self._what)

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, command: str, passphrase: Secret | None = None) -> int:
        """Send a command and return 0, or the number of the error that it was answered with."""
        self.told.clear()
        self.data.clear()
        self._send(command.encode())
        return self._answer(passphrase)

    def _answer(self, passphrase: Secret | None) -> int:
        while True:
            word, _, rest = self._line().partition(b" ")
            if word == b"OK":
                return 0
            if word == b"ERR":
                return error_number(rest.split(b" ")[0].decode())
            if word == b"S":
                self.told.append(rest)
            if word == b"D":
                self.data.append(rest)
            if word == b"INQUIRE":
                self._give(rest, passphrase)

    def _give(self, wanted: bytes, passphrase: Secret | None) -> None:
        if passphrase is None or not wanted.startswith(b"PASSPHRASE"):
            self._send(b"CAN")
            return
        data = b"".join(_ESCAPED.get(byte, bytes((byte,))) for byte in encoded(passphrase))
        self._send(b"D " + data)
        self._send(b"END")

    def _send(self, line: bytes) -> None:
        self._socket.sendall(line + b"\n")

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            self._run.check(self._what)
            self._socket.settimeout(max(0.001, self._run.slice()))
            try:
                data = self._socket.recv(4096)
            except TimeoutError:
                continue
            if not data:
                raise Situation.GPG_FAILED.error("gpg-agent hung up", subject=self._path)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line
