"""`gpgmail verify`: hold one mail strictly against the documents that say how it must be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.opening import opening_arguments, opening_options, size_option
from gpgmail.cli.options import GroupedCommand, json_option, option
from gpgmail.cli.report import one_line, report_failure, show, signature_facts
from gpgmail.cli.signals import signals_call
from gpgmail.core.codes import Exit
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.protect.findings import Rule, Severity
from gpgmail.protect.verify import Report, verify

if TYPE_CHECKING:
    from gpgmail.protect.findings import Finding


@click.command(cls=GroupedCommand)
@opening_options
@option("--strict", is_flag=True, help="Let a warning count as an error.")
@option("--quiet", "-q", is_flag=True, help="Print nothing; the exit code says it.")
@size_option
@json_option
def command(file: str, **given: Any) -> int:  # noqa: ANN401 - click hands options in by name
    r"""Check strictly whether a mail is as RFC 3156 wants it, and name each rule that it breaks.

    Structure, parameters, micalg, line ends, 7 bits, ASCII armor with its checksum, and the
    signatures; what is encrypted is opened and looked at too. `gpgmail read` forgives most of this.

    \b
    Exit codes:
      0   no rule is broken; there may be warnings, which --strict counts too
      65  a rule is broken, or it is no mail
      66  there is no such mail
      67  all is well so far, but none of the keys that it is encrypted for is here
      77  all is well so far, but a passphrase is missing or wrong
    """
    run = Run()
    try:
        with signals_call(run.cancel):
            report = verify(**opening_arguments(file, given), run=run)
    except GpgmailError as error:
        if not given["as_json"]:
            raise
        report_failure(error)
        return error.exit_code
    if not given["quiet"]:
        (_show_json if given["as_json"] else _show)(report)
    return _exit_code(report, strict=given["strict"])


def _exit_code(report: Report, *, strict: bool) -> int:
    counted = report.findings if strict else report.errors
    if not counted:
        return 0
    if report.failure is not None and {one.rule for one in counted} == {Rule.NOT_OPENED}:
        return report.failure.exit_code
    return Exit.DATA


def _show(report: Report) -> None:
    for finding in report.findings:
        show(one_line(str(finding)))
    for seen in report.signatures:
        who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
        show(one_line(", ".join(filter(None, (f"signature: {seen.status}", who, seen.digest)))))
    counts = ", ".join(_count(report, severity) for severity in Severity)
    show(f"{'ok' if report.ok else 'not ok'}: {counts}")


def _count(report: Report, severity: Severity) -> str:
    number = sum(one.severity is severity for one in report.findings)
    return f"{number} {severity}{'' if number == 1 else 's'}"


def _show_json(report: Report) -> None:
    told = {
        "ok": report.ok,
        "decrypted": report.decrypted,
        "findings": [_finding(one) for one in report.findings],
        "signatures": [signature_facts(one) for one in report.signatures],
    }
    show(json.dumps(told, indent=2))


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule.word,
        "severity": str(one.severity),
        "section": one.section,
        "text": one.text,
        "part": one.part,
        "line": one.line or None,
    }
