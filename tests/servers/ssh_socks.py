"""OpenSSH's `ssh -D`: SOCKS4, SOCKS4A and SOCKS5 through a tunnel to an sshd of our own.

The sshd is no daemon: ssh starts it at the other end of a pipe, with throwaway keys, and it sees
its one user in the files of nss_wrapper. As root it would want an account `sshd`, so both run
without rights.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.servers.daemon import Daemon, users
from tests.servers.unpacked import environment, program, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_USER = "tunnel"
_CONF = """\
HostKey {state}/host
AuthorizedKeysFile {state}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
"""
_LIBRARIES = ("libwrap.so*", "libnsl.so*", "libcrypto.so*")


class SshSocks(Daemon):
    """A running `ssh -D`."""

    unprivileged = True

    def command(self) -> Sequence[str | Path]:
        for name in ("host", "user"):
            subprocess.run(
                [program("usr/bin/ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", name],
                cwd=self.state,
                env=environment(),
                check=True,
                capture_output=True,
            )
        self._copy_programs()
        host_key = (self.state / "host.pub").read_text()
        (self.state / "known").write_text(f"gpgmail {host_key}")
        conf = self.state / "sshd_config"
        conf.write_text(_CONF.format(state=self.state))
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
        way = ["-N", "-D", f"{self.host}:{self.port}", f"{_USER}@gpgmail"]
        return [self.state / "ssh", "-F", "/dev/null", *words, *way]

    def environment(self) -> Mapping[str, str]:
        seen = users(self.state, _USER, uid=self.account.pw_uid)
        return {**seen, "LD_LIBRARY_PATH": str(self.state)}

    def _copy_programs(self) -> None:
        """Copy what an account without rights may have no way to: the tree can be anywhere."""
        libraries = (path for name in _LIBRARIES for path in tree().glob(f"usr/lib/*/{name}"))
        for path in (program("usr/bin/ssh"), program("usr/sbin/sshd"), *libraries):
            shutil.copy(path, self.state)
