"""Which keys an account counts on, and what is found for each: what monitoring looks at.

Recipients are the addresses of its policy, those that its pins and its hold key name, the keys that
gpg.conf adds, and for a domain of the policy every key here with an address in it. Signers are
those that it names, or the key of its sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from gpgmail.core.errors import KeySelectionError
from gpgmail.delivery.policy import EVERYBODY, decide
from gpgmail.keys.key import Purpose, State
from gpgmail.keys.keyrings import Keyrings, require_name
from gpgmail.keys.selection import Selection
from gpgmail.keys.trust import Pinned, comparable, parse
from gpgmail.keys.watch import Watched
from gpgmail.message.addresses import one_mailbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpgmail.core.run import Run
    from gpgmail.delivery.accounts import Account
    from gpgmail.keys.key import Key
    from gpgmail.keys.keyring import Keyring

_PREFER, _REQUIRE = "prefer", "require"
_GIVEN, _SIGNER, _GPG_CONF = "given", "signer", "gpg.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A key by the name that somebody gave it."""

    name: str
    purpose: Purpose
    origin: str
    needed: bool = True
    trusted: bool = False  # by whoever named it, as gpg has it


def watch(
    account: Account,
    rings: Sequence[Keyring],
    run: Run,
    *,
    recipients: Iterable[str] = (),
    signing: Iterable[str] = (),
) -> tuple[Watched, ...]:
    """Return what is found for each key that *account* counts on, or that was given.

    Where recipients or signers are given the account's are left alone.

    Raises:
        GpgmailError: If the keys cannot be read, or a name that was given is empty; a key that is
            not there is no error.
    """
    given = [_Wanted(name=one, purpose=Purpose.ENCRYPT, origin=_GIVEN) for one in recipients]
    given += [_Wanted(name=one, purpose=Purpose.SIGN, origin=_GIVEN) for one in signing]
    for one in given:
        require_name(one.name)
    wanted: dict[tuple[str, Purpose], _Wanted] = {}
    for one in given or (*_signers(account, rings[0]), *_recipients(account, rings, run)):
        key = (comparable(one.name), one.purpose)
        if key not in wanted or (one.needed and not wanted[key].needed):
            wanted[key] = one
    first, *more = rings
    stated = Keyrings(first, more, trust=account.options.trust or None)
    trusting = Keyrings(first, more, trust="always")
    return tuple(
        found
        for one in wanted.values()
        for found in _found(one, trusting if one.trusted else stated, run)
    )


def everything(rings: Iterable[Keyring], run: Run) -> tuple[Watched, ...]:
    """Return every key of the keyrings that can be used today, once for each purpose.

    Raises:
        KeyringError: If the keys cannot be read.
    """
    now = datetime.now(UTC)
    found = {
        (key.fingerprint, purpose): Watched(
            name=_name(key),
            purpose=purpose,
            origin=ring.name,
            selection=Selection(key, part, key.user_id),
        )
        for ring in rings
        for key in ring.keys(secret=True, run=run)
        for purpose in (Purpose.SIGN, Purpose.ENCRYPT)
        if key.reason_unusable(purpose, now) is None and (part := key.part_for(purpose, now))
    }
    return tuple(found.values())


def _name(key: Key) -> str:
    return next((uid.email for uid in key.user_ids if uid.email), key.fingerprint)


def _found(wanted: _Wanted, keyrings: Keyrings, run: Run) -> Iterator[Watched]:
    found = partial(
        Watched,
        name=wanted.name,
        purpose=wanted.purpose,
        origin=wanted.origin,
        needed=wanted.needed,
    )
    try:
        selected = (
            (keyrings.signer(wanted.name, run),)
            if wanted.purpose is Purpose.SIGN
            else keyrings.recipients(wanted.name, run)
        )
    except KeySelectionError as error:
        yield found(error=error)
        return
    for selection in selected:
        yield found(selection=selection)


def signers(account: Account) -> tuple[str, ...]:
    """Return what *account* calls the keys that it signs with; none where it signs nothing.

    Raises:
        UsageError: If its sender is no address.
    """
    options = account.options
    if options.signer:
        return options.signer
    signs = options.sign or any(row.sign for row in account.policy.values())
    return (one_mailbox(options.from_, "from").address,) if signs and options.from_ else ()


def _signers(account: Account, first: Keyring) -> Iterator[_Wanted]:
    names = signers(account)
    for name in names:
        yield _Wanted(name=name, purpose=Purpose.SIGN, origin=_SIGNER)
    for name in first.additions().local_user if names else ():
        yield _Wanted(name=name, purpose=Purpose.SIGN, origin=_GPG_CONF)


def _recipients(account: Account, rings: Sequence[Keyring], run: Run) -> Iterator[_Wanted]:
    yield from _by_policy(account, rings, run)
    policy = parse(account.options.trust) if account.options.trust else None
    for address in policy.pins if isinstance(policy, Pinned) else ():
        yield _Wanted(name=address, purpose=Purpose.ENCRYPT, origin="pins")
    if account.options.hold_key:
        hold = account.options.hold_key
        yield _Wanted(name=hold, purpose=Purpose.ENCRYPT, origin="hold_key")
    added = rings[0].additions()
    own = added.default_key[-1:] if added.encrypt_to_default_key else ()
    for name in (*added.encrypt_to, *added.hidden_encrypt_to, *own):
        yield _Wanted(name=name, purpose=Purpose.ENCRYPT, origin=_GPG_CONF, trusted=True)


def _by_policy(account: Account, rings: Sequence[Keyring], run: Run) -> Iterator[_Wanted]:
    domains = [who for who in account.policy if "@" not in who and who != EVERYBODY]
    here = _addresses(rings, run) if domains else ()
    named = [(who, f"policy {who}") for who in account.policy if "@" in who]
    named += [(one, f"policy {who}") for who in domains for one in here if _is_in(one, who)]
    for address, origin in named:
        wish = decide(account, (address,)).encrypt
        if wish in {_PREFER, _REQUIRE}:
            yield _Wanted(
                name=address, purpose=Purpose.ENCRYPT, origin=origin, needed=wish == _REQUIRE
            )


def _addresses(rings: Iterable[Keyring], run: Run) -> list[str]:
    """Return the addresses that the keys here have; a user id that was revoked has none."""
    found = (
        comparable(user_id.email)
        for ring in rings
        for key in ring.keys(run=run)
        if not key.revoked
        for user_id in key.user_ids
        if user_id.email and user_id.state is not State.REVOKED
    )
    return list(dict.fromkeys(found))


def _is_in(address: str, domain: str) -> bool:
    return comparable(address).lower().rpartition("@")[2] == comparable(f"@{domain}")[1:]
