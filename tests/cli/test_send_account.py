"""`gpgmail send` with accounts: what holds where an option is missing, and what is said of it."""

from __future__ import annotations

import json
import os

import pytest

from gpgmail.core.codes import Exit
from gpgmail.testing.script import Phase, Reply
from tests.servers.hostile import Hostile
from tests.support.commands import call, environment, run
from tests.support.keyrings import fixture_key

SENDER = fixture_key("modern", "sender")
ALICE = fixture_key("modern", "alice")
CONFIG = """
[account.work]
server = "smtp://127.0.0.1:{port}"
from = "Operations <sender@example.org>"
keyring = "{home}"
{more}
"""


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name in list(os.environ):
        if name.startswith("GPGMAIL_") and name not in {"GPGMAIL_SERVERS", "GPGMAIL_GPG"}:
            monkeypatch.delenv(name)


@pytest.fixture
def work(tmp_path, server, place):
    """`gpgmail send` with a configuration file and a text."""

    def send(*arguments, more="", to="alice@example.org", text=("--text", "x\n")):
        path = tmp_path / "config.toml"
        path.write_text(CONFIG.format(port=server.port, home=place("modern"), more=more))
        path.chmod(0o600)
        return call("send", "--config", path, "--to", to, *text, *arguments)

    return send


def test_server_sender_and_keyring_are_the_accounts(work, mail_of):
    outcome = work("--sign", "--encrypt")

    assert (outcome.code, outcome.errors) == (0, "")
    assert f"accepted: alice@example.org, encrypted to {ALICE.fingerprint}" in outcome.text
    assert b"From: Operations <sender@example.org>\r\n" in mail_of()


def test_an_option_beats_the_environment_and_that_the_file(work, server, monkeypatch):
    with Hostile() as nearer, Hostile() as nearest:
        monkeypatch.setenv("GPGMAIL_SERVER", f"smtp://127.0.0.1:{nearer.port}")
        assert work().code == 0
        assert len(nearer.settled()) == 1
        assert work("--server", f"smtp://127.0.0.1:{nearest.port}").code == 0
        assert (len(nearer.settled()), len(nearest.settled())) == (1, 1)
    assert server.settled() == []


POLICY = '[policy]\n"*" = { encrypt = "require", sign = true }'
ASKED = {
    (): (True, True),
    ("--no-encrypt",): (False, True),
    ("--no-sign",): (True, False),
    ("--no-encrypt", "--no-sign"): (False, False),
    ("--encrypt", "never"): (False, True),
    ("--encrypt=prefer",): (True, True),
    ("--encrypt",): (True, True),
}


@pytest.mark.parametrize("arguments", ASKED)
def test_the_policy_holds_for_what_is_not_asked(work, arguments):
    outcome = work("--json", *arguments, more=POLICY)

    assert outcome.code == 0
    told = json.loads(outcome.text)
    assert (told["encrypted"], bool(told["signers"])) == ASKED[arguments]


def test_what_cannot_be_encrypted_is_not_sent(work, server):
    outcome = work(more=POLICY, to="nobody@example.org")

    assert outcome.code == 67
    assert server.settled() == []


def test_preferred_encryption_that_cannot_be_is_said(work, mail_of):
    outcome = work("--encrypt", "prefer", to="nobody@example.org")

    assert outcome.code == 0
    assert outcome.errors.startswith(
        "gpgmail: not encrypted, as nobody@example.org has no key to use: "
    )
    assert b"BEGIN PGP" not in mail_of()


def test_another_account_takes_over_and_it_is_said(tmp_path, work, server):
    with Hostile({Phase.BANNER: Reply(b"421 4.3.2 Busy\r\n")}) as busy:
        more = f'[account.first]\nserver = "smtp://127.0.0.1:{busy.port}"\nfallback = "work"\n'
        outcome = work("--account", "first", "--from", "a@example.org", more=more)

    assert outcome.code == 0
    assert outcome.errors.startswith("gpgmail: account first: the server refused: greeting")
    assert outcome.text.splitlines()[-1] == "account: work"
    assert len(server.settled()) == 1


def test_a_signer_signs_without_another_word(work):
    assert json.loads(work("--json", "--signer", SENDER.fingerprint).text)["signers"]
    told = json.loads(work("--json", "--signer", SENDER.fingerprint, "--no-sign").text)
    assert told["signers"] == []


def test_a_token_of_a_command_is_said(tmp_path):
    from tests.servers.asking import WELCOME, Asking

    said = []

    def ask(mechanism, initial):
        said.append((mechanism, initial))
        return WELCOME
        yield

    with Asking("XOAUTH2", ask) as server:
        outcome = call(
            *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--user", "me@example.org"),
            *("--from", "a@example.org", "--to", "b@example.org", "--text", "x"),
            *("--token-command", "echo tok.en-1234"),
        )
    assert outcome.code == 0
    assert said == [("XOAUTH2", b"user=me@example.org\1auth=Bearer tok.en-1234\1\1")]
    assert len(server.contents) == 1


# ---- the mail


def test_further_header_fields_and_whom_answers_go_to(work, mail_of):
    outcome = work(
        *("--header", "X-Cron: grün", "--header", "Auto-Submitted: auto-generated"),
        *("--reply-to", "Help <help@example.org>"),
    )

    assert outcome.code == 0
    head = mail_of().partition(b"\r\n\r\n")[0]
    assert b"X-Cron: =?utf-8?" in head
    assert b"Auto-Submitted: auto-generated" in head
    assert b"Reply-To: Help <help@example.org>" in head


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("X-No-Colon", "has no colon"),
        ("Bcc: x@example.org", "Bcc"),
        ("X-A: b\r\nBcc: x@example.org", "holds CR"),
        ("X A: b", "X A"),
    ],
)
def test_header_fields_that_are_refused(work, server, header, words):
    outcome = work("--header", header)

    assert outcome.code in {64, 65}
    assert words in outcome.errors
    assert server.settled() == []


@pytest.mark.parametrize("more", [(), ("--text-file", "-")])
def test_an_empty_standard_input_is_no_mail(work, server, more):
    outcome = work(*more, text=())

    assert outcome.code == 66
    assert outcome.errors.splitlines()[1] == (
        "gpgmail: hint: give --text, or --empty where that is meant"
    )
    assert server.settled() == []


@pytest.mark.parametrize("more", [("--empty",), ("--text", ""), ("--attach", __file__)])
def test_an_empty_text_that_is_meant(work, mail_of, more):
    assert work(*more, text=()).code == 0
    assert b"Subject" not in mail_of()


# ---- what is said


IDLE = {
    ("--engine", "gnupg"): "--engine does nothing: the mail is neither signed nor encrypted",
    ("--format", "inline"): "--format does nothing: the mail is neither signed nor encrypted",
    ("--bcc-policy", "hidden", "--sign"): "--bcc-policy does nothing: the mail is not encrypted",
    ("--trust", "always"): "--trust does nothing: the mail is not encrypted",
    ("--password-command", "echo x"): "--password-command does nothing: nobody logs in",
    ("--signer", "x", "--no-sign"): "--signer does nothing: the mail is not signed",
}


@pytest.mark.parametrize("arguments", IDLE)
def test_an_option_that_did_nothing_is_named(work, arguments):
    outcome = work(*arguments)

    assert outcome.code == 0
    assert outcome.errors.count("\n") == 1
    assert IDLE[arguments] in outcome.errors
    assert work(*arguments, "--quiet").errors == ""


def test_an_account_may_say_what_a_mail_does_not_need(work):
    outcome = work(more='trust = "always"\nformat = "inline"\npassphrase_command = "false"')

    assert (outcome.code, outcome.errors) == (0, "")


def test_quiet_leaves_what_went_wrong(work, tmp_path):
    assert work("--quiet").output == b""
    outcome = work("--quiet", "--encrypt", "prefer", to="nobody@example.org")
    assert (outcome.code, outcome.output) == (0, b"")
    assert outcome.errors.startswith("gpgmail: not encrypted, as nobody@example.org has no key")
    assert outcome.errors.count("\n") == 1
    with Hostile({Phase.RCPT: Reply(b"550 5.1.1 No\r\n")}) as server:
        refused = work("--quiet", "--server", f"smtp://127.0.0.1:{server.port}")
    assert refused.code == 76
    assert "No" in refused.errors


def test_an_error_and_what_to_do_are_two_lines(work):
    outcome = work("--passphrase-file", __file__)

    what, hint = outcome.errors.splitlines()
    assert what.startswith("gpgmail: the value is not allowed: --passphrase-file: gives nothing")
    assert hint == f"gpgmail: hint: chmod 600 {__file__}"


def test_read_takes_keyring_and_passphrase_of_an_account(place, tmp_path):
    key = fixture_key("protected", "locked")
    secret = tmp_path / "secret"
    secret.write_text(key.passphrase)
    secret.chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[account.a]\nfrom = "{key.address}"\nkeyring = "{place("protected")}"\n'
        'passphrase_file = "secret"\n'
    )
    config.chmod(0o600)
    mail = tmp_path / "mail.eml"
    arguments = ("--to", key.address, "--text", "hello\n", "--encrypt", "--output", mail)
    assert call("send", "--config", config, *arguments).code == 0

    outcome = run("read", mail, env=environment(GPGMAIL_CONFIG=str(config)))
    assert (outcome.code, outcome.text.splitlines()[-1]) == (0, "hello")


def test_of_several_accounts_one_has_to_be_chosen(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[account.work]\nencrypt = 'require'\n[account.home]\nencrypt = 'require'\n")
    outcome = call("send", "--config", path, "--to", "alice@example.org", "--text", "x")
    assert outcome.code == Exit.CONFIG
    assert "accounts work, home: none of them is chosen" in outcome.errors
    assert "GPGMAIL_ACCOUNT" in outcome.errors
    doctor = call("doctor", "--config", path, "--only", "account")
    assert doctor.code == Exit.CONFIG
    assert "accounts work, home: none of them is chosen" in doctor.text
