"""A program of the unpacked tree that runs beside a test and ends with it, whatever happens.

Rules of this file:
- Everything that the program reads or writes is below one fresh directory.
- It is the child of a keeper (keeper.py), which ends it however this process ends.
- Started by root, it may run under an account without rights (`nobody`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tests.servers.keeper import Keeper
from tests.servers.unpacked import ServerUnavailableError, environment, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_SECONDS: Final = 10
_STOP_SECONDS: Final = 15
_TRIES: Final = 2


class DaemonError(Exception):
    """The program did not come up; the text carries what it said."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def users(state: Path, name: str, *, uid: int, password_hash: str = "*") -> dict[str, str]:
    """The environment in which a program sees one user more than the machine has (nss_wrapper).

    Raises: ServerUnavailableError without the unpacked library.
    """
    wrapper = next(tree().glob("usr/lib/*/libnss_wrapper.so"), None)
    if wrapper is None:
        raise ServerUnavailableError("libnss_wrapper.so is absent: run scripts/fetch-servers.sh")
    copy = shutil.copy(wrapper, state)
    accounts = [pwd.getpwnam("nobody"), *map(pwd.getpwuid, {0, os.geteuid(), uid})]
    known = {account.pw_name: account for account in accounts}
    lines = [f"{each.pw_name}:x:{each.pw_uid}:{each.pw_gid}::/:/bin/sh" for each in known.values()]
    gid = pwd.getpwuid(uid).pw_gid
    files = {
        "PASSWD": "\n".join([f"{name}:x:{uid}:{gid}::/nonexistent:/bin/sh", *lines, ""]),
        "SHADOW": f"{name}:{password_hash}:19000:0:99999:7:::\n",
        "GROUP": f"{name}:x:{gid}:\n",
    }
    for kind, text in files.items():
        (state / kind).write_text(text)
        (state / kind).chmod(0o644)
    wrapped = {f"NSS_WRAPPER_{kind}": str(state / kind) for kind in files}
    return {"LD_PRELOAD": str(copy), **wrapped}


class Daemon:
    """A program that listens on `port`; a subclass says how it is configured and called.

    `state` is its directory and goes at the end, `host` is where it listens.
    """

    host: Final = "127.0.0.1"
    unprivileged = False

    def __init__(self) -> None:
        name = type(self).__name__.lower()
        self.state = Path(tempfile.mkdtemp(prefix=f"gpgmail-{name}-"))
        self.state.chmod(0o711)
        self.port = free_port()
        self._keeper: Keeper | None = None

    def command(self) -> Sequence[str | Path]:
        """Write the configuration; return how the program is called, in the foreground."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What its environment has besides the libraries of the tree."""
        return {}

    @property
    def account(self) -> pwd.struct_passwd:
        """Under whom the program runs."""
        drops = self.unprivileged and os.geteuid() == 0
        return pwd.getpwnam("nobody") if drops else pwd.getpwuid(os.geteuid())

    @classmethod
    def start(cls) -> Self:
        """Start it and wait until it listens.

        Raises: ServerUnavailableError without the unpacked tree; DaemonError when it does not
        come up, though it had a few ports to try.
        """
        for left in reversed(range(_TRIES)):
            daemon = cls()
            try:
                daemon._run()
                daemon._wait_until_up()
            except DaemonError:
                daemon.stop()
                if not left:
                    raise
            except BaseException:
                daemon.stop()
                raise
            else:
                return daemon
        raise AssertionError

    def _run(self) -> None:
        command = [str(word) for word in self.command()]
        more = self.environment()
        who: dict[str, object] = {}
        if self.account.pw_uid != os.geteuid():
            for path in (self.state, *self.state.rglob("*")):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
            who = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        environ = environment(**more)
        self._keeper = Keeper(self.state, command, said="said", environment=environ, **who)

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise DaemonError(f"{type(self).__name__} did not come up:\n{self.said()}")

    def said(self) -> str:
        """What the program wrote on its standard output and error."""
        return (self.state / "said").read_text(errors="replace")

    def stop(self) -> None:
        """Stop it and remove its directory; a second call does nothing."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.end(_STOP_SECONDS)
        shutil.rmtree(self.state, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
