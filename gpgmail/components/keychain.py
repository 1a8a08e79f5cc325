"""The selectors of a component become one job for an engine.

The keys of signers and recipients may be anywhere, each in a keyring of its own. Where a passphrase
takes the place of keys the home is an empty one, and never the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpgmail.components.protected import OPEN, of
from gpgmail.core.passphrases import Passphrases
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms, ChosenKey, Job
from gpgmail.delivery.choice import encryption_keys, exact, signing_keys
from gpgmail.delivery.sharing import Copy, by_owner, is_blind, share_out
from gpgmail.keys.keyrings import Keyrings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack

    from gpgmail.components.types.key import Key
    from gpgmail.core.envelope import Recipient
    from gpgmail.core.passphrases import Ask
    from gpgmail.core.run import Run
    from gpgmail.delivery.options import BccPolicy
    from gpgmail.keys.keyring import Keyring
    from gpgmail.keys.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An operation: the job, and the keys of each version that an encryption makes.

    `visible` are the addresses whose keys the common version names; `keyed` says that there are
    keys at all.
    """

    job: Job
    shares: Mapping[str, tuple[ChosenKey, ...]] = field(default_factory=dict)
    visible: frozenset[str] = frozenset()

    @property
    def keyed(self) -> bool:
        """Whether a ciphertext will have a key in it."""
        return any(self.shares.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Keychain:
    """The keys of one operation: None for what is not to be done, and never an empty list.

    Who of *people* gets a version of his own is decided by *policy*. With *symmetric*, a
    passphrase, no key is used.
    """

    signers: tuple[Key, ...] | None
    recipients: tuple[Key, ...] | None
    people: tuple[Recipient, ...]
    policy: BccPolicy
    trust: str
    symmetric: str = ""

    def work(self, algorithms: Algorithms, ask: Ask | None, run: Run, held: ExitStack) -> Work:
        """Return the work, which can be done as long as *held* is not closed.

        Raises:
            KeySelectionError: If a key is missing or not usable, or a Bcc recipient has none.
            PolicyError: If Bcc recipients are forbidden and there are some.
            UnsupportedError: If there is a passphrase and something is to be signed (112), or the
                signers' keys are in several keyrings and one is on a card.
        """
        if self.symmetric:
            return Work(job=self._without_keys(algorithms, run, held), shares={OPEN: ()})
        signers = _given(self.signers, "keys")
        recipients = _given(self.recipients, "recipient_keys")
        secret = _distinct(key.open() for key in signers)
        first, *others = _distinct((*secret, *(key.open() for key in recipients)))
        signing = [(key, key.signer(run)) for key in signers]
        chosen = [(key.query, key.recipient(run, self.trust)) for key in recipients]
        values = {
            found.fingerprint: Secret(key.passphrase) for key, found in signing if key.passphrase
        }
        passphrases = Passphrases(values, ask)
        keyrings = Keyrings(first, others, signing=max(1, len(secret)))
        held.callback(keyrings.close)
        job = Job(
            home=keyrings.home(run, passphrases, secret=bool(signing)),
            signers=signing_keys((found for _, found in signing), keyrings, run),
            algorithms=algorithms,
            passphrases=passphrases,
        )
        if self.recipients is None:
            return Work(job=job)
        shares = {
            _version(copy): encryption_keys(copy.keys, keyrings, run)
            for copy in self._copies(chosen)
        }
        return Work(job=job, shares=shares, visible=_visible(shares, chosen))

    def _copies(self, chosen: Sequence[tuple[str, Selection]]) -> list[Copy]:
        if not self.people:
            return [Copy((), tuple(exact(found) for _, found in chosen))]
        return share_out(self.people, by_owner(self.people, chosen), self.policy)

    def _without_keys(self, algorithms: Algorithms, run: Run, held: ExitStack) -> Job:
        from gpgmail.gpg.prepared import empty_home

        if self.signers is not None:
            raise Situation.ENGINE_CANNOT.error(
                "only encrypt() works with a passphrase in place of keys",
                subject="SymmetricPassphrase",
                hint="call encrypt(), or set it empty",
            )
        passphrase = Secret(self.symmetric)
        run.redactor.know(passphrase)
        home = held.enter_context(empty_home(run)).home
        return Job(home=home, algorithms=algorithms, symmetric=passphrase)


def _version(copy: Copy) -> str:
    """Return what the version of a copy is called: by its Bcc recipient, if it is his alone."""
    alone = len(copy.recipients) == 1 and is_blind(copy.recipients[0])
    return of(copy.recipients[0].address) if alone else OPEN


def _visible(
    shares: Mapping[str, Sequence[ChosenKey]], chosen: Iterable[tuple[str, Selection]]
) -> frozenset[str]:
    named = {key.subkey for key in shares.get(OPEN, ()) if not key.hidden}
    return frozenset(
        of(user_id.email)
        for _, found in chosen
        if found.subkey.fingerprint in named
        for user_id in found.key.user_ids
        if user_id.email
    )


def _given(keys: tuple[Key, ...] | None, name: str) -> tuple[Key, ...]:
    if keys == ():
        raise Situation.KEY_NOT_FOUND.error("no key is set", subject=name, hint=f"append to {name}")
    return keys or ()


def _distinct(rings: Iterable[Keyring]) -> list[Keyring]:
    distinct: dict[object, Keyring] = {}
    for ring in rings:
        distinct.setdefault(ring.place, ring)
    return list(distinct.values())
