"""Exim for its own NTLM (SPA, version 1 alone), EXTERNAL, CHUNKING and EXPN.

Mail that it takes stays queued. Certificates of clients are asked for but not demanded; the one
that `clients` issued for `member` logs in.

Without a login it takes mail for the domain `open.example` alone, and knows two people and a list.
"""

from __future__ import annotations

import os
import pwd
import time
from typing import TYPE_CHECKING, Final

from tests.servers.certificates import Certificates
from tests.servers.daemon import Daemon, users
from tests.servers.pki import Issued
from tests.servers.unpacked import ServerUnavailableError, environment, program, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CONF = """\
exim_path = {exim}
spool_directory = {state}/spool
log_file_path = {state}/spool/%slog
pid_file_path = {state}/spool/pid
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {state}/server.pem
tls_try_verify_hosts = *
tls_verify_certificates = {state}/clients.pem
host_lookup =
rfc1413_hosts =
queue_only = true
acl_smtp_rcpt = check_rcpt
acl_smtp_vrfy = accept
acl_smtp_expn = accept
chunking_advertise_hosts = *
dsn_advertise_hosts = *
begin acl
check_rcpt:
  accept authenticated = *
  accept domains = open.example
         verify = recipient
  deny
begin routers
list:
  driver = redirect
  domains = open.example
  data = ${{if eq{{$local_part}}{{staff}}{{alice@open.example, Bob B <bob@open.example>}}}}
queued:
  driver = accept
  condition = ${{if or{{{{!eq{{$domain}}{{open.example}}}}{{inlist{{$local_part}}{{alice:bob}}}}}}}}
  transport = never
begin transports
never:
  driver = appendfile
  file = {state}/spool/never
begin authenticators
spa:
  driver = spa
  public_name = NTLM
  server_password = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
external:
  driver = external
  public_name = EXTERNAL
  server_param2 = ${{certextract{{subject,CN}}{{$tls_in_peercert}}{{$value}}}}
  server_condition = ${{if eq{{$tls_in_certificate_verified $auth2}}{{1 {member}}}}}
  server_set_id = $auth2
"""
_ACCOUNT = "Debian-exim"  # built in
_LOG_SECONDS: Final = 5


class Exim(Daemon):
    """A running Exim; `user` and `password` log in over TLS, `ca_file` is whom to trust."""

    user: Final = "mailer"
    password: Final = "correct horse"
    member: Final = "Member"

    def command(self) -> Sequence[str | Path]:
        if os.geteuid() != 0:
            raise ServerUnavailableError("Exim takes its configuration from root alone")
        exim = program("usr/sbin/exim4")
        certificates = Certificates.mint()
        self.ca_file = certificates.write_authority(self.state / "ca.pem")
        chain = certificates.write_chain("good", self.state / "server.pem")
        self.clients = Issued.root("Clients")
        clients = self.clients.write(self.state / "clients.pem", self.clients.pem)
        spool = self.state / "spool"
        spool.mkdir()
        for path in (chain, clients, spool):
            os.chown(path, self._uid, -1)
        facts = {name: getattr(self, name) for name in ("user", "password", "member", "port")}
        conf = self.state / "exim.conf"
        conf.write_text(_CONF.format(exim=exim, state=self.state, **facts))
        return [exim, "-bdf", "-C", conf]

    def environment(self) -> Mapping[str, str]:
        libraries = f"{tree()}/usr/lib:{environment()['LD_LIBRARY_PATH']}"  # libspf2 is there
        return {"LD_LIBRARY_PATH": libraries, **users(self.state, _ACCOUNT, uid=self._uid)}

    @property
    def _uid(self) -> int:
        return pwd.getpwnam("uucp").pw_uid

    def bodies(self) -> list[bytes]:
        """The content below the header fields of what is queued, oldest first, LF line ends."""
        files = (self.state / "spool/input").glob("**/*-D")
        oldest = sorted(files, key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes().partition(b"\n")[2] for path in oldest]

    def log(self) -> str:
        """The whole of the main log so far."""
        return (self.state / "spool/mainlog").read_text(errors="replace")

    def refusals(self, driver: str, since: int) -> int:
        """How many logins the log from there on says to have failed, once it tells of one.

        Exim logs a failure after it has answered.
        """
        words = f"{driver} authenticator failed"
        deadline = time.monotonic() + _LOG_SECONDS
        while words not in self.log()[since:] and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.log()[since:].count(words)
