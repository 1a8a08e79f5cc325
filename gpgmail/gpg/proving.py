"""When a passphrase is proved by itself, at the agent, and not by the work that it is for.

Three cases, each once a key and session, since a proof costs what opening the key costs:

- before a large source is read: gpg wants the signer's passphrase only at its end;
- where the user's own agent works (keyboxd, cards beside files): it may have the right passphrase
  in its cache, and would never try the one that was given;
- where a handler can be asked again (`dialogue.py`).

The PIN of a card is never tried by itself: a card counts wrong ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.gpg import proof
from gpgmail.gpg.dialogue import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.home import Home

LARGE = 16 * 1024 * 1024  # bytes that take gpg about as long as a proof does


def prove_signers(
    home: Home, keys: Iterable[str], passphrases: Passphrases, run: Run, *, size: int | None
) -> None:
    """Prove the passphrases of the (sub)keys that will sign *size* bytes, None for unknown.

    Raises:
        PassphraseError: If one is wrong, or missing where nobody else has it.
    """
    large = size is None or size >= LARGE
    if passphrases.silent or not (large or _is_shared(home, passphrases)):
        return
    for key in dict.fromkeys(keys):
        _prove(home, key, passphrases, run)


def prove_opener(home: Home, key: str, passphrases: Passphrases, run: Run) -> None:
    """Prove the passphrase of the (sub)key that opened a message, which a cache may have done.

    Raises:
        PassphraseError: If it is wrong.
    """
    if key and _is_shared(home, passphrases):
        _prove(home, key, passphrases, run)


def _is_shared(home: Home, passphrases: Passphrases) -> bool:
    return not home.prepared and passphrases.has_values


def _prove(home: Home, key: str, passphrases: Passphrases, run: Run) -> None:
    identity = proof.identify(home, Wanted(key), run)
    if identity is None:
        return  # gpg will say so
    state = proof.held(home, identity.keygrip, run)
    if not state.provable or (state.cached and not passphrases.has_values):
        return
    who = f"{identity.fingerprint} {identity.user_id}".strip()

    def opens(answer: Secret) -> bool | None:
        run.status(f"trying the passphrase of {who}", level=2)
        return proof.opens(home, identity.keygrip, answer, run)

    answer = passphrases.proved(
        identity.keygrip,
        opens,
        user_id=identity.user_id,
        key_id=identity.key_id,
        fingerprint=identity.fingerprint,
        run=run,
    )
    if answer is None and home.prepared:
        raise Situation.PASSPHRASE.error("no passphrase is given", subject=who)
