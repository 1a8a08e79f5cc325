"""An SMTP server of our own whose login is a function in the test: it asks, and judges the answers.

For what no real server offers: channel binding, servers that cheat, and words of their own choice.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

    # Is given mechanism and initial response; yields challenges, is sent responses, returns the
    # last reply.
    Login = Callable[[str, bytes | None], Generator[bytes, bytes, bytes]]

WELCOME = b"235 2.7.0 Welcome"
REFUSED = b"535 5.7.8 Go away"
_SECONDS = 10


class Asking:
    """A server on loopback, with TLS from the first byte where it has a context.

    `commands` are the lines that came, `contents` the mails.
    """

    def __init__(self, offer: str, login: Login, context: ssl.SSLContext | None = None) -> None:
        self.commands: list[str] = []
        self.contents: list[bytes] = []
        self.implicit_tls = context is not None
        self._offer = offer
        self._login = login
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_SECONDS)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.settimeout(_SECONDS)
                with contextlib.suppress(OSError, EOFError), sock:
                    self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
        with sock, sock.makefile("rwb") as lines:
            self._say(lines, b"220 asking.example ESMTP")
            while True:
                line = self._hear(lines)
                self.commands.append(line.decode())
                verb, _, rest = line.partition(b" ")
                if verb == b"AUTH":
                    self._ask(lines, rest.decode())
                elif verb == b"DATA":
                    self._take(lines)
                else:
                    self._say(lines, self._answer(verb))

    def _answer(self, verb: bytes) -> bytes:
        if verb != b"EHLO":
            return b"250 Ok"
        return b"250-asking.example\r\n250 AUTH " + self._offer.encode()

    def _ask(self, lines, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        given = base64.b64decode("" if initial == "=" else initial) if initial else None
        talk = self._login(mechanism, given)
        try:
            challenge = next(talk)
            while True:
                self._say(lines, b"334 " + base64.b64encode(challenge))
                line = self._hear(lines)
                if line == b"*":
                    self.commands.append("*")
                    self._say(lines, b"501 Given up")
                    return
                challenge = talk.send(base64.b64decode(line))
        except StopIteration as end:
            self._say(lines, end.value)

    def _take(self, lines) -> None:
        self._say(lines, b"354 Go ahead")
        content = []
        while (line := lines.readline()) != b".\r\n":
            content.append(line[1:] if line.startswith(b".") else line)
        self.contents.append(b"".join(content))
        self._say(lines, b"250 Ok")

    @staticmethod
    def _say(lines, reply: bytes) -> None:
        lines.write(reply + b"\r\n")
        lines.flush()

    @staticmethod
    def _hear(lines) -> bytes:
        line = lines.readline()
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n")
