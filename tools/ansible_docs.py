"""Writes what the Ansible collection says of its options; with --check it only compares.

    python tools/ansible_docs.py [--check]

A module's options are the rows of accounts, and those here that only Ansible has. From both the
documentation and the argument specification are made, so that they cannot differ; modules extend
the former and take the latter. Nothing here is imported where a module runs.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate

from gpgmail.core.declare import rows
from gpgmail.delivery.accounts import environment_name
from gpgmail.delivery.configfile import key_of
from gpgmail.delivery.options import PATHS, UNCERTAIN, AccountOptions, ServerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpgmail.core.declare import Row

COLLECTION = "ansible_collections/gpgmail/mail/plugins"
WIDTH = 100

# What a row is called where it has another name in Ansible, and its further names.
NAMES = {"user": "username", "from_": "sender", "hello": "ehlohost"}
ALIASES = {"username": ["user"], "sender": ["from"], "subject": ["msg"]}
# Rows that are no options, and why.
LEFT_OUT = {"passphrase_fd": "a module that was copied to a host inherits no descriptors"}
# Rows of which each value may have a key before it: no path to Ansible.
_WITH_KEY = {"passphrase_file"}
_TYPES = {str: "str", int: "int", bool: "bool", tuple: "list"}
_LOOKS_SECRET = re.compile(r"pass|secret|token|key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a module; `row` is the row that it is, empty where only Ansible has it."""

    name: str
    kind: str
    text: tuple[str, ...]
    elements: str = ""
    choices: Sequence[str] = ()
    default: Any = None
    required: bool = False
    secret: bool = False
    row: str = ""
    suboptions: tuple[Option, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return what documentation and specification both say."""
        said = {
            "type": self.kind,
            "elements": self.elements,
            "required": self.required,
            "choices": list(self.choices),
            "aliases": ALIASES.get(self.name, []),
        }
        found = {key: value for key, value in said.items() if value}
        return found if self.default is None else {**found, "default": self.default}


def of_row(row: Row) -> Option:
    """Return the option that a row is."""
    kind, is_path = _TYPES[row.type], row.name in PATHS - _WITH_KEY
    elements = ("path" if is_path else "str") if kind == "list" else ""
    where = f"C({key_of(row)}) of an account, E({environment_name(row)}) in the environment."
    shown = "" if row.default in ("", ()) else f" By default V({str(row.default).lower()})."
    return Option(
        name=NAMES.get(row.name, row.name),
        kind="path" if is_path and kind == "str" else kind,
        elements=elements,
        text=(row.doc, f"{where}{shown}"),
        choices=tuple(getattr(row.check, "choices", ())),
        secret=row.secret,
        row=row.name,
    )


def _own(name: str, kind: str, *text: str, **more: Any) -> Option:  # noqa: ANN401 - Option's fields
    return Option(name=name, kind=kind, text=text, **more)


ACCOUNT = (
    _own(
        "account",
        "str",
        "Account of the configuration files of the target host that has what no option says.",
        "Without it E(GPGMAIL_ACCOUNT), the files' default, or the only one.",
    ),
    _own("config", "path", "Read this configuration file and no other."),
)
SERVER = (
    _own(
        "host",
        "str",
        "Mail server; the target host itself where neither O(server), the account nor the "
        "environment names one.",
    ),
    _own("port", "int", "Port of the server, by default V(465) with O(secure=always), else V(25)."),
    _own(
        "secure",
        "str",
        "V(always) speaks TLS from the first byte, V(starttls) has to begin it with STARTTLS; "
        "V(try), which counts where O(host) or O(port) is given alone, does the former on port 465 "
        "and else the latter, and sends in clear to this machine only. No failure leads to a "
        "connection in clear.",
        "V(never) sends everything in clear, a password too.",
        "Certificates are verified, with those in O(ca_file) where that is given.",
        choices=("always", "never", "starttls", "try"),
    ),
)
KEYS = ("keyring", "trust")
COMMON = "common"
MAIL = (
    _own(
        "to",
        "list",
        "Recipients, each as V(local@domain) or V(Name <local@domain>).",
        "C(root) is the one of this machine, where the server is on it.",
        elements="str",
        default=["root"],
    ),
    _own("cc", "list", "Recipients of a copy.", elements="str", default=[]),
    _own(
        "bcc",
        "list",
        "Recipients that nobody else learns of; O(bcc_policy) says how, in encrypted mail.",
        elements="str",
        default=[],
    ),
    _own("subject", "str", "Subject, which is not encrypted.", required=True),
    _own("body", "str", "Text; by default the subject. It is kept out of the logs of the target."),
    _own(
        "subtype",
        "str",
        "Whether O(body) is text or HTML.",
        choices=("html", "plain"),
        default="plain",
    ),
    _own("charset", "str", "Charset of text and names in the mail.", default="utf-8"),
    _own(
        "attach",
        "list",
        "Files of the target host to attach, under their names.",
        elements="path",
        default=[],
    ),
    _own(
        "inline",
        "list",
        "Files of the target host that HTML shows by C(cid:) and their id.",
        elements="dict",
        default=[],
        suboptions=(
            _own("path", "path", "The file.", required=True),
            _own("cid", "str", "Its content id.", required=True),
            _own("mime_type", "str", "Its media type; by default what its name says."),
        ),
    ),
    _own(
        "headers",
        "list",
        "Further header fields, each as V(Name=value).",
        elements="str",
        default=[],
    ),
    _own(
        "message_id_domain",
        "str",
        "What stands behind the C(@) of the Message-ID; by default the sender's domain.",
    ),
    _own(
        "recipient_key",
        "list",
        "Encrypt to these keys and no others: fingerprints, key ids or addresses.",
        elements="str",
        default=[],
    ),
    _own(
        "passphrase",
        "str",
        "Passphrase of the signing key; better left to O(passphrase_file), O(passphrase_command) "
        "or gpg-agent.",
        secret=True,
    ),
    _own(
        "idempotency_key",
        "str",
        "Says which mail this is, such as V(backup report of 2026-11-22): a mail that was accepted "
        "under the same key, for the same account, from the same user of the target host, is not "
        "sent again.",
        "The Message-ID is made from it, so that a recipient can tell as well.",
        "It is kept for 400 days below E(XDG_STATE_HOME), else C(~/.local/state).",
    ),
    _own(
        "if_uncertain",
        "str",
        "What to do where O(idempotency_key) is of a mail that may have arrived: the connection or "
        "the process ended before the server's answer.",
        choices=UNCERTAIN,
        default=UNCERTAIN[0],
    ),
)
QUERIES = (
    _own(
        "name",
        "list",
        "Addresses, fingerprints, key ids or user ids to look for.",
        "For an address the keys are those that a mail to it, or from it, could use.",
        elements="str",
        required=True,
    ),
)


def groups() -> dict[str, tuple[Option, ...]]:
    """Return the options by the fragment that documents them."""
    everything = {row.name: of_row(row) for row in rows(AccountOptions)}
    for name in LEFT_OUT:
        del everything[name]
    server = [everything.pop(row.name) for row in rows(ServerOptions)]
    keys = [everything.pop(name) for name in KEYS]
    return {
        COMMON: (*ACCOUNT, *keys),
        "server": (*SERVER, *server),
        "mail": (*MAIL, *everything.values()),
        "queries": QUERIES,
    }


# ------------------------------------------------------------------------------------ written forms

_NOTICE = """\
# Copyright (c) gpgmail contributors
{terms}
# Generated by tools/ansible_docs.py from the rows of gpgmail: edit those, then run `make gen`.
"""
_GPL = """\
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later"""
_MIT = """\
# MIT License (see LICENSES/MIT.txt)
# SPDX-License-Identifier: MIT"""


# Stands beside the options that all modules have.
_OF_ALL = (
    "requirements:",
    "  - gpgmail, and so Python 3.11 or newer, and GnuPG 2.1 or newer, where the module runs",
    "attributes:",
    *("  platform:", "    support: full", "    platforms: posix"),
    "    description: Where the module runs.",
)


def fragments() -> str:
    """Return the module with the documentation of all options."""
    lines = [
        '"""What the options of the modules mean."""',
        "",
        "from __future__ import annotations",
        "",
        "",
        "class ModuleDocFragment:",
        '    """The options, a group an attribute."""',
    ]
    for name, options in groups().items():
        lines += ["", f'    {name.upper()} = r"""', "options:"]
        lines += [line for option in options for line in _documented(option, "  ")]
        lines += [*(_OF_ALL if name == COMMON else ()), '"""']
    return _NOTICE.format(terms=_GPL) + "\n".join(lines) + "\n"


def _documented(option: Option, indent: str) -> Iterator[str]:
    yield f"{indent}{option.name}:"
    yield f"{indent}  description:"
    for sentence in option.text:
        yield f"{indent}    - >-"
        yield from textwrap.wrap(
            sentence,
            WIDTH - 4,
            initial_indent=f"{indent}      ",
            subsequent_indent=f"{indent}      ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    for key, value in option.facts().items():
        yield f"{indent}  {key}: {json.dumps(value) if not isinstance(value, str) else value}"
    if option.suboptions:
        yield f"{indent}  suboptions:"
        for one in option.suboptions:
            yield from _documented(one, f"{indent}    ")


def arguments() -> str:
    """Return the module with the argument specifications."""
    found = groups()
    named = {
        option.name: option.row for options in found.values() for option in options if option.row
    }
    lines = [
        '"""What the modules take, and which option is which row of an account."""',
        "",
        "from __future__ import annotations",
    ]
    for name, options in found.items():
        lines += ["", *_assigned(name.upper(), {one.name: _specified(one) for one in options})]
    lines += ["", *_assigned("ROWS", named)]
    return _NOTICE.format(terms=_MIT) + "\n".join(lines) + "\n"


def _specified(option: Option) -> dict[str, Any]:
    said = option.facts()
    if option.secret or _LOOKS_SECRET.search(option.name):
        said["no_log"] = option.secret
    if option.suboptions:
        said["options"] = {one.name: _specified(one) for one in option.suboptions}
    return said


def _assigned(name: str, value: Mapping[str, Any]) -> Iterator[str]:
    first, *rest = _literal(value, "")
    yield f"{name} = {first}"
    yield from rest


def _literal(value: Any, indent: str) -> list[str]:  # noqa: ANN401 - any literal
    """Return a value as the formatter would write it, tables a line an entry."""
    if not isinstance(value, dict):
        return [_plain(value)]
    lines = ["{"]
    for key, one in value.items():
        first, *rest = _literal(one, f"{indent}    ")
        inner = [f'{indent}    "{key}": {first}', *rest]
        inner[-1] += ","
        lines += inner
    return [*lines, f"{indent}}}"]


def _plain(value: Any) -> str:  # noqa: ANN401 - any literal
    return str(value) if isinstance(value, bool) or value is None else json.dumps(value)


FILES = {
    f"{COLLECTION}/doc_fragments/_options.py": fragments,
    f"{COLLECTION}/module_utils/_arguments.py": arguments,
}


if __name__ == "__main__":
    sys.exit(generate.main(sys.argv[1:], files=FILES))
