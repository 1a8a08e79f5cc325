"""`ScriptedServer`: an SMTP server on loopback that fails in every way a network can.

Rules of this file:
- A script is a table `Phase -> Action`; a phase without an action is served as an honest server
  would. A tuple of actions is for the first, second, ... time that the phase comes up in one
  connection, the last one for all that follow. A sequence of scripts is for the first, second, ...
  connection in the same way.
- Every wait ends when the server is closed, so a stalled phase costs a test nothing.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from gpgmail.testing.conversation import Connection, Conversation, Received

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from gpgmail.testing.script import Script

_CLOSE_SECONDS: Final = 1


class ScriptedServer:
    """A server that follows a script; use `with ScriptedServer({Phase.MAIL: Drop()}) as server:`.

    `tls` is the context of the certificate to present: STARTTLS is offered with it, or TLS from the
    first byte with `implicit_tls`. `users` are names with their passwords: then nobody sends
    without a login; without them any login is welcome. `chop` sends every reply byte by byte.
    `offers` are extensions besides the usual ones, such as CHUNKING. `name` is what the server
    calls itself.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self,
        script: Script | Sequence[Script] = (),
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        users: Mapping[str, str] | None = None,
        chop: bool = False,
        offers: Sequence[bytes] = (),
        name: str = "hostile.example",
    ) -> None:
        scripts = [script] if isinstance(script, Mapping) else list(script)
        self._scripts = scripts or [{}]
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.users = dict(users or {})
        self.chop = chop
        self.offers = offers
        self.name = name
        self.closing = threading.Event()
        self._mails: list[Received] = []
        self._arrival = threading.Condition()
        self._marks: dict[tuple[str, int], threading.Event] = {}
        self._served: list[tuple[Conversation, threading.Thread]] = []
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
            conversation = Conversation(self, sock, script)
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

    def keep(self, mail: Received) -> None:
        """Take a mail; the conversation calls this."""
        with self._arrival:
            self._mails.append(mail)
            self._arrival.notify_all()

    @property
    def mails(self) -> tuple[Received, ...]:
        """The mails that the server took, in their order."""
        with self._arrival:
            return tuple(self._mails)

    def wait_for(self, count: int, timeout: float = 10, *, to: str = "") -> tuple[Received, ...]:
        """Return the mails, or those with the recipient *to*, once there are *count*.

        Raises:
            TimeoutError: If there are fewer after *timeout* seconds.
        """

        def found() -> tuple[Received, ...]:
            return tuple(mail for mail in self._mails if not to or to in mail.recipients)

        with self._arrival:
            if not self._arrival.wait_for(lambda: len(found()) >= count, timeout):
                raise TimeoutError(f"{len(found())} mails came in {timeout} s, not {count}")
            return found()

    @property
    def connections(self) -> list[Connection]:
        """What came so far, in the order of the connections; still growing while one is open."""
        return [conversation.record for conversation, _ in self._served]

    def settled(self, timeout: float = 5) -> list[Connection]:
        """Return what came, once every connection has ended.

        Raises:
            TimeoutError: If one is still open after *timeout* seconds.
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
