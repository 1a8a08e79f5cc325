"""What `gpgmail-sendmail --dry-run` prints: what would become of a mail, or of those that wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gpgmail.cli.rehearsing import DRY_RUN, key_line, lines_of
from gpgmail.cli.report import line, one_line, show
from gpgmail.core.codes import Exit, Retry
from gpgmail.delivery.facts import of_error, of_foreseen
from gpgmail.spool.store import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpgmail.delivery.rehearsal import Foreseen
    from gpgmail.delivery.waiting import Look


def report_mail(told: Foreseen, *, as_json: bool) -> int:
    """Print what would become of a mail, and return the exit code."""
    if as_json:
        show(json.dumps(of_foreseen(told), indent=2))
    else:
        show("\n".join((DRY_RUN, *_lines(told))))
    return 0


def report_queue(looks: Iterable[Look], *, as_json: bool) -> int:
    """Print what would become of each mail that waits, and return the exit code."""
    seen = []
    for one in looks:
        seen.append(one)
        if not as_json:
            show("\n".join(_lines_of_file(one)))
    if as_json:
        show(json.dumps({"dry_run": True, "queue": [_facts(one) for one in seen]}, indent=2))
    elif not seen:
        show(f"{DRY_RUN}, and nothing waits")
    if any(one.error and _ends(one) for one in seen):
        return Exit.UNAVAILABLE
    stays = any(one.error or (one.told and one.told.without_key) for one in seen)
    return Exit.TRY_AGAIN if stays else 0


def _ends(one: Look) -> bool:
    """Tell whether a mail would not be tried again."""
    return one.state is not State.HELD and one.error is not None and one.error.retry is Retry.NO


def _lines_of_file(one: Look) -> Iterator[str]:
    name = f"{one.path.name}: "
    if one.told is None:
        yield f"{name}stays: {line(one.error) if one.error else ''}"
        return
    yield name + DRY_RUN
    yield from (f"  {text}" for text in _lines(one.told))


def _facts(one: Look) -> dict[str, Any]:
    told = of_foreseen(one.told) if one.told else {}
    error = {"error": {"message": line(one.error), **of_error(one.error)}} if one.error else {}
    return {"file": one.path.name, **told, **error}


def _lines(told: Foreseen) -> Iterator[str]:
    if told.mail is not None:
        yield from map(one_line, (*told.mail.remarks, *told.mail.passed_over))
        yield from lines_of(told.mail)
    for copy in told.held:
        yield f"held: {', '.join(copy.recipients)}"
        yield from (f"  encrypted to {key_line(key)}" for key in copy.keys)
    for whom, one in told.notices.items():
        yield f"notice ({one.copies[0].size} bytes): {whom}"
        yield from (f"  signed by {key_line(key)}" for key in one.signers)
    yield from (f"dropped: {whom}" for whom in told.dropped)
    yield from (f"no key: {whom}: {line(error)}" for whom, error in told.without_key.items())
    if told.mail is None and not told.without_key:
        yield "the aliases send it to nobody"
