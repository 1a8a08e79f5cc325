"""The options of sendmail: what programs pass, what is refused and why, and nothing that harms."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpgmail.cli.sendmail_options import LONG, OPTIONS, Mode, parse, usage
from gpgmail.core.codes import Exit
from gpgmail.core.errors import UsageError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sendmail.md"


# How programs call it: the words before the recipients, and the recipients.
CALLS = {
    "cron of Debian": ("-i -FCronDaemon -B8BITMIME -oem", "root"),
    "cronie": ("-FCronDaemon -i -odi -oem -oi -t -f w@example.org", ""),
    "anacron": ("-FAnacron -odi", "root"),
    "at": ("-i", "root"),
    "logwatch, mdadm, sudo": ("-t", ""),
    "bsd-mailx, and smartd by it": ("-i", "root@example.org"),
    "s-nail": ("-i -f w@example.org --", "a@example.org b@example.org"),
    "heirloom mailx": ("-i -r w@example.org", "a@example.org"),
    "mutt": ("-oem -oi -f w@example.org --", "a@example.org"),
    "mutt with DSN": ("-oem -oi -N failure,delay -R hdrs -B8BITMIME --", "a@example.org"),
    "git send-email": ("-i", "a@example.org b@example.org"),
    "PHP": ("-t -i", ""),
    "PHP with a sender": ("-t -i -fw@example.org", ""),
    "Perl's MIME::Lite": ("-t -oi -oem", ""),
    "unattended-upgrades": ("-oi -t", ""),
}


@pytest.mark.parametrize(("options", "recipients"), CALLS.values(), ids=CALLS)
def test_what_programs_pass(options, recipients):
    words = options.split()
    request = parse([*words, *recipients.split()])
    assert request.mode is Mode.SUBMIT
    assert request.read_recipients == ("-t" in words)
    assert request.recipients == recipients.split()
    assert request.ends_at_dot == (not {"-i", "-oi"} & set(words))
    assert request.sender == ("w@example.org" if "w@example.org" in options else None)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["-ti"], {"read_recipients": True, "ends_at_dot": False}),
        (["-tiFName", "x"], {"full_name": "Name", "recipients": ["x"]}),
        (["-F", "Full Name", "-f", "a@b", "x"], {"full_name": "Full Name", "sender": "a@b"}),
        (["-rw", "x"], {"sender": "w"}),
        (["-f", "<>", "x"], {"sender": ""}),
        (["-f", "", "x"], {"sender": ""}),
        (["--", "-t"], {"recipients": ["-t"], "read_recipients": False}),
        (["root", "-t"], {"recipients": ["root", "-t"], "read_recipients": False}),
        (["-oi", "-oeq", "-odq"], {"ends_at_dot": False, "quiet": True, "only_queue": True}),
        (["-o", "i", "-e", "q"], {"ends_at_dot": False, "quiet": True}),
        (["-N", "SUCCESS,delay"], {"notify": "SUCCESS,DELAY"}),
        (["-N", "never"], {"notify": "NEVER"}),
        (["-Rhdrs", "-Vid"], {"returned": "HDRS", "envelope_id": "id"}),
        (["-n", "-v", "-Ltag"], {"resolve": False, "verbose": True, "tag": "tag"}),
        (["-bm", "-Am", "-h", "3", "-OPrivacyOptions=x", "-oX9", "-U"], {"mode": Mode.SUBMIT}),
        (["-q"], {"mode": Mode.RUN_QUEUE}),
        (["-bp"], {"mode": Mode.LIST_QUEUE}),
        (["-bi"], {"mode": Mode.NEW_ALIASES}),
        (["-I"], {"mode": Mode.NEW_ALIASES}),
        (["--dry-run", "-i", "x"], {"dry_run": True, "as_json": False, "recipients": ["x"]}),
        (["-q", "--json", "--dry-run"], {"dry_run": True, "as_json": True, "recipients": []}),
        (["x", "--dry-run"], {"dry_run": False, "recipients": ["x", "--dry-run"]}),
        (["--", "--dry-run"], {"dry_run": False, "recipients": ["--dry-run"]}),
        (["--help"], {"mode": Mode.HELP}),
        (["--version"], {"mode": Mode.VERSION}),
    ],
)
def test_forms(words, facts):
    request = parse(words)
    assert {name: getattr(request, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (["-bs"], "no mail server"),
        (["-bd"], "no mail server"),
        (["-bv", "root"], "not verified"),
        (["-bt"], "rewriting rules"),
        (["-bz"], "no such mode"),
        (["-q15m"], "in the background"),
        (["-C/tmp/evil.cf"], "must not choose the configuration"),
        (["-X/var/www/shell.php"], "log of the traffic"),
        (["-X", "/var/www/shell.php"], "log of the traffic"),
        (["-Z"], "no such option"),
        (["-tZ"], "no such option"),
        (["--config=/tmp/evil"], "no such option"),
        (["-f"], "needs a value"),
        (["-N", "sometimes"], "takes never"),
        (["-N", "never,success"], "takes never"),
        (["-R", "some"], "takes hdrs or full"),
        (["-Bbinary"], "7BIT or 8BITMIME"),
        (["--json", "x"], "shows what --dry-run finds"),
    ],
)
def test_what_is_refused_says_why(words, about):
    with pytest.raises(UsageError, match=about) as caught:
        parse(words)
    assert caught.value.exit_code == Exit.USAGE
    assert caught.value.subject.startswith(words[0][:2]) or words[0] == "-tZ"
    assert caught.value.hint


def test_help_has_every_option_and_fits():
    lines = usage().splitlines()
    assert max(map(len, lines)) <= 80
    for letter in OPTIONS:
        assert any(line.startswith(f"  -{letter} ") for line in lines), letter
    for word in LONG:
        assert any(line.startswith(f"  {word} ") for line in lines), word


def test_the_documentation_has_every_option():
    text = DOCS.read_text("utf-8")
    for letter in OPTIONS:
        assert f"| `-{letter}" in text, letter
    for word in LONG:
        assert f"`{word}`" in text, word
