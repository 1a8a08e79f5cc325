"""`gpgmail send`: compose, protect and deliver one mail, or write it to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.inputs import STDIN, read_text
from gpgmail.cli.options import (
    KEYS,
    MAIL,
    SECRETS,
    SERVER,
    GroupedCommand,
    engine_option,
    json_option,
    option,
    secret_options,
)
from gpgmail.cli.report import line, report_failure, report_receipt, show
from gpgmail.cli.secrets import take_passphrases, take_secret
from gpgmail.cli.signals import signals_call
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.delivery.mailer import Mailer
from gpgmail.delivery.options import BCC_POLICIES, FORMATS
from gpgmail.delivery.writer import STDOUT, write_mail
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft
from gpgmail.transport.url import parse

if TYPE_CHECKING:
    from gpgmail.delivery.receipt import Receipt

_EXAMPLES = """\b
Examples:
  df -h | gpgmail send --server smtp://localhost --from root@localhost \\
      --to ops@example.org --subject "Disks" --sign --encrypt
  gpgmail send --from a@example.org --to b@example.org --text-file text \\
      --attach report.pdf --encrypt --keyring b.asc --output mail.eml
"""


@click.command(cls=GroupedCommand, epilog=_EXAMPLES)
@option("--from", "from_", required=True, group=MAIL, metavar="ADDRESS", help="The sender.")
@option("--to", multiple=True, group=MAIL, metavar="ADDRESS", help="A recipient. May be repeated.")
@option("--cc", multiple=True, group=MAIL, metavar="ADDRESS", help="A copy. May be repeated.")
@option(
    "--bcc",
    multiple=True,
    group=MAIL,
    metavar="ADDRESS",
    help="A blind copy; see --bcc-policy. May be repeated.",
)
@option("--subject", default="", group=MAIL, help="The subject. It is never encrypted.")
@option("--text", group=MAIL, help="The text; without any of these three, standard input is read.")
@option("--text-file", group=MAIL, metavar="FILE", help="Read the text from FILE (- for stdin).")
@option("--html-file", group=MAIL, metavar="FILE", help="Add the same as HTML, from FILE.")
@option("--attach", multiple=True, group=MAIL, metavar="FILE", help="Attach FILE. May be repeated.")
@option("--sign", is_flag=True, group=KEYS, help="Sign with the key of the --from address.")
@option(
    "--signer",
    multiple=True,
    group=KEYS,
    metavar="KEY",
    help="Sign with KEY: a fingerprint, key id or address. May be repeated.",
)
@option("--encrypt", is_flag=True, group=KEYS, help="Encrypt to the keys of all recipients.")
@option(
    "--recipient-key",
    multiple=True,
    group=KEYS,
    metavar="KEY",
    help="Encrypt to KEY instead. May be repeated.",
)
@option(
    "--keyring",
    multiple=True,
    group=KEYS,
    metavar="PLACE",
    help="Home, directory or file with keys, your own home if not given. May be repeated: the"
    " first one signs, the others add public keys.",
)
@option(
    "--trust",
    group=KEYS,
    metavar="POLICY",
    help="Which keys belong to an address: as gnupg says, always, or as pinned:FILE says.",
)
@option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    group=KEYS,
    help="PGP/MIME (RFC 3156), or OpenPGP in the text itself.",
)
@option(
    "--bcc-policy",
    type=click.Choice(BCC_POLICIES),
    default=BCC_POLICIES[0],
    show_default=True,
    group=KEYS,
    help="How --bcc stays unknown in encrypted mail: each gets a separate copy with his key alone,"
    " or all get one copy with hidden key ids; or forbid it.",
)
@engine_option
@secret_options("passphrase", SECRETS, per_key=True)
@option(
    "--server",
    group=SERVER,
    metavar="URL",
    help="Send through smtps://HOST (TLS), smtp://HOST (STARTTLS, not on this machine), or"
    " smtp+insecure://HOST, with :PORT where it is not the usual one; or lmtp://HOST:PORT,"
    " lmtp+unix:/PATH.",
)
@option("--user", group=SERVER, metavar="NAME", help="Log in as NAME.")
@secret_options("password", SERVER)
@option(
    "--proxy",
    group=SERVER,
    metavar="URL",
    help="Connect through http://HOST:PORT, socks5://, socks5h://, socks4:// or socks4a://; or say"
    " environment, for what ALL_PROXY, HTTPS_PROXY and NO_PROXY name.",
)
@option("--ca-file", group=SERVER, metavar="FILE", help="Trust the certificates in FILE too.")
@option(
    "--timeout",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    group=SERVER,
    metavar="SECONDS",
    help="Give up after so long without any progress; 0 for never.",
)
@option(
    "--output",
    metavar="FILE",
    help="Write the finished mail to FILE (- for stdout) and connect to nothing.",
)
@json_option
def command(**given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    """Send one mail, signed and encrypted as asked.

    Nothing is sent unless all that was asked for could be done. The exit code is 69 when the server
    took the mail for some recipients only.
    """
    to_stdout = given["output"] == STDOUT
    try:
        receipt = _send(given)
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error, err=to_stdout)
        return error.exit_code
    try:
        report_receipt(receipt, as_json=given["as_json"], err=to_stdout)
    except GpgmailError as error:
        # The exit code is about the mail: a caller that tries again would send it twice.
        show(f"gpgmail: the mail is done, but {line(error)}", err=True)
    return Exit.UNAVAILABLE if receipt.refused else 0


def _send(given: dict[str, Any]) -> Receipt:
    _check_usage(given)
    mailer = Mailer(
        given["server"],
        keyring=given["keyring"][0] if given["keyring"] else None,
        more_keyrings=given["keyring"][1:],
        passphrase=take_passphrases(given),
        user=given["user"],
        password=take_secret("password", given),
        ca_file=given["ca_file"],
        proxy=given["proxy"],
        trust=given["trust"],
        engine=given["engine"],
        timeout=given["timeout"],
    )
    draft = _draft(given)
    wanted: dict[str, Any] = {
        "sign": list(given["signer"]) or given["sign"],
        "encrypt": list(given["recipient_key"]) or given["encrypt"],
        "format": given["format_"],
        "bcc": given["bcc_policy"],
    }
    with signals_call(mailer.interrupt), mailer:
        if given["output"]:
            return write_mail(mailer, draft, given["output"], **wanted)
        return mailer.send(draft, **wanted)


def _check_usage(given: dict[str, Any]) -> None:
    if given["server"] and given["output"]:
        raise Situation.BAD_VALUE.error("give --server or --output, not both", subject="output")
    if not given["server"] and not given["output"]:
        raise Situation.NO_SERVER.error("nothing to send through", hint="give --server or --output")
    if given["server"] and parse(given["server"]).password:
        raise _seen_by_all("--server", "--user with --password-file or --password-command")
    if given["proxy"] and "@" in given["proxy"]:
        raise _seen_by_all("--proxy", "--proxy environment, with ALL_PROXY set to the URL")
    if given["text"] is not None and given["text_file"] is not None:
        raise Situation.BAD_VALUE.error("give only one of --text, --text-file", subject="text")


def _seen_by_all(option_name: str, hint: str) -> GpgmailError:
    detail = "a password there is seen by every user of this machine"
    return Situation.BAD_VALUE.error(detail, subject=option_name, hint=hint)


def _draft(given: dict[str, Any]) -> Draft:
    return Draft(
        from_=given["from_"],
        to=", ".join(given["to"]),
        cc=", ".join(given["cc"]),
        bcc=", ".join(given["bcc"]),
        subject=given["subject"],
        text=_text(given),
        html=read_text(given["html_file"]) if given["html_file"] else None,
        attachments=tuple(Attachment(source=Path(name)) for name in given["attach"]),
    )


def _text(given: dict[str, Any]) -> str | None:
    if given["text"] is not None:
        return str(given["text"])
    if given["text_file"] is not None:
        return read_text(given["text_file"])
    if given["html_file"] is not None:
        return None
    # A daemon may have closed it: then there is nothing to say, which is not a failure.
    return read_text(STDIN) if sys.stdin is not None else ""
