"""What --dry-run prints: the plan of a mail, and what was seen of the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gpgmail.cli.report import one_line, show
from gpgmail.delivery.facts import of_rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.rehearsal import Rehearsal, RehearsedCopy

DRY_RUN = "dry run: nothing was sent"


def report_rehearsal(told: Rehearsal, *, as_json: bool, quiet: bool = False) -> None:
    """Print what would be sent, and through what; *quiet* leaves what has to be known."""
    if as_json:
        show(json.dumps(of_rehearsal(told), indent=2))
        return
    for words in told.remarks:
        show(f"gpgmail: {words}", err=True)
    if not quiet:
        for words in told.passed_over:
            show(f"gpgmail: {words}", err=True)
        show(DRY_RUN)
        for line in lines_of(told):
            show(line)


def lines_of(told: Rehearsal) -> Iterator[str]:
    """Give what would be sent, and through what, a line each."""
    yield from _way(told)
    yield f"sender: {told.sender}"
    for key in told.signers:
        yield f"signed by: {key_line(key)}"
    for copy in told.copies:
        yield from _copy(copy, encrypted=told.encrypted)
    yield "header:"
    for name, value in told.headers:
        yield f"  {one_line(f'{name}: {value}')}"


def _way(told: Rehearsal) -> Iterator[str]:
    if told.waits:
        yield f"server: none, it waits in the queue: {one_line(told.waits)}"
        return
    if told.account:
        yield f"account: {told.account}"
    yield f"server: {told.server}"
    yield f"TLS: {told.tls}, {told.cipher}" if told.tls else "TLS: none"
    if told.certificate is not None:
        seen = told.certificate
        yield f"certificate: {one_line(seen.subject)}, by {one_line(seen.issuer)}"
        yield f"  until {seen.expires:%Y-%m-%d}, SHA-256 {seen.fingerprint}"
    yield f"login: {told.user} by {told.mechanism}" if told.mechanism else "login: none"


def _copy(copy: RehearsedCopy, *, encrypted: bool) -> Iterator[str]:
    size = "size not known" if copy.size is None else f"{copy.size} bytes"
    yield f"copy ({size}): {', '.join(copy.recipients)}"
    for key in copy.keys:
        yield f"  encrypted to {key_line(key)}"
    if not copy.keys:
        yield "  encrypted with a passphrase" if encrypted else "  not encrypted"


def key_line(key: ChosenKey) -> str:
    """Return a key on one line."""
    until = f"until {key.ends:%Y-%m-%d}" if key.ends else "without end"
    hidden = ", hidden" if key.hidden else ""
    return one_line(f"{key.fingerprint} {key.user_id}, {until}{hidden}")
