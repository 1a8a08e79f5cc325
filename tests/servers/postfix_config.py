"""The faces of the real Postfix, as rows, and the two files that Postfix reads.

Rules of this file:
- One server has many faces: an `smtpd` service on a port of its own for each row of `FACES`. A new
  situation is one row: the settings that differ from main.cf.
- Every recipient address in every domain is taken and lands in one maildir; `X-Original-To` in the
  delivered file tells whose it is. So tests may send to any address that a machine's own mail has.
- The message is delivered as it came: no field is added, rewritten or dropped. With its defaults
  Postfix removes Bcc fields and completes a missing Date, which would hide the fault of a sender.
- Nothing is looked up in the DNS and nothing leaves the machine: no service sends anything out.
"""

from __future__ import annotations

import grp
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.unpacked import ServerUnavailableError, tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER = "mailer@localhost"
PASSWORD = "correct horse"
SIZE_LIMIT = 20_000
REFUSED = ("refused@example.org", "gone@example.org")
REFUSAL = "550 5.1.1 No such mailbox here"

_REFUSE_SOME = "check_recipient_access $refused_recipients, permit"
_LOGIN_ONLY = "permit_sasl_authenticated, reject"
_LOGIN = {"smtpd_sasl_auth_enable": "yes", "smtpd_recipient_restrictions": _LOGIN_ONLY}

_CLIENT_CERTIFICATE = {
    "smtpd_tls_security_level": "encrypt",
    "smtpd_tls_req_ccert": "yes",
    "smtpd_tls_CAfile": "{state}/ca.pem",
    "smtpd_tls_received_header": "yes",
}

# What differs from main.cf, by face. {state} is the directory of the instance.
FACES: Mapping[str, Mapping[str, str]] = {
    "plain": {"smtpd_tls_security_level": "none"},
    "starttls": {},
    "starttls_required": {"smtpd_tls_security_level": "encrypt"},
    "implicit": {"smtpd_tls_wrappermode": "yes", "smtpd_tls_security_level": "encrypt"},
    "wrong_host": {"smtpd_tls_chain_files": "{state}/tls/wrong_host.pem"},
    "untrusted": {"smtpd_tls_chain_files": "{state}/tls/untrusted.pem"},
    "implicit_wrong_host": {
        "smtpd_tls_wrappermode": "yes",
        "smtpd_tls_chain_files": "{state}/tls/wrong_host.pem",
    },
    "implicit_untrusted": {
        "smtpd_tls_wrappermode": "yes",
        "smtpd_tls_chain_files": "{state}/tls/untrusted.pem",
    },
    "tls_1_2": {"smtpd_tls_protocols": "TLSv1.2", "smtpd_tls_mandatory_protocols": "TLSv1.2"},
    "tls_1_3": {"smtpd_tls_protocols": ">=TLSv1.3", "smtpd_tls_mandatory_protocols": ">=TLSv1.3"},
    "client_certificate": _CLIENT_CERTIFICATE,
    "client_certificate_implicit": {"smtpd_tls_wrappermode": "yes", **_CLIENT_CERTIFICATE},
    "small": {"message_size_limit": str(SIZE_LIMIT)},
    "small_unsaid": {"message_size_limit": str(SIZE_LIMIT), "smtpd_discard_ehlo_keywords": "size"},
    "auth": {"smtpd_tls_auth_only": "yes", **_LOGIN},
    "auth_all": {
        "smtpd_tls_auth_only": "yes",
        "smtpd_sasl_mechanism_filter": "static:all",
        **_LOGIN,
    },
    "auth_dovecot": {
        "smtpd_tls_auth_only": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": "{state}/dovecot",
        "smtpd_sasl_mechanism_filter": "static:all",
        **_LOGIN,
    },
    "auth_implicit": {"smtpd_tls_wrappermode": "yes", **_LOGIN},
    "auth_clear": {"smtpd_tls_security_level": "none", **_LOGIN},
    "refuses_some": {"smtpd_recipient_restrictions": _REFUSE_SOME},
    "refuses_all": {"smtpd_recipient_restrictions": f"check_recipient_access static:{{{REFUSAL}}}"},
}

# Directories below the queue directory and their modes, as in postfix-files; all but `pid`, which
# is root's, belong to the mail owner.
_PRIVATE_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
    *("hold", "incoming", "private", "saved", "trace"),
)
QUEUE_DIRECTORIES: Mapping[str, int] = {
    **dict.fromkeys(_PRIVATE_QUEUES, 0o700),
    "public": 0o710,
    "maildrop": 0o730,
    "pid": 0o755,
}

_MASTER_CF = """\
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
error     unix - - n - - error
retry     unix - - n - - error
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
virtual   unix - n n - - virtual
"""

_MAIN_CF = """\
compatibility_level = 3.6
config_directory = {state}/etc
queue_directory = {state}/queue
data_directory = {state}/data
command_directory = {tree}/usr/sbin
daemon_directory = {tree}/usr/lib/postfix/sbin
meta_directory = {tree}/etc/postfix
shlib_directory = {tree}/usr/lib/postfix
import_environment = MAIL_CONFIG MAIL_DEBUG LANG=C TZ=UTC
  LD_LIBRARY_PATH={libraries} SASL_PATH={plugins}
  KRB5_CONFIG={state}/krb5.conf KRB5_KTNAME={state}/keytab KRB5RCACHENAME=none:
mail_owner = {owner}
setgid_group = {group}
default_privs = nobody
maillog_file_prefixes = {state}
maillog_file = {state}/mail.log

inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
in_flow_delay = 0
local_header_rewrite_clients =
message_drop_headers =
message_size_limit = 268435456
virtual_mailbox_limit = 0
mailbox_size_limit = 0
alias_maps =
local_recipient_maps =
local_transport = virtual
default_transport = error:this server delivers to nobody else
mydestination =
virtual_mailbox_domains = static:all
virtual_mailbox_base = {state}/mail
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}

smtpd_tls_security_level = may
smtpd_tls_chain_files = {state}/tls/good.pem
smtpd_tls_loglevel = 1
smtpd_sasl_local_domain = localhost
smtpd_sasl_mechanism_filter = plain, login
refused_recipients = inline:{{ {refused} }}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit
"""

SASL_CONF = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {state}/sasldb2
mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM GSSAPI
"""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts that the machine has anyway and that Postfix takes for its own."""

    owner: pwd.struct_passwd
    group: grp.struct_group
    nobody: pwd.struct_passwd


def accounts() -> Accounts:
    """Choose the mail owner and the setgid group.

    Postfix wants an owner who is not root, shares his uid with nobody, and has a group other than
    the setgid group and other than that of `nobody`. Accounts of services that hardly run any more
    serve.

    Raises: ServerUnavailableError when no such account exists.
    """
    nobody = pwd.getpwnam("nobody")
    uids = [entry.pw_uid for entry in pwd.getpwall()]
    groups = {entry.gr_name: entry for entry in grp.getgrall()}
    for name in ("uucp", "news", "games", "lp"):
        owners = [
            entry
            for entry in pwd.getpwall()
            if entry.pw_name == name and entry.pw_gid != nobody.pw_gid
        ]
        others = [groups[other] for other in ("games", "news", "lp") if other in groups]
        for owner in owners:
            chosen = [
                group for group in others if group.gr_gid not in (0, owner.pw_gid, nobody.pw_gid)
            ]
            if uids.count(owner.pw_uid) == 1 and owner.pw_uid != 0 and chosen:
                return Accounts(owner, chosen[0], nobody)
    raise ServerUnavailableError(
        "no spare accounts (uucp, news, games, lp) that Postfix could run under"
    )


def main_cf(state: Path, who: Accounts, environment: Mapping[str, str]) -> str:
    """The text of main.cf for an instance whose files are all below `state`."""
    return _MAIN_CF.format(
        state=state,
        tree=tree(),
        libraries=environment["LD_LIBRARY_PATH"],
        plugins=environment["SASL_PATH"],
        owner=who.owner.pw_name,
        group=who.group.gr_name,
        uid=who.nobody.pw_uid,
        gid=who.nobody.pw_gid,
        refused=", ".join(f"{{ {address} = {REFUSAL} }}" for address in REFUSED),
    )


def master_cf(state: Path, ports: Mapping[str, int]) -> str:
    """The text of master.cf: the fixed services, then a row for each face."""
    lines = [_MASTER_CF]
    for face, settings in FACES.items():
        lines.append(f"127.0.0.1:{ports[face]} inet n - n - - smtpd\n  -o syslog_name={face}\n")
        for name, value in settings.items():
            # Not format(): values hold Postfix's own braces.
            lines.append(f"  -o {{ {name} = {value.replace('{state}', str(state))} }}\n")
    return "".join(lines)
