"""The plan: which keys sign, and who gets which copy encrypted to which keys.

Made before anything is protected or connected. Keys are exact fingerprints from here on. Recipients
in To and Cc share a copy; each Bcc recipient gets one of his own, so that no other recipient finds
the id of his key in the ciphertext.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import ChosenKey
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.selection import Selection
from gpgmail.keys.trust import comparable

Wish = bool | str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Copy:
    """What some recipients get: the same bytes, encrypted to the same keys (or to none)."""

    recipients: tuple[Recipient, ...]
    keys: tuple[ChosenKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Signers, copies, and the key that each recipient's address got."""

    signers: tuple[ChosenKey, ...]
    copies: tuple[Copy, ...]
    keys: Mapping[str, str]  # address -> primary fingerprint

    @property
    def encrypts(self) -> bool:
        """Whether the copies are to be encrypted."""
        return any(copy.keys for copy in self.copies)

    @property
    def protects(self) -> bool:
        """Whether anything is to be signed or encrypted."""
        return bool(self.signers) or self.encrypts


def make_plan(
    envelope: Envelope, author: str, keyrings: Keyrings, *, sign: Wish, encrypt: Wish, run: Run
) -> Plan:
    """Choose the keys for a mail.

    *sign* True takes the key of the *author*'s address; *encrypt* True one for each recipient.
    Otherwise both name keys by fingerprint, address or user id.

    Raises:
        KeySelectionError: If a key is missing, unusable or not the only one; `candidates` says why.
    """
    signers = tuple(
        _chosen(keyrings.signer(query, run)) for query in _queries(sign, (author,), "sign")
    )
    if encrypt is True:
        return _plan_by_address(envelope, keyrings, signers, run)
    named = [keyrings.recipient(query, run) for query in _queries(encrypt, (), "encrypt")]
    if not named:
        return Plan(signers, (Copy(envelope.recipients),), {})
    return _plan_by_name(envelope, named, signers)


def _plan_by_address(
    envelope: Envelope, keyrings: Keyrings, signers: tuple[ChosenKey, ...], run: Run
) -> Plan:
    found = {
        recipient.address: keyrings.recipient(recipient.address, run)
        for recipient in envelope.recipients
    }
    copies = tuple(
        Copy(group, _distinct(found[recipient.address] for recipient in group))
        for group in _groups(envelope)
    )
    return Plan(signers, copies, {address: key.fingerprint for address, key in found.items()})


def _plan_by_name(
    envelope: Envelope, named: list[Selection], signers: tuple[ChosenKey, ...]
) -> Plan:
    """Encrypt to the keys that the caller named; one that is a Bcc recipient's goes to him alone."""
    owners = {
        comparable(user_id.email): selection
        for selection in named
        for user_id in selection.key.user_ids
        if user_id.email
    }
    blind = {
        recipient.address: owners[comparable(recipient.address)]
        for recipient in envelope.recipients
        if recipient.recipient_type is RecipientType.BCC and comparable(recipient.address) in owners
    }
    open_addresses = {
        comparable(recipient.address)
        for recipient in envelope.recipients
        if recipient.recipient_type is not RecipientType.BCC
    }
    only_blind = {
        selection.fingerprint
        for selection in blind.values()
        if not any(comparable(uid.email) in open_addresses for uid in selection.key.user_ids)
    }
    common = [selection for selection in named if selection.fingerprint not in only_blind]
    copies = []
    for group in _groups(envelope):
        own = blind.get(group[0].address) if len(group) == 1 else None
        chosen = [own] if own is not None else common
        if not chosen:
            raise Situation.KEY_NOT_FOUND.error(
                "every key that was named belongs to a Bcc recipient",
                subject=", ".join(recipient.address for recipient in group),
                hint="name a key for them too",
            )
        copies.append(Copy(group, _distinct(chosen)))
    known = {
        recipient.address: owners[comparable(recipient.address)].fingerprint
        for recipient in envelope.recipients
        if comparable(recipient.address) in owners
    }
    return Plan(signers, tuple(copies), known)


def _groups(envelope: Envelope) -> list[tuple[Recipient, ...]]:
    """Split the recipients into those who share a copy: To and Cc together, each Bcc alone."""
    bcc = RecipientType.BCC
    together = tuple(item for item in envelope.recipients if item.recipient_type is not bcc)
    alone = [(item,) for item in envelope.recipients if item.recipient_type is bcc]
    return [together, *alone] if together else [*alone]


def _queries(wish: Wish, default: Sequence[str], name: str) -> Sequence[str]:
    if isinstance(wish, bool):
        return default if wish else ()
    queries = [wish] if isinstance(wish, str) else list(wish)
    if not queries or not all(query.strip() for query in queries):
        raise Situation.BAD_VALUE.error(
            "names no key", subject=name, hint="give True, False, or fingerprints or addresses"
        )
    return queries


def _chosen(selection: Selection) -> ChosenKey:
    return ChosenKey(selection.fingerprint, selection.subkey.fingerprint, selection.user_id)


def _distinct(selections: Iterable[Selection]) -> tuple[ChosenKey, ...]:
    chosen = (_chosen(selection) for selection in selections)
    return tuple({key.subkey: key for key in chosen}.values())
