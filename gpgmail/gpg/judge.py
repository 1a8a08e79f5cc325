"""What a failed gpg run means: which of gpg's reports decides.

gpg reports a failure in up to three ways at once: a keyword of its own (INV_RECP), an error number
(FAILURE, ERROR), and the exit code; what each says stands in `keywords.py`. In order of weight:
numbers that say what is missing, so that a missing passphrase is not called a failed signature;
keywords in gpg's order; other numbers; what gpg says to people; keywords that are only hints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gpgmail.core.situations import Situation
from gpgmail.gpg.keywords import KEYWORDS, NUMBERS, REASONS, Verdict
from gpgmail.gpg.status import StatusLine, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    told = [verdict for words, verdict in WORDS.items() if words in ended.stderr]
    plain, hints = (list(_by_keywords(ended.status, numbers, vague=v)) for v in (False, True))
    found = [*plain, *((verdict, "") for verdict in known + told), *hints]
    return found[0] if found else (None, "")


def _numbers(status: Iterable[StatusLine]) -> list[int]:
    lines = select(status, "FAILURE", "ERROR")
    return [line.error for line in lines if line.get("location") != "gpg-exit"]


def _needed(status: Iterable[StatusLine]) -> str:
    """Name the key whose passphrase was asked for last."""
    hints = [f"{h.get('key_id')} {h.get('user_id')}" for h in select(status, "USERID_HINT")]
    return hints[-1] if hints else ""


def _by_keywords(
    lines: Iterable[StatusLine], numbers: Iterable[int], *, vague: bool
) -> Iterator[tuple[Verdict, str]]:
    """Give what each keyword says, with the key or card that it names."""
    exact = next((NUMBERS[number] for number in numbers if number in _UNUSABLE), None)
    for line in lines:
        row = KEYWORDS.get(line.keyword)
        if row is None or row.vague is not vague:
            continue
        reason = line.number("reason") if row.reasons else 0
        verdict = row.means(reason)
        if row.reasons is REASONS and reason in _VAGUE:
            verdict = exact or verdict
        if verdict is not None:
            yield verdict, line.get(row.subject) if row.subject else ""


def _own_words(ended: Ended) -> str:
    lines = [line.removeprefix("gpg: ") for line in ended.stderr.splitlines() if line.strip()]
    words = "; ".join(lines[-3:])[-_SHOWN:]
    code = ended.returncode
    how = f"gpg ended by signal {-code}" if code < 0 else f"gpg ended with code {code}"
    return f"{how}: {words}" if words else how
