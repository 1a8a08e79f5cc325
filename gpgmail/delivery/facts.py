"""Receipts, errors and keys as plain data, for programs: the same words in JSON and in Ansible.

Only names and values that stay what they are; sentences for people are made elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpgmail.core.errors import DeliveryError, KeySelectionError, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gpgmail.core.errors import Candidate, GpgmailError
    from gpgmail.core.replies import Reply
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.rehearsal import Foreseen, Rehearsal, RehearsedCopy
    from gpgmail.keys.key import Key, Subkey
    from gpgmail.spool.record import Entry

_OF_A_CANDIDATE = ("fingerprint", "user_id", "reason", "keyring", "subkey", "obstacle", "command")
_OF_A_SUBKEY = ("fingerprint", "key_id", "algorithm", "length", "curve", "capabilities")


def of_receipt(receipt: Receipt) -> dict[str, Any]:
    """Return what became of a mail."""
    return {
        "message_id": receipt.message_id,
        "sender": receipt.sender,
        "accepted": list(receipt.accepted),
        "refused": of_refusals(receipt.refused),
        "signers": list(receipt.signers),
        "keys": dict(receipt.keys),
        "encrypted_to": list(receipt.encrypted_to),
        "encrypted": receipt.encrypted,
        "replies": [of_reply(reply) for reply in receipt.replies],
        "tls": receipt.tls,
        "size": receipt.size,
        "account": receipt.account,
        "passed_over": list(receipt.passed_over),
        "remarks": list(receipt.remarks),
    }


def of_entry(entry: Entry) -> dict[str, Any]:
    """Return what became of a mail that was sent before, with the same key."""
    return {
        "repeated": True,
        "sent_at": entry.time.isoformat(),
        "message_id": entry.message_id,
        "accepted": list(entry.accepted),
        "refused": of_refusals(entry.refused),
    }


def of_rehearsal(told: Rehearsal) -> dict[str, Any]:
    """Return what would be sent, and through what."""
    certificate = told.certificate
    return {
        "dry_run": True,
        "message_id": told.message_id,
        "sender": told.sender,
        "headers": [list(field) for field in told.headers],
        "signers": [_chosen(key) for key in told.signers],
        "copies": [_copy(copy) for copy in told.copies],
        "encrypted": told.encrypted,
        "account": told.account,
        "server": told.server,
        "extensions": list(told.extensions),
        "tls": told.tls,
        "cipher": told.cipher,
        "certificate": certificate
        and {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "expires": _moment(certificate.expires),
            "fingerprint": certificate.fingerprint,
        },
        "user": told.user,
        "mechanism": told.mechanism,
        "passed_over": list(told.passed_over),
        "remarks": list(told.remarks),
        "waits": told.waits,
    }


def of_foreseen(told: Foreseen) -> dict[str, Any]:
    """Return what would become of a mail that was handed over."""
    return {
        "dry_run": True,
        "mail": told.mail and of_rehearsal(told.mail),
        "held": [_copy(copy) for copy in told.held],
        "notices": {whom: of_rehearsal(one) for whom, one in told.notices.items()},
        "dropped": list(told.dropped),
        "without_key": {whom: of_error(error) for whom, error in told.without_key.items()},
    }


def of_error(error: GpgmailError) -> dict[str, Any]:
    """Return what failed, without the sentence for people."""
    told: dict[str, Any] = {
        "family": str(error.code.family),
        "number": error.code.number,
        "name": error.code.name,
        "subject": error.subject,
        "hint": error.hint,
        "retry": str(error.retry),
    }
    if isinstance(error, KeySelectionError):
        told["candidates"] = [of_candidate(one) for one in error.candidates]
    if isinstance(error, DeliveryError):
        told["accepted"] = list(error.accepted)
    if isinstance(error, ServerError):
        told["refused"] = of_refusals(error.refused)
    return told


def of_refusals(refused: Mapping[str, Reply]) -> dict[str, Any]:
    """Return the server's words for each address."""
    return {address: of_reply(reply) for address, reply in refused.items()}


def of_reply(reply: Reply) -> dict[str, Any]:
    """Return what a server said."""
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def of_candidate(one: Candidate) -> dict[str, Any]:
    """Return a key that was looked at, and why it was taken or not."""
    facts = {name: getattr(one, name) for name in _OF_A_CANDIDATE}
    return {**facts, "expires": _moment(one.expires)}


def of_key(key: Key) -> dict[str, Any]:
    """Return a key with its user ids and subkeys, the primary one first."""
    return {
        "fingerprint": key.fingerprint,
        "key_id": key.key_id,
        "created": _moment(key.created),
        "expires": _moment(key.expires),
        "state": str(key.primary.state),
        "disabled": key.disabled,
        "validity": str(key.validity),
        "ownertrust": str(key.ownertrust),
        "user_ids": [
            {"text": one.text, "validity": str(one.validity), "state": str(one.state)}
            for one in key.user_ids
        ],
        "subkeys": [_subkey(part) for part in key.parts],
    }


def _subkey(part: Subkey) -> dict[str, Any]:
    return {name: getattr(part, name) for name in _OF_A_SUBKEY} | {
        "created": _moment(part.created),
        "expires": _moment(part.expires),
        "state": str(part.state),
        "secret": str(part.secret),
    }


def _copy(copy: RehearsedCopy) -> dict[str, Any]:
    return {
        "recipients": list(copy.recipients),
        "keys": [_chosen(key) for key in copy.keys],
        "size": copy.size,
    }


def _chosen(key: ChosenKey) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "subkey": key.subkey,
        "user_id": key.user_id,
        "hidden": key.hidden,
        "expires": _moment(key.ends),
    }


def _moment(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
