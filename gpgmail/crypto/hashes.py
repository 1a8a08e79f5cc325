"""Hashes and the keys that sign them: DSA and ECDSA want one as long as their own group.

FIPS 186-4 sections 4.2 and 6.4; gpg takes longer ones, which it cuts, and refuses shorter ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey

_BITS = {"MD5": 128, "RIPEMD160": 160, "SHA1": 160}
_FITTING = {160: "SHA1", 224: "SHA224", 256: "SHA256", 384: "SHA384", 512: "SHA512"}
_BITS |= {name: bits for bits, name in _FITTING.items()}


def fitting(name: str, signers: Iterable[ChosenKey], run: Run) -> str:
    """Return the hash *name*, or the shortest one that all signers can sign where it is too short.

    gpg takes one hash for all signatures of a message.
    """
    strictest = max(signers, key=lambda key: key.shortest_hash, default=None)
    if strictest is None or strictest.shortest_hash <= _BITS.get(name, 0):
        return name
    longer = next(one for bits, one in _FITTING.items() if bits >= strictest.shortest_hash)
    run.status(
        f"{name} is too short for {strictest.user_id} {strictest.fingerprint}: {longer} instead"
    )
    return longer
