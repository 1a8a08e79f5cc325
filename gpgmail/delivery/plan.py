"""The plan: which keys sign, and who gets which copy encrypted to which keys.

Made before anything is protected or connected. Keys are exact fingerprints from here on. Who gets a
copy of his own is decided in `sharing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.delivery.choice import encryption_keys, signing_keys
from gpgmail.delivery.sharing import Copy, Owned, by_owner, share_out
from gpgmail.message.addresses import one_mailbox

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.options import BccPolicy
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.message.composed import Composed

Wish = bool | str | Sequence[str]


class Plan(NamedTuple):
    """Signers, copies, and the key that each recipient's address got."""

    signers: tuple[ChosenKey, ...]
    copies: tuple[Copy, ...]
    keys: Mapping[str, str]  # address -> primary fingerprint
    symmetric: bool = False  # a passphrase opens the copies too

    @property
    def encrypts(self) -> bool:
        """Whether the copies are to be encrypted."""
        return self.symmetric or any(copy.keys for copy in self.copies)

    @property
    def encrypted_to(self) -> tuple[str, ...]:
        """The primary fingerprints of all keys that copies are encrypted to."""
        return tuple(dict.fromkeys(key.fingerprint for copy in self.copies for key in copy.keys))

    @property
    def protects(self) -> bool:
        """Whether anything is to be signed or encrypted."""
        return bool(self.signers) or self.encrypts


def make_plan(
    composed: Composed,
    keyrings: Keyrings,
    *,
    sign: Wish,
    encrypt: Wish,
    run: Run,
    bcc: BccPolicy = "separate",
) -> Plan:
    """Choose the keys for a mail.

    *sign* True takes the key of the From address; *encrypt* True one for each recipient. Otherwise
    both name keys by fingerprint, address or user id.

    Raises:
        UsageError: If a wish names nothing, or *sign* is True and From names more than one author.
        KeySelectionError: If a key is missing, unusable or not the only one; `candidates` says why.
        PolicyError: If *bcc* forbids what is asked for.
    """
    recipients = composed.envelope.recipients
    if sign is True:
        sign = one_mailbox(composed.header("From"), "From").address
    selected = [keyrings.signer(query, run) for query in _queries(sign, "sign")]
    signers = signing_keys(selected, keyrings, run)
    if encrypt is True:
        found = Owned({one.address: keyrings.recipients(one.address, run) for one in recipients})
    else:
        queries = _queries(encrypt, "encrypt")
        if not queries:
            return Plan(signers, (Copy(recipients),), {})
        named = [(query, key) for query in queries for key in keyrings.recipients(query, run)]
        found = by_owner(recipients, named)
    return Plan(
        signers,
        tuple(
            copy._replace(keys=encryption_keys(copy.keys, keyrings, run))
            for copy in share_out(recipients, found, bcc)
        ),
        {address: keys[0].fingerprint for address, keys in found.own.items() if keys},
    )


def _queries(wish: Literal[False] | str | Sequence[str], name: str) -> Sequence[str]:
    if wish is False:
        return ()
    queries = [wish] if isinstance(wish, str) else list(wish)
    if not queries or not all(query.strip() for query in queries):
        raise Situation.BAD_VALUE.error(
            "names no key", subject=name, hint="give True, False, or fingerprints or addresses"
        )
    return queries
