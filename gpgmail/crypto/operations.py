"""What gpg is told to do, whichever engine has it run: one gpg process an operation.

What a plan names is passed as it stands, and what gpg.conf would add is switched off: keys of
`encrypt-to` are in the plan as recipients, or nowhere. What gpg.conf can still change
(`local-user`, `recipient`, `disable-mdc`) shows in the result and fails there.

What it made is held against the plan in `proof.py`, what it opened is judged in `verdicts.py`.

Signatures of PGP/MIME are of type 0x00, over exactly the bytes that are sent: RFC 3156 section 5
has them in canonical form before the signature is made, so that the text form 0x01 would only make
a second one. GMime does the same, mutt uses 0x01; readers take both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.crypto import verdicts
from gpgmail.crypto.algorithms import Choice, choose
from gpgmail.crypto.armor import ArmorWriter, ChecksumWriter
from gpgmail.crypto.engine import Engine, Made, SignatureMode
from gpgmail.crypto.packets import HeadWatcher
from gpgmail.crypto.proof import cipher_used, require_done, require_planned, signatures_made
from gpgmail.gpg.binary import find
from gpgmail.gpg.operation import require_bytes
from gpgmail.gpg.trouble import complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey, Job, Opened, Sink, Source
    from gpgmail.gpg.operation import Result

    Execute = Callable[..., Result]

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
_LONGEST_LINE = 19993  # bytes before the LF; gpg 2.2 warns of longer ones and reports success
_UNCACHED = "--no-symkey-cache"
_UNCACHED_SINCE = (2, 2, 7)
_DETACHED = "detached signature"  # stands for its descriptor in the arguments

# Command, and what SIG_CREATED must say: letter (GnuPG doc/DETAILS) and type (RFC 9580 5.2.1).
_MODES = {
    SignatureMode.DETACHED: ("--detach-sign", ("D", "00")),
    SignatureMode.CLEARTEXT: ("--clearsign", ("C", "01")),
    SignatureMode.OPAQUE: ("--sign", ("S", "00")),
}


class Operations(Engine):
    """An engine; *execute* is its way of having gpg run, called as `runner.execute` is."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    def close(self) -> None:
        """Let go of what was kept for the next operation: nothing."""

    def sign(self, job: Job, source: Source, sink: Sink, mode: SignatureMode, run: Run) -> Made:
        """Sign *source*."""
        if not job.signers:
            raise Situation.KEY_NOT_FOUND.error("there is no signer to sign with")
        choice = choose(job, run, encrypting=False)
        command, kind = _MODES[mode]
        arguments = [*_signers(job.signers), command]
        if mode is SignatureMode.CLEARTEXT:
            _require_readable(choice)
            source = _whole_lines(source)
        result = self._make(job, choice, arguments, source=source, sink=sink, run=run)
        require_done(result, Situation.SIGN_FAILED, choice, job.signers)
        made = Made(signatures=signatures_made(result, job.signers, kind, choice))
        _tell(job, made, run)
        return made

    def encrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Made:
        """Encrypt *source* to the job's recipients or with its passphrase, and sign it."""
        recipients = _without_doubles(job.recipients)
        arguments = _for_whom(job, recipients)
        choice = choose(job, run, encrypting=True)
        watcher = HeadWatcher(sink)
        result = self._make(job, choice, arguments, source=source, sink=watcher, run=run)
        require_done(result, Situation.ENCRYPT_FAILED, choice, job.signers)
        head = watcher.result()
        require_planned(head, job, recipients, choice)
        made = Made(
            signatures=signatures_made(result, job.signers, ("S", "00"), choice),
            recipients=head.recipients,
            cipher=cipher_used(result, choice),
        )
        _tell(job, made, run)
        return made

    def _make(
        self,
        job: Job,
        choice: Choice,
        arguments: Sequence[str],
        *,
        source: Source,
        sink: Sink,
        run: Run,
    ) -> Result:
        """Run gpg to sign or encrypt, with the armor's header lines on the way out."""
        armor = ArmorWriter(sink, choice.lines)
        whole = ChecksumWriter(armor, wanted=job.algorithms.checksum)
        signing = [key.subkey for key in job.signers]
        if signing and not job.passphrases.silent:
            from gpgmail.gpg.proving import prove_signers

            prove_signers(job.home, signing, job.passphrases, run, size=job.size)
        result = self._execute(
            job.home,
            [*_MAKING, *choice.arguments, *arguments],
            run=run,
            source=source,
            size=job.size,
            sink=whole,
            passphrases=job.passphrases,
            symmetric=job.symmetric,
        )
        if not result.ok:
            complain(job.home, result, run, signing)
            return result
        whole.end()
        armor.end()
        return result

    def decrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Decrypt *source*, and verify what is signed inside."""
        from gpgmail.crypto import decrypting  # who only sends does not load it

        def once(source: Source, sink: Sink, options: tuple[str, ...]) -> Result:
            return self._execute(
                job.home,
                [*_uncached(), *options, "--output=-", "--decrypt"],
                run=run,
                source=source,
                sink=sink,
                passphrases=job.passphrases,
            )

        opened = decrypting.decrypt(once, job, source, sink, run)
        if not job.passphrases.silent:
            from gpgmail.gpg.proving import prove_opener

            prove_opener(job.home, opened.decrypted_with, job.passphrases, run)
        return opened

    def verify(self, job: Job, signed: Source, signature: bytes, run: Run) -> Opened:
        """Verify a detached *signature* over *signed*."""
        result = self._execute(
            job.home,
            ["--verify", "--", _DETACHED, "-"],
            run=run,
            source=signed,
            extra_input={_DETACHED: signature},
        )
        return verdicts.verified(result, texts=0)

    def verify_inline(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Verify a cleartext or opaque signature; *sink* gets only what was signed."""
        result = self._execute(
            job.home,
            ["--output=-", "--verify"],
            run=run,
            source=source,
            sink=sink,
        )
        return verdicts.verified(result, texts=1)


def _require_readable(choice: Choice) -> None:
    if choice.digest == "MD5":
        raise Situation.HASH.error(
            "gpg signs text in clear with it, and takes no such text back, whatever it is told",
            subject=choice.digest,
            hint="sign opaquely or as PGP/MIME, or name another hash",
        )


def _whole_lines(source: Source) -> Iterator[bytes]:
    """Yield *source*, and stop at a line that gpg would cut off without an error."""
    begun = 0
    for chunk in source:
        first, *others = bytes(require_bytes(chunk)).split(b"\n")
        lengths = [begun + len(first), *map(len, others)]
        if max(lengths) > _LONGEST_LINE:
            raise Situation.ENGINE_CANNOT.error(
                f"gpg cuts lines of more than {_LONGEST_LINE} bytes from a text that it signs",
                subject="text",
                hint="sign it opaquely or as PGP/MIME, or break its lines",
            )
        begun = lengths[-1]
        yield chunk


def _for_whom(job: Job, recipients: Sequence[ChosenKey]) -> list[str]:
    """Return the words for keys, for a passphrase, or for both, of which one is enough to open."""
    words = [*_signers(job.signers), *(["--sign"] if job.signers else [])]
    if job.symmetric is not None:
        if not job.symmetric:
            raise Situation.PASSPHRASE.error("is empty", subject="symmetric passphrase")
        words += ["--symmetric", *_uncached()]
    elif not recipients:
        raise Situation.KEY_NOT_FOUND.error("there is no recipient to encrypt to")
    if recipients:
        words += [*(word for key in recipients for word in _recipient(key)), "--encrypt"]
    return words


def _tell(job: Job, made: Made, run: Run) -> None:
    """Tell people with which keys and algorithms it was done."""
    names = {key.subkey: f"{key.user_id} {key.fingerprint}".strip() for key in job.signers}
    for one in made.signatures:
        run.status(f"signed by {names[one.fingerprint]} with {one.digest}")
    for key in job.recipients if made.recipients else ():
        run.status(f"encrypted to {key.user_id} {key.fingerprint} with {made.cipher}")
    if job.symmetric is not None:
        run.status(f"encrypted with a passphrase and {made.cipher}")


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
