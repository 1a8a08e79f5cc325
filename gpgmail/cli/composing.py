"""What the options of `gpgmail send` say of the mail itself becomes a `Draft`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpgmail.cli.inputs import STDIN, read_text
from gpgmail.cli.options import MAIL, option
from gpgmail.core.situations import Situation
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpgmail.cli.options import F
    from gpgmail.message.headers import Field

_ADDRESS = {"multiple": True, "group": MAIL, "metavar": "ADDRESS"}
_FILE = {"group": MAIL, "metavar": "FILE"}

_OPTIONS = (
    option("--to", help="A recipient. May be repeated.", **_ADDRESS),
    option("--cc", help="A copy. May be repeated.", **_ADDRESS),
    option("--bcc", help="A blind copy; see --bcc-policy. May be repeated.", **_ADDRESS),
    option("--reply-to", help="Whom answers go to. May be repeated.", **_ADDRESS),
    option("--subject", default="", group=MAIL, help="The subject. It is never encrypted."),
    option(
        "--header",
        multiple=True,
        group=MAIL,
        metavar="'NAME: VALUE'",
        help="A further header field. May be repeated.",
    ),
    option("--text", group=MAIL, help="The text; without one standard input is read."),
    option("--text-file", help="Read the text from FILE (- for stdin).", **_FILE),
    option("--html-file", help="Add the same as HTML, from FILE.", **_FILE),
    option("--attach", multiple=True, help="Attach FILE. May be repeated.", **_FILE),
    option("--empty", is_flag=True, group=MAIL, help="Send a mail though it has no text."),
)


def mail_options(function: F) -> F:
    """Add the options that `draft` reads."""
    for each in reversed(_OPTIONS):
        function = each(function)
    return function


def draft(given: Mapping[str, Any], sender: str) -> Draft:
    """Return the mail that the options state.

    Raises:
        UsageError: If an option does not fit.
        MessageError: If a file cannot be read, or standard input is empty and nobody said that it
            may be.
    """
    return Draft(
        from_=sender,
        to=", ".join(given["to"]),
        cc=", ".join(given["cc"]),
        bcc=", ".join(given["bcc"]),
        reply_to=", ".join(given["reply_to"]),
        subject=given["subject"],
        text=_text(given),
        html=read_text(given["html_file"]) if given["html_file"] else None,
        attachments=tuple(Attachment(source=Path(name)) for name in given["attach"]),
        headers=tuple(_fields(given["header"])),
    )


def _fields(stated: tuple[str, ...]) -> Iterator[Field]:
    for one in stated:
        name, colon, value = one.partition(":")
        if not colon:
            raise Situation.BAD_VALUE.error(
                f"has no colon: {one!a}", subject="--header", hint="--header 'NAME: VALUE'"
            )
        yield name.strip(), value.strip()


def _text(given: Mapping[str, Any]) -> str | None:
    """Return the text, None where there is only HTML.

    A mail that is empty because the command before the pipe failed looks like good news.
    """
    stated = [name for name in ("text", "text_file") if given[name] is not None]
    if len(stated) > 1:
        raise Situation.BAD_VALUE.error("give only one of --text, --text-file", subject="text")
    if given["text"] is not None:
        return str(given["text"])
    if given["text_file"] not in (None, STDIN):
        return read_text(given["text_file"])
    if given["html_file"] is not None and given["text_file"] is None:
        return None
    text = read_text(STDIN) if sys.stdin is not None else ""
    if not (text or given["empty"] or given["attach"]):
        raise Situation.NO_INPUT.error(
            "is empty, and so would be the mail",
            subject="standard input",
            hint="give --text, or --empty where that is meant",
        )
    return text
