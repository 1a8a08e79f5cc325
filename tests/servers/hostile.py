"""A scripted SMTP server of our own, on loopback, that fails in every way a network can.

Rules of this file:
- A script is a table `Phase -> Action`; a phase without an action is served as an honest server
  would. A tuple of actions is for the first, second, ... time that the phase comes up in one
  connection, the last one for all that follow. A sequence of scripts is for the first, second, ...
  connection in the same way.
- What an action does is in `hostile_script`; the conversation here only says when.
- Every byte that a client sends is kept by connection, and apart by whether it came through TLS, so
  that a test can assert what was never sent in clear and never sent twice.
- Every wait ends when the server is closed, so a stalled phase costs a test nothing.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tests.servers.hostile_script import HangUpError, Honest, Phase, multiline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.hostile_script import Action, Script

_IDLE_SECONDS: Final = 30
_HELLO_SECONDS: Final = 1
_CLOSE_SECONDS: Final = 1
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
    Phase.BANNER: b"220 hostile.example ESMTP\r\n",
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

_NO_MAIL: Final = b"503 5.5.1 MAIL first\r\n"
_NOBODY: Final = b"554 5.5.1 No valid recipients\r\n"

_END: Final = b"\r\n.\r\n"


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


class _Conversation:
    """One connection being served; it is the `Talk` of `hostile_script`."""

    def __init__(self, server: Hostile, sock: socket.socket, script: Script) -> None:
        self.record = Connection()
        self.closing = server.closing
        self._server = server
        self._sock = sock
        self._script = script
        self._times: Counter[Phase] = Counter()
        self._buffer = bytearray()
        self._answer = b""
        self._sent = b""
        self._forget()

    def run(self) -> None:
        """Serve until the client, the script or the closing server ends it."""
        self._sock.settimeout(_IDLE_SECONDS)
        try:
            if self._server.implicit_tls and self._client_speaks_first():
                self._start_tls()
            self._perform(Phase.BANNER)
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
        self._sent = data
        if not self._server.chop:
            self._sock.sendall(data)
            return
        for position in range(len(data)):
            self._sock.sendall(data[position : position + 1])
            self.closing.wait(_CHOP_SECONDS)

    def honest(self, behind: bytes = b"") -> None:
        self.send(self._answer + behind)

    def reset_on_close(self) -> None:
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
        self._named = 0
        self._chunks = bytearray()

    def _mail(self, _: bytes) -> None:
        self._forget()
        self._perform(Phase.MAIL)
        self._begun = self._sent.startswith(b"2")

    def _other(self, line: bytes) -> None:
        self._perform(Phase.OTHER)
        if line[:4].upper() in {b"SEND", b"SOML", b"SAML"}:
            self._forget()
            self._begun = self._sent.startswith(b"2")

    def _rcpt(self, _: bytes) -> None:
        self._perform(Phase.RCPT, None if self._begun else _NO_MAIL)
        self._named += self._sent.startswith(b"2")

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
            self.record.contents.append(bytes(self._chunks))
            self._perform(Phase.DOT)
        else:
            self._perform(Phase.BDAT)
        if last:
            self._forget()

    def _ehlo(self, _: bytes) -> None:
        self._forget()
        extensions = [*_EXTENSIONS, *self._server.offers]
        if self._server.tls and not self.record.encrypted:
            extensions.append(b"STARTTLS")
        self._perform(Phase.EHLO, multiline(250, [b"hostile.example", *extensions]))

    def _starttls(self, _: bytes) -> None:
        self._perform(Phase.STARTTLS, None if self._server.tls else _ANSWERS[Phase.OTHER])
        if self._sent.startswith(b"220"):
            self._start_tls()

    def _auth(self, line: bytes) -> None:
        words = [*line.upper().split(), b""]
        first, *steps = _LOGINS.get((words[1], len(words) > 3), _UNKNOWN_LOGIN)
        self._perform(Phase.AUTH, first)
        for step in steps:
            if not self._sent.startswith(b"334"):
                return
            self._line()
            self._perform(Phase.AUTH_ANSWER, step)

    def _data(self, _: bytes) -> None:
        self._perform(Phase.DATA, None if self._named else _NOBODY)
        if self._sent.startswith(b"354"):
            self.record.contents.append(self._content())
            self._perform(Phase.DOT)
            self._forget()

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


class Hostile:
    """A server that follows a script; use `with Hostile({Phase.MAIL: Drop()}) as server:`.

    `tls` is the context of the certificate to present: STARTTLS is offered with it, or TLS from the
    first byte with `implicit_tls`. `chop` sends every reply byte by byte. `offers` are extensions
    besides the usual ones, such as CHUNKING.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self,
        script: Script | Sequence[Script] = (),
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        chop: bool = False,
        offers: Sequence[bytes] = (),
    ) -> None:
        scripts = [script] if isinstance(script, Mapping) else list(script)
        self._scripts = scripts or [{}]
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.chop = chop
        self.offers = offers
        self.closing = threading.Event()
        self._marks: dict[tuple[str, int], threading.Event] = {}
        self._served: list[tuple[_Conversation, threading.Thread]] = []
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            sock, peer = self._listener.accept()
            if reached := self._marks.pop(peer, None):
                sock.close()
                reached.set()
                if self.closing.is_set():
                    return
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            script = self._scripts[min(len(self._served), len(self._scripts) - 1)]
            conversation = _Conversation(self, sock, script)
            thread = threading.Thread(target=conversation.run, daemon=True)
            self._served.append((conversation, thread))
            thread.start()

    def _accept_what_came(self) -> None:
        """Return when every connection made before this call is being served.

        Connections are accepted in their order, so one of our own marks the place.
        """
        reached = threading.Event()
        with socket.socket() as mark:
            mark.bind((self.host, 0))
            self._marks[mark.getsockname()] = reached
            mark.connect((self.host, self.port))
            reached.wait()

    @property
    def connections(self) -> list[Connection]:
        """What came so far, in the order of the connections; still growing while one is open."""
        return [conversation.record for conversation, _ in self._served]

    def settled(self, timeout: float = 5) -> list[Connection]:
        """What came, once every connection has ended.

        Raises: TimeoutError when one is still open after `timeout` seconds.
        """
        self._accept_what_came()
        if not self._join(timeout):
            raise TimeoutError(f"a client or the script holds a connection for {timeout} s")
        return self.connections

    def _join(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        for _, thread in self._served:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for _, thread in self._served)

    def close(self) -> None:
        """End every connection and stop listening; what was recorded stays."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._accept_what_came()
        self._acceptor.join()
        self._listener.close()
        if not self._join(_CLOSE_SECONDS):
            for conversation, _ in self._served:
                conversation.hang_up()
            self._join(_CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
