"""The checks in their order, and how they are made: each within its limit, none of them fatal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpgmail.core.aside import aside
from gpgmail.core.codes import Exit
from gpgmail.core.errors import Cancelled, GpgmailError
from gpgmail.core.run import Run
from gpgmail.delivery.accounts import Account
from gpgmail.delivery.doctor import agents, homes, keys, programs, server, settings
from gpgmail.delivery.doctor.case import Case
from gpgmail.delivery.doctor.finding import Level, error, raised
from gpgmail.delivery.options import AccountOptions
from gpgmail.gpg import proof, survey
from gpgmail.gpg.survey import AgentState
from gpgmail.keys.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from gpgmail.delivery.doctor.finding import Finding

SECONDS = 20.0  # that one check may take
_ENDING = 2.0  # seconds in which an agent is asked to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check: left out after an error of one of those in *unless*, which says the same.

    *network* says that it connects to somewhere.
    """

    name: str
    look: Callable[[Case], Iterator[Finding]]
    unless: tuple[str, ...] = ()
    network: bool = False


_GPG = ("gpg",)
_WORKING = ("gpg", "tools", "agent", "locks", "gpg.conf")
CHECKS = (
    Check(name="python", look=programs.packages),
    Check(name="gpg", look=programs.gpg),
    Check(name="path", look=programs.several),
    Check(name="tools", look=programs.tools, unless=_GPG),
    Check(name="engine", look=programs.gpgme, unless=_GPG),
    Check(name="account", look=settings.account),
    Check(name="keyring", look=homes.keyrings),
    Check(name="permissions", look=homes.permissions),
    Check(name="locks", look=homes.locks),
    Check(name="space", look=homes.space),
    Check(name="sockets", look=homes.sockets, unless=("gpg", "tools")),
    Check(name="agent", look=agents.agent, unless=("gpg", "tools")),
    Check(name="loopback", look=agents.loopback, unless=("gpg", "tools")),
    Check(name="pinentry", look=agents.pinentry, unless=("gpg", "tools")),
    Check(name="keyboxd", look=agents.keyboxd, unless=_GPG),
    Check(name="gpg.conf", look=settings.gpg_conf, unless=("gpg", "tools")),
    Check(name="clock", look=keys.clock, unless=_WORKING),
    Check(name="signing", look=keys.signers, unless=("engine", *_WORKING)),
    Check(name="keys", look=keys.recipients, unless=_WORKING),
    Check(name="server", look=server.server, unless=("account",), network=True),
)


def examine(
    account: Account | None,
    *,
    trouble: GpgmailError | None = None,
    network: bool = True,
    seconds: float = SECONDS,
    only: Collection[str] = (),
) -> Iterator[Finding]:
    """Give what every check finds, as it is found.

    *account* is None where *trouble* kept it from being read: then the user's own home alone is
    looked at. Each check gets *seconds*; *only* names those to make, by default all. An agent that
    only the checks had need of is ended.
    """
    account = account or Account(
        name="", config=None, options=AccountOptions(), found={}, policy={}
    )
    failed: set[str] = set()
    with ExitStack() as held:
        case = _case(account, trouble, held)
        for check in CHECKS:
            left_out = (check.network and not network) or (only and check.name not in only)
            if left_out or not failed.isdisjoint(check.unless):
                continue
            for found in _made(check, case, seconds):
                if found.level is Level.ERROR:
                    failed.add(check.name)
                yield replace(found, check=check.name)


def exit_code(findings: list[Finding], *, strict: bool) -> int:
    """Return that of the first error; 1 for a warning where *strict*; otherwise 0."""
    errors = (one.exit_code for one in findings if one.level is Level.ERROR)
    warned = any(one.level is Level.WARNING for one in findings)
    return next(errors, int(strict and warned))


def _case(account: Account, trouble: GpgmailError | None, held: ExitStack) -> Case:
    rings: list[Keyring] = []
    unopened: list[GpgmailError] = []
    for place in account.options.keyring or (None,):
        try:
            ring = Keyring.open(place)
        except GpgmailError as failure:
            unopened.append(failure)
        else:
            rings.append(ring)
            held.callback(ring.close)
    run = Run(unattended=True)
    case = Case(
        account=account,
        run=run,
        rings=tuple(rings),
        unopened=tuple(unopened),
        trouble=trouble,
    )
    for home in case.homes:
        if _state(home) is AgentState.ABSENT:
            held.callback(_end, home)
    return case


def _state(home: Path) -> AgentState | None:
    try:
        return survey.agent(home).state
    except (GpgmailError, OSError):
        return None  # without gpg nobody knows


def _end(home: Path) -> None:
    """End an agent that nobody had before us."""
    if _state(home) is AgentState.ANSWERS:
        proof.end_agent(home, Run(timeout=_ENDING))


def _made(check: Check, case: Case, seconds: float) -> tuple[Finding, ...]:
    """Return what a check finds, or how it failed."""
    run = Run(timeout=seconds, absolute=True, unattended=True)
    own = replace(case, run=run)
    try:
        return aside(lambda: tuple(check.look(own)), run, f"check of {check.name}")
    except Cancelled:
        raise
    except GpgmailError as failure:
        return (raised(failure),)
    except Exception as failure:  # noqa: BLE001 - one check must not keep the others from telling
        what = f"the check itself failed: {type(failure).__name__}: {failure}"
        return (error(what, exit_code=Exit.SOFTWARE),)
