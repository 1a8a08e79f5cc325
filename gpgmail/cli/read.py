"""`gpgmail read`: decrypt and verify a mail, and say what holds for it."""

from __future__ import annotations

import sys
from typing import Any

import click

from gpgmail.cli.report import report_failure, report_mail
from gpgmail.cli.secrets import secret_options, take_secret
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.crypto.engine import SignatureSeen
from gpgmail.protect.read import read
from gpgmail.protect.verdict import ReadMail, ReadPart


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--keyring", multiple=True, metavar="PLACE", help="Home, directory or file with keys; the first one decrypts. Default: your own home.")
@secret_options("passphrase", descriptor=True)
@click.option("--require-signature", is_flag=True, help="Fail unless everything is well signed.")
@click.option("--require-encryption", is_flag=True, help="Fail unless everything was encrypted.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def command(file: str, **given: Any) -> None:
    """Show what a mail says and who signed it.

    The exit code is 65 when a signature is not good or covers only a part of the content.
    """
    try:
        mail = read(
            sys.stdin.buffer if file == "-" else file,
            keyring=given["keyring"][0] if given["keyring"] else None,
            more_keyrings=given["keyring"][1:],
            passphrase=take_secret(
                "passphrase",
                given["passphrase_file"],
                given["passphrase_command"],
                given["passphrase_fd"],
            ),
            require_signature=given["require_signature"],
            require_encryption=given["require_encryption"],
        )
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error)
        sys.exit(error.code.exit_code)
    if given["as_json"]:
        report_mail(mail)
    else:
        _show(mail)
    if mail.verdict.problems:
        sys.exit(Exit.DATA)


def _show(mail: ReadMail) -> None:
    verdict = mail.verdict
    for name in ("From", "To", "Cc", "Date", "Subject"):
        if mail.message[name]:
            click.echo(f"{name}: {mail.message[name]}")
    how = f" ({verdict.cipher})" if verdict.cipher else ""
    click.echo(f"Encrypted: {verdict.encrypted}{how}")
    click.echo(f"Signed: {verdict.signed}")
    for seen in verdict.signatures:
        click.echo(f"  {_signature(seen)}")
    for problem in verdict.problems:
        click.echo(f"Problem: {problem}")
    for part in mail.parts:
        click.echo(f"\n--- {_title(part)}")
        if part.content_type.startswith("text/") and not part.name:
            click.echo(_printable(part.text.rstrip()))


def _signature(seen: SignatureSeen) -> str:
    when = f", {seen.created:%Y-%m-%d %H:%M} UTC" if seen.created else ""
    who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
    return f"{seen.status}: {who}, validity {seen.validity}, {seen.digest}{when}"


def _title(part: ReadPart) -> str:
    holds = [word for word, yes in (("signed", part.signed), ("encrypted", part.encrypted)) if yes]
    state = " and ".join(holds) or "not protected"
    name = f" {part.name}" if part.name else ""
    return f"{part.content_type}{name}, {len(part.content)} bytes, {state}"


def _printable(text: str) -> str:
    """Return *text* without control characters, which could rewrite what the terminal shows."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
