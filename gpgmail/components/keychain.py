"""The selectors of a component become one job for an engine.

One home has the secret keys of all signers; the public keys of recipients may be anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import Passphrases
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms, ChosenKey, Job
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from gpgmail.components.types import Key
    from gpgmail.core.passphrases import Ask
    from gpgmail.core.run import Run
    from gpgmail.keys.keyring import Keyring
    from gpgmail.keys.selection import Selection


class Keychain:
    """The signers and recipients of one operation; `visible` has the addresses of named keys."""

    def __init__(self, signers: Iterable[Key], recipients: Iterable[Key]) -> None:
        self._signers = tuple(signers)
        self._recipients = tuple(recipients)
        self.visible: frozenset[str] = frozenset()

    def job(
        self, algorithms: Algorithms, ask: Ask | None, run: Run, *, hidden: frozenset[str]
    ) -> Job:
        """Return the job; keys of the addresses in *hidden* are not named in the ciphertext.

        Raises:
            KeySelectionError: If a key is missing or not usable.
            UnsupportedError: If the signers' secret keys are in more than one keyring.
        """
        if not self._signers and not self._recipients:
            raise Situation.KEY_NOT_FOUND.error("no key is set", hint="append to keys or recipient_keys")
        rings = _distinct(key.open() for key in (*self._signers, *self._recipients))
        if len(_distinct(key.open() for key in self._signers)) > 1:
            raise Situation.UNSUPPORTED_HERE.error(
                "the secret keys of all signers must be in one keyring", subject="keys"
            )
        signing = [(key, key.signer(run)) for key in self._signers]
        chosen = [_chosen(key.recipient(run), hidden) for key in self._recipients]
        self.visible = frozenset(
            address for key, addresses in chosen if not key.hidden for address in addresses
        )
        values = {
            found.fingerprint: Secret(key.passphrase) for key, found in signing if key.passphrase
        }
        passphrases = Passphrases(values, ask)
        return Job(
            home=Keyrings(rings[0], rings[1:]).home(run, passphrases, secret=bool(signing)),
            signers=tuple(_chosen(found, frozenset())[0] for _, found in signing),
            recipients=tuple(key for key, _ in chosen),
            algorithms=algorithms,
            passphrases=passphrases,
        )


def _chosen(found: Selection, hidden: frozenset[str]) -> tuple[ChosenKey, set[str]]:
    addresses = {comparable(user_id.email) for user_id in found.key.user_ids if user_id.email}
    key = ChosenKey(
        found.fingerprint, found.subkey.fingerprint, found.user_id, bool(addresses & hidden)
    )
    return key, addresses


def _distinct(rings: Iterable[Keyring]) -> list[Keyring]:
    return list({ring.place: ring for ring in rings}.values())
