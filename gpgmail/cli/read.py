"""`gpgmail read`: decrypt and verify a mail, and say what holds for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.opening import opening_arguments, opening_options, size_option
from gpgmail.cli.options import GroupedCommand, json_option, option
from gpgmail.cli.report import one_line, report_failure, report_mail, show
from gpgmail.cli.saving import save
from gpgmail.cli.signals import signals_call
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.protect.read import read
from gpgmail.protect.verdict import Cover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpgmail.crypto.engine import SignatureSeen
    from gpgmail.protect.verdict import ReadMail, ReadPart, Verdict

# No text can look as if another part began: such a line gets the dash of RFC 9580 section 7.2.
_TITLE = re.compile(r"^--- ", re.MULTILINE)
_SHOWN = ("From", "To", "Cc", "Date", "Subject")


@click.command(cls=GroupedCommand)
@opening_options
@option("--require-signature", is_flag=True, help="Fail unless all of it has a good signature.")
@option("--require-encryption", is_flag=True, help="Fail unless all of it was encrypted.")
@option(
    "--save",
    metavar="DIR",
    help="Write attachments into DIR, under safe names, mode 0600; no file there is overwritten.",
)
@size_option
@json_option
def command(file: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    r"""Decrypt and verify a mail, and show what it says and what holds for it.

    \b
    Exit codes:
      0   it was read, and what holds, holds for all of it: a mail without any
          protection too, unless --require-signature or --require-encryption
      65  a signature is not good or not the author's, or a signature or the
          encryption covers a part of the mail; it was shown, and why
          (with --require-...: not so, nothing is shown); the mail is damaged,
          or larger than was allowed
      66  there is no such mail
      67  none of the keys that it is encrypted for is here
      73  an attachment could not be saved
      77  a passphrase is missing or wrong
    """
    try:
        mail = _read(file, given)
        saved = save(mail.parts, given["save"]) if given["save"] else {}
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error)
        return error.exit_code
    if given["as_json"]:
        report_mail(mail, saved)
    else:
        _show(mail, saved)
    return 0 if _holds(mail.verdict) else Exit.DATA


def _read(file: str, given: dict[str, Any]) -> ReadMail:
    run = Run()
    with signals_call(run.cancel):
        return read(
            **opening_arguments(file, given),
            require_signature=given["require_signature"],
            require_encryption=given["require_encryption"],
            run=run,
        )


def _holds(verdict: Verdict) -> bool:
    return not verdict.problems and Cover.PART not in (verdict.signed, verdict.encrypted)


def _show(mail: ReadMail, saved: Mapping[int, Path]) -> None:
    verdict = mail.verdict
    for name in _SHOWN:
        if mail.message[name]:
            show(f"{name}: {one_line(str(mail.message[name]))}{_beside(verdict, name)}")
    how = f" ({verdict.cipher})" if verdict.cipher else ""
    show(f"Encrypted: {verdict.encrypted}{how}")
    show(f"Signed: {verdict.signed}")
    show(f"Verdict: {verdict.outcome}")
    for seen in verdict.signatures:
        show(f"  {one_line(_signature(seen))}")
    for problem in verdict.problems:
        show(f"Problem: {one_line(problem)}")
    for at, part in enumerate(mail.parts):
        show(f"\n--- {_title(part)}")
        if at in saved:
            show(f"saved: {one_line(str(saved[at]))}")
        elif part.content_type.startswith("text/") and not part.name:
            text = part.text.rstrip().replace("\r\n", "\n")
            show(_TITLE.sub("- --- ", text))


def _beside(verdict: Verdict, name: str) -> str:
    """Say where a header field comes from, and what stands outside in its place."""
    inside = verdict.protected
    field = inside.get(name) if inside else None
    if inside is None or field is None or not field.shown:
        return ""
    holds = _words(signed=inside.signed, encrypted=inside.encrypted)
    outside = f", outside: {one_line(field.outer or '')}" if field.differs else ""
    return f" [{holds}{outside}]"


def _words(*, signed: bool, encrypted: bool) -> str:
    holds = [word for word, yes in (("signed", signed), ("encrypted", encrypted)) if yes]
    return " and ".join(holds) or "not protected"


def _signature(seen: SignatureSeen) -> str:
    when = f", {seen.created:%Y-%m-%d %H:%M} UTC" if seen.created else ""
    who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
    digest = f", {seen.digest}" if seen.digest else ""
    return f"{seen.status}: {who}, validity {seen.validity}{digest}{when}"


def _title(part: ReadPart) -> str:
    state = _words(signed=part.signed, encrypted=part.encrypted)
    name = f" {part.name}" if part.name else ""
    beside = ", outside of what is protected" if part.outside else ""
    return f"{part.content_type}{name}{beside}, {len(part.content)} bytes, {state}"
