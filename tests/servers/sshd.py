"""OpenSSH's sshd with throwaway keys, for one user whom only it knows.

As root it would want an account `sshd`, so it runs without rights, and so does all that its user
starts.
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

USER = "tunnel"
_CONF = """\
HostKey {0}/host
AuthorizedKeysFile {0}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
"""
_LIBRARIES = ("libwrap.so*", "libnsl.so*", "libcrypto.so*")


def lay_out(state: Path, host: str) -> Path:
    """Put programs, keys, and what ssh knows of *host* into a directory; return sshd's settings."""
    for name in ("host", "user"):
        subprocess.run(
            [program("usr/bin/ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", name],
            cwd=state,
            env=environment(),
            check=True,
            capture_output=True,
        )
    # Copies, for an account without rights may have no way to the tree.
    libraries = (path for name in _LIBRARIES for path in tree().glob(f"usr/lib/*/{name}"))
    for path in (program("usr/bin/ssh"), program("usr/sbin/sshd"), *libraries):
        shutil.copy(path, state)
    (state / "known").write_text(f"{host} {(state / 'host.pub').read_text()}")
    conf = state / "sshd_config"
    conf.write_text(_CONF.format(state))
    return conf


class Sshd(Daemon):
    """A running sshd; `user`, `key` and `known` are what ssh is told."""

    unprivileged = True
    user = USER

    def command(self) -> Sequence[str | Path]:
        conf = lay_out(self.state, f"[{self.host}]:{self.port}")
        with conf.open("a") as file:
            file.write("Subsystem sftp internal-sftp\n")
        listen = ("-p", str(self.port), f"-oListenAddress={self.host}")
        return [self.state / "sshd", "-D", "-e", "-f", conf, *listen]

    def environment(self) -> Mapping[str, str]:
        seen = users(self.state, USER, uid=self.account.pw_uid)
        return {**seen, "LD_LIBRARY_PATH": str(self.state)}

    @property
    def key(self) -> Path:
        """The private key of the user."""
        return self.state / "user"

    @property
    def known(self) -> Path:
        """The file with the host key."""
        return self.state / "known"
