"""What a failed gpg run means: the one table from gpg's reports to situations.

gpg reports a failure in up to three ways at once: a keyword of its own (INV_RECP), an error number
(FAILURE, ERROR), and the exit code. Rows are in order of weight: the first that matches decides, so
that a missing passphrase is not called a failed signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gpgmail.core.situations import Situation
from gpgmail.gpg.status import StatusLine, error_number, select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.errors import GpgmailError


class Ended(Protocol):
    """What is judged: a run of gpg that ended."""

    @property
    def returncode(self) -> int:
        """The exit code, negative for a signal."""
        ...

    @property
    def status(self) -> tuple[StatusLine, ...]:
        """Every status line."""
        ...

    @property
    def stderr(self) -> str:
        """What gpg wrote for people."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A situation and what happened, in words."""

    situation: Situation
    detail: str


# libgpg-error's numbers, without the component.
NUMBERS = {
    3: Verdict(Situation.BAD_PACKET, "a packet of an unknown version"),
    4: Verdict(Situation.KEY_UNUSABLE, "gpg does not know the key's algorithm"),
    5: Verdict(Situation.HASH, "gpg does not have this hash"),
    9: Verdict(Situation.KEY_NOT_FOUND, "the public key is not in the keyring"),
    11: Verdict(Situation.PASSPHRASE, "the passphrase is wrong"),
    12: Verdict(Situation.CIPHER, "gpg does not have this cipher"),
    13: Verdict(Situation.KEYRING_UNREADABLE, "the keyring does not open"),
    14: Verdict(Situation.BAD_PACKET, "an invalid packet"),
    15: Verdict(Situation.BAD_ARMOR, "invalid armor"),
    17: Verdict(Situation.KEY_NOT_FOUND, "the secret key is not in the keyring"),
    20: Verdict(Situation.COMPRESSION, "gpg does not have this compression"),
    31: Verdict(Situation.PASSPHRASE, "the passphrase is not allowed"),
    34: Verdict(Situation.KEYRING_UNREADABLE, "the keyring is damaged"),
    53: Verdict(Situation.KEY_UNUSABLE, "expired, revoked, or not made for encryption"),
    54: Verdict(Situation.KEY_UNUSABLE, "expired, revoked, or not made for signing"),
    58: Verdict(Situation.NO_OPENPGP_DATA, "no OpenPGP data"),
    77: Verdict(Situation.GPG_FAILED, "gpg-agent does not run"),
    78: Verdict(Situation.GPG_FAILED, "gpg-agent failed"),
    85: Verdict(Situation.PASSPHRASE, "no passphrase is given and nobody can be asked"),
    86: Verdict(Situation.PASSPHRASE, "no passphrase is given and nobody could be asked"),
    87: Verdict(Situation.PASSPHRASE, "the PIN is wrong"),
    99: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    125: Verdict(Situation.KEY_USAGE, "the key is not made for this use"),
    130: Verdict(Situation.PASSPHRASE, "the card's PIN is blocked"),
    151: Verdict(Situation.KEY_UNTRUSTED, "the key is not known to be its owner's"),
    153: Verdict(Situation.KEY_UNUSABLE, "the key has expired"),
    94: Verdict(Situation.KEY_UNUSABLE, "the key is revoked"),
    177: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    178: Verdict(Situation.PASSPHRASE, "no PIN is given"),
    198: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
}

# The first word after INV_RECP and INV_SGNR (GnuPG doc/DETAILS).
REASONS = {
    0: Verdict(Situation.KEY_UNUSABLE, "gpg gives no reason"),
    1: Verdict(Situation.KEY_NOT_FOUND, "not in the keyring"),
    2: Verdict(Situation.KEY_AMBIGUOUS, "more than one key fits"),
    3: Verdict(Situation.KEY_USAGE, "not made for this use"),
    4: Verdict(Situation.KEY_UNUSABLE, "revoked"),
    5: Verdict(Situation.KEY_UNUSABLE, "expired"),
    6: Verdict(Situation.KEY_UNUSABLE, "no revocation list is known"),
    7: Verdict(Situation.KEY_UNUSABLE, "the revocation list is too old"),
    8: Verdict(Situation.KEY_UNUSABLE, "not allowed by policy"),
    9: Verdict(Situation.KEY_NOT_FOUND, "no secret key"),
    10: Verdict(Situation.KEY_UNTRUSTED, "not known to be its owner's"),
    11: Verdict(Situation.KEY_UNUSABLE, "its certificate is missing"),
    12: Verdict(Situation.KEY_UNUSABLE, "its issuer's certificate is missing"),
    13: Verdict(Situation.KEY_UNUSABLE, "disabled"),
    14: Verdict(Situation.KEY_NOT_FOUND, "not a user id or key id"),
}

# The first word after NODATA.
NODATA = {
    1: "no armored data",
    2: "no packet where one was expected",
    3: "an invalid packet, or not encrypted data",
    4: "a signature was expected and is not there",
}

# What gpg only tells people: the number is 1 for each. Messages are English, the runner sees to it.
WORDS = {
    "selected cipher algorithm is invalid": Verdict(
        Situation.CIPHER, "gpg does not have this cipher"
    ),
    "selected digest algorithm is invalid": Verdict(Situation.HASH, "gpg does not have this hash"),
    "selected compression algorithm is invalid": Verdict(
        Situation.COMPRESSION, "gpg does not have this compression"
    ),
}

_VAGUE = (0, 9)  # reasons that gpg also gives for an expired or revoked key
_UNUSABLE = (53, 54)
_WEIGHTY = {Situation.PASSPHRASE, Situation.CIPHER, Situation.HASH, Situation.COMPRESSION}
_SHOWN = 300  # characters of gpg's own words in an error


def judge(ended: Ended, fallback: Situation, *, subject: str = "") -> GpgmailError:
    """Return the error that a failed run means; *fallback* where gpg gave no reason that we know.

    *subject* names what was worked on where gpg itself names no key.
    """
    verdict, named = _verdict(ended)
    if verdict is None:
        return fallback.error(_own_words(ended), subject=subject)
    return verdict.situation.error(verdict.detail, subject=named or subject)


def _verdict(ended: Ended) -> tuple[Verdict | None, str]:
    numbers = _numbers(ended.status)
    known = [NUMBERS[number] for number in numbers if number in NUMBERS]
    weighty = next((verdict for verdict in known if verdict.situation in _WEIGHTY), None)
    if weighty is not None:
        return weighty, _needed(ended.status)
    for line in ended.status:
        verdict = _by_keyword(line, numbers)
        if verdict is not None:
            return verdict, _subject(line)
    told = [verdict for words, verdict in WORDS.items() if words in ended.stderr]
    return next(iter(known + told), None), ""


def _numbers(status: Iterable[StatusLine]) -> list[int]:
    lines = select(status, "FAILURE", "ERROR")
    return [error_number(line.arg(1)) for line in lines if line.arg(0) != "gpg-exit"]


def _needed(status: Iterable[StatusLine]) -> str:
    """Name the key whose passphrase was asked for last."""
    hints = [line.text for line in select(status, "USERID_HINT")]
    return hints[-1] if hints else ""


def _by_keyword(line: StatusLine, numbers: Iterable[int]) -> Verdict | None:
    if line.keyword in ("INV_RECP", "INV_SGNR"):
        exact = next((number for number in numbers if number in _UNUSABLE), None)
        if exact is not None and line.number(0) in _VAGUE:
            return NUMBERS[exact]
        return REASONS.get(line.number(0), REASONS[0])
    if line.keyword == "NODATA":
        return Verdict(Situation.NO_OPENPGP_DATA, NODATA.get(line.number(0), "no OpenPGP data"))
    return _KEYWORDS.get(line.keyword)


_KEYWORDS = {
    "NO_RECP": Verdict(Situation.KEY_NOT_FOUND, "no recipient has a usable key"),
    "NO_SGNR": Verdict(Situation.KEY_NOT_FOUND, "no signer has a usable key"),
    "BAD_PASSPHRASE": Verdict(Situation.PASSPHRASE, "the passphrase is wrong"),
    "MISSING_PASSPHRASE": Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    "NO_SECKEY": Verdict(Situation.KEY_NOT_FOUND, "encrypted for a secret key that is not here"),
    "BADARMOR": Verdict(Situation.BAD_ARMOR, "invalid armor"),
    "BADMDC": Verdict(Situation.DECRYPT_FAILED, "changed on its way, or damaged"),
    "UNEXPECTED": Verdict(Situation.BAD_PACKET, "a packet where none was expected"),
}


def _subject(line: StatusLine) -> str:
    """Return the key that a line names, where it names one."""
    if line.keyword in ("INV_RECP", "INV_SGNR"):
        return StatusLine("", line.args[1:]).text
    return line.arg(0) if line.keyword == "NO_SECKEY" else ""


def _own_words(ended: Ended) -> str:
    lines = [line.removeprefix("gpg: ") for line in ended.stderr.splitlines() if line.strip()]
    words = "; ".join(lines[-3:])[-_SHOWN:]
    code = ended.returncode
    how = f"gpg ended by signal {-code}" if code < 0 else f"gpg ended with code {code}"
    return f"{how}: {words}" if words else how
