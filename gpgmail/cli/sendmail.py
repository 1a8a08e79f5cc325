"""`gpgmail-sendmail`: what programs take for sendmail, and mails leave signed and encrypted.

Started for every mail, so that nothing is loaded that the mail does not need. Account and
configuration come from files and the environment; the arguments are sendmail's.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.cli.journal import Journal
from gpgmail.cli.sendmail_options import Mode, Request, parse, usage
from gpgmail.cli.signals import Ended, end_on_signals, ignore_signals, signals_call
from gpgmail.core.codes import Exit, Retry
from gpgmail.core.errors import DeliveryError, GpgmailError, KeySelectionError
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpgmail.core.events import KeyExpires
    from gpgmail.core.run import Run
    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.letter import Desk
    from gpgmail.delivery.routes import Routes
    from gpgmail.delivery.submission import Submission

    Work = Callable[[Account, Request, Journal], int]

NAME = "gpgmail-sendmail"
_AWAITED = (DeliveryError, KeySelectionError)  # what mails of a queue wait for
_RARELY = 50_000  # objects; what is loaded stays, and looking it through is a tenth of the start
# What the links beside sendmail mean, by their names.
_BY_NAME = {
    "mailq": Mode.LIST_QUEUE,
    "newaliases": Mode.NEW_ALIASES,
    "runq": Mode.RUN_QUEUE,
}


def main() -> None:
    """Run the command of this process and exit."""
    code: int = Exit.TRY_AGAIN
    gc.set_threshold(_RARELY)
    try:
        end_on_signals()
        code = run(sys.argv[1:], os.path.basename(sys.argv[0]))  # noqa: PTH119 - pathlib costs more
        ignore_signals()
    except Ended:
        pass
    sys.exit(code)


def run(arguments: Sequence[str], called: str = NAME) -> int:
    """Do what the arguments say, under the name *called*, and return the exit code."""
    try:
        request = parse(arguments)
    except GpgmailError as error:
        with closing(Journal(NAME)) as journal:
            journal.failed(error)
        return error.exit_code
    request.mode = _BY_NAME.get(called, request.mode)
    tag = request.tag or NAME
    journal = Journal(tag, quiet=request.quiet, verbose=request.verbose, logged=not request.dry_run)
    with closing(journal):
        return _run(request, journal)


def _run(request: Request, journal: Journal) -> int:
    try:
        return _done(request, journal)
    except GpgmailError as error:
        _failed(error, request, journal)
        return exit_code(error)
    except (Ended, KeyboardInterrupt):
        journal.fail("interrupted")
        return Exit.TRY_AGAIN
    except Exception as error:  # noqa: BLE001 - the last resort: a line instead of a traceback
        journal.fail(f"unexpected {type(error).__name__}: {error}")
        return Exit.OS if isinstance(error, OSError) else Exit.SOFTWARE


def _failed(error: GpgmailError, request: Request, journal: Journal) -> None:
    if not request.as_json:
        journal.failed(error)
        return
    from gpgmail.cli.report import report_failure

    report_failure(error)


def exit_code(error: GpgmailError) -> int:
    """Return the code for a caller who still has the mail: 75 where it can be handed over again."""
    if error.retry is not Retry.NO:
        return Exit.TRY_AGAIN
    return Exit.UNAVAILABLE if error.exit_code is Exit.PROTOCOL else error.exit_code


def _done(request: Request, journal: Journal) -> int:
    if request.mode in _SAID:
        print(_SAID[request.mode]())  # noqa: T201 - what was asked for
        return 0
    if request.mode is Mode.NEW_ALIASES:
        journal.say("aliases are read when a mail comes: there is nothing to make")
        return 0
    from gpgmail.delivery.accounts import open_account, require_choice

    account = open_account()
    require_choice(account)
    return _WORK[request.mode](account, request, journal)


def _version() -> str:
    from gpgmail import __version__

    return f"{NAME} {__version__}"


# ----------------------------------------------------------------------------------------- one mail


def _submit(account: Account, request: Request, journal: Journal) -> int:
    from gpgmail.cli.sendmail_report import report
    from gpgmail.delivery.addressing import Wanted
    from gpgmail.message.handed import take

    if sys.stdin is None:
        raise Situation.NO_INPUT.error("is closed", subject="standard input")
    wanted = Wanted(
        recipients=request.recipients,
        read_recipients=request.read_recipients,
        sender=request.sender,
        full_name=request.full_name,
        notify=request.notify,
        returned=request.returned,
        envelope_id=request.envelope_id,
    )
    handed = take(sys.stdin.buffer, ends_at_dot=request.ends_at_dot)

    def work(submission: Submission, desk: Desk, routes: Routes, run: Run) -> int:  # noqa: ARG001 - as all work
        if request.dry_run:
            from gpgmail.cli.sendmail_rehearsal import report_mail

            return report_mail(submission.rehearse(handed, wanted), as_json=request.as_json)
        return report(submission.submit(handed, wanted), journal)

    return _with_mailer(account, request, journal, work)


def _with_mailer(
    account: Account,
    request: Request,
    journal: Journal,
    work: Callable[[Submission, Desk, Routes, Run], int],
) -> int:
    """Do *work* with what an account has, and close all of it."""
    from gpgmail.core.events import KeyExpires, Status
    from gpgmail.delivery.mailer import Mailer
    from gpgmail.delivery.submission import Submission

    mailer = Mailer.of_account(account)
    mailer.on(Status, lambda event: journal.say(event.message))
    mailer.on(KeyExpires, lambda event: _expires(event, journal))

    def within(desk: Desk, routes: Routes, run: Run) -> int:
        waits = request.only_queue and bool(account.options.queue)
        if not waits and not (account.options.server or account.options.fallback):
            raise _lacks("server", "a server URL")
        submission = Submission(
            account, desk, routes, run, only_queue=request.only_queue, resolve=request.resolve
        )
        return work(submission, desk, routes, run)

    with signals_call(mailer.interrupt), mailer:
        return mailer.within(within)


def _expires(event: KeyExpires, journal: Journal) -> None:
    import logging

    logging.getLogger("gpgmail").addHandler(logging.NullHandler())  # it is told here, and once
    journal.warn(str(event))


# ---------------------------------------------------------------------------------------- the queue


def _run_queue(account: Account, request: Request, journal: Journal) -> int:
    directory = _queue_of(account)

    def work(submission: Submission, desk: Desk, routes: Routes, run: Run) -> int:
        from gpgmail.delivery import waiting

        if request.dry_run:
            from gpgmail.cli.sendmail_rehearsal import report_queue

            looks = waiting.rehearse(directory, submission, desk, routes, run)
            return report_queue(looks, as_json=request.as_json)
        released = waiting.release(directory, submission, desk, run)
        processed = waiting.send(directory, routes, run)
        for path in (*released.sent, *processed.sent):
            journal.note(f"{path.name}: status=sent")
        for path, error in {**processed.left, **processed.unsure, **released.stay}.items():
            tell = journal.still if isinstance(error, _AWAITED) else journal.warn
            tell(f"{path.name}: status=waits ({error})")
        for path, error in {**processed.failed, **processed.ignored}.items():
            journal.fail(f"{path.name}: status=failed ({error})")
        later = processed.left or processed.unsure or released.stay
        return Exit.UNAVAILABLE if processed.failed else Exit.TRY_AGAIN if later else 0

    return _with_mailer(account, request, journal, work)


def _list_queue(account: Account, _: Request, __: Journal) -> int:
    from gpgmail.core.run import Run
    from gpgmail.core.text import shown
    from gpgmail.delivery.waiting import listed

    count = 0
    for one in listed(_queue_of(account), Run()):
        count += 1
        envelope = one.mail.envelope if one.mail else None
        to = ", ".join(envelope.addresses) if envelope else "(cannot be read)"
        sender = envelope.sender if envelope else ""
        size = one.path.stat().st_size
        print(f"{one.path.stem} {one.state[1:]:8}{size:>10} <{shown(sender)}> {shown(to)}")  # noqa: T201 - what was asked for
    if not count:
        print("Mail queue is empty")  # noqa: T201 - what others look for
    return 0


def _queue_of(account: Account) -> Path:
    if not account.options.queue:
        raise _lacks("queue", "a directory")
    return Path(account.options.queue)


def _lacks(name: str, what: str) -> GpgmailError:
    hint = f"set {name} to {what}, for the account"
    return Situation.BAD_CONFIG.error("there is none", subject=name, hint=hint)


_SAID: dict[Mode, Callable[[], str]] = {Mode.HELP: usage, Mode.VERSION: _version}
_WORK: dict[Mode, Work] = {
    Mode.SUBMIT: _submit,
    Mode.RUN_QUEUE: _run_queue,
    Mode.LIST_QUEUE: _list_queue,
}
