"""OpenSSH's `ssh -D`: SOCKS4, SOCKS4A and SOCKS5 through a tunnel to an sshd of our own.

The sshd is no daemon: ssh starts it at the other end of a pipe, with throwaway keys, and it sees
its one user in the files of nss_wrapper. As root it would want an account `sshd`, so both run
without rights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.daemon import Daemon, users
from tests.servers.sshd import USER, lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class SshSocks(Daemon):
    """A running `ssh -D`."""

    unprivileged = True

    def command(self) -> Sequence[str | Path]:
        conf = lay_out(self.state, "gpgmail")
        options = {
            "UserKnownHostsFile": self.state / "known",
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": "gpgmail",
            "StrictHostKeyChecking": "yes",
            "IdentityFile": self.state / "user",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ExitOnForwardFailure": "yes",
            "ProxyCommand": f"{self.state}/sshd -i -e -f {conf}",
        }
        words = [f"-o{name}={value}" for name, value in options.items()]
        way = ["-N", "-D", f"{self.host}:{self.port}", f"{USER}@gpgmail"]
        return [self.state / "ssh", "-F", "/dev/null", *words, *way]

    def environment(self) -> Mapping[str, str]:
        seen = users(self.state, USER, uid=self.account.pw_uid)
        return {**seen, "LD_LIBRARY_PATH": str(self.state)}
