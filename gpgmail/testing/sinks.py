"""`Sink`: an SMTP server on loopback that keeps what it receives (needs the extra `demo`).

It stands on aiosmtpd, which reads SMTP by somebody else's understanding of it; `ScriptedServer`
needs nothing else and fails on command.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from gpgmail.core.situations import Situation
from gpgmail.testing.conversation import Received

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

_LARGEST = 1 << 30
_START_LIMIT = 10.0  # seconds


class Sink:
    """A context manager: inside, `url` takes mail and `received` lists it.

    Raises:
        UnsupportedError: If aiosmtpd is not installed.
    """

    def __init__(self) -> None:
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError:
            raise Situation.MISSING_EXTRA.error(
                "the embedded SMTP server needs aiosmtpd",
                subject="gpgmail.testing.Sink",
                hint="pip install 'gpgmail[demo]'",
            ) from None
        self._protocol = SMTP
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="gpgmail sink", daemon=True)
        self._ready = threading.Event()
        self._port = 0
        self.received: list[Received] = []

    @property
    def url(self) -> str:
        """The server URL for `Mailer` and `--server`."""
        return f"smtp://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._port

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_LIMIT):
            raise Situation.TIME_LIMIT.error("did not start", subject="SMTP sink")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,  # noqa: ARG002 - aiosmtpd's signature
        envelope: Envelope,
    ) -> str:
        """Keep a mail; aiosmtpd calls this."""
        self.received.append(
            Received(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                bytes(envelope.original_content or b""),
            )
        )
        return f"250 2.0.0 kept as mail {len(self.received)}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._new_protocol, "127.0.0.1", 0)
        )
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _new_protocol(self) -> SMTP:
        return self._protocol(self, data_size_limit=_LARGEST, enable_SMTPUTF8=True, loop=self._loop)
