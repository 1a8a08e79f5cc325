"""The plan: which keys sign, and who gets which copy encrypted to which keys.

Made before anything is protected or connected. Keys are exact fingerprints from here on. Recipients
in To and Cc share a copy; each Bcc recipient gets one of his own, so that no other recipient finds
the id of his key in the ciphertext.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.situations import Situation
from gpgmail.delivery.choice import encryption_keys, exact, signing_keys
from gpgmail.keys.trust import comparable
from gpgmail.message.addresses import one_mailbox

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.keys.selection import Selection
    from gpgmail.message.draft import Composed

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
    def encrypted_to(self) -> tuple[str, ...]:
        """The primary fingerprints of all keys that copies are encrypted to."""
        return tuple(dict.fromkeys(key.fingerprint for copy in self.copies for key in copy.keys))

    @property
    def protects(self) -> bool:
        """Whether anything is to be signed or encrypted."""
        return bool(self.signers) or self.encrypts


def make_plan(
    composed: Composed, keyrings: Keyrings, *, sign: Wish, encrypt: Wish, run: Run
) -> Plan:
    """Choose the keys for a mail.

    *sign* True takes the key of the From address; *encrypt* True one for each recipient. Otherwise
    both name keys by fingerprint, address or user id.

    Raises:
        UsageError: If a wish names nothing, or *sign* is True and From names more than one author.
        KeySelectionError: If a key is missing, unusable or not the only one; `candidates` says why.
    """
    envelope = composed.envelope
    if sign is True:
        sign = one_mailbox(composed.header("From"), "From").address
    selected = [keyrings.signer(query, run) for query in _queries(sign, "sign")]
    signers = signing_keys(selected, keyrings, run)
    if encrypt is True:
        found = _by_address(envelope, keyrings, run)
    else:
        queries = _queries(encrypt, "encrypt")
        if not queries:
            return Plan(signers, (Copy(envelope.recipients),), {})
        named = [key for query in queries for key in keyrings.recipients(query, run)]
        found = _by_name(envelope, named)
    return Plan(
        signers,
        tuple(
            Copy(group, encryption_keys(map(exact, found.keys_for(group)), keyrings, run))
            for group in _groups(envelope)
        ),
        {address: keys[0].fingerprint for address, keys in found.owned.items() if keys},
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The keys that are a recipient's own, by his address, and those that are nobody's."""

    owned: Mapping[str, tuple[Selection, ...]]
    common: tuple[Selection, ...] = ()

    def keys_for(self, group: tuple[Recipient, ...]) -> list[Selection]:
        """Return the keys of the copy for *group*.

        Those in To and Cc get one with their own keys and the common ones, a Bcc recipient one with
        his own keys, or where he has none with the common ones.
        """
        own = [key for recipient in group for key in self.owned[recipient.address]]
        keys = own if _is_blind(group[0]) and own else [*own, *self.common]
        if not keys:
            raise Situation.KEY_NOT_FOUND.error(
                "every key that was named belongs to a Bcc recipient",
                subject=", ".join(recipient.address for recipient in group),
                hint="name a key for them too",
            )
        return keys


def _by_address(envelope: Envelope, keyrings: Keyrings, run: Run) -> _Found:
    return _Found(
        {one.address: keyrings.recipients(one.address, run) for one in envelope.recipients}
    )


def _by_name(envelope: Envelope, named: list[Selection]) -> _Found:
    """Share out the keys that the caller named; those with a recipient's address are his.

    One that is a Bcc recipient's goes into his copy alone, the others into that of all the rest.
    """
    owned = {
        recipient.address: tuple(key for key in named if _is_for(key, recipient.address))
        for recipient in envelope.recipients
    }
    blind, others = (
        {
            key.fingerprint
            for one in envelope.recipients
            if _is_blind(one) is kind
            for key in owned[one.address]
        }
        for kind in (True, False)
    )
    common = tuple(key for key in named if key.fingerprint not in blind - others)
    return _Found(owned, common)


def _groups(envelope: Envelope) -> list[tuple[Recipient, ...]]:
    """Split the recipients into those who share a copy: To and Cc together, each Bcc alone."""
    together = tuple(one for one in envelope.recipients if not _is_blind(one))
    alone = [(one,) for one in envelope.recipients if _is_blind(one)]
    return [together, *alone] if together else [*alone]


def _is_blind(recipient: Recipient) -> bool:
    return recipient.recipient_type is RecipientType.BCC


def _is_for(selection: Selection, address: str) -> bool:
    """Tell whether a key has a user id with *address*.

    In any case of letters: a key that only may be a Bcc recipient's must not show up with others.
    """
    wanted = comparable(address).lower()
    return any(comparable(uid.email).lower() == wanted for uid in selection.key.user_ids)


def _queries(wish: Literal[False] | str | Sequence[str], name: str) -> Sequence[str]:
    if wish is False:
        return ()
    queries = [wish] if isinstance(wish, str) else list(wish)
    if not queries or not all(query.strip() for query in queries):
        raise Situation.BAD_VALUE.error(
            "names no key", subject=name, hint="give True, False, or fingerprints or addresses"
        )
    return queries
