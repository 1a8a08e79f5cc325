"""Checks of what runs for a home: the agent, whom it may ask, keyboxd."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.text import quoted, shown
from gpgmail.delivery.doctor.finding import command, error, install, ok, warning
from gpgmail.gpg import survey, trouble
from gpgmail.gpg.binary import find, tool
from gpgmail.gpg.home import Home
from gpgmail.gpg.linking import has_cards, uses_keyboxd
from gpgmail.gpg.survey import AgentState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.doctor.case import Case
    from gpgmail.delivery.doctor.finding import Finding

_WHERE = re.compile(r"(?P<file>.*), line (?P<number>\d+)")
_KEYBOXD_SINCE = (2, 4, 1)  # gpg before that has no common.conf


def agent(case: Case) -> Iterator[Finding]:
    """Whether the agent answers, and is of gpg's version."""
    for home in case.homes:
        found = survey.agent(home)
        yield _STATES[found.state](home, found)


def _absent(home: Path, found: survey.Agent) -> Finding:
    del found
    return ok(f"no agent runs for {shown(home)}; gpg starts one when it needs it")


def _deaf(home: Path, found: survey.Agent) -> Finding:
    pid = f" (process {found.pid})" if found.pid else ""
    how = "is stopped" if found.stopped else "does not answer"
    signal = "-CONT" if found.stopped else "-KILL"
    restart = command("gpgconf", "--homedir", os.fspath(home), "--kill", "gpg-agent")
    fix = command("kill", signal, str(found.pid)) if found.pid else restart
    return error(f"the agent of {shown(home)}{pid} {how}", fix=fix)


def _answering(home: Path, found: survey.Agent) -> Finding:
    said = f"the agent of {shown(home)} answers, version {found.version}"
    if found.version == find().shown_version:
        return ok(said)
    return warning(
        f"{said}, and gpg is {find().shown_version}: it was started before an update",
        fix=command(tool("gpgconf"), "--homedir", os.fspath(home), "--kill", "gpg-agent"),
    )


_STATES = {
    AgentState.ABSENT: _absent,
    AgentState.DEAF: _deaf,
    AgentState.ANSWERS: _answering,
}


def loopback(case: Case) -> Iterator[Finding]:
    """Whether the agent takes passphrases from other programs."""
    for home in case.homes:
        where = trouble.stated(Home(directory=home), trouble.LOOPBACK)
        if where:
            needed = has_cards(Home(directory=home)) or uses_keyboxd(Home(directory=home))
            told = error if needed else warning
            yield told(
                f"no-allow-loopback-pinentry in {where} keeps passphrases from the agent"
                + ("" if needed else "; another agent works in its place"),
                fix=_without(where, home),
            )


def pinentry(case: Case) -> Iterator[Finding]:
    """Whether the agent could ask a person."""
    for home in case.homes:
        where = trouble.stated(Home(directory=home), trouble.PROGRAM)
        program = _program(where) if where else survey.pinentry(home)
        if program and shutil.which(program):
            yield ok(f"the agent of {shown(home)} asks by {program}")
        else:
            yield warning(
                f"the agent of {shown(home)} cannot ask anybody: {program or 'pinentry'} is not "
                "there" + (f" ({where})" if where else ""),
                fix=_without(where, home) if where else install("pinentry"),
            )


def keyboxd(case: Case) -> Iterator[Finding]:
    """Whether keyboxd has the public keys, and what that means beside other keyrings."""
    for home in case.homes:
        if not uses_keyboxd(Home(directory=home)):
            continue
        if find().version < _KEYBOXD_SINCE:
            yield error(
                f"keyboxd has the keys of {shown(home)}, which gpg {find().shown_version} does not "
                "know: it sees none of them",
                fix=install("gpg"),
            )
        elif len(case.rings) > 1:
            yield warning(
                f"keyboxd has the keys of {shown(home)}: with more than one keyring they are "
                "exported, and the passphrases of signers must be given"
            )
        else:
            yield ok(f"keyboxd has the public keys of {shown(home)}")


def _program(where: str) -> str:
    """Return what a line of gpg-agent.conf names."""
    text = _line(where)
    return text.split(maxsplit=1)[1].strip('"') if len(text.split()) > 1 else ""


def _line(where: str) -> str:
    found = _WHERE.fullmatch(where)
    if found is None:
        return ""
    lines = Path(found["file"]).read_text("utf-8", "replace").splitlines()
    return lines[int(found["number"]) - 1].strip()


def _without(where: str, home: Path) -> str:
    """Return the line that takes a line out of gpg-agent.conf and tells the agent."""
    found = _WHERE.fullmatch(where)
    if found is None:
        return ""
    reload = command(tool("gpgconf"), "--homedir", os.fspath(home), "--reload", "gpg-agent")
    return f"sed -i {found['number']}d {quoted(found['file'])} && {reload}"
