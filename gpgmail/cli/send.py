"""`gpgmail send`: compose, protect and deliver one mail, or write it to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gpgmail.cli.report import report_failure, report_receipt
from gpgmail.cli.secrets import secret_options, take_secret
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.delivery.letter import FORMATS
from gpgmail.delivery.mailer import Mailer
from gpgmail.delivery.receipt import Receipt
from gpgmail.delivery.writer import write_mail
from gpgmail.message.draft import Attachment, Draft

_STDIN = "-"


@click.command()
@click.option("--server", metavar="URL", help="smtps://host, smtp://host, smtp+insecure://host.")
@click.option("--from", "from_", required=True, metavar="ADDRESS", help="The sender.")
@click.option("--to", multiple=True, metavar="ADDRESS", help="A recipient; may be repeated.")
@click.option("--cc", multiple=True, metavar="ADDRESS", help="A copy; may be repeated.")
@click.option("--bcc", multiple=True, metavar="ADDRESS", help="A blind copy; may be repeated.")
@click.option("--subject", default="", help="The subject; it is never encrypted.")
@click.option("--text", help="The text. Without any text option it is read from standard input.")
@click.option("--text-file", metavar="FILE", help="Read the text from FILE, or - for stdin.")
@click.option("--html-file", metavar="FILE", help="Add an HTML form of the text.")
@click.option("--attach", multiple=True, metavar="FILE", help="Attach FILE; may be repeated.")
@click.option("--sign", is_flag=True, help="Sign with the key of the --from address.")
@click.option("--signer", multiple=True, metavar="KEY", help="Sign with KEY; may be repeated.")
@click.option("--encrypt", is_flag=True, help="Encrypt to the key of every recipient.")
@click.option("--recipient-key", multiple=True, metavar="KEY", help="Encrypt to KEY instead.")
@click.option("--keyring", multiple=True, metavar="PLACE", help="Home, directory or file with keys; the first one signs. Default: your own home.")
@click.option("--trust", metavar="POLICY", help="gnupg, always, or pinned:FILE.")
@secret_options("passphrase", descriptor=True)
@click.option("--user", help="Log in as USER.")
@secret_options("password", descriptor=False)
@click.option("--ca-file", metavar="FILE", help="Trust these certificates for TLS too.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--timeout", type=click.IntRange(min=0), default=60, show_default=True, help="Seconds without any progress, 0 for no limit.")
@click.option("--output", metavar="FILE", help="Write the finished mail to FILE (- for stdout) and connect to nothing.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def command(**given: Any) -> None:
    """Send one mail, signed and encrypted as asked.

    Nothing is sent unless all that was asked for could be done.
    """
    try:
        receipt = _send(given)
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error)
        sys.exit(error.code.exit_code)
    report_receipt(receipt, as_json=given["as_json"], quiet=given["output"] == _STDIN)
    if receipt.refused:
        sys.exit(Exit.UNAVAILABLE)


def _send(given: dict[str, Any]) -> Receipt:
    _check_usage(given)
    passphrase = take_secret(
        "passphrase",
        given["passphrase_file"],
        given["passphrase_command"],
        given["passphrase_fd"],
    )
    password = take_secret("password", given["password_file"], given["password_command"])
    mailer = Mailer(
        given["server"],
        keyring=given["keyring"][0] if given["keyring"] else None,
        more_keyrings=given["keyring"][1:],
        passphrase=passphrase,
        user=given["user"],
        password=password,
        ca_file=given["ca_file"],
        trust=given["trust"],
        timeout=given["timeout"],
    )
    wanted: dict[str, Any] = {
        "sign": list(given["signer"]) or given["sign"],
        "encrypt": list(given["recipient_key"]) or given["encrypt"],
        "format": given["format_"],
    }
    with mailer:
        if given["output"]:
            return write_mail(mailer, _draft(given), given["output"], **wanted)
        return mailer.send(_draft(given), **wanted)


def _check_usage(given: dict[str, Any]) -> None:
    if not given["server"] and not given["output"]:
        raise Situation.NO_SERVER.error("nothing to send through", hint="give --server or --output")
    if given["text"] is not None and given["text_file"] is not None:
        raise Situation.BAD_VALUE.error("give only one of --text, --text-file", subject="text")


def _draft(given: dict[str, Any]) -> Draft:
    return Draft(
        from_=given["from_"],
        to=", ".join(given["to"]),
        cc=", ".join(given["cc"]),
        bcc=", ".join(given["bcc"]),
        subject=given["subject"],
        text=_text(given),
        html=_read_text(given["html_file"]) if given["html_file"] else None,
        attachments=tuple(Attachment(source=Path(name)) for name in given["attach"]),
    )


def _text(given: dict[str, Any]) -> str | None:
    if given["text"] is not None:
        return str(given["text"])
    if given["text_file"] is not None:
        return _read_text(given["text_file"])
    if given["html_file"] is not None or sys.stdin is None or sys.stdin.isatty():
        return None if given["html_file"] else ""
    return _read_text(_STDIN)


def _read_text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Situation.BAD_VALUE.error(
            f"is not UTF-8 at byte {error.start}", subject=name, hint="attach it with --attach"
        ) from None
    except OSError as error:
        raise Situation.ATTACHMENT.error(
            f"cannot be read: {error.strerror}", subject=name
        ) from None
