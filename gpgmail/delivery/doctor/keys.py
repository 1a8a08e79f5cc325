"""Checks of keys: the clock, the signers, without anybody to ask, and the recipients."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError, KeySelectionError
from gpgmail.core.passphrases import Passphrases
from gpgmail.crypto.engine import Job, SignatureMode
from gpgmail.crypto.engines import engine
from gpgmail.delivery.choice import signing_keys
from gpgmail.delivery.doctor.finding import as_root, error, ok, raised, warning
from gpgmail.delivery.secrets import passphrases_of
from gpgmail.delivery.watching import watch
from gpgmail.gpg import proof
from gpgmail.gpg.dialogue import Wanted
from gpgmail.keys.key import Purpose
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.mending import command_for, search
from gpgmail.keys.watch import Level, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding
    from gpgmail.keys.selection import Selection
    from gpgmail.keys.watch import Watched

_NONCE = 32  # bytes
_SLACK = timedelta(minutes=5)


def clock(case: Case) -> Iterator[Finding]:
    """Whether a key is younger than now: then the clock is behind, here or where it was made."""
    now = datetime.now(UTC)
    known = [key for ring in case.rings for key in ring.keys(run=case.run)]
    ahead = [
        part
        for key in known
        for part in key.parts
        if part.created is not None and part.created > now + _SLACK
    ]
    if ahead:
        last = max(ahead, key=lambda part: part.created or now)
        yield error(
            f"{last.fingerprint} was made at {last.created:%Y-%m-%d %H:%M} UTC, and it is "
            f"{now:%Y-%m-%d %H:%M}: a clock is wrong",
            fix=as_root("timedatectl set-ntp true"),
            hint="or the key comes from a machine whose clock was ahead",
        )
    else:
        yield ok(f"it is {now:%Y-%m-%d %H:%M} UTC, later than all keys here were made")


def signers(case: Case) -> Iterator[Finding]:
    """Whether each signer's key signs here and now, with nobody to ask."""
    for name in case.signers if case.rings else ():
        yield from _signs(case, name)


def _signs(case: Case, name: str) -> Iterator[Finding]:
    first, *more = case.rings
    keyrings = Keyrings(first, more, trust=case.account.options.trust or None)
    with ExitStack() as held:
        held.callback(keyrings.close)
        try:
            selection = keyrings.signer(name, case.run)
        except KeySelectionError as failure:
            yield raised(failure, fix=_mended(case, failure, Purpose.SIGN))
            return
        passphrases = Passphrases.of(passphrases_of(case.account))
        job = Job(
            home=keyrings.home(case.run, passphrases, secret=True, public=False),
            signers=signing_keys([selection], keyrings, case.run),
            passphrases=passphrases,
        )
        works = engine(case.account.options.engine)
        held.callback(works.close)
        passphrases.begin()
        try:
            works.sign(job, [os.urandom(_NONCE)], _nowhere, SignatureMode.DETACHED, case.run)
        except GpgmailError as failure:
            yield raised(failure)
            return
        yield ok(f"{selection.fingerprint} {selection.user_id} signs without asking anybody")
        yield from _borrowed(case, job, selection)


def _nowhere(data: bytes) -> None:
    del data


def _borrowed(case: Case, job: Job, selection: Selection) -> Iterator[Finding]:
    """Say where it worked only because the agent has the passphrase for a while."""
    if job.home.prepared or not job.passphrases.silent:
        return
    found = proof.identify(job.home, Wanted(selection.subkey.fingerprint), case.run)
    state = proof.held(job.home, found.keygrip, case.run) if found else None
    if state is not None and state.protected and state.cached:
        yield warning(
            f"the passphrase of {selection.fingerprint} is only in the agent's cache, which ends",
            hint="name a passphrase_file or passphrase_command in the account",
        )


def recipients(case: Case) -> Iterator[Finding]:
    """Whether the keys that the account counts on are there and last."""
    if not case.rings:
        return
    now, limits = datetime.now(UTC), Limits()
    watched = [
        one
        for one in watch(case.account, case.rings, case.run)
        if one.purpose is Purpose.ENCRYPT or one.error is None
    ]
    for one in watched:
        yield _told(case, one, limits.level(one, now), now)


def _told(case: Case, one: Watched, level: Level, now: datetime) -> Finding:
    if isinstance(one.error, KeySelectionError):
        told = raised(one.error, fix=_mended(case, one.error, one.purpose) or _search(case, one))
        return told if one.needed else warning(told.what, fix=told.fix, hint=told.hint)
    left, until = one.days_left(now), one.until
    if left is None or until is None:
        return ok(f"the {one.purpose} key of {one.name} does not end")
    said = f"the {one.purpose} key of {one.name} ends in {left:.0f} days ({until:%Y-%m-%d})"
    if level is Level.OK:
        return ok(said)
    return warning(said, fix=_renewal(case, one))


def _search(case: Case, one: Watched) -> str:
    found = one.error.candidates if isinstance(one.error, KeySelectionError) else ()
    return "" if found else search(one.name, case.rings[0])


def _mended(case: Case, failure: KeySelectionError, purpose: Purpose) -> str:
    """Return the line that makes the first candidate usable for which there is one."""
    lines = (command_for(one, case.rings, purpose, case.run) for one in failure.candidates)
    return next(filter(None, lines), "")


def _renewal(case: Case, one: Watched) -> str:
    from gpgmail.keys.mending import renewal

    return renewal(one.selection.key, one.purpose, case.rings, case.run) if one.selection else ""
