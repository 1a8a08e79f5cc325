"""One connection of a scripted SMTP server: what it answers, and what it keeps of the client.

When a script acts is said here, what an action does in `script.py`, who listens in `server.py`.
Every byte that a client sends is kept, apart by whether it came through TLS, so that a test can
assert what was never sent in clear and never sent twice.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import select
import socket
import ssl
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gpgmail.testing.script import HangUpError, Honest, Phase, multiline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.testing.script import Action, Script
    from gpgmail.testing.server import ScriptedServer

_IDLE_SECONDS: Final = 30
_HELLO_SECONDS: Final = 1
_CHOP_SECONDS: Final = 0.001

_EXTENSIONS: Final = (
    b"PIPELINING",
    b"SIZE 100000000",
    b"8BITMIME",
    b"SMTPUTF8",
    b"AUTH PLAIN LOGIN",
)

_VERBS: Final[Mapping[bytes, Phase]] = {
    b"EHLO": Phase.EHLO,
    b"HELO": Phase.EHLO,
    b"STARTTLS": Phase.STARTTLS,
    b"AUTH": Phase.AUTH,
    b"MAIL": Phase.MAIL,
    b"RCPT": Phase.RCPT,
    b"DATA": Phase.DATA,
    b"BDAT": Phase.BDAT,
    b"RSET": Phase.RSET,
    b"NOOP": Phase.NOOP,
    b"QUIT": Phase.QUIT,
}

_ANSWERS: Final[Mapping[Phase, bytes]] = {
    Phase.STARTTLS: b"220 2.0.0 Go ahead\r\n",
    Phase.MAIL: b"250 2.1.0 Ok\r\n",
    Phase.RCPT: b"250 2.1.5 Ok\r\n",
    Phase.DATA: b"354 Go ahead\r\n",
    Phase.BDAT: b"250 2.0.0 Ok: one chunk\r\n",
    Phase.DOT: b"250 2.0.0 Ok: taken\r\n",
    Phase.RSET: b"250 2.0.0 Ok\r\n",
    Phase.NOOP: b"250 2.0.0 Ok\r\n",
    Phase.QUIT: b"221 2.0.0 Bye\r\n",
    Phase.OTHER: b"502 5.5.2 Not known here\r\n",
}

_LOGGED_IN: Final = b"235 2.7.0 Welcome\r\n"
_ASK_USER: Final = b"334 VXNlcm5hbWU6\r\n"
_ASK_PASSWORD: Final = b"334 UGFzc3dvcmQ6\r\n"

# (mechanism, initial response given) -> the answer to AUTH, then to each line of the client.
_LOGINS: Final[Mapping[tuple[bytes, bool], tuple[bytes, ...]]] = {
    (b"PLAIN", True): (_LOGGED_IN,),
    (b"PLAIN", False): (b"334 \r\n", _LOGGED_IN),
    (b"LOGIN", True): (_ASK_PASSWORD, _LOGGED_IN),
    (b"LOGIN", False): (_ASK_USER, _ASK_PASSWORD, _LOGGED_IN),
}
_UNKNOWN_LOGIN: Final = (b"504 5.5.4 Mechanism not known here\r\n",)

_WRONG_LOGIN: Final = b"535 5.7.8 Wrong user or password\r\n"
_LOGIN_FIRST: Final = b"530 5.7.0 Log in first\r\n"
_NO_MAIL: Final = b"503 5.5.1 MAIL first\r\n"
_NOBODY: Final = b"554 5.5.1 No valid recipients\r\n"

_END: Final = b"\r\n.\r\n"
_PATH: Final = re.compile(rb'<((?:"(?:[^"\\]|\\.)*"|[^>"])*)>')


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as a server took it: envelope and exact bytes, with CRLF line ends.

    `user` is who had logged in, `encrypted` says that it came through TLS.
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    user: str = ""
    encrypted: bool = False


@dataclass(slots=True)
class Connection:
    """What came over one connection.

    `clear` and `through_tls` are all bytes of the client outside and inside TLS, `hello` the TLS
    hello where the script acted on it. `contents` are the mails that were ended by their final dot,
    with the dots taken out again, whatever was answered then. `tls_error` is OpenSSL's word when
    the client broke the handshake off.
    """

    clear: bytearray = field(default_factory=bytearray)
    through_tls: bytearray = field(default_factory=bytearray)
    hello: bytes = b""
    encrypted: bool = False
    commands: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    tls_error: str = ""

    @property
    def verbs(self) -> list[str]:
        """The commands' first words, in capitals."""
        return [line.split()[0].decode("ascii", "replace").upper() for line in self.commands]


class Conversation:
    """One connection being served; it is the `Talk` of `script.py`."""

    def __init__(self, server: ScriptedServer, sock: socket.socket, script: Script) -> None:
        self.record = Connection()
        self.closing = server.closing
        self.name = server.name.encode()
        self._server = server
        self._sock = sock
        self._script = script
        self._times: Counter[Phase] = Counter()
        self._buffer = bytearray()
        self._answer = b""
        self._sent = b""
        self._user = ""
        self._ended: Received | None = None  # a mail whose end is being answered
        self._forget()

    def run(self) -> None:
        """Serve until the client, the script or the closing server ends it."""
        self._sock.settimeout(_IDLE_SECONDS)
        try:
            if self._server.implicit_tls and self._client_speaks_first():
                self._start_tls()
            self._perform(Phase.BANNER, b"220 %s ESMTP\r\n" % self.name)
            while True:
                self._command(self._line())
        except ssl.SSLError as error:
            self.record.tls_error = str(error)
        except (HangUpError, OSError):
            pass
        finally:
            self._sock.close()

    def hang_up(self) -> None:
        """End it from another thread: what waits for the socket wakes up."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    # ------------------------------------------------------------------ what an action can do

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self._sent = data
        if self._ended is not None and data.startswith(b"2"):
            self._server.keep(self._ended)  # before the client can know
            self._ended = None
        if not self._server.chop:
            self._sock.sendall(data)
            return
        for position in range(len(data)):
            self._sock.sendall(data[position : position + 1])
            self.closing.wait(_CHOP_SECONDS)

    def honest(self, behind: bytes = b"") -> None:
        """Send the answer that an honest server gives here, and *behind* in the same write."""
        self.send(self._answer + behind)

    def reset_on_close(self) -> None:
        """Make the end of this connection an RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # -------------------------------------------------------------------------- the conversation

    def _action(self, phase: Phase) -> Action:
        entry = self._script.get(phase, Honest())
        actions = entry if isinstance(entry, tuple) else (entry,)
        self._times[phase] += 1
        return actions[min(self._times[phase], len(actions)) - 1]

    def _perform(self, phase: Phase, answer: bytes | None = None) -> None:
        self._answer = _ANSWERS[phase] if answer is None else answer
        self._sent = b""
        self._action(phase).act(self)

    def _receive(self) -> bytes:
        data = self._sock.recv(65536)
        (self.record.through_tls if self.record.encrypted else self.record.clear).extend(data)
        if not data:
            raise HangUpError
        return data

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._buffer += self._receive()
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line.rstrip(b"\r")

    def _command(self, line: bytes) -> None:
        self.record.commands.append(line or b"(empty)")
        phase = _VERBS.get(line[:8].split(b" ")[0].upper(), Phase.OTHER)
        special = {
            Phase.EHLO: self._ehlo,
            Phase.MAIL: self._mail,
            Phase.RCPT: self._rcpt,
            Phase.RSET: self._rset,
            Phase.BDAT: self._bdat,
            Phase.STARTTLS: self._starttls,
            Phase.AUTH: self._auth,
            Phase.DATA: self._data,
            Phase.QUIT: self._quit,
            Phase.OTHER: self._other,
        }
        if phase in special:
            special[phase](line)
        else:
            self._perform(phase)

    def _forget(self) -> None:
        self._begun = False
        self._sender = ""
        self._named: list[str] = []
        self._chunks = bytearray()

    def _mail(self, line: bytes) -> None:
        self._forget()
        missing = bool(self._server.users) and not self._user
        self._perform(Phase.MAIL, _LOGIN_FIRST if missing else None)
        self._begin(line)

    def _begin(self, line: bytes) -> None:
        self._begun = self._sent.startswith(b"2")
        self._sender = _path(line)

    def _other(self, line: bytes) -> None:
        self._perform(Phase.OTHER)
        if line[:4].upper() in {b"SEND", b"SOML", b"SAML"}:
            self._forget()
            self._begin(line)

    def _rcpt(self, line: bytes) -> None:
        self._perform(Phase.RCPT, None if self._begun else _NO_MAIL)
        if self._sent.startswith(b"2"):
            self._named.append(_path(line))

    def _rset(self, _: bytes) -> None:
        self._forget()
        self._perform(Phase.RSET)

    def _bdat(self, line: bytes) -> None:
        """One phase for each chunk, the last of which is DOT; it is swallowed even if refused."""
        _, size, *last = line.split()
        while len(self._buffer) < int(size):
            self._buffer += self._receive()
        self._chunks += self._buffer[: int(size)]
        del self._buffer[: int(size)]
        if not self._named:
            self._perform(Phase.BDAT, _NOBODY)
        elif last:
            self._end(bytes(self._chunks))
        else:
            self._perform(Phase.BDAT)
        if last:
            self._forget()

    def _ehlo(self, _: bytes) -> None:
        self._forget()
        extensions = [*_EXTENSIONS, *self._server.offers]
        if self._server.tls and not self.record.encrypted:
            extensions.append(b"STARTTLS")
        self._perform(Phase.EHLO, multiline(250, [self.name, *extensions]))

    def _starttls(self, _: bytes) -> None:
        self._perform(Phase.STARTTLS, None if self._server.tls else _ANSWERS[Phase.OTHER])
        if self._sent.startswith(b"220"):
            self._start_tls()

    def _auth(self, line: bytes) -> None:
        _, mechanism, *given = [*line.split(), b"", b""][: max(3, len(line.split()))]
        mechanism, given = mechanism.upper(), [word for word in given[:1] if word]
        first, *steps = _LOGINS.get((mechanism, bool(given)), _UNKNOWN_LOGIN)
        self._perform(Phase.AUTH, self._judged(first, mechanism, given))
        for step in steps:
            if not self._sent.startswith(b"334"):
                return
            given.append(self._line())
            self._perform(Phase.AUTH_ANSWER, self._judged(step, mechanism, given))
        if self._sent.startswith(b"235"):
            self._user = _login(mechanism, given)[0]

    def _judged(self, answer: bytes, mechanism: bytes, given: list[bytes]) -> bytes:
        """Return the answer, or where it would be a welcome what the password deserves."""
        if answer != _LOGGED_IN or not self._server.users:
            return answer
        user, password = _login(mechanism, given)
        return answer if self._server.users.get(user) == password else _WRONG_LOGIN

    def _data(self, _: bytes) -> None:
        self._perform(Phase.DATA, None if self._named else _NOBODY)
        if self._sent.startswith(b"354"):
            self._end(self._content())
            self._forget()

    def _end(self, content: bytes) -> None:
        """Answer the end of the content, and keep the mail if it was taken."""
        self.record.contents.append(content)
        envelope = self._sender, tuple(self._named)
        self._ended = Received(*envelope, content, self._user, self.record.encrypted)
        self._perform(Phase.DOT)
        self._ended = None

    def _quit(self, _: bytes) -> None:
        self._perform(Phase.QUIT)
        raise HangUpError

    def _content(self) -> bytes:
        body, self._buffer = bytearray(b"\r\n") + self._buffer, bytearray()
        waiting = self._action(Phase.BODY) if Phase.BODY in self._script else None
        while True:
            if waiting and len(body) - 2 >= waiting.after:
                self._answer = b""
                waiting.act(self)
                waiting = None
            start = max(0, len(body) - 65536 - len(_END))
            if (end := body.find(_END, start)) >= 0:
                self._buffer = body[end + len(_END) :]
                return bytes(body[:end] + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]
            body += self._receive()

    # --------------------------------------------------------------------------------------- TLS

    def _client_speaks_first(self) -> bool:
        """Whether a TLS hello comes; a client that waits instead wants plain SMTP, and gets it.

        So a client that falls back to plaintext gives itself away in `clear`.
        """
        readable, _, _ = select.select([self._sock], [], [], _HELLO_SECONDS)
        return bool(readable)

    def _start_tls(self) -> None:
        self._buffer.clear()
        action = self._action(Phase.TLS_HELLO)
        if not isinstance(action, Honest):
            self.record.hello = self._sock.recv(65536)
            action.act(self)
            raise HangUpError
        if self._server.tls is None:
            raise ValueError("a script that goes as far as TLS needs the argument tls")
        self._sock = self._server.tls.wrap_socket(self._sock, server_side=True)
        self.record.encrypted = True


def _path(line: bytes) -> str:
    """Return the address of a MAIL or RCPT line (RFC 5321 section 4.1.2)."""
    found = _PATH.search(line)
    return found[1].decode("utf-8", "replace") if found else ""


def _login(mechanism: bytes, given: list[bytes]) -> tuple[str, str]:
    """Return user and password of PLAIN (RFC 4616) or LOGIN, empty where they are not there."""
    try:
        words = [base64.b64decode(word).decode() for word in given]
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    words = words[0].split("\0")[1:] if mechanism == b"PLAIN" and words else words
    return (words[0], words[1]) if len(words) == 2 else ("", "")  # noqa: PLR2004 - the two
