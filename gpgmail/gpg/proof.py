"""Whether a passphrase opens a key, asked of gpg-agent itself, whatever the agent has in its cache.

The agent is talked to over its socket (Assuan: lines, `OK`, `ERR`, `INQUIRE`, `D`), which costs no
process; which socket, and which key has which keygrip, gpg is asked. Used where a handler can be
asked again: gpg itself ends at the first wrong answer.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from gpgmail.core.errors import GpgmailError
from gpgmail.core.passphrases import encoded
from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import tool
from gpgmail.gpg.dialogue import Identity, Wanted
from gpgmail.gpg.status import error_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.home import Home

_LIMIT = 5.0  # seconds that gpgconf may take
AGENT_SOCKETS = {f"S.gpg-agent{purpose}" for purpose in ("", ".browser", ".extra", ".ssh")}
_BAD_PASSPHRASE = 11
_KEY_ID, _VALUE = 4, 9  # fields of gpg's colon listing
_ESCAPED = {byte: f"%{byte:02X}".encode() for byte in b"%\r\n"}


def identify(home: Home, wanted: Wanted, run: Run) -> Identity | None:
    """Return what the keyring says of a key, or None when it is not there."""
    from gpgmail.gpg.runner import execute

    listed = execute(
        home,
        ["--with-colons", "--with-keygrip", "--list-keys", f"{wanted.key_id}!"],
        run=run,
    )
    primary = ""
    found_id = ""
    for record in _records(listed.output):
        if record[0] in ("pub", "sub"):
            found_id = record[_KEY_ID]
        elif record[0] == "fpr":
            primary = primary or record[_VALUE]
        elif record[0] == "grp" and found_id == wanted.key_id:
            return Identity(primary, record[_VALUE])
    return None


def _records(output: bytes) -> Iterator[list[str]]:
    for line in output.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) > _VALUE:
            yield fields


def opens(home: Home, keygrip: str, passphrase: Secret, run: Run) -> bool:
    """Tell whether *passphrase* opens the key with *keygrip*; True for a key without protection.

    Raises:
        EngineError: If the agent does not answer as an agent does.
    """
    try:
        with _Agent(home.directory, run) as agent:
            agent.ask("OPTION pinentry-mode=loopback")
            number = agent.ask(f"PASSWD --verify {keygrip}", passphrase)
    except OSError as failure:  # without its frames, which have the passphrase
        raise Situation.GPG_FAILED.error(
            f"gpg-agent does not answer: {failure.strerror}", subject=str(home.directory)
        ) from None
    if number not in (0, _BAD_PASSPHRASE):
        raise Situation.GPG_FAILED.error(f"gpg-agent answers with error {number}", subject=keygrip)
    return number == 0


def end_agent(directory: Path, run: Run) -> None:
    """Ask the agent of a home to end; one that is not there has ended."""
    with contextlib.suppress(GpgmailError, OSError), _Agent(directory, run) as agent:
        agent.ask("KILLAGENT")


@lru_cache(maxsize=64)
def socket_path(directory: Path) -> str:
    """Return where the agent of a home listens."""
    command = [tool("gpgconf"), "--homedir", str(directory), "--list-dirs", "agent-socket"]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False
    )
    return ran.stdout.decode().strip()


class _Agent:
    """A connection to gpg-agent."""

    def __init__(self, directory: Path, run: Run) -> None:
        self._path = socket_path(directory)
        self._run = run
        self._socket = socket.socket(socket.AF_UNIX)
        self._rest = b""

    def __enter__(self) -> Self:
        try:
            self._socket.settimeout(max(0.001, self._run.slice()))
            self._socket.connect(self._path)
            self._answer(None)
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, command: str, passphrase: Secret | None = None) -> int:
        """Send a command and return 0, or the number of the error that it was answered with."""
        self._send(command.encode())
        return self._answer(passphrase)

    def _answer(self, passphrase: Secret | None) -> int:
        while True:
            word, _, rest = self._line().partition(b" ")
            if word == b"OK":
                return 0
            if word == b"ERR":
                return error_number(rest.split(b" ")[0].decode())
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
            self._run.check(f"gpg-agent at {self._path}")
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
