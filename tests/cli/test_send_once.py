"""`gpgmail send --idempotency-key`: a script that is run again sends nothing again."""

from __future__ import annotations

import json

import pytest

from gpgmail.core.codes import Exit
from gpgmail.testing.script import Drop, Phase
from tests.servers.hostile import Hostile
from tests.support.commands import call

KEY = ("--idempotency-key", "backup 2026-11-22")
MAIL = ("--subject", "Backup", "--text", "All is safe.", "--encrypt")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_the_second_time_nothing_is_sent_and_that_is_well(send, server):
    first, second = send(*MAIL, *KEY), send(*MAIL, *KEY)

    assert (first.code, second.code) == (0, 0), first.errors + second.errors
    assert first.text.startswith("accepted: alice@example.org, encrypted to ")
    said, accepted = second.text.splitlines()
    assert said.startswith("sent before, on 20")
    assert accepted == "accepted: alice@example.org"
    (mail,) = server.mails
    assert said.rpartition(" ")[2].encode() in mail.data


def test_for_programs_and_for_nobody(send, server):
    message_id = json.loads(send(*MAIL, *KEY, "--json").text)["message_id"]
    told = json.loads(send(*MAIL, *KEY, "--json").text)

    assert (told["repeated"], told["message_id"]) == (True, message_id)
    assert told["accepted"] == ["alice@example.org"]
    assert send(*MAIL, *KEY, "--quiet").text == ""
    assert len(server.settled()) == 1


def test_a_dry_run_says_what_the_key_would_do_and_keeps_nothing(send, server, state):
    assert send(*MAIL, *KEY, "--dry-run").text.startswith("dry run: nothing was sent\n")
    assert list(state.iterdir()) == []
    send(*MAIL, *KEY)
    assert send(*MAIL, *KEY, "--dry-run").text.startswith("sent before, on 20")
    assert len(server.mails) == 1


def test_what_may_have_arrived_is_the_callers_to_say(send):
    with Hostile([{Phase.DOT: Drop()}, {}]) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        lost, asked = (send(*MAIL, *KEY, server=url) for _ in range(2))
        skipped = send(*MAIL, *KEY, "--if-uncertain", "skip", server=url)
        assert len(server.settled()) == 1
        again = send(*MAIL, *KEY, "--if-uncertain", "send", server=url)

    assert lost.code == asked.code == Exit.TRY_AGAIN
    assert "may have arrived" in asked.errors
    assert (skipped.code, again.code) == (0, 0)
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "arguments",
    [("--if-uncertain", "send"), ("--idempotency-key", ""), (*KEY, "--output", "mail.eml")],
)
def test_what_does_not_fit_is_refused(send, server, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = send(*MAIL, *arguments, server=None if "--output" in arguments else "smtp://x:1")
    assert refused.code == Exit.USAGE
    assert list(tmp_path.iterdir()) == []
    assert server.settled() == []


def test_the_help_says_it():
    assert "--idempotency-key KEY" in call("send", "--help").text
