"""The `gnupg` engine: each operation is one gpg process, its result held against the plan.

What a plan names is passed as it stands, and what gpg.conf would add is switched off: keys of
`encrypt-to` are in the plan as recipients, or nowhere. What gpg.conf can still change
(`local-user`, `recipient`, `disable-mdc`) shows in the result and fails there.

Signatures of PGP/MIME are of type 0x00, over exactly the bytes that are sent: RFC 3156 section 5
has them in canonical form before the signature is made, so that the text form 0x01 would only make
a second one. GMime does the same, mutt uses 0x01; readers take both.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.situations import Situation
from gpgmail.crypto import verdicts
from gpgmail.crypto.algorithms import Choice, choose
from gpgmail.crypto.engine import Engine, Made, SignatureMade, SignatureMode
from gpgmail.crypto.packets import HIDDEN, HeadWatcher
from gpgmail.gpg import status
from gpgmail.gpg.binary import find
from gpgmail.gpg.judge import judge
from gpgmail.gpg.runner import execute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.crypto.engine import ChosenKey, Job, Opened, Sink, Source
    from gpgmail.crypto.packets import Head
    from gpgmail.gpg.runner import Result

_MAKING = (
    "--trust-model=always",  # who the keys belong to was judged before they came into the plan
    "--no-auto-check-trustdb",
    "--no-encrypt-to",
    "--no-default-recipient",
    "--no-groups",
    "--no-throw-keyids",
    "--no-for-your-eyes-only",
    "--no-textmode",
    "--no-comments",
    "--no-emit-version",
    "--set-filename",
    "",
    "--armor",
    "--output=-",
)
_BAD_LENGTH = 139  # libgpg-error: invalid length
_UNCACHED = "--no-symkey-cache"
_UNCACHED_SINCE = (2, 2, 7)
_DETACHED = "detached signature"  # stands for its descriptor in the arguments

# Command, and what SIG_CREATED must say: letter (GnuPG doc/DETAILS) and type (RFC 9580 5.2.1).
_MODES = {
    SignatureMode.DETACHED: ("--detach-sign", ("D", "00")),
    SignatureMode.CLEARTEXT: ("--clearsign", ("C", "01")),
    SignatureMode.OPAQUE: ("--sign", ("S", "00")),
}


class GnupgEngine(Engine):
    """Does the cryptography with the gpg binary."""

    name = "gnupg"

    def sign(self, job: Job, source: Source, sink: Sink, mode: SignatureMode, run: Run) -> Made:
        """Sign *source*."""
        if not job.signers:
            raise Situation.KEY_NOT_FOUND.error("there is no signer to sign with")
        choice = choose(job.algorithms, job.home, run)
        command, kind = _MODES[mode]
        arguments = [*_MAKING, *choice.arguments, *_signers(job.signers), command]
        result = execute(
            job.home, arguments, run=run, source=source, sink=sink, passphrases=job.passphrases
        )
        _require(result, Situation.SIGN_FAILED, choice, job.signers)
        return Made(signatures=_signatures(result, job.signers, kind, choice))

    def encrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Made:
        """Encrypt *source* to the job's recipients, and sign it when the job has signers."""
        if not job.recipients:
            raise Situation.KEY_NOT_FOUND.error("there is no recipient to encrypt to")
        recipients = _without_doubles(job.recipients)
        arguments = [word for key in recipients for word in _recipient(key)]
        arguments += [*_signers(job.signers), "--encrypt", *(["--sign"] if job.signers else [])]
        made, head = _encrypt(
            job, arguments, source=source, sink=sink, passphrases=job.passphrases, run=run
        )
        planned = Counter(HIDDEN if key.hidden else key.subkey[-16:] for key in recipients)
        if Counter(head.recipients) != planned or head.passphrases:
            raise _broken("is encrypted for others than planned", planned, head.recipients)
        return made

    def encrypt_symmetric(
        self, job: Job, source: Source, sink: Sink, passphrase: Secret, run: Run
    ) -> Made:
        """Encrypt *source* with a passphrase and no key."""
        if job.signers or job.recipients:
            raise Situation.BAD_VALUE.error("takes a passphrase and no key", subject="symmetric")
        if not passphrase:
            raise Situation.PASSPHRASE.error("is empty", subject="symmetric passphrase")
        arguments = ["--symmetric", *_uncached()]
        answer = Passphrases({ANY_KEY: passphrase})
        made, head = _encrypt(job, arguments, source=source, sink=sink, passphrases=answer, run=run)
        if head.recipients or head.passphrases != 1:
            raise _broken(
                "is encrypted for others than planned", ("a passphrase",), head.recipients
            )
        return made

    def decrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Decrypt *source*, and verify what is signed inside."""
        result = execute(
            job.home,
            [*_uncached(), "--output=-", "--decrypt"],
            run=run,
            source=source,
            sink=sink,
            passphrases=job.passphrases,
        )
        return verdicts.decrypted(result)

    def verify(self, job: Job, signed: Source, signature: bytes, run: Run) -> Opened:
        """Verify a detached *signature* over *signed*."""
        result = execute(
            job.home,
            ["--verify", "--", _DETACHED, "-"],
            run=run,
            source=signed,
            extra_input={_DETACHED: signature},
        )
        return verdicts.verified(result, texts=0)

    def verify_inline(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Verify a cleartext or opaque signature; *sink* gets only what was signed."""
        result = execute(
            job.home,
            ["--output=-", "--verify"],
            run=run,
            source=source,
            sink=sink,
        )
        return verdicts.verified(result, texts=1)


def _encrypt(
    job: Job,
    arguments: Sequence[str],
    *,
    source: Source,
    sink: Sink,
    passphrases: Passphrases,
    run: Run,
) -> tuple[Made, Head]:
    """Run gpg to encrypt; return what it reports and what stands at the head of its output."""
    choice = choose(job.algorithms, job.home, run)
    watcher = HeadWatcher(sink)
    result = execute(
        job.home,
        [*_MAKING, *choice.arguments, *arguments],
        run=run,
        source=source,
        sink=watcher,
        passphrases=passphrases,
    )
    _require(result, Situation.ENCRYPT_FAILED, choice, job.signers)
    head = watcher.result()
    if not head.container.protected:
        raise _broken("has no integrity protection", ("SEIPD",), (head.container,))
    made = Made(
        signatures=_signatures(result, job.signers, ("S", "00"), choice),
        recipients=head.recipients,
        cipher=_cipher(result, choice),
    )
    return made, head


def _signers(keys: Iterable[ChosenKey]) -> list[str]:
    # Never --default-key: where that key is absent gpg signs with another, and reports success.
    return [word for exact in dict.fromkeys(key.exact for key in keys) for word in ("-u", exact)]


def _recipient(key: ChosenKey) -> tuple[str, str]:
    return ("--hidden-recipient" if key.hidden else "--recipient", key.exact)


def _without_doubles(keys: Iterable[ChosenKey]) -> list[ChosenKey]:
    """Keep each subkey once; a key that is named anywhere cannot be hidden any more."""
    by_subkey: dict[str, ChosenKey] = {}
    for key in sorted(keys, key=lambda key: key.hidden):
        by_subkey.setdefault(key.subkey, key)
    return list(by_subkey.values())


def _uncached() -> tuple[str, ...]:
    """Keep gpg-agent from answering for a passphrase that is given, and wrong."""
    return (_UNCACHED,) if find().version >= _UNCACHED_SINCE else ()


def _require(
    result: Result, situation: Situation, choice: Choice, signers: Iterable[ChosenKey]
) -> None:
    """Raise what a failed run means; where gpg names no key, those that should have signed.

    A hash that is too short for a DSA or ECDSA key (FIPS 186-4) shows only when it is used.
    """
    if result.ok:
        return
    failures = status.select(result.status, "FAILURE")
    if choice.digest and any(status.error_number(f.arg(1)) == _BAD_LENGTH for f in failures):
        raise Situation.HASH.error("is too short for the signer's key", subject=choice.digest)
    who = " and ".join(f"{key.user_id} {key.fingerprint}".strip() for key in signers)
    raise judge(result, situation, subject=who)


def _signatures(
    result: Result, signers: Sequence[ChosenKey], kind: tuple[str, str], choice: Choice
) -> tuple[SignatureMade, ...]:
    """Return the signatures that gpg made, which must be those of the plan.

    SIG_CREATED: letter, key algorithm, hash, signature type, seconds, the (sub)key's fingerprint.
    """
    lines = list(status.select(result.status, "SIG_CREATED"))
    made = tuple(
        SignatureMade(
            fingerprint=line.arg(5),
            digest=status.algorithm(status.HASHES, line.arg(2)),
            key_algorithm=status.algorithm(status.PUBLIC_KEY_ALGORITHMS, line.arg(1)),
            created=datetime.fromtimestamp(line.number(4), UTC),
        )
        for line in lines
    )
    planned = {key.subkey for key in signers}
    if Counter(one.fingerprint for one in made) != Counter(planned):
        raise _broken("is signed by others than planned", planned, (m.fingerprint for m in made))
    kinds = {(line.arg(0), line.arg(3)) for line in lines}
    if kinds - {kind}:
        found = (" ".join(one) for one in kinds)
        raise _broken("has another type of signature than planned", (" ".join(kind),), found)
    digests = {one.digest for one in made}
    if choice.digest and digests - {choice.digest}:
        raise _broken("is hashed otherwise than planned", (choice.digest,), digests)
    return made


def _cipher(result: Result, choice: Choice) -> str:
    """BEGIN_ENCRYPTION: method of integrity protection, cipher."""
    line = next(status.select(result.status, "BEGIN_ENCRYPTION"), status.StatusLine(""))
    cipher = status.algorithm(status.CIPHERS, line.arg(1))
    if choice.cipher and cipher != choice.cipher:
        raise _broken("is encrypted otherwise than planned", (choice.cipher,), (cipher,))
    return cipher


def _broken(what: str, planned: Iterable[str], found: Iterable[str]) -> GpgmailError:
    return Situation.PLAN_BROKEN.error(
        f"gpg's result {what}: planned {_listed(planned)}, found {_listed(found)}"
    )


def _listed(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "nothing"
