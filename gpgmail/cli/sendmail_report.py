"""What `gpgmail-sendmail` tells of a mail: a line for each recipient, as mail programs log them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.cli.journal import Journal
    from gpgmail.delivery.submission import Submitted


def report(done: Submitted, journal: Journal) -> int:
    """Tell what became of a mail, and return the exit code."""
    about = f"{done.message_id}: from=<{done.sender}>"
    if done.letter is None:
        journal.warn(f"{about}: the aliases send it to nobody")
        return 0
    for to, protection, reply in _sent(done):
        journal.note(f"{about}, to=<{to}>{protection}, status=sent ({reply})")
    for to, status, why in _otherwise(done):
        journal.warn(f"{about}, to=<{to}>, status={status} ({why})")
    for remark in done.letter.remarks:
        journal.warn(f"{about}: {remark}")
    for to, words in done.sent.refused.items():
        journal.fail(f"{about}, to=<{to}>, status=refused ({words})")
    for problem in done.problems:
        journal.failed(problem)
    return Exit.UNAVAILABLE if done.sent.refused or done.problems else 0


def _sent(done: Submitted) -> Iterator[tuple[str, str, object]]:
    """Yield who has it, how it was protected, and what the server said."""
    if done.letter is None or done.sent.receipt is None:
        return
    plan = done.letter.plan
    signed = "".join(f", signed by {key.fingerprint}" for key in plan.signers)
    for to in done.sent.accepted:
        encrypted = f", encrypted to {plan.keys[to]}" if to in plan.keys else ""
        yield to, encrypted + signed, done.sent.receipt.reply


def _otherwise(done: Submitted) -> Iterator[tuple[str, str, object]]:
    """Yield who does not have it, what became of it for him, and why."""
    yield from ((to, "queued", done.sent.why) for to in done.sent.queued)
    for status, whom in (("held", done.held), ("notice", done.noticed), ("dropped", done.dropped)):
        yield from ((to, status, done.without_key[to]) for to in whom)
