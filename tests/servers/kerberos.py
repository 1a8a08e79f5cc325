"""A Kerberos server of a realm of its own, with one user and the service smtp of localhost."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon
from tests.servers.unpacked import environment, program, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.servers.postfix import Postfix

_REALM = "GPGMAIL.TEST"
_SERVICE = f"smtp/localhost@{_REALM}"

# Only over TCP, so that a test that cuts the way sees it; and no DNS is asked.
_KRB5_CONF = """\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
"""
_KDC_CONF = """\
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {state}/principal
    key_stash_file = {state}/stash
    acl_file = {state}/acl
  }}
[dbmodules]
  db_module_dir = {modules}
"""
_COMMAND_SECONDS = 20


class Kerberos(Daemon):
    """A running KDC; `user` and `password` get a ticket for the service."""

    user: Final = f"mailer@{_REALM}"
    password: Final = "correct horse"

    def command(self) -> Sequence[str | Path]:
        facts = {"state": self.state, "port": self.port, "realm": _REALM, "modules": _modules()}
        (self.state / "krb5.conf").write_text(_KRB5_CONF.format(**facts))
        (self.state / "kdc.conf").write_text(_KDC_CONF.format(**facts))
        self._run_once("usr/sbin/kdb5_util", "create", "-s", "-r", _REALM, said="master\nmaster\n")
        words = f"addprinc {self.user}\n{self.password}\n{self.password}\n"
        self._run_once("usr/sbin/kadmin.local", "-r", _REALM, said=words)
        self._run_once("usr/sbin/kadmin.local", "-r", _REALM, "addprinc", "-randkey", _SERVICE)
        keytab = self.state / "keytab"
        self._run_once("usr/sbin/kadmin.local", "-r", _REALM, "ktadd", "-k", str(keytab), _SERVICE)
        keytab.chmod(0o644)  # Postfix reads it as another user
        return [program("usr/sbin/krb5kdc"), "-n", "-r", _REALM]

    def environment(self) -> Mapping[str, str]:
        return {
            "KRB5_CONFIG": str(self.state / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.state / "kdc.conf"),
        }

    def serve(self, postfix: Postfix) -> None:
        """Let that Postfix log in by tickets of this realm."""
        for name in ("krb5.conf", "keytab"):
            (postfix.state / name).symlink_to(self.state / name)

    def ticket(self, cache: Path) -> None:
        """Put the user's ticket into a cache file."""
        self._run_once("usr/bin/kinit", "-c", f"FILE:{cache}", self.user, said=f"{self.password}\n")

    def _run_once(self, name: str, *words: str, said: str = "") -> None:
        subprocess.run(
            [program(name), *words],
            input=said.encode(),
            env=environment(**self.environment()),
            check=True,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
        )


def _modules() -> Path:
    """Where the KDC's databases are; the built-in path is the machine's own."""
    return next(tree().glob("usr/lib/*/krb5/plugins/kdb"), tree())
