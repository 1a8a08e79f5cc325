"""tinyproxy: HTTP CONNECT with a login of kind Basic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon
from tests.servers.unpacked import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CONF = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
BasicAuth {user} {password}
MaxClients 20
LogLevel Info
"""


class Tinyproxy(Daemon):
    """A running tinyproxy; `user` and `password` open it."""

    user: Final = "wally"
    password: Final = "correct-w4ll"

    def command(self) -> Sequence[str | Path]:
        conf = self.state / "tinyproxy.conf"
        conf.write_text(_CONF.format(port=self.port, user=self.user, password=self.password))
        return [program("usr/bin/tinyproxy"), "-d", "-c", conf]
