"""What the command line prints: lines for people, JSON for programs."""

from __future__ import annotations

import json
from typing import Any

import click

from gpgmail.core.errors import GpgmailError, KeySelectionError, ServerError
from gpgmail.core.replies import Reply
from gpgmail.crypto.engine import SignatureSeen
from gpgmail.delivery.receipt import Receipt
from gpgmail.protect.verdict import ReadMail


def report_receipt(receipt: Receipt, *, as_json: bool, quiet: bool = False) -> None:
    """Print what became of a mail; *quiet* leaves standard output to the mail itself."""
    if as_json:
        click.echo(json.dumps(_receipt(receipt), indent=2), err=quiet)
        return
    for address in receipt.accepted:
        key = receipt.keys.get(address)
        click.echo(f"accepted: {address}" + (f", encrypted to {key}" if key else ""), err=quiet)
    for address, reply in receipt.refused.items():
        click.echo(f"refused: {address}: {reply}", err=True)
    for fingerprint in receipt.signers:
        click.echo(f"signed by: {fingerprint}", err=quiet)
    if receipt.reply is not None:
        click.echo(f"server: {receipt.reply}", err=quiet)


def report_failure(error: GpgmailError) -> None:
    """Print an error as JSON."""
    told: dict[str, Any] = {
        "family": str(error.code.family),
        "number": error.code.number,
        "name": error.code.name,
        "message": str(error),
        "subject": error.subject,
        "hint": error.hint,
        "retry": str(error.retry),
    }
    if isinstance(error, KeySelectionError):
        told["candidates"] = [
            {"fingerprint": one.fingerprint, "user_id": one.user_id, "reason": one.reason}
            for one in error.candidates
        ]
    if isinstance(error, ServerError):
        told["refused"] = {address: _reply(reply) for address, reply in error.refused.items()}
    click.echo(json.dumps({"error": told}, indent=2))


def report_mail(mail: ReadMail) -> None:
    """Print an opened mail as JSON."""
    verdict = mail.verdict
    told = {
        "headers": [[name, str(value)] for name, value in mail.message.items()],
        "signed": str(verdict.signed),
        "encrypted": str(verdict.encrypted),
        "cipher": verdict.cipher,
        "decrypted_with": verdict.decrypted_with,
        "recipients": verdict.recipients,
        "signatures": [_signature(one) for one in verdict.signatures],
        "problems": verdict.problems,
        "parts": [
            {
                "content_type": part.content_type,
                "name": part.name,
                "size": len(part.content),
                "signed": part.signed,
                "encrypted": part.encrypted,
                **({"text": part.text} if part.content_type.startswith("text/") else {}),
            }
            for part in mail.parts
        ],
    }
    click.echo(json.dumps(told, indent=2))


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "message_id": receipt.message_id,
        "sender": receipt.sender,
        "accepted": receipt.accepted,
        "refused": {address: _reply(reply) for address, reply in receipt.refused.items()},
        "signers": receipt.signers,
        "keys": dict(receipt.keys),
        "encrypted": receipt.encrypted,
        "replies": [_reply(reply) for reply in receipt.replies],
        "tls": receipt.tls,
        "size": receipt.size,
    }


def _reply(reply: Reply) -> dict[str, Any]:
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def _signature(seen: SignatureSeen) -> dict[str, Any]:
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
