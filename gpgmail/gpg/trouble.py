"""What is wrong where gpg-agent or a lock is in the way: said so, with what mends it.

gpg reports these as if the key were unusable or missing, or not at all. `complain` is asked for a
failed run before `judge`, which knows what gpg said and nothing of the home that it ran in.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError, TimeLimitError
from gpgmail.core.situations import Situation
from gpgmail.core.text import quoted, shown
from gpgmail.gpg.status import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gpgmail.core.run import Run
    from gpgmail.gpg.dialogue import Identity
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.judge import Ended

_NO_AGENT = frozenset({77, 78})
_NOT_STARTED = "no gpg-agent running"  # under no-autostart
# gpg 2.4 calls it gpg-agent, where 2.2 says agent.
_NOT_REACHED = re.compile(rf"connect to the (?:gpg-)?agent|{_NOT_STARTED}")
_OF_IT = re.compile(rf"{_NOT_REACHED.pattern}|failed to start (?:gpg-)?agent|error running '")
_NO_PINENTRY, _PINENTRY, _ENOTTY = 85, 86, 32870
_NOBODY_ASKED = frozenset({_NO_PINENTRY, _PINENTRY, _ENOTTY})
_CONFIG = "gpg-agent.conf"
LOOPBACK = re.compile(r"\s*(?:--)?no-allow-loopback-pinentry\b")
PROGRAM = re.compile(r"\s*(?:--)?pinentry-program\b")
_SHOWN = 300  # characters of gpg's own words


def complain(home: Home, ended: Ended, run: Run, keys: Iterable[str] = ()) -> None:
    """Raise where the agent was in the way, or nobody could be asked for a passphrase.

    *keys* are the fingerprints of the (sub)keys whose secret parts were wanted; without them those
    that the message is encrypted for.

    Raises:
        KeySelectionError: If a key is on a card that is not there; the text has the card's number.
        EngineError: If the agent is not there, or takes no passphrase from us.
        PassphraseError: If there was none, and nobody to ask; the hint names the ways out.
    """
    error = _explained(home, ended, run, keys)
    if error is not None:
        raise error


def _explained(home: Home, ended: Ended, run: Run, keys: Iterable[str]) -> GpgmailError | None:
    failures = list(select(ended.status, "FAILURE", "ERROR"))
    if any(line.get("location") == "set_pinentry_mode" for line in failures):
        return loopback_refused(home)
    keys = tuple(keys)
    if failures and (card := _card(home, ended, run, keys)) is not None:
        return card
    numbers = {line.error for line in failures}
    if numbers & _NO_AGENT or _NOT_REACHED.search(ended.stderr):
        return no_agent(home.directory, ended.stderr)
    # gpg 2.4 asks for a message's passphrase before it tries the key that then opens it.
    opened = any(select(ended.status, "DECRYPTION_OKAY"))
    if numbers & _NOBODY_ASKED and not opened:
        encrypted_for = (line.get("key_id") for line in select(ended.status, "ENC_TO"))
        return _unanswered(home, tuple(keys) or tuple(encrypted_for), run)
    return None


def _card(home: Home, ended: Ended, run: Run, keys: Iterable[str]) -> GpgmailError | None:
    from gpgmail.gpg.cards import absent

    return absent(home, ended, run, keys)


@contextlib.contextmanager
def delay_named(home: Home) -> Iterator[None]:
    """Have a time limit that passed because of the agent, or of a lock in the home, name it."""
    from gpgmail.gpg import proof

    try:
        yield
    except TimeLimitError as failure:
        if not proof.answers(home.directory):
            raise Situation.TIME_LIMIT.error(
                f"it does not answer ({failure.detail})",
                subject=f"gpg-agent of {home.directory}",
                hint="continue it if it was stopped, or end that process",
            ) from None
        locked = _locked(home, failure)
        if locked is not None:
            raise locked from None
        raise


def _locked(home: Home, failure: GpgmailError) -> GpgmailError | None:
    """Return the error for a lock that gpg waits for; those of dead processes it takes away."""
    from gpgmail.gpg import survey

    for lock in survey.locks(home.directory):
        holder = lock.holder or (f"the host {shown(lock.host)}" if lock.abandoned else "")
        if holder:
            return Situation.TIME_LIMIT.error(
                f"it is held by {holder}, and gpg waits for it ({failure.detail})",
                subject=shown(lock.path),
                hint=f"let GnuPG end there; if none works there: rm {quoted(os.fspath(lock.path))}",
            )
    return None


def require_agent(home: Home, words: str) -> None:
    """Raise if gpg said that it could not reach the agent, without which it knows no secret key.

    Raises:
        EngineError: If so.
    """
    if _NOT_REACHED.search(words):
        raise no_agent(home.directory, words)


def no_agent(directory: Path, words: str) -> GpgmailError:
    """Return the error for an agent that does not start; *words* are what was said of it."""
    lines = [line.removeprefix("gpg: ") for line in words.splitlines()]
    told = dict.fromkeys(line for line in lines if _OF_IT.search(line)) or lines
    look = f"see why: gpg-agent --homedir {quoted(os.fspath(directory))} --server"
    return Situation.GPG_FAILED.error(
        f"gpg-agent cannot be reached or started: {'; '.join(told)[:_SHOWN]}".rstrip(": "),
        subject=str(directory),
        hint="take no-autostart out of gpg.conf" if _NOT_STARTED in words else look,
    )


def loopback_refused(home: Home) -> GpgmailError:
    """Return the error for an agent that takes passphrases from its pinentry alone."""
    where = stated(home, LOOPBACK) or "its configuration"
    return Situation.GPG_FAILED.error(
        f"gpg-agent takes no passphrase from other programs: no-allow-loopback-pinentry in {where}",
        subject=str(home.directory),
        hint=f"remove that line, then {_reload(home)}; or give no passphrase and let the agent ask",
    )


def _unanswered(home: Home, keys: Iterable[str], run: Run) -> GpgmailError:
    from gpgmail.gpg.operation import can_prompt

    if not can_prompt(home, run):
        detail = "no passphrase is given, and without a terminal or display nobody can be asked"
        advice = ""
    else:
        detail = "no passphrase is given, and the agent's pinentry does not come up"
        line = stated(home, PROGRAM)
        advice = f"mend pinentry-program in {line}, then {_reload(home)}; or " if line else ""
    identity = next(filter(None, (_identity(home, key, run) for key in keys)), None)
    if identity is None:
        return Situation.PASSPHRASE.error(detail)
    return Situation.PASSPHRASE.error(
        detail,
        subject=f"{identity.fingerprint} {identity.user_id}".strip(),
        hint=f"{advice}give the passphrase{_preset(home, identity)}",
    )


def _identity(home: Home, key: str, run: Run) -> Identity | None:
    """Return the key if its secret part is here and locked."""
    from gpgmail.gpg import proof
    from gpgmail.gpg.dialogue import Wanted

    with contextlib.suppress(GpgmailError):
        found = proof.identify(home, Wanted(key), run)
        if found is not None and proof.held(home, found.keygrip, run).provable:
            return found
    return None


def _preset(home: Home, identity: Identity) -> str:
    """Return how the user's agent gets a passphrase beforehand; ours is asked for nothing."""
    if home.prepared:
        return ""
    from gpgmail.gpg import proof

    program = f"{proof.listed_directory(home.directory, 'libexecdir')}/gpg-preset-passphrase"
    command = f"GNUPGHOME={quoted(os.fspath(home.directory))} {program} --preset {identity.keygrip}"
    return f", or put it into the agent: {command} (with allow-preset-passphrase in {_CONFIG})"


def _reload(home: Home) -> str:
    return f"gpgconf --homedir {quoted(os.fspath(home.directory))} --reload gpg-agent"


def stated(home: Home, pattern: re.Pattern[str]) -> str:
    """Return the file and line that states an option of the agent, empty where none does."""
    from gpgmail.gpg import proof

    system = proof.listed_directory(home.directory, "sysconfdir")
    for path in (home.directory / _CONFIG, system / _CONFIG):
        with contextlib.suppress(OSError):
            lines = path.read_text("utf-8", "replace").splitlines()
            for number, line in enumerate(lines, start=1):
                if pattern.match(line):
                    return f"{path}, line {number}"
    return ""
