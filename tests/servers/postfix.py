"""A real Postfix as a private instance: started, used and ended by one test process.

Rules of this file:
- Everything the instance reads or writes is below one fresh directory; the programs come from the
  unpacked tree. A Postfix or another mail server that the machine runs is not involved.
- The directory is not below pytest's own, which only its owner may enter: Postfix delivers as an
  unprivileged account.
- The master is the child of a keeper (keeper.py), which ends it however this process ends.
- Postfix asks to be root for its master.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from tests.servers import postfix_config as config
from tests.servers.certificates import Certificates
from tests.servers.keeper import Keeper
from tests.servers.unpacked import ServerUnavailableError, environment, program

_START_SECONDS: Final = 15
_STOP_SECONDS: Final = 15


class PostfixError(Exception):
    """The server did not do what a test waited for; the text carries the end of its log."""


def _reserve_port() -> socket.socket:
    """A port that is ours until the socket is closed.

    Postfix listens with SO_REUSEPORT. So it can have the port although it is bound here; and two
    instances that chose the same port would otherwise share it in silence.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def _lay_out(state: Path, certificates: Certificates, ports: dict[str, int]) -> None:
    who = config.accounts()
    for name in ("etc/sasl", "tls", "queue"):
        (state / name).mkdir(parents=True)
    for name, mode in config.QUEUE_DIRECTORIES.items():
        directory = state / "queue" / name
        directory.mkdir()
        if name != "pid":
            os.chown(directory, who.owner.pw_uid, who.group.gr_gid)
        directory.chmod(mode)
    for name, account in (("data", who.owner), ("mail", who.nobody)):
        (state / name).mkdir(mode=0o700)
        os.chown(state / name, account.pw_uid, account.pw_gid)
    certificates.write_authority(state / "ca.pem")
    for name in certificates.chains:
        certificates.write_chain(name, state / "tls" / f"{name}.pem")
    (state / "etc/main.cf").write_text(config.main_cf(state, who, environment()))
    (state / "etc/master.cf").write_text(config.master_cf(state, ports))
    for name in ("main.cf", "master.cf"):
        # A file of this very second is read again and again until its time has passed.
        os.utime(state / "etc" / name, (0, 0))
    (state / "etc/sasl/smtpd.conf").write_text(config.SASL_CONF.format(state=state))
    _add_user(state, who)


def _add_user(state: Path, who: config.Accounts) -> None:
    user, _, realm = config.USER.partition("@")
    database = state / "sasldb2"
    subprocess.run(
        [program("usr/sbin/saslpasswd2"), "-p", "-c", "-f", database, "-u", realm, user],
        input=config.PASSWORD.encode(),
        env=environment(),
        check=True,
        capture_output=True,
        timeout=_START_SECONDS,
    )
    os.chown(database, who.owner.pw_uid, who.owner.pw_gid)


class Postfix:
    """A running server; use `with Postfix.start() as server:`.

    `user` and `password` open the faces whose name starts with `auth`, `ca_file` is the authority
    that the good certificate comes from, and `certificates` issue more by it; `state` is the
    directory that holds everything and goes at the end.
    """

    user: Final = config.USER
    password: Final = config.PASSWORD
    size_limit: Final = config.SIZE_LIMIT

    def __init__(self, ports: dict[str, socket.socket]) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="gpgmail-postfix-"))
        self.ca_file = self.state / "ca.pem"
        self.certificates = Certificates.mint()
        self._ports = ports
        self._keeper: Keeper | None = None

    @classmethod
    def start(cls) -> Self:
        """Start an instance with every face listening (about 0.1 s).

        Raises: ServerUnavailableError without root or without the unpacked tree; PostfixError when
        the server does not come up.
        """
        if os.geteuid() != 0:
            raise ServerUnavailableError("Postfix's master wants to run as root")
        master = program("usr/lib/postfix/sbin/master")
        server = cls({face: _reserve_port() for face in config.FACES})
        try:
            server._run(master)
            server._wait_until_up()
        except BaseException:
            server.stop()
            raise
        return server

    def _run(self, master: Path) -> None:
        self.state.chmod(0o711)
        ports = {face: self.port(face) for face in self._ports}
        _lay_out(self.state, self.certificates, ports)
        self._keeper = Keeper(
            self.state,
            [master, "-c", self.state / "etc"],
            said="stderr",
            environment=environment(MAIL_CONFIG=f"{self.state}/etc"),
        )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            words = self.log() + (self.state / "stderr").read_text(errors="replace")
            if "fatal:" in words:
                raise PostfixError(words)
            # Said once it listens on every port.
            if "daemon started" in words:
                return
            time.sleep(0.02)
        # A master that stops at its own configuration does so before it can log.
        raise PostfixError(f"Postfix did not come up in {_START_SECONDS} s:\n{words}")

    def port(self, face: str) -> int:
        """The port of a face, one of `postfix_config.FACES`."""
        port: int = self._ports[face].getsockname()[1]
        return port

    def all_mail(self, timeout: float = 10) -> list[bytes]:
        """Every delivered mail since the last `clear`, oldest first, once the queue is empty.

        A mail counts for each of its recipients. The bytes are the file in the maildir: Postfix's
        trace fields, then the message, with LF line ends.

        Raises: PostfixError when the queue does not drain in `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while self._queued():
            if time.monotonic() > deadline:
                raise PostfixError(f"the queue did not drain in {timeout} s:\n{self._log_tail()}")
            time.sleep(0.01)
        files = (self.state / "mail").glob("all/new/*")
        return [
            path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)
        ]

    def mail_for(self, address: str, timeout: float = 10) -> list[bytes]:
        """What was delivered to one recipient address, as given in RCPT; see `all_mail`.

        Raises: PostfixError when nothing came in `timeout` seconds.
        """
        mine = re.compile(rb"^X-Original-To: " + re.escape(address.encode()) + rb"$", re.MULTILINE)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = [
                mail
                for mail in self.all_mail(max(deadline - time.monotonic(), 0.01))
                if mine.search(mail.partition(b"\n\n")[0])
            ]
            if found:
                return found
            time.sleep(0.01)
        raise PostfixError(f"nothing for {address} in {timeout} s:\n{self._log_tail()}")

    def clear(self) -> None:
        """Forget the mail delivered so far."""
        self.all_mail()
        for path in (self.state / "mail").glob("all/new/*"):
            path.unlink()

    def log(self) -> str:
        """The whole of the server's log so far; lines name the face."""
        path = self.state / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _log_tail(self) -> str:
        return "\n".join(self.log().splitlines()[-20:])

    def _queued(self) -> bool:
        # In the order in which mail moves, so that one that moves meanwhile is still seen.
        queues = ("maildrop", "incoming", "active", "deferred")
        return any(
            path.is_file() for name in queues for path in (self.state / "queue" / name).rglob("*")
        )

    def stop(self) -> None:
        """Stop the server and remove its directory; a second call does nothing.

        Raises: PostfixError when it does not end in 15 s.
        """
        for reserved in self._ports.values():
            reserved.close()
        if self._keeper is None:
            shutil.rmtree(self.state, ignore_errors=True)
        else:
            self._end(self._keeper)

    def _end(self, keeper: Keeper) -> None:
        try:
            keeper.end(_STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise PostfixError(
                f"Postfix did not stop in {_STOP_SECONDS} s, its files are in {self.state}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
