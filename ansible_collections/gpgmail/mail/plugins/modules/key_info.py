#!/usr/bin/python
# Copyright (c) gpgmail contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: key_info
short_description: Tell what the GnuPG keys of a host can do for addresses
version_added: 0.1.0
description:
  - Tells for each name which key a mail to it would be encrypted to, and which one a mail from it
    would be signed with, by the rules of M(gpgmail.mail.send).
  - Lists every key that was looked at, each with the reason that it is taken or not, and where
    there is one the command that would change it.
  - A name without a usable key is no failure.
author:
  - gpgmail contributors (@gpgmail)
extends_documentation_fragment:
  - gpgmail.mail._options.common
  - gpgmail.mail._options.queries
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
  diff_mode:
    support: none
    description: Nothing is ever changed.
notes:
  - The module runs on the target host, with the keys and the configuration files of the user there.
    With C(delegate_to=localhost) these are the controller's, with C(become) those of the user that
    it becomes; E(GNUPGHOME), or O(keyring), names another's.
seealso:
  - module: gpgmail.mail.send
"""

EXAMPLES = r"""
- name: Look at the keys of all who get reports
  gpgmail.mail.key_info:
    name:
      - ops@example.org
      - auditor@example.net
    keyring: /etc/gpgmail/recipients.asc
  register: found

- name: Fail before a key is missing or ends within a month
  ansible.builtin.assert:
    that:
      - item.encryption.usable
      - item.encryption.expires is none or item.encryption.expires > in_a_month
    fail_msg: "{{ item.name }}: {{ item.encryption.reason }}"
  vars:
    in_a_month: "{{ '%Y-%m-%d' | strftime(now().timestamp() + 30 * 86400) }}"
  loop: "{{ found.names }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
names:
  description: What was found, in the order of O(name).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What was looked for.
      returned: always
      type: str
      sample: ops@example.org
    encryption:
      description: What a mail to it would be encrypted to.
      returned: always
      type: dict
      contains: &decision
        usable:
          description: Whether there is exactly one key to use.
          returned: always
          type: bool
        fingerprint:
          description: Fingerprint of that key, empty where there is none.
          returned: always
          type: str
        subkey:
          description: Fingerprint of the subkey that does the work.
          returned: always
          type: str
        expires:
          description: When the first of both ends, null where neither does.
          returned: always
          type: str
        reason:
          description: Why the key is taken, or why none is.
          returned: always
          type: str
        candidates:
          description: >-
            Every key that was looked at. C(obstacle) is empty for the one that is taken, else
            C(choice), C(trust), C(state), C(usage) or C(match); C(command) would end it.
          returned: always
          type: list
          elements: dict
    signing:
      description: What a mail from it would be signed with.
      returned: always
      type: dict
      contains: *decision
details:
  description: Every key that is among the candidates, as gpg lists it, by its fingerprint.
  returned: success
  type: dict
  contains:
    fingerprint:
      description: Fingerprint of the primary key.
      returned: always
      type: str
    validity:
      description: How sure gpg is of the key; each of C(user_ids) has a validity of its own.
      returned: always
      type: str
      sample: full
    expires:
      description: When the primary key ends, null where it does not.
      returned: always
      type: str
    user_ids:
      description: User ids with C(text), C(validity) and C(state).
      returned: always
      type: list
      elements: dict
    subkeys:
      description: >-
        The primary key and the subkeys with C(fingerprint), C(algorithm), C(length), C(curve),
        C(capabilities), C(created), C(expires), C(state) and C(secret), which says where the secret
        part is.
      returned: always
      type: list
      elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gpgmail.mail.plugins.module_utils import _arguments, _gpgmail

SPECIFICATION = {**_arguments.COMMON, **_arguments.QUERIES}


def decided(candidates):
    """Return what a name comes to for one purpose."""
    from gpgmail.delivery.facts import of_candidate

    told = [of_candidate(one) for one in candidates]
    taken = [one for one in told if not one["obstacle"]]
    one = taken[0] if taken else {}
    return {
        "usable": bool(taken),
        "fingerprint": one.get("fingerprint", ""),
        "subkey": one.get("subkey", ""),
        "expires": one.get("expires"),
        "reason": "; ".join(each["reason"] for each in taken or told) or "no key has this name",
        "candidates": told,
    }


def found_keys(keyrings, fingerprints, run):
    """Return each key as gpg lists it; with secret parts where the first keyring has it."""
    from gpgmail.delivery.facts import of_key

    found = {}
    for number, keyring in enumerate(keyrings):
        for fingerprint in fingerprints:
            if fingerprint in found:
                continue
            keys = keyring.keys(fingerprint, secret=not number, run=run)
            found.update((key.fingerprint, of_key(key)) for key in keys)
    return found


def run(module):
    """Return the result."""
    from gpgmail import Keyring
    from gpgmail.core.run import Run
    from gpgmail.keys.keyrings import Keyrings

    options = _gpgmail.account_of(module, _gpgmail.given_rows(module.params)).options
    places = options.keyring or (None,)
    opened = [Keyring(None) if place is None else Keyring.open(place) for place in places]
    keyrings, one_run = Keyrings(opened[0], opened[1:], trust=options.trust or None), Run()
    names, seen = [], []
    try:
        for name in module.params["name"]:
            told = {"name": name}
            for purpose in ("encryption", "signing"):
                told[purpose] = decided(keyrings.why(name, one_run, purpose))
                seen += [one["fingerprint"] for one in told[purpose]["candidates"]]
            names.append(told)
        keys = found_keys(opened, dict.fromkeys(seen), one_run)
    finally:
        keyrings.close()
        for keyring in opened:
            keyring.close()
    return {"names": names, "details": keys}


def main():
    _gpgmail.finish(AnsibleModule(argument_spec=SPECIFICATION, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
