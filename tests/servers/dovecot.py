"""Dovecot's authentication as Postfix's SASL: bearer tokens that it checks itself, and passwords.

Its login services cannot serve here: they load their TLS from a path that is built in. So Postfix
is in front, with the face `auth_dovecot`, which looks for a socket in its state directory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Final

from tests.servers.daemon import Daemon
from tests.servers.postfix_config import accounts
from tests.servers.unpacked import environment, program, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.servers.postfix import Postfix

_KEY = b"a key that Dovecot checks tokens by"

# A failed login counts in anvil and delays the next ones: mode 0 closes the door to that.
_CONF = """\
base_dir = {state}/run
state_dir = {state}/state
libexec_dir = {tree}/usr/lib/dovecot
log_path = {state}/log
protocols =
default_internal_user = {owner}
default_internal_group = {group}
default_login_user = nobody
import_environment = LD_LIBRARY_PATH
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login digest-md5 cram-md5 scram-sha-1 scram-sha-256 oauthbearer xoauth2
auth_failure_delay = 0
auth_verbose = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {state}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {state}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={state}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener {state}/client {{
    mode = 0666
  }}
  inet_listener {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={state}/keys/
username_attribute = sub
"""


class Dovecot(Daemon):
    """A running Dovecot; `user` and `password` log in, and what `token` returns."""

    user: Final = "mailer@localhost"
    password: Final = "correct horse"

    def command(self) -> Sequence[str | Path]:
        who = accounts()
        facts = {
            "state": self.state,
            "tree": tree(),
            "port": self.port,
            "owner": who.owner.pw_name,
            "group": who.group.gr_name,
        }
        keys = self.state / "keys/default/HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_text(base64.b64encode(_KEY).decode())
        (self.state / "users").write_text(f"{self.user}:{{PLAIN}}{self.password}\n")
        (self.state / "oauth2.conf").write_text(_OAUTH2.format(**facts))
        conf = self.state / "dovecot.conf"
        conf.write_text(_CONF.format(**facts))
        # dovecot would read its configuration by a doveconf at a path that is built in.
        reader = [program("usr/bin/doveconf"), "-f", "service=master", "-c", conf, "-m", "master"]
        return [*reader, "-e", program("usr/sbin/dovecot"), "-F", "-c", conf]

    def environment(self) -> Mapping[str, str]:
        own = tree() / "usr/lib/dovecot"
        libraries = [own, own / "modules/old-stats", environment()["LD_LIBRARY_PATH"]]
        return {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}

    def serve(self, postfix: Postfix) -> None:
        """Be the SASL of that Postfix's face `auth_dovecot` from now on."""
        (postfix.state / "dovecot").symlink_to(self.state / "client")

    def log(self) -> str:
        """The whole of the log so far."""
        return (self.state / "log").read_text(errors="replace")

    def token(self, *, user: str | None = None, key: bytes = _KEY, seconds: int = 600) -> str:
        """A token for a user, good for so many seconds from now (RFC 7519, HS256)."""
        now = int(time.time())
        claims = {"sub": user or self.user, "iat": now - 1000, "exp": now + seconds}
        words = ".".join(
            _part(json.dumps(each)) for each in ({"alg": "HS256", "typ": "JWT"}, claims)
        )
        digest = hmac.new(key, words.encode(), hashlib.sha256).digest()
        return f"{words}.{_part(digest)}"


def _part(data: str | bytes) -> str:
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
