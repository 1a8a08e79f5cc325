"""`gpgmail read`: decrypt and verify a mail, and say what holds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.inputs import standard_input
from gpgmail.cli.options import KEYS, SECRETS, GroupedCommand, json_option, option, secret_options
from gpgmail.cli.report import report_failure, report_mail, show
from gpgmail.cli.secrets import take_passphrases
from gpgmail.cli.signals import signals_call
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.protect.read import read
from gpgmail.protect.verdict import Cover

if TYPE_CHECKING:
    from gpgmail.crypto.engine import SignatureSeen
    from gpgmail.protect.verdict import ReadMail, ReadPart, Verdict

_DASH = "-"
_SHOWN = ("From", "To", "Cc", "Date", "Subject")


@click.command(cls=GroupedCommand)
@click.argument("file", metavar="FILE|-")
@option(
    "--keyring",
    multiple=True,
    group=KEYS,
    metavar="PLACE",
    help="Home, directory or file with keys, your own home if not given. May be repeated: the"
    " first one decrypts, the others add public keys.",
)
@secret_options("passphrase", SECRETS, per_key=True)
@option("--require-signature", is_flag=True, help="Fail unless all of it has a good signature.")
@option("--require-encryption", is_flag=True, help="Fail unless all of it was encrypted.")
@json_option
def command(file: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Decrypt and verify a mail, and show what it says and what holds for it.

    The exit code is 65 when a signature is not good, or when a signature or the encryption covers
    only a part of what the mail says.
    """
    try:
        mail = _read(file, given)
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error)
        return error.exit_code
    if given["as_json"]:
        report_mail(mail)
    else:
        _show(mail)
    return 0 if _holds(mail.verdict) else Exit.DATA


def _read(file: str, given: dict[str, Any]) -> ReadMail:
    run = Run()
    passphrase = take_passphrases(given)
    source = standard_input() if file == _DASH else file
    with signals_call(run.cancel):
        return read(
            source,
            keyring=given["keyring"][0] if given["keyring"] else None,
            more_keyrings=given["keyring"][1:],
            passphrase=passphrase,
            require_signature=given["require_signature"],
            require_encryption=given["require_encryption"],
            run=run,
        )


def _holds(verdict: Verdict) -> bool:
    return not verdict.problems and Cover.PART not in (verdict.signed, verdict.encrypted)


def _show(mail: ReadMail) -> None:
    verdict = mail.verdict
    for name in _SHOWN:
        if mail.message[name]:
            show(f"{name}: {mail.message[name]}")
    how = f" ({verdict.cipher})" if verdict.cipher else ""
    show(f"Encrypted: {verdict.encrypted}{how}")
    show(f"Signed: {verdict.signed}")
    for seen in verdict.signatures:
        show(f"  {_signature(seen)}")
    for problem in verdict.problems:
        show(f"Problem: {problem}")
    for part in mail.parts:
        show(f"\n--- {_title(part)}")
        if part.content_type.startswith("text/") and not part.name:
            show(part.text.rstrip().replace("\r\n", "\n"))


def _signature(seen: SignatureSeen) -> str:
    when = f", {seen.created:%Y-%m-%d %H:%M} UTC" if seen.created else ""
    who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
    return f"{seen.status}: {who}, validity {seen.validity}, {seen.digest}{when}"


def _title(part: ReadPart) -> str:
    holds = [word for word, yes in (("signed", part.signed), ("encrypted", part.encrypted)) if yes]
    state = " and ".join(holds) or "not protected"
    name = f" {part.name}" if part.name else ""
    return f"{part.content_type}{name}, {len(part.content)} bytes, {state}"
