"""What gpg says that it made, held against the plan: who signed, how, and for whom it is.

Pure: a run that ended comes in, values or errors go out. What the output itself has at its head
(`packets.py`) counts more than what gpg says of it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import SignatureMade
from gpgmail.crypto.packets import HIDDEN, Container
from gpgmail.gpg import status
from gpgmail.gpg.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.crypto.algorithms import Choice
    from gpgmail.crypto.engine import ChosenKey, Job
    from gpgmail.crypto.packets import Head
    from gpgmail.gpg.operation import Result

_BAD_LENGTH = 139  # libgpg-error: invalid length


def require_done(
    result: Result, situation: Situation, choice: Choice, signers: Iterable[ChosenKey]
) -> None:
    """Raise what a failed run means; where gpg names no key, those that should have signed.

    A hash that is too short for a DSA or ECDSA key (FIPS 186-4) shows only when it is used.

    Raises:
        GpgmailError: As `judge` has it; *situation* where gpg gave no reason that is known.
        UnsupportedError: If the hash is too short (126).
    """
    if result.ok:
        return
    failures = status.select(result.status, "FAILURE")
    if choice.digest and any(failure.error == _BAD_LENGTH for failure in failures):
        raise Situation.HASH.error(
            "is too short for the signer's key", subject=choice.digest, hint="name a longer one"
        )
    who = " and ".join(f"{key.user_id} {key.fingerprint}".strip() for key in signers)
    raise judge(result, situation, subject=who)


def signatures_made(
    result: Result, signers: Sequence[ChosenKey], kind: tuple[str, str], choice: Choice
) -> tuple[SignatureMade, ...]:
    """Return the signatures that gpg made, which must be those of the plan.

    *kind* is their letter (GnuPG doc/DETAILS) and type (RFC 9580 section 5.2.1).

    Raises:
        CryptoError: If they are others, or of another kind or hash.
    """
    lines = list(status.select(result.status, "SIG_CREATED"))
    made = tuple(
        SignatureMade(
            fingerprint=line.get("fingerprint"),
            digest=status.algorithm(status.HASHES, line.get("digest")),
            key_algorithm=status.algorithm(status.PUBLIC_KEY_ALGORITHMS, line.get("key_algorithm")),
            created=line.time("created"),
        )
        for line in lines
    )
    planned = {key.subkey for key in signers}
    if Counter(one.fingerprint for one in made) != Counter(planned):
        raise _broken("is signed by others than planned", planned, (m.fingerprint for m in made))
    kinds = {(line.get("kind"), line.get("type")) for line in lines}
    if kinds - {kind}:
        found = (" ".join(one) for one in kinds)
        raise _broken("has another type of signature than planned", (" ".join(kind),), found)
    digests = {one.digest for one in made}
    if choice.digest and digests - {choice.digest}:
        raise _broken("is hashed otherwise than planned", (choice.digest,), digests)
    return made


def cipher_used(result: Result, choice: Choice) -> str:
    """Return the cipher that gpg says it used, which must be that of the plan.

    Raises:
        CryptoError: If it is another one.
    """
    told = status.select(result.status, "BEGIN_ENCRYPTION")
    cipher = status.algorithm(status.CIPHERS, next((line.get("cipher") for line in told), ""))
    if choice.cipher and cipher != choice.cipher:
        raise _broken("is encrypted otherwise than planned", (choice.cipher,), (cipher,))
    return cipher


def require_planned(head: Head, job: Job, recipients: Iterable[ChosenKey], choice: Choice) -> None:
    """Compare what stands at the head of gpg's output with what was planned.

    Raises:
        CryptoError: If it is for others, or has no integrity protection, or not the mode asked for.
    """
    planned = Counter(HIDDEN if key.hidden else key.key_id for key in recipients)
    passphrases = int(job.symmetric is not None)
    if Counter(head.recipients) != planned or head.passphrases != passphrases:
        raise _broken(
            "is encrypted for others than planned",
            _shown(planned, passphrases),
            _shown(Counter(head.recipients), head.passphrases),
        )
    if not head.container.protected:
        raise _broken("has no integrity protection", ("SEIPD",), (head.container,))
    if choice.mode and head.container is not Container.AEAD:
        raise _broken("is encrypted in another mode than planned", ("AEAD",), (head.container,))


def _broken(what: str, planned: Iterable[str], found: Iterable[str]) -> GpgmailError:
    return Situation.PLAN_BROKEN.error(
        f"gpg's result {what}: planned {_listed(planned)}, found {_listed(found)}"
    )


def _listed(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "nothing"


def _shown(key_ids: Counter[str], passphrases: int) -> list[str]:
    return [*key_ids.elements(), *["a passphrase"] * passphrases]
