"""Dante: SOCKS4 for anybody, SOCKS5 for one user.

Its user is not the machine's: Dante sees the files of nss_wrapper.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon, users
from tests.servers.unpacked import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CONF = """\
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: username none
{accounts}
client pass {{
    from: 127.0.0.0/8 to: 0.0.0.0/0
}}
socks pass {{
    from: 127.0.0.0/8 to: 127.0.0.0/8
    protocol: tcp
    proxyprotocol: socks_v4
}}
socks pass {{
    from: 127.0.0.0/8 to: 127.0.0.0/8
    protocol: tcp
    proxyprotocol: socks_v5
    socksmethod: username
}}
"""


class Dante(Daemon):
    """A running Dante; `user` and `password` open its SOCKS5. It leads to 127.0.0.0/8 alone."""

    user: Final = "wally"
    password: Final = "correct w4ll"

    def command(self) -> Sequence[str | Path]:
        root = "user.privileged: root\nuser.unprivileged: nobody" if os.geteuid() == 0 else ""
        conf = self.state / "danted.conf"
        conf.write_text(_CONF.format(port=self.port, accounts=root))
        # One negotiator is enough for tests, and starts in a tenth of the time.
        return [program("usr/sbin/danted"), "-f", conf, "-p", self.state / "pid", "-N", "1"]

    def environment(self) -> Mapping[str, str]:
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"],
            input=self.password.encode(),
            capture_output=True,
            check=True,
        )
        password_hash = hashed.stdout.decode().strip()
        return users(self.state, self.user, uid=self.account.pw_uid, password_hash=password_hash)
