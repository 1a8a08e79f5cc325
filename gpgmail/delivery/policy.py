"""What an account's policy says of a mail: the recipients' rows become one decision for all.

Of rows for the address, its domain and `*` the nearest counts, each for what it says; where none
says something the account's own row does. What the caller or the environment says counts before
all of them. One mail has one content, so that the strictest wish of
its recipients holds for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gpgmail.core.declare import is_set
from gpgmail.core.situations import Situation
from gpgmail.delivery.accounts import Place
from gpgmail.delivery.options import ENCRYPT
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.options import RecipientOptions

EVERYBODY = "*"
_NEVER, _PREFER, _REQUIRE = ENCRYPT


class Decision(NamedTuple):
    """What is to be done to a mail; *encrypt* is one of never, prefer, require."""

    sign: bool
    encrypt: str


def decide(account: Account, addresses: Sequence[str]) -> Decision:
    """Return what *account* says of a mail to *addresses*.

    It is signed where that is said for anybody, encrypted where that is required for anybody, and
    where it is preferred for somebody and nobody says never.

    Raises:
        PolicyError: If encryption is required for one recipient and another never gets it.
    """
    encrypt = {address: str(_said(account, address, "encrypt")) for address in addresses}
    sign = any(_said(account, address, "sign") for address in addresses)
    wishes = set(encrypt.values())
    if {_NEVER, _REQUIRE} <= wishes:
        first = {wish: address for address, wish in reversed(encrypt.items())}
        raise Situation.POLICY.error(
            f"{first[_NEVER]} never gets encrypted mail, and mail to {first[_REQUIRE]} must be",
            subject="policy",
            hint="send them separate mails",
        )
    if _REQUIRE in wishes:
        return Decision(sign, _REQUIRE)
    return Decision(sign, _PREFER if wishes == {_PREFER} else _NEVER)


def on_unencryptable(account: Account, address: str) -> str:
    """Return what happens where *address* has to get an encrypted mail and cannot."""
    return str(_said(account, address, "on_unencryptable"))


def _said(account: Account, address: str, name: str) -> Any:  # noqa: ANN401 - a row's value
    """Return what the nearest row that says anything of it has."""
    if name in account.found and account.found[name][0].place is not Place.FILE:
        return getattr(account.options, name)
    found = (account.policy[who] for who in _names(address) if who in account.policy)
    options: RecipientOptions = next((one for one in found if is_set(one, name)), account.options)
    return getattr(options, name)


def _names(address: str) -> Iterator[str]:
    """Give what a policy may call a recipient, the nearest first."""
    whole = comparable(address).lower()
    yield whole
    yield whole.rpartition("@")[2]
    yield EVERYBODY
