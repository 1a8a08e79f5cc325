"""Selected keys become the exact keys of a job, with what the owner's gpg.conf adds.

gpg itself is kept from adding anything, so that what is here is all that there is; the engine holds
its result against it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.crypto.engine import ChosenKey
from gpgmail.keys.key import Purpose
from gpgmail.keys.watch import works_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.run import Run
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.keys.selection import Selection


def signing_keys(
    selections: Iterable[Selection], keyrings: Keyrings, run: Run
) -> tuple[ChosenKey, ...]:
    """Return the keys to sign with, none where nothing was selected."""
    chosen = tuple(selections)
    if not chosen:
        return ()
    added = keyrings.added_signers(run)
    return _distinct(exact(one, purpose=Purpose.SIGN) for one in (*chosen, *added))


def encryption_keys(
    chosen: Iterable[ChosenKey], keyrings: Keyrings, run: Run
) -> tuple[ChosenKey, ...]:
    """Return the keys to encrypt to, none where nothing was chosen."""
    keys = list(chosen)
    if not keys:
        return ()
    keys += [exact(selection, hidden=hide) for selection, hide in keyrings.added_recipients(run)]
    if keyrings.hide_all():
        keys = [replace(key, hidden=True) for key in keys]
    return _distinct(keys)


def exact(
    selection: Selection, *, hidden: bool = False, purpose: Purpose = Purpose.ENCRYPT
) -> ChosenKey:
    """Return the exact key of a selection; a *hidden* one is not named in the message."""
    part = selection.subkey
    return ChosenKey(
        selection.fingerprint,
        part.fingerprint,
        selection.user_id,
        hidden,
        part.shortest_hash,
        works_until(selection, purpose),
    )


def _distinct(keys: Iterable[ChosenKey]) -> tuple[ChosenKey, ...]:
    distinct: dict[str, ChosenKey] = {}
    for key in keys:
        distinct.setdefault(key.subkey, key)
    return tuple(distinct.values())
