"""A mail with an idempotency key goes out once, whatever happened the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from email import message_from_bytes

import pytest

from gpgmail import ConnectError, GpgmailError, Mailer, MessageError, ServerError, UsageError
from gpgmail.core.codes import Retry
from gpgmail.delivery.once import Once, directory
from gpgmail.spool.record import Entry, Fate
from gpgmail.testing.script import Drop, Honest, Phase, Reply, Stall
from tests.delivery.helpers import ALICE, BOB, draft, url
from tests.servers.hostile import Hostile
from tests.support.commands import environment

ONCE = Once("report of today", account="work")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def send(server, mail=None, once=ONCE, **more):
    with Mailer(url(server), **more) as mailer:
        return once.send(mailer, mail or draft())


def ids(server):
    return [message_from_bytes(mail.data)["Message-ID"] for mail in server.mails]


def test_the_second_time_nothing_is_sent():
    with Hostile() as server:
        receipt = send(server)
        again = send(server)
        connections = len(server.settled())
    assert (again.fate, again.accepted) == (Fate.ACCEPTED, (ALICE,))
    assert ids(server) == [receipt.message_id] == [again.message_id]
    assert connections == 1


@pytest.mark.parametrize("other", [Once("report of today"), Once("another", account="work")])
def test_another_account_or_key_is_another_mail(other):
    with Hostile() as server:
        send(server)
        send(server, once=other)
    assert len(set(ids(server))) == 2


def test_the_message_id_is_the_keys_and_in_the_senders_domain(state):
    with Hostile() as server:
        first = send(server).message_id
        (directory() / ONCE.name).unlink()
        second = send(server).message_id
    assert first == second
    assert first.endswith("@example.org>")
    assert Once("k", domain="ansible").identified(draft()).message_id.endswith("@ansible>")


REFUSALS = {phase: Reply(b"550 5.7.1 no\r\n") for phase in (Phase.MAIL, Phase.DOT)}


@pytest.mark.parametrize("phase", REFUSALS)
def test_what_nobody_has_is_sent_again(phase):
    with Hostile([{phase: REFUSALS[phase]}, {}]) as server:
        with pytest.raises(ServerError):
            send(server)
        send(server)
    assert len(ids(server)) == 1


def test_a_connection_that_ends_within_the_content_leaves_a_mail_that_nobody_has():
    with Hostile([{Phase.BODY: Drop()}, {}]) as server:
        with pytest.raises(ConnectError):
            send(server, draft(text="long\n" * 100_000))
        send(server, draft(text="long\n" * 100_000))
    assert len(ids(server)) == 1


def test_what_may_have_arrived_is_not_sent_again_without_a_word():
    with Hostile([{Phase.DOT: Drop()}, {}]) as server:
        with pytest.raises(ConnectError):
            send(server)
        with pytest.raises(ConnectError, match=r"may have arrived.*skip it") as raised:
            send(server)
        assert raised.value.retry is Retry.UNKNOWN
        skipped = send(server, once=Once(ONCE.key, "work", "skip"))
        assert skipped.fate is Fate.UNKNOWN
        assert ids(server) == []
        send(server, once=Once(ONCE.key, "work", "send"))
        assert isinstance(send(server), Entry)
    assert len(ids(server)) == 1


def test_a_time_limit_behind_the_end_leaves_a_mail_that_may_have_arrived():
    with Hostile([{Phase.DOT: Stall()}, {}]) as server:
        with pytest.raises(GpgmailError):
            send(server, timeout=1)
        with pytest.raises(ConnectError, match="may have arrived"):
            send(server)


def test_a_refusal_for_some_is_said_again():
    refusing = (Honest(), Reply(b"550 5.1.1 unknown\r\n"))
    with Hostile([{Phase.RCPT: refusing}, {}]) as server:
        receipt = send(server, draft((ALICE, BOB)))
        with pytest.raises(ServerError, match="refused for some") as raised:
            send(server, draft((ALICE, BOB)))
    assert list(receipt.refused) == list(raised.value.refused) == [BOB]
    assert raised.value.refused[BOB].enhanced == "5.1.1"
    assert raised.value.accepted == (ALICE,)
    assert len(ids(server)) == 1


def test_a_key_stands_for_its_recipients():
    with Hostile() as server:
        send(server, draft((ALICE, BOB)))
        assert isinstance(send(server, draft(ALICE)), Entry)
        with pytest.raises(UsageError, match="did not go to carol@"):
            send(server, draft((ALICE, "carol@example.org")))


def test_nothing_is_sent_where_it_cannot_be_written_down(state, nobody_comes):
    state.joinpath("gpgmail").write_text("in the way")
    with pytest.raises(MessageError, match="XDG_STATE_HOME"):
        send(nobody_comes)


KILLED = """
import os, signal, sys
from gpgmail import Draft, Mailer
from gpgmail.core.events import Transfer
from gpgmail.delivery.once import Once
with Mailer(sys.argv[1]) as mailer:
    mailer.on(Transfer, lambda event: os.kill(os.getpid(), signal.SIGKILL))
    Once("report of today", account="work").send(
        mailer, Draft(from_="sender@example.org", to="alice@example.org", text="x")
    )
"""


def test_a_process_that_is_killed_while_it_sends_leaves_a_mail_that_may_have_arrived(state):
    with Hostile() as server:
        env = environment(XDG_STATE_HOME=os.fspath(state))
        run = [sys.executable, "-c", KILLED, url(server)]
        assert subprocess.run(run, check=False, env=env).returncode == -9
        with pytest.raises(ConnectError, match="may have arrived"):
            send(server)
    assert ids(server) == []


def test_looking_ahead_says_what_sending_would():
    assert ONCE.before(draft()) is None
    assert not directory().exists()
    with Hostile() as server:
        send(server)
    assert ONCE.before(draft()).fate is Fate.ACCEPTED


@pytest.mark.parametrize("wrong", [{"key": " "}, {"key": "k", "uncertain": "perhaps"}])
def test_a_key_that_says_nothing_is_refused(wrong):
    with pytest.raises(UsageError):
        Once(**wrong)
