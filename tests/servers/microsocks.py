"""microsocks: SOCKS5, for one user or for anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon
from tests.servers.unpacked import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Microsocks(Daemon):
    """A running microsocks; `user` and `password` open it."""

    user: Final = "wally"
    password: Final = "correct w4ll"

    def command(self) -> Sequence[str | Path]:
        login = ["-u", self.user, "-P", self.password]
        return [program("usr/bin/microsocks"), "-i", self.host, "-p", str(self.port), *login]


class OpenMicrosocks(Microsocks):
    """One that asks nobody for a login."""

    def command(self) -> Sequence[str | Path]:
        return list(super().command())[:5]
