"""Postfix's test server for LMTP: it answers for each recipient, and keeps what it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon, DaemonError
from tests.servers.unpacked import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_START_SECONDS: Final = 10
_ROOM: Final = "100"  # connections that may wait


class LmtpSink(Daemon):
    """A running smtp-sink; `flags` are its own, such as `-f .` to refuse each content."""

    unprivileged = True
    flags: Sequence[str] = ()

    def command(self) -> Sequence[str | Path]:
        own = [program("usr/sbin/smtp-sink"), "-L", "-h", "sink.example", *self.flags]
        return [*own, "-d", self.state / "mail.", self.place(), _ROOM]

    def place(self) -> str:
        """Where it listens, in its own words."""
        return f"inet:{self.host}:{self.port}"

    def mails(self) -> list[str]:
        """What it took, each with its envelope as X-Mail-Args and X-Rcpt-Args, oldest first."""
        files = sorted(self.state.glob("mail.*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in files]


class RefusingLmtpSink(LmtpSink):
    """One that refuses each recipient behind the content."""

    flags = ("-f", ".")


class UnixLmtpSink(LmtpSink):
    """One at a Unix socket."""

    def place(self) -> str:
        return f"unix:{self.path}"

    @property
    def path(self) -> Path:
        """Its socket."""
        return self.state / "socket"

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.path.exists():
            if time.monotonic() > deadline:
                raise DaemonError(self.said())
            time.sleep(0.01)
