"""The selectors of a component become one job for an engine.

One home has the secret keys of all signers; the public keys of recipients may be anywhere. Where
a passphrase takes the place of keys the home is an empty one, and never the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import Passphrases
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms, ChosenKey, Job
from gpgmail.delivery.choice import encryption_keys, exact, signing_keys
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from gpgmail.components.types.key import Key
    from gpgmail.core.passphrases import Ask
    from gpgmail.core.run import Run
    from gpgmail.keys.keyring import Keyring
    from gpgmail.keys.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Keychain:
    """The keys of one operation: None for what is not to be done, and never an empty list.

    Keys of the addresses in *hidden* are not named in the ciphertext. With *symmetric*, a
    passphrase, no key is used.
    """

    signers: tuple[Key, ...] | None
    recipients: tuple[Key, ...] | None
    hidden: frozenset[str]
    trust: str
    symmetric: str = ""

    def job(
        self, algorithms: Algorithms, ask: Ask | None, run: Run, held: ExitStack
    ) -> tuple[Job, frozenset[str]]:
        """Return the job, and the addresses whose keys will be seen in the ciphertext.

        It can be done as long as *held* is not closed.

        Raises:
            KeySelectionError: If a key is missing or not usable.
            UnsupportedError: If the signers' secret keys are in more than one keyring, or there is
                a passphrase and something is to be signed (112).
        """
        if self.symmetric:
            return self._without_keys(algorithms, run, held), frozenset()
        signers = _given(self.signers, "keys")
        recipients = _given(self.recipients, "recipient_keys")
        first, *others = _rings(signers, recipients)
        signing = [(key, key.signer(run)) for key in signers]
        chosen = [self._chosen(key.recipient(run, self.trust)) for key in recipients]
        values = {
            found.fingerprint: Secret(key.passphrase) for key, found in signing if key.passphrase
        }
        passphrases = Passphrases(values, ask)
        keyrings = Keyrings(first, others)
        job = Job(
            home=keyrings.home(run, passphrases, secret=bool(signing)),
            signers=signing_keys((found for _, found in signing), keyrings, run),
            recipients=encryption_keys((key for key, _ in chosen), keyrings, run),
            algorithms=algorithms,
            passphrases=passphrases,
        )
        seen = (addresses for key, addresses in chosen if not key.hidden)
        return job, frozenset().union(*seen)

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

    def _chosen(self, found: Selection) -> tuple[ChosenKey, frozenset[str]]:
        user_ids = found.key.user_ids
        addresses = frozenset(comparable(user_id.email) for user_id in user_ids if user_id.email)
        return exact(found, hidden=bool(addresses & self.hidden)), addresses


def _given(keys: tuple[Key, ...] | None, name: str) -> tuple[Key, ...]:
    if keys == ():
        raise Situation.KEY_NOT_FOUND.error("no key is set", subject=name, hint=f"append to {name}")
    return keys or ()


def _rings(signers: Iterable[Key], recipients: Iterable[Key]) -> list[Keyring]:
    """Return each keyring once, the signers' first."""
    secret = _distinct(key.open() for key in signers)
    if len(secret) > 1:
        raise Situation.UNSUPPORTED_HERE.error(
            "the secret keys of all signers must be in one keyring", subject="keys"
        )
    return _distinct((*secret, *(key.open() for key in recipients)))


def _distinct(rings: Iterable[Keyring]) -> list[Keyring]:
    distinct: dict[object, Keyring] = {}
    for ring in rings:
        distinct.setdefault(ring.place, ring)
    return list(distinct.values())
