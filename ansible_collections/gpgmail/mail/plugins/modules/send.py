#!/usr/bin/python
# Copyright (c) gpgmail contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: send
short_description: Send a mail, signed and encrypted with the GnuPG keys of a host
version_added: 0.1.0
description:
  - Sends one mail with text and attachments, signed and encrypted (OpenPGP) with the keys that the
    host it runs on already has, over a connection that is verified.
  - Nothing is sent unless all that was asked for could be done. A mail that cannot be encrypted is
    not sent in clear, and a connection that should be encrypted never becomes one that is not.
  - With O(idempotency_key) a mail is sent once, however often the play is run.
  - The options of M(community.general.mail) mean the same here, except where theirs are unsafe.
author:
  - gpgmail contributors (@gpgmail)
extends_documentation_fragment:
  - gpgmail.mail._options.common
  - gpgmail.mail._options.server
  - gpgmail.mail._options.mail
attributes:
  check_mode:
    support: full
    description: >-
      Keys are chosen, the mail is signed and encrypted, the server is connected to, greeted and
      logged in to; then it is left without a word of the mail.
  diff_mode:
    support: full
    description: Shows the header fields of the mail, never its text.
notes:
  - The module runs on the target host, with the keys, the gpg-agent, the configuration files and
    the E(GPGMAIL_SERVER) and such of the user there. With C(delegate_to=localhost) these are the
    controller's. With C(become) they are those of the user that it becomes, root by default, whose
    C(HOME) counts; set E(GNUPGHOME) by C(environment), or O(keyring), to have another's.
  - Where a key has a passphrase and no option says it, that user's gpg-agent has to know it. It is
    never asked for at a terminal.
  - O(body) reaches the target as all options of Ansible do. Without C(pipelining) that is a file in
    C(remote_tmp), which only its user can read and which is removed. It is not written to the logs
    of the target and not shown; C(no_log) hides the subject and the addresses too.
  - Files to attach lie on the target. To attach files of the controller delegate to it, or use
    M(ansible.builtin.copy) before.
  - An option that is not given is what E(GPGMAIL_NAME) in the environment of the target says, else
    the account, else its default. C(gpgmail config show) on the target shows it.
seealso:
  - module: gpgmail.mail.key_info
  - module: community.general.mail
"""

EXAMPLES = r"""
- name: Send a signed and encrypted report through this machine's mail server, once a day
  gpgmail.mail.send:
    sender: backup@example.org
    to: ops@example.org
    subject: "Backup of {{ inventory_hostname }}"
    body: "{{ report.stdout }}"
    attach: /var/log/backup.log
    sign: true
    encrypt: require
    idempotency_key: "backup {{ inventory_hostname }} {{ ansible_facts.date_time.date }}"

- name: Send through a provider, with the controller's keys
  gpgmail.mail.send:
    host: mail.example.org
    secure: always
    username: backup@example.org
    password: "{{ mail_password }}"
    sender: backup@example.org
    to:
      - Ops <ops@example.org>
    bcc:
      - auditor@example.net
    subject: Generated passwords
    body: "{{ generated }}"
    encrypt: require
    trust: pinned:keys/pinned.txt
  delegate_to: localhost
  no_log: true

- name: Send as an account of ~/.config/gpgmail/config.toml says
  gpgmail.mail.send:
    account: alerts
    to: ops@example.org
    subject: Disk almost full
"""

RETURN = r"""
message_id:
  description: Message-ID of the mail. With O(idempotency_key) it is the same at each run.
  returned: when it was sent or would have been
  type: str
  sample: <5c1f0d3c7d@example.org>
accepted:
  description: Recipients for whom the server took the mail, now or before; none in check mode.
  returned: always
  type: list
  elements: str
  sample: [ops@example.org]
refused:
  description: Recipients whom the server did not take, with its words; none in check mode.
  returned: success, and when the server refused
  type: dict
  contains:
    code:
      description: The reply code.
      returned: always
      type: int
      sample: 550
    enhanced:
      description: The enhanced status code, empty where the server has none.
      returned: always
      type: str
      sample: 5.1.1
    text:
      description: The words.
      returned: always
      type: str
      sample: 5.1.1 No such mailbox here
repeated:
  description: Whether a mail of the same O(idempotency_key) was sent before, so that none was sent.
  returned: success
  type: bool
  sample: false
sent_at:
  description: When that was.
  returned: when O(idempotency_key) was used before
  type: str
  sample: '2026-11-22T13:05:11+00:00'
sender:
  description: Sender of the envelope, to whom a mail that cannot be delivered returns.
  returned: when it was sent or would have been
  type: str
  sample: backup@example.org
encrypted:
  description: Whether the mail is encrypted.
  returned: when it was sent or would have been
  type: bool
  sample: true
signers:
  description: Fingerprints of the keys that signed.
  returned: when it was sent or would have been
  type: list
  elements: str
recipient_keys:
  description: Fingerprint of the key of each recipient.
  returned: when it was sent
  type: dict
  sample: {ops@example.org: 7A0F3B6C2D1E4958A7B6C5D4E3F201928374655A}
encrypted_to:
  description: Fingerprints of all keys that open the mail.
  returned: when it was sent or would have been
  type: list
  elements: str
copies:
  description: >-
    Who would get the same bytes (C(recipients)), the keys that they are encrypted to (C(keys)), and
    how many they are (C(size)).
  returned: in check mode
  type: list
  elements: dict
server:
  description: Server that was connected to.
  returned: in check mode
  type: str
certificate:
  description: Its certificate, null where the connection was in clear.
  returned: in check mode
  type: dict
mechanism:
  description: How C(user) logged in there, empty where nobody did.
  returned: in check mode
  type: str
user:
  description: Who logged in there.
  returned: in check mode
  type: str
tls:
  description: Version of TLS, empty where the connection was in clear.
  returned: when it was sent or would have been
  type: str
  sample: TLSv1.3
replies:
  description: The server's last words, for each copy of the mail; C(code), C(enhanced), C(text).
  returned: when it was sent
  type: list
  elements: dict
  sample: [{code: 250, enhanced: 2.0.0, text: '2.0.0 Ok: queued as 4bXk2l1Zz9'}]
size:
  description: Bytes of the mail.
  returned: when it was sent
  type: int
account:
  description: Account whose server took the mail, empty where none has a name.
  returned: when it was sent or would have been
  type: str
passed_over:
  description: Why accounts before that one did not.
  returned: when it was sent or would have been
  type: list
  elements: str
remarks:
  description: What is to be known besides; each is a warning too.
  returned: when it was sent or would have been
  type: list
  elements: str
family:
  description: >-
    Where the number of an error comes from. Together they name the error, see C(docs/errors.md) of
    gpgmail.
  returned: failure
  type: str
  sample: gpgmail
number:
  description: Number of the error.
  returned: failure
  type: int
  sample: 9
name:
  description: Name of the error.
  returned: failure
  type: str
  sample: KEY_UNTRUSTED
retry:
  description: >-
    Whether the same call may succeed V(later), will V(no) more, or it is V(unknown) whether the
    mail arrived.
  returned: failure
  type: str
  sample: later
subject:
  description: What the error is about.
  returned: failure
  type: str
hint:
  description: What to do.
  returned: failure
  type: str
candidates:
  description: All keys that were looked at, each with the reason that it was not taken.
  returned: when no key could be chosen
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gpgmail.mail.plugins.module_utils import _arguments, _gpgmail, _mail

SPECIFICATION = {
    **_arguments.COMMON,
    **_arguments.SERVER,
    **_arguments.MAIL,
}
OF_A_REHEARSAL = (
    "message_id",
    "sender",
    "copies",
    "encrypted",
    "account",
    "server",
    "tls",
    "certificate",
    "user",
    "mechanism",
    "passed_over",
    "remarks",
)


def once_of(params, account):
    """Return what makes the mail go out once, None where it has no key."""
    if params["idempotency_key"] is None:
        return None
    from gpgmail.delivery.once import Once

    return Once(
        params["idempotency_key"],
        account=account.name,
        uncertain=params["if_uncertain"],
        domain=params["message_id_domain"] or "",
    )


def sent_before(entry):
    """Return the result for a mail that was sent before."""
    from gpgmail.delivery.facts import of_entry

    said = "sent before, with the same idempotency key"
    return {**of_entry(entry), "msg": said, "changed": False}


def once_only(module, mailer, once, draft, wishes):
    """Return the result for a mail that has a key; None where it would be sent now, if it were."""
    from gpgmail import Receipt

    with _gpgmail.failing(module, repeated=True):
        entry = once.before(draft)
    if entry is None and module.check_mode:
        return None
    became = entry or once.send(mailer, draft, **wishes)
    return sent(module, became) if isinstance(became, Receipt) else sent_before(became)


def sent(module, receipt):
    """Return the result for a mail that was sent now."""
    from gpgmail.delivery.facts import of_receipt

    result = {**of_receipt(receipt), "changed": True, "repeated": False}
    result["recipient_keys"] = result.pop("keys")  # in a template .keys is a method
    if receipt.refused:
        module.fail_json(
            msg="the server took the mail, but not for " + ", ".join(receipt.refused),
            **{**result, **_gpgmail.shown(module)},
        )
    return {**result, "msg": "sent to " + ", ".join(receipt.accepted)}


def rehearsed(mailer, draft, wishes):
    """Return the result for a mail that was not sent, though all was done that comes before."""
    from gpgmail.delivery.facts import of_rehearsal

    told = mailer.rehearse(draft, **wishes)
    keys = dict.fromkeys(key.fingerprint for copy in told.copies for key in copy.keys)
    return {
        **{name: value for name, value in of_rehearsal(told).items() if name in OF_A_REHEARSAL},
        "msg": "would be sent",
        "changed": True,
        "repeated": False,
        "accepted": [],
        "refused": {},
        "signers": [key.fingerprint for key in told.signers],
        "encrypted_to": list(keys),
    }


def run(module):
    """Return the result."""
    from gpgmail import Mailer
    from gpgmail.core.events import KeyExpires
    from gpgmail.delivery.accounts import require_choice

    params = module.params
    given = _gpgmail.given_rows(params)
    with _mail.passphrase_given(params, given):
        account = _gpgmail.account_of(module, given)
        if "server" not in given:
            if params["host"] is None:
                require_choice(account)
            url = _mail.server_url(params, account.options.server)
            if url is not None:
                given["server"] = url
                account = _gpgmail.account_of(module, given)
        mailer = Mailer.of_account(account)
    mailer.on(KeyExpires, lambda event: module.warn(str(event)))
    draft, once = _mail.draft_of(params, account), once_of(params, account)
    draft = once.identified(draft) if once else draft
    wishes = {"encrypt": params["recipient_key"]} if params["recipient_key"] else {}
    with mailer:
        result = once_only(module, mailer, once, draft, wishes) if once else None
        if result is None and module.check_mode:
            result = rehearsed(mailer, draft, wishes)
        elif result is None:
            result = sent(module, mailer.send(draft, **wishes))
    for remark in result.get("remarks", ()):
        module.warn(remark)
    if module._diff and result["changed"]:  # noqa: SLF001 - Ansible's only name for it
        result["diff"] = {
            "before": "",
            "after": _mail.header_lines(draft),
            "before_header": "nothing",
            "after_header": "header of the mail",
        }
    return result


def main():
    module = AnsibleModule(
        argument_spec=SPECIFICATION,
        mutually_exclusive=[("server", name) for name in ("host", "port", "secure")],
        supports_check_mode=True,
        no_log=True,  # which is to log no call: the text would be in the system's log in clear
    )
    _gpgmail.finish(module, run)


if __name__ == "__main__":
    main()
