"""Who gets which copy of an encrypted mail, so that no Bcc recipient's key is seen by anybody else.

A key names its owner to everyone who has the ciphertext. Three ways to deal with that:

| policy | what goes out |
|---|---|
| `separate` | a copy for To and Cc, and for each Bcc recipient one with his key alone |
| `hidden` | one copy, in which the keys of Bcc recipients have no id; their number can be seen |
| `forbid` | nothing: such a mail is refused |

What is not encrypted has no key in it and needs none of this.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.envelope import Recipient, RecipientType
from gpgmail.core.situations import Situation
from gpgmail.delivery.choice import exact
from gpgmail.delivery.options import BCC_POLICIES
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.options import BccPolicy
    from gpgmail.keys.selection import Selection


class Copy(NamedTuple):
    """What some recipients get: the same bytes, encrypted to the same keys (or to none)."""

    recipients: tuple[Recipient, ...]
    keys: tuple[ChosenKey, ...] = ()


class Owned(NamedTuple):
    """The keys that are a recipient's own, by his address, and those that are nobody's."""

    own: Mapping[str, tuple[Selection, ...]]
    common: tuple[Selection, ...] = ()


def by_owner(recipients: Sequence[Recipient], named: Sequence[tuple[str, Selection]]) -> Owned:
    """Say whose each of the *named* keys is, each with what it was named by.

    A key is a recipient's that has a user id with his address, or was named by it.
    """
    own = {
        one.address: tuple(key for name, key in named if _is_for(key, name, one.address))
        for one in recipients
    }
    blind, others = (
        {key.fingerprint for one in recipients if is_blind(one) is kind for key in own[one.address]}
        for kind in (True, False)
    )
    return Owned(own, tuple(key for _, key in named if key.fingerprint not in blind - others))


def share_out(recipients: Sequence[Recipient], found: Owned, policy: BccPolicy) -> list[Copy]:
    """Return the copies of an encrypted mail; each recipient is in one of them.

    Raises:
        PolicyError: If *policy* forbids Bcc recipients and there are some.
        KeySelectionError: If a copy would be encrypted to nobody who gets it.
    """
    blind = [one for one in recipients if is_blind(one)]
    if not blind or policy == "separate":
        return _separate(recipients, blind, found)
    if policy == "forbid":
        raise Situation.POLICY.error(
            "an encrypted mail must not have Bcc recipients",
            subject=f"Bcc {', '.join(one.address for one in blind)}",
            hint="send it to them on its own, or allow separate copies",
        )
    return [_together(recipients, blind, found)]


def check_policy(policy: str) -> BccPolicy:
    """Return *policy*.

    Raises:
        UsageError: If there is none of that name.
    """
    for known in BCC_POLICIES:
        if policy == known:
            return known
    raise Situation.BAD_VALUE.error(
        f"must be one of {', '.join(BCC_POLICIES)}, not {policy!r}", subject="bcc"
    )


def is_blind(recipient: Recipient) -> bool:
    """Tell whether no header names a recipient."""
    return recipient.recipient_type is RecipientType.BCC


def _separate(
    recipients: Sequence[Recipient], blind: Sequence[Recipient], found: Owned
) -> list[Copy]:
    together = tuple(one for one in recipients if not is_blind(one))
    copies = []
    if together:
        keys = [*_own(together, found), *found.common]
        if not keys:
            raise _without_key(together, "every key that was named belongs to a Bcc recipient")
        copies.append(Copy(together, _exact(keys)))
    for one in blind:
        keys = _own((one,), found)
        if not keys:
            raise _without_key((one,), "no key that was named has this Bcc recipient's address")
        copies.append(Copy((one,), _exact(keys)))
    return copies


def _together(recipients: Sequence[Recipient], blind: Sequence[Recipient], found: Owned) -> Copy:
    """Return the one copy for all, in which keys are hidden that are, or may be, a Bcc's."""
    named = _exact(_own([one for one in recipients if not is_blind(one)], found))
    common, theirs = _exact(found.common), _exact(_own(blind, found))
    if all(found.own[one.address] for one in blind):
        named, common = (*named, *common), ()
    shown = {key.fingerprint for key in named}
    hidden = (key for key in (*theirs, *common) if key.fingerprint not in shown)
    return Copy(tuple(recipients), (*named, *(replace(key, hidden=True) for key in hidden)))


def _own(recipients: Iterable[Recipient], found: Owned) -> list[Selection]:
    return [key for one in recipients for key in found.own[one.address]]


def _exact(keys: Iterable[Selection]) -> tuple[ChosenKey, ...]:
    return tuple(map(exact, keys))


def _is_for(selection: Selection, name: str, address: str) -> bool:
    """Tell whether a key was named by *address*, or has a user id with it.

    In any case of letters: a key that only may be a Bcc recipient's must not show up with others.
    """
    wanted = comparable(address).lower()
    named = (name, *(user_id.email for user_id in selection.key.user_ids))
    return any(comparable(one).lower() == wanted for one in named)


def _without_key(recipients: Iterable[Recipient], detail: str) -> GpgmailError:
    return Situation.KEY_NOT_FOUND.error(
        detail,
        subject=", ".join(one.address for one in recipients),
        hint="name a key with that address, or let the keys of Bcc recipients be hidden",
    )
