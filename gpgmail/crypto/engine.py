"""The engine Protocol, and the values that go in and come out.

An engine gets a ready `Home`, exact (sub)key fingerprints and streams; it decides nothing about
keys, trust or mail. Every engine gives the same results: one contract suite runs on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gpgmail.core.passphrases import Passphrases
from gpgmail.gpg.status import key_id

if TYPE_CHECKING:
    from datetime import datetime

    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.home import Home

Source = Iterable[bytes]
Sink = Callable[[bytes], object]


class SignatureMode(StrEnum):
    """How a signature relates to what it signs."""

    DETACHED = "detached"
    CLEARTEXT = "cleartext"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """What to use in place of gpg's own choice; empty means gpg's choice.

    Names are those of the reference pages and of gpg, in any case: `AES256`, `AES256-OCB`,
    `SHA512`, `zlib`, `none`. `level` is 1 to 9. `comment` and `version` are printable ASCII; they
    stand in the armor. `chunk_size` is for authenticated encryption, an exponent of two from 6 to
    22. With `fit_digest` a hash that is too short for a signer's key gives way to a longer one.
    `checksum` says whether armor ends in its CRC line. `at` is the time of signatures, in place of
    now.
    """

    cipher: str = ""
    digest: str = ""
    compression: str = ""
    level: int | None = None
    comment: str = ""
    version: str = ""
    chunk_size: int | None = None
    fit_digest: bool = False
    checksum: bool | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """A key as the plan names it: primary fingerprint, the (sub)key that does the work, user id."""

    fingerprint: str
    subkey: str
    user_id: str = ""
    hidden: bool = False  # encrypt to it without its id in the message
    shortest_hash: int = 0  # bits that a hash must have for this key to sign it, 0 for any
    ends: datetime | None = None  # when the key stops serving, as far as that is known

    @property
    def key_id(self) -> str:
        """What names the (sub)key in a message that is encrypted to it."""
        return key_id(self.subkey)

    @property
    def exact(self) -> str:
        """What gpg is given, so that it takes this subkey and no other."""
        return f"{self.subkey}!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What an operation works with.

    The plan is complete: gpg adds nobody from its own configuration, so keys of `encrypt-to` stand
    in `recipients` when they are wanted. A key that is both named and hidden there is named.
    `symmetric` is a passphrase to encrypt with, in place of keys or beside them. `size` is that of
    the source in bytes, where it is known; it is only for telling how far the work is.
    """

    home: Home
    signers: tuple[ChosenKey, ...] = ()
    recipients: tuple[ChosenKey, ...] = ()
    algorithms: Algorithms = Algorithms()
    passphrases: Passphrases = field(default_factory=Passphrases)
    symmetric: Secret | None = None
    size: int | None = None

    @property
    def encrypts(self) -> bool:
        """Whether anything is to be encrypted."""
        return bool(self.recipients) or self.symmetric is not None


class SignatureMade(NamedTuple):
    """A signature that gpg reports to have made; `fingerprint` is the signing (sub)key's."""

    fingerprint: str
    digest: str
    key_algorithm: str
    created: datetime | None


class Made(NamedTuple):
    """The result of signing or encrypting, already held against the plan."""

    signatures: tuple[SignatureMade, ...] = ()
    recipients: tuple[str, ...] = ()  # key ids at the head of the output, zeros where hidden
    cipher: str = ""

    @property
    def micalg(self) -> str:
        """The `micalg` parameter of RFC 3156, from the hashes that gpg reports."""
        return ",".join(dict.fromkeys(f"pgp-{made.digest.lower()}" for made in self.signatures))


class SignatureStatus(StrEnum):
    """What gpg says of a signature."""

    GOOD = "good"
    BAD = "bad"
    EXPIRED_SIGNATURE = "expired signature"
    EXPIRED_KEY = "expired key"
    REVOKED_KEY = "revoked key"
    MISSING_KEY = "missing key"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SignatureSeen:
    """A signature found in a message."""

    status: SignatureStatus
    key_id: str
    fingerprint: str = ""  # the signing (sub)key's; empty where the key is missing
    primary: str = ""
    user_id: str = ""
    created: datetime | None = None
    digest: str = ""
    key_algorithm: str = ""
    validity: str = "unknown"  # undefined, never, marginal, full, ultimate


class Opened(NamedTuple):
    """The result of decrypting or verifying."""

    decrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()
    recipients: tuple[str, ...] = ()  # key ids that the message names
    decrypted_with: str = ""  # fingerprint of the (sub)key that opened it
    cipher: str = ""
    protected: bool = False  # the ciphertext had integrity protection (MDC or AEAD)

    @property
    def bad(self) -> bool:
        """Whether a signature is bad: what it stands over was changed, or is of somebody else."""
        return any(seen.status is SignatureStatus.BAD for seen in self.signatures)


class Engine(Protocol):
    """What does the cryptography.

    Every method streams, takes its time limit and cancellation from *run*, raises `GpgmailError`
    and gives nothing that looks complete when it failed. Output is ASCII armor with LF line ends.
    """

    name: str

    def sign(self, job: Job, source: Source, sink: Sink, mode: SignatureMode, run: Run) -> Made:
        """Sign *source* with every signer of the job.

        Raises:
            UnsupportedError: If an algorithm cannot be had (125, 126, 127, 112), before anything
                runs; a hash that is too short for a signer's key may show only then (126).
            PassphraseError: If a signer's passphrase is missing or wrong (122).
            KeySelectionError: If a signer's secret key is missing or not usable.
            CryptoError: If no signature was made (120), or others than planned.
        """
        ...

    def encrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Made:
        """Encrypt *source* to the job's recipients, and sign it when the job has signers.

        With a `symmetric` passphrase it opens the message too, or it alone where there are no
        recipients. The agent then asks nobody for a signer's passphrase: the job has it, or the
        agent in its cache.

        Raises:
            UnsupportedError, PassphraseError, KeySelectionError: As for `sign`; a passphrase to
                encrypt with must not be empty.
            CryptoError: If nothing was encrypted (123), or not to exactly the planned subkeys.
        """
        ...

    def decrypt(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Decrypt *source*, and verify what is signed inside.

        *sink* gets the plaintext as it comes, before anything is known of it: it is to be used only
        after this returned. A passphrase for symmetric encryption is that of `ANY_KEY`; a handler
        is asked for another one where it was wrong, as often as for a key.

        A bad or expired signature is a verdict, no error, and the last one: what stands behind it
        is not looked at. Both this and another passphrase need a *source* that is no iterator,
        since it is read again.

        Raises:
            KeySelectionError: If the message is for keys that are not here, which are named (114).
            PassphraseError: If a passphrase is missing or wrong (122).
            CryptoError: If *source* is anything but one whole encrypted message (103, 105, 130,
                141), without integrity protection (146), or an iterator over one with a bad
                or expired signature inside (119).
        """
        ...

    def verify(self, job: Job, signed: Source, signature: bytes, run: Run) -> Opened:
        """Verify a detached *signature* over *signed*; a bad signature is a verdict, no error.

        Verdicts come in the order of the signatures, and may end with the first bad or expired one.

        Raises:
            CryptoError: If *signature* holds no detached signature (105, 119, 141).
        """
        ...

    def verify_inline(self, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
        """Verify a cleartext or opaque signature; *sink* gets only what was signed.

        Text around the signed block does not come out, nor do blanks at the ends of cleartext
        lines, which are not signed (RFC 9580 section 7.2). As with `decrypt`, *sink* is served
        before the verdict.

        Raises:
            CryptoError: If *source* is anything but one signed text (105, 119, 141).
        """
        ...

    def close(self) -> None:
        """Let go of what is kept for the next operation, which may follow all the same."""
        ...
