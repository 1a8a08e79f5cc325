"""`gpgmail send`: compose, protect and deliver one mail, write it to a file, or rehearse it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.composing import draft, mail_options
from gpgmail.cli.idle import idle_options
from gpgmail.cli.options import (
    KEYS,
    MAIL,
    PASSPHRASES,
    SERVER,
    SYMMETRIC,
    VARIANT,
    GroupedCommand,
    account_of,
    account_options,
    given_rows,
    json_option,
    option,
    row_options,
    symmetric_options,
)
from gpgmail.cli.rehearsing import report_rehearsal
from gpgmail.cli.repeating import once_of, once_options, report_repeat
from gpgmail.cli.report import line, report_failure, report_receipt, show
from gpgmail.cli.signals import signals_call
from gpgmail.cli.watching import watched
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.delivery.mailer import Mailer
from gpgmail.delivery.options import (
    AccountOptions,
    KeyringOptions,
    MailOptions,
    ServerOptions,
)
from gpgmail.delivery.receipt import Receipt
from gpgmail.delivery.rehearsal import Rehearsal
from gpgmail.delivery.secrets import Source, only_one
from gpgmail.delivery.writer import STDOUT, write_mail
from gpgmail.protect.variant import Variant
from gpgmail.transport.url import parse

if TYPE_CHECKING:
    from gpgmail.core.secret import Secret
    from gpgmail.delivery.accounts import Account
    from gpgmail.spool.record import Entry

_EXAMPLES = """\b
Examples:
  df -h | gpgmail send --server smtp://localhost --from root@localhost \\
      --to ops@example.org --subject "Disks" --sign --encrypt
  gpgmail send --from a@example.org --to b@example.org --text-file text \\
      --attach report.pdf --encrypt --keyring b.asc --output mail.eml
"""
_WORDS = {"encrypt": ("require", "never")}


@click.command(cls=GroupedCommand, epilog=_EXAMPLES)
@mail_options
@once_options
@row_options(MailOptions, KEYS, groups={"from_": MAIL}, words=_WORDS)
@option(
    "--recipient-key",
    multiple=True,
    group=KEYS,
    metavar="KEY",
    help="Encrypt to KEY instead. May be repeated.",
)
@row_options(KeyringOptions, KEYS, groups=PASSPHRASES)
@symmetric_options
@row_options(ServerOptions, SERVER)
@row_options(AccountOptions, SERVER, only=("fallback",))
@account_options
@row_options(Variant, VARIANT)
@option(
    "--save-wire",
    group=VARIANT,
    metavar="FILE",
    help="Write the mail to FILE too, byte by byte as it goes over the wire.",
)
@option(
    "--output",
    metavar="FILE",
    help="Write the finished mail to FILE (- for stdout) and connect to nothing.",
)
@option(
    "--dry-run",
    is_flag=True,
    help="Choose keys, protect, connect and log in, but send nothing; print what would be sent.",
)
@option("--quiet", "-q", is_flag=True, help="Say nothing but what went wrong.")
@option("--debug", is_flag=True, help="Show the protocol on standard error, without secrets.")
@json_option
def command(**given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Send one mail, signed and encrypted as asked, or as the account's policy says.

    What is not given here is read from the environment (GPGMAIL_SERVER for --server) and from
    configuration files; `gpgmail config show` says what counts. Nothing is sent unless all that was
    asked for could be done. The exit code is 69 when the server took the mail for some recipients
    only.
    """
    to_stdout = given["output"] == STDOUT
    try:
        account = _account(given)
        receipt = _send(account, given)
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error, err=to_stdout)
        return error.exit_code
    said = {"as_json": given["as_json"], "quiet": given["quiet"]}
    if isinstance(receipt, Rehearsal):
        report_rehearsal(receipt, **said)
        return 0
    if not isinstance(receipt, Receipt):
        report_repeat(receipt, **said)
        return 0
    try:
        report_receipt(receipt, **said, err=to_stdout)
        if not given["quiet"]:
            for words in idle_options(account, receipt):
                show(f"gpgmail: {words}", err=True)
    except GpgmailError as error:
        # The exit code is about the mail: a caller that tries again would send it twice.
        show(f"gpgmail: the mail is done, but {line(error)}", err=True)
    return Exit.UNAVAILABLE if receipt.refused else 0


def _account(given: dict[str, Any]) -> Account:
    """Return what holds for the mail."""
    account = account_of(given, AccountOptions, words=_WORDS)
    options = account.options
    if account.given("server"):
        if given["output"]:
            raise Situation.BAD_VALUE.error("give --server or --output, not both", subject="output")
        if parse(options.server).password:
            raise _seen_by_all("--server", "--user with --password-file or --password-command")
    if account.given("proxy") and "@" in options.proxy:
        raise _seen_by_all("--proxy", "--proxy environment, with ALL_PROXY set to the URL")
    if given["output"] and given["dry_run"]:
        raise Situation.BAD_VALUE.error("give --output or --dry-run, not both", subject="output")
    if not (options.server or given["output"]):
        from gpgmail.delivery.accounts import require_choice

        require_choice(account)
        raise Situation.NO_SERVER.error(
            "nothing to send through", hint="give --server or --output, or name an --account"
        )
    if not options.from_:
        raise Situation.NO_SENDER.error("the mail says nobody whom it is from", hint="give --from")
    return account


def _seen_by_all(option_name: str, hint: str) -> GpgmailError:
    detail = "a password there is seen by every user of this machine"
    return Situation.BAD_VALUE.error(detail, subject=option_name, hint=hint)


def _send(account: Account, given: dict[str, Any]) -> Receipt | Rehearsal | Entry:
    once = once_of(given, account.name)
    mailer = Mailer.of_account(account)
    symmetric = _symmetric(given)
    mail = draft(given, account.options.from_)  # last: standard input may hold secrets before it
    wanted: dict[str, Any] = {
        "encrypt": list(given["recipient_key"]) or None,
        "symmetric": symmetric,
        "variant": _variant(given),
    }
    with signals_call(mailer.interrupt), mailer, watched(mailer, given):
        if given["output"]:
            return write_mail(mailer, mail, given["output"], **wanted)
        if given["dry_run"]:
            return (once and once.before(mail)) or mailer.rehearse(mail, **wanted)
        wanted["save_wire"] = given["save_wire"]
        return once.send(mailer, mail, **wanted) if once else mailer.send(mail, **wanted)


def _symmetric(given: dict[str, Any]) -> Secret | None:
    stated = {kind: given[f"symmetric_{kind}"] for kind in SYMMETRIC if given[f"symmetric_{kind}"]}
    sources = [Source(f"--symmetric-{kind}", kind, value) for kind, value in stated.items()]
    only = only_one(sources, "symmetric passphrase")
    return None if only is None else only.fetch("", Run())


def _variant(given: dict[str, Any]) -> Variant:
    """Return the form that the mail is to have.

    Raises:
        UsageError: If a value is none that there is, or there is no wire to save.
    """
    if given["save_wire"] and (given["output"] or given["dry_run"]):
        raise Situation.BAD_VALUE.error("nothing goes over a wire", subject="--save-wire")
    return Variant(**given_rows((Variant,), given))
