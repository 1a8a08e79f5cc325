"""What the command line prints: lines for people, JSON for programs.

All of it goes through `show`: words of servers, mails and keys are other people's.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation
from gpgmail.delivery.facts import of_error, of_receipt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError
    from gpgmail.crypto.engine import SignatureSeen
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.protect.headers import ProtectedHeaders
    from gpgmail.protect.verdict import ReadMail


def show(text: str, *, err: bool = False) -> None:
    """Print text, on standard error with *err*, where a failure has nobody to be told to.

    Raises:
        MessageError: If standard output does not take it.
    """
    try:
        click.echo(_printable(text), err=err)
    except OSError as error:
        if not err:
            raise Situation.WORKING_FILE.error(
                error.strerror or type(error).__name__,
                subject="standard output",
                code=ErrorCode.PGP_WRITE_FILE,
            ) from error


def silence() -> None:
    """Let a stream that does not take what it was given end in nothing, before Python complains."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def line(error: GpgmailError) -> str:
    """Return what an error says, with what was noted about it, as one line."""
    return " ".join("; ".join([str(error), *getattr(error, "__notes__", ())]).splitlines())


def lines(error: GpgmailError) -> tuple[str, ...]:
    """Return what an error says, and what to do about it where that is known, a line each."""
    what, advice = line(error), f" ({error.hint})"
    if not error.hint or advice not in what:
        return (what,)
    return what.replace(advice, "", 1), f"hint: {' '.join(error.hint.splitlines())}"


def report_receipt(
    receipt: Receipt, *, as_json: bool, quiet: bool = False, err: bool = False
) -> None:
    """Print what became of a mail; *err* leaves standard output to the mail itself.

    With *quiet* that is only whom the server refused, and what a person has to know: that a mail
    left in clear which was to be encrypted where that is possible, for one.
    """
    if as_json:
        show(json.dumps(of_receipt(receipt), indent=2), err=err)
        return
    for words in receipt.remarks:
        show(f"gpgmail: {words}", err=True)
    if not quiet:
        _report_success(receipt, err=err)
    for address, reply in receipt.refused.items():
        show(f"refused: {address}: {reply}", err=True)


def _report_success(receipt: Receipt, *, err: bool) -> None:
    for words in receipt.passed_over:
        show(f"gpgmail: {words}", err=True)
    for address in receipt.accepted:
        key = receipt.keys.get(address)
        show(f"accepted: {address}" + (f", encrypted to {key}" if key else ""), err=err)
    told = {receipt.keys.get(address) for address in receipt.accepted}
    for fingerprint in receipt.encrypted_to:
        if fingerprint not in told:
            show(f"encrypted to: {fingerprint}", err=err)
    for fingerprint in receipt.signers:
        show(f"signed by: {fingerprint}", err=err)
    for reply in receipt.replies:
        show(f"server: {reply}", err=err)
    if receipt.passed_over:
        show(f"account: {receipt.account}", err=err)


def report_failure(error: GpgmailError, *, err: bool = False) -> None:
    """Print an error as JSON."""
    told = {"message": line(error), **of_error(error)}
    show(json.dumps({"error": told}, indent=2), err=err)


def one_line(text: str) -> str:
    """Return *text* on one line, so that it cannot say what this program would say on the next."""
    return " ".join(text.split())


def report_mail(mail: ReadMail, saved: Mapping[int, Path]) -> None:
    """Print an opened mail as JSON, with the files that parts were saved to."""
    verdict = mail.verdict
    told = {
        "verdict": str(verdict.outcome),
        "author": verdict.author,
        "by_author": verdict.by_author,
        "author_validity": verdict.author_validity,
        "signer": signature_facts(verdict.signer) if verdict.signer else None,
        "protected": _protected(verdict.protected) if verdict.protected else None,
        "headers": [[name, str(value)] for name, value in mail.message.items()],
        "signed": str(verdict.signed),
        "encrypted": str(verdict.encrypted),
        "cipher": verdict.cipher,
        "decrypted_with": verdict.decrypted_with,
        "recipients": verdict.recipients,
        "signatures": [signature_facts(one) for one in verdict.signatures],
        "problems": verdict.problems,
        "parts": [
            {
                "content_type": part.content_type,
                "name": part.name,
                "size": len(part.content),
                "signed": part.signed,
                "encrypted": part.encrypted,
                "by_author": part.by_author,
                "outside": part.outside,
                "signatures": [signature_facts(one) for one in part.signatures],
                **({"saved": str(saved[at])} if at in saved else {}),
                **({"text": part.text} if part.content_type.startswith("text/") else {}),
            }
            for at, part in enumerate(mail.parts)
        ],
    }
    show(json.dumps(told, indent=2))


def _protected(found: ProtectedHeaders) -> dict[str, Any]:
    return {
        "scheme": found.scheme,
        "signed": found.signed,
        "encrypted": found.encrypted,
        "fields": [
            {"name": one.name, "value": one.value, "outer": one.outer, "shown": one.shown}
            for one in found.fields
        ],
    }


def signature_facts(seen: SignatureSeen) -> dict[str, Any]:
    """Return what is known of a signature."""
    return {
        "status": str(seen.status),
        "key_id": seen.key_id,
        "fingerprint": seen.fingerprint,
        "primary": seen.primary,
        "user_id": seen.user_id,
        "validity": seen.validity,
        "created": seen.created.isoformat() if seen.created else None,
        "digest": seen.digest,
        "key_algorithm": seen.key_algorithm,
    }


def _printable(text: str) -> str:
    """Return *text* without control characters, which could rewrite what the terminal shows."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
