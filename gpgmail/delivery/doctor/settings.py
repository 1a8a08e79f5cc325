"""Checks of what is written down: gpg.conf and the account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.text import quoted
from gpgmail.delivery.checking import check as check_account
from gpgmail.delivery.doctor.finding import error, ok, raised, warning
from gpgmail.keys.place import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding
    from gpgmail.gpg.config import Additions

_LINE = re.compile(r"(?P<file>/.*), line (?P<number>\d+)")
_CHMOD = re.compile(r"\((?P<command>chmod [^()]*)\)")


def gpg_conf(case: Case) -> Iterator[Finding]:
    """Whether gpg.conf holds a line that nothing can be sent with, and what it adds."""
    for ring in case.rings:
        if ring.kind is not Kind.HOME:
            continue
        try:
            added = ring.additions()
        except GpgmailError as failure:
            line = _LINE.fullmatch(failure.subject)
            fix = f"sed -i '{line['number']}s/^/# /' {quoted(line['file'])}" if line else ""
            yield raised(failure, fix=fix)
            continue
        said = "; ".join(_said(added))
        yield ok(f"gpg.conf of {ring.name} {said or 'adds nothing to mails'}")
        if added.trust_model == "always":
            yield warning(
                f"gpg.conf of {ring.name} says trust-model always: any key with an address is "
                "taken for its owner's",
                hint="pin the keys: trust = pinned:FILE",
            )


def _said(added: Additions) -> Iterator[str]:
    named = {
        "encrypts to": (*added.encrypt_to, *added.hidden_encrypt_to),
        "signs with": added.local_user,
        "knows the groups": tuple(added.groups),
    }
    yield from (f"{what} {', '.join(names)}" for what, names in named.items() if names)
    if added.throw_keyids:
        yield "hides all recipients"


def account(case: Case) -> Iterator[Finding]:
    """Whether the account can be read, and its values fit and exist."""
    if case.trouble is not None:
        yield raised(case.trouble)
        return
    complaints = check_account(case.account)
    for complaint in complaints:
        found = _CHMOD.search(complaint)
        yield error(complaint, fix=found["command"] if found else "", exit_code=Exit.CONFIG)
    if not complaints:
        name = case.account.name
        yield ok(f"account {name} is complete" if name else "no account is configured")
