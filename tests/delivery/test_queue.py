"""The queue runner on real sessions: what becomes of each file, and who gets which mail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.envelope import Recipient, RecipientType
from gpgmail.core.errors import (
    Cancelled,
    ConnectError,
    DeliveryError,
    GpgmailError,
    MessageError,
    ServerError,
    TimeLimitError,
)
from gpgmail.core.events import EndTransfer, ErrorReport, PITrail, StartTransfer, Transfer
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.delivery import queue
from gpgmail.spool import store
from gpgmail.spool.store import State
from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply, Stall
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.spool.support import ALICE, BOB, CAROL, content_of, endings, mail, names

REFUSED = Reply(b"550 5.1.1 Nobody of that name\r\n")
NOT_NOW = Reply(b"451 4.3.0 Not now\r\n")
GOODBYE = Reply(b"421 4.3.2 Going down\r\n", close=True)
AWAY = Drop()
PLAIN = Recipient("alice@example.org")


def put(directory, text="one", *, recipients=(PLAIN,), **values):
    """A mail of one line in *directory*; returns its file."""
    content = f"Subject: x\r\n\r\n{text}\r\n".encode()
    return store.add(directory, mail(content, recipients=recipients, **values), Run())


def run_queue(directory, server, *, run=None, keep=False, stop_on=(), **rows):
    """Process *directory* through one session."""
    run = run or Run(timeout=10)
    options = TransportOptions(mail_server="127.0.0.1", mail_port=server.port, **rows)
    with Session.open(options, run) as session:

        def deliver(one):
            return session.deliver(
                one.envelope,
                one.content(),
                size=one.size,
                needs_utf8=one.needs_utf8,
                needs_8bit=one.eight_bit,
                stop_on=stop_on,
                verb=one.verb,
            ).refused

        return queue.process(directory, deliver, run, keep=keep, usable=session.still_there)


def contents(server):
    """What the server took or could have taken, in the order of its coming."""
    return [content for connection in server.settled() for content in connection.contents]


def reading(path):
    """The mail of a file."""
    with store.claim(path) as claim:
        one = claim.read(Run())
        return one.envelope, content_of(one)


# ------------------------------------------------------------------------------------- what is sent


def test_mails_are_sent_in_their_order_and_their_files_go(tmp_path, sink):
    paths = [put(tmp_path, f"number {number}") for number in range(5)]
    done = run_queue(tmp_path, sink)
    assert [one.data for one in sink.received] == [
        f"Subject: x\r\n\r\nnumber {number}\r\n".encode() for number in range(5)
    ]
    assert names(tmp_path) == []
    assert done.sent == [path.with_suffix(".sending") for path in paths]
    assert done == queue.Processed(sent=done.sent)
    done.raise_for_unsent()


def test_kept_files_are_whole_mails_that_were_sent(tmp_path, sink):
    path = put(tmp_path)
    before = reading(path)
    done = run_queue(tmp_path, sink, keep=True)
    assert done.sent == [path.with_suffix(".sent")]
    assert names(tmp_path) == [path.stem + ".sent"]
    assert reading(done.sent[0]) == before
    assert run_queue(tmp_path, sink, keep=True).sent == []
    assert len(sink.received) == 1


def test_the_envelope_reaches_the_server_whole(tmp_path):
    put(tmp_path, recipients=(ALICE, BOB, CAROL), sender="", verb="MAIL", eight_bit=True)
    extensions = (b"DSN", b"8BITMIME", b"SIZE")
    with Hostile({Phase.EHLO: Offer(extensions)}) as server:
        run_queue(tmp_path, server)
        (connection,) = server.settled()
    said = [line for line in connection.commands if line[:4] in {b"MAIL", b"RCPT"}]
    assert said == [
        b"MAIL FROM:<> SIZE=19 BODY=8BITMIME",
        b"RCPT TO:<alice@example.org> NOTIFY=SUCCESS,DELAY",
        b"RCPT TO:<bob@example.org>",
        b"RCPT TO:<carol@example.org> NOTIFY=NEVER",
    ]
    assert b"carol" not in connection.contents[0]


def test_utf8_is_asked_for_where_the_mail_needs_it(tmp_path):
    put(tmp_path, recipients=(Recipient("zoë@example.org"),), needs_utf8=True)
    with Hostile() as server:
        run_queue(tmp_path, server)
        (connection,) = server.settled()
    assert any(line.endswith(b"SMTPUTF8 BODY=8BITMIME") for line in connection.commands)
    assert "RCPT TO:<zoë@example.org>".encode() in connection.commands


@pytest.mark.parametrize("verb", ["SEND", "SOML", "SAML"])
def test_the_verb_is_kept(tmp_path, verb):
    put(tmp_path, verb=verb)
    with Hostile({Phase.OTHER: Reply(b"250 Ok\r\n")}) as server:
        run_queue(tmp_path, server)
        (connection,) = server.settled()
    assert connection.verbs[1] == verb


def test_progress_is_told(tmp_path, sink):
    put(tmp_path)
    told = []
    run_queue(tmp_path, sink, run=Run(emit=told.append))
    kinds = [type(event) for event in told]
    assert [k for k in kinds if k in {StartTransfer, Transfer, EndTransfer}] == [
        StartTransfer,
        Transfer,
        EndTransfer,
    ]
    (event,) = [event for event in told if isinstance(event, Transfer)]
    assert (event.percent_done, event.bytes_transferred) == (100, 19)


# --------------------------------------------------------------------------------- what is not sent

FOR_GOOD = {
    "sender": {Phase.MAIL: (REFUSED, Honest())},
    "recipient": {Phase.RCPT: (REFUSED, Honest())},
    "DATA": {Phase.DATA: (REFUSED, Honest())},
    "content": {Phase.DOT: (REFUSED, Honest())},
}
FOR_NOW = {
    "sender": {Phase.MAIL: (NOT_NOW, Honest())},
    "recipient": {Phase.RCPT: (NOT_NOW, Honest())},
    "DATA": {Phase.DATA: (NOT_NOW, Honest())},
    "content": {Phase.DOT: (NOT_NOW, Honest())},
}


@pytest.mark.parametrize("step", FOR_GOOD)
def test_a_refusal_for_good_fails_that_mail_alone(tmp_path, step):
    first, second = put(tmp_path, "first"), put(tmp_path, "second")
    before = reading(first)
    told = []
    with Hostile(FOR_GOOD[step]) as server:
        done = run_queue(tmp_path, server, run=Run(emit=told.append))
        assert contents(server)[-1].endswith(b"second\r\n")
    failed = first.with_suffix(".failed")
    assert names(tmp_path) == [failed.name]
    assert reading(failed) == before
    assert list(done.failed) == [failed]
    assert isinstance(done.failed[failed], ServerError)
    assert done.sent == [second.with_suffix(".sending")]
    (report,) = [event for event in told if isinstance(event, ErrorReport)]
    assert report.error_code == 161
    assert report.description.startswith(str(failed))
    with pytest.raises(DeliveryError, match="1 of 2") as caught:
        done.raise_for_unsent()
    assert caught.value.code.number == 161
    assert caught.value.retry is Retry.NO


@pytest.mark.parametrize("step", FOR_NOW)
def test_a_refusal_for_now_leaves_that_mail_for_the_next_time(tmp_path, step):
    first = put(tmp_path, "first")
    put(tmp_path, "second")
    with Hostile(FOR_NOW[step]) as server:
        done = run_queue(tmp_path, server)
        assert list(done.left) == [first]
        assert names(tmp_path) == [first.name]
        with pytest.raises(DeliveryError) as caught:
            done.raise_for_unsent()
        assert caught.value.retry is Retry.LATER
    with Hostile() as server:
        assert len(run_queue(tmp_path, server).sent) == 1
        assert contents(server)[0].endswith(b"first\r\n")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({Phase.MAIL: AWAY}, ConnectError),
        ({Phase.RCPT: AWAY}, ConnectError),
        ({Phase.DATA: AWAY}, ConnectError),
        ({Phase.BODY: Drop(after=200_000)}, ConnectError),
        ({Phase.MAIL: GOODBYE}, ServerError),
        ({Phase.DATA: GOODBYE}, ServerError),
        ({Phase.MAIL: Reply(b"nonsense\r\n")}, ConnectError),
    ],
)
def test_a_connection_that_is_lost_leaves_all_and_is_raised(tmp_path, script, kind):
    content = [b"x" * 70 + b"\r\n"] * 100_000
    first = store.add(tmp_path, mail(content, recipients=[PLAIN]), Run())
    second = put(tmp_path, "second")
    with Hostile(script) as server:
        with pytest.raises(kind) as caught:
            run_queue(tmp_path, server)
        assert len(server.settled()) == 1
        assert contents(server) == []
    assert names(tmp_path) == [first.name, second.name]
    assert str(first) in "".join(caught.value.__notes__)


def test_a_stalled_server_leaves_all_after_the_time_limit(tmp_path):
    first, second = put(tmp_path), put(tmp_path)
    with Hostile({Phase.MAIL: Stall()}) as server, pytest.raises(TimeLimitError):
        run_queue(tmp_path, server, run=Run(timeout=0.5))
    assert names(tmp_path) == [first.name, second.name]


def test_a_connection_that_ends_between_mails_is_noticed_before_the_next(tmp_path):
    put(tmp_path, "first")
    second, third = put(tmp_path, "second"), put(tmp_path, "third")
    goodbye = Reply(b"250 2.0.0 Taken\r\n421 4.4.2 Enough\r\n")
    with Hostile({Phase.DOT: goodbye}) as server:
        with pytest.raises(GpgmailError) as caught:
            run_queue(tmp_path, server)
        assert len(contents(server)) == 1
    assert caught.value.retry is Retry.LATER
    assert names(tmp_path) == [second.name, third.name]


def test_what_the_server_cannot_take_fails(tmp_path):
    put(tmp_path, eight_bit=True)
    put(tmp_path, recipients=(ALICE,))
    with Hostile({Phase.EHLO: Offer((b"SIZE",))}) as server:
        done = run_queue(tmp_path, server)
        assert contents(server) == []
    assert endings(tmp_path) == [".failed", ".failed"]
    assert {error.code.name for error in done.failed.values()} == {"NOT_FOR_SERVER"}


@pytest.mark.parametrize("address", ["a b@example.org", "a@b.org>,<c@d.org", "a@b.org> SIZE=1"])
def test_an_address_that_would_change_the_command_is_never_said(tmp_path, address):
    put(tmp_path, recipients=(Recipient(address),))
    put(tmp_path, "second")
    with Hostile() as server:
        done = run_queue(tmp_path, server)
        (connection,) = server.settled()
    assert endings(tmp_path) == [".failed"]
    assert len(done.sent) == len(connection.contents) == 1
    assert connection.verbs.count("RCPT") == 1


# ---------------------------------------------------------------------------- damaged and odd files


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def changed(path):
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))


def newer(path):
    path.write_bytes(path.read_bytes().replace(b"queue 1", b"queue 2", 1))


def foreign(path):
    path.write_bytes(b"From: a@b.org\r\nTo: c@d.org\r\n\r\nText\r\n")


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, changed, newer, foreign, empty])
def test_a_damaged_file_is_put_aside_and_the_others_go(tmp_path, sink, damage):
    first = put(tmp_path)
    put(tmp_path, "second")
    damage(first)
    before = first.read_bytes()
    told = []
    done = run_queue(tmp_path, sink, run=Run(emit=told.append))
    assert [one.data[-8:] for one in sink.received] == [b"second\r\n"]
    failed = first.with_suffix(".failed")
    assert names(tmp_path) == [failed.name]
    assert failed.read_bytes() == before
    assert done.failed[failed].code.name == "QUEUE_DAMAGED"
    assert any(str(failed) in event.description for event in told if isinstance(event, ErrorReport))


def test_a_file_as_large_as_nothing_else_is_put_aside_and_the_others_go(tmp_path, sink):
    first = put(tmp_path)
    put(tmp_path, "second")
    os.truncate(first, 1 << 42)
    done = run_queue(tmp_path, sink)
    assert [one.data[-8:] for one in sink.received] == [b"second\r\n"]
    assert names(tmp_path) == [first.stem + ".failed"]
    assert [error.code.name for error in done.failed.values()] == ["QUEUE_DAMAGED"]


def test_links_pipes_and_directories_are_left_where_they_are(tmp_path, sink):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = put(elsewhere)
    place = tmp_path / "queue"
    place.mkdir()
    (place / "a.queued").symlink_to(target)
    os.mkfifo(place / "b.queued")
    (place / "c.queued").mkdir()
    (place / "d.queued").symlink_to("/nowhere")
    put(place, "the mail")
    told = []
    done = run_queue(place, sink, run=Run(emit=told.append))
    assert len(sink.received) == 1
    assert names(place) == ["a.queued", "b.queued", "c.queued", "d.queued"]
    assert sorted(path.name for path in done.ignored) == names(place)
    assert target.exists()
    assert len([event for event in told if isinstance(event, ErrorReport)]) == 4
    done.raise_for_unsent()


def test_what_has_another_ending_is_not_looked_at(tmp_path, sink):
    path = put(tmp_path)
    for name in ("a.failed", "a.sent", ".a.writing", "a.queued.txt"):
        (tmp_path / name).write_bytes(path.read_bytes())
    run_queue(tmp_path, sink)
    assert len(sink.received) == 1
    assert names(tmp_path) == [".a.writing", "a.failed", "a.queued.txt", "a.sent"]


def test_a_failed_file_of_that_name_is_not_lost(tmp_path):
    path = put(tmp_path)
    path.with_suffix(".failed").write_bytes(b"from before")
    with Hostile({Phase.MAIL: REFUSED}) as server:
        done = run_queue(tmp_path, server)
    (new,) = done.failed
    assert path.with_suffix(".failed").read_bytes() == b"from before"
    assert names(tmp_path) == sorted([new.name, path.stem + ".failed"])


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_directory_that_is_none_is_named_before_anything_is_sent(tmp_path, sink, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MessageError) as caught:
        run_queue(tmp_path / name, sink)
    assert (caught.value.code.number, caught.value.subject) == (302, str(tmp_path / name))
    assert sink.received == []


def test_a_directory_that_cannot_be_written_stops_before_anything_is_sent(
    tmp_path, sink, monkeypatch
):
    path = put(tmp_path)

    def refuse(*_args, **_values):
        raise PermissionError(13, "Permission denied")

    for name in ("link", "rename"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(MessageError) as caught:
        run_queue(tmp_path, sink)
    assert (caught.value.code.number, caught.value.subject) == (303, str(path))
    assert sink.received == []
    assert names(tmp_path) == [path.name]


# ------------------------------------------------------------------------------ some of many people


def test_those_whom_the_server_refuses_are_kept_apart(tmp_path):
    path = put(tmp_path, recipients=(Recipient("a@x.org"), BOB, Recipient("c@x.org", "C"), CAROL))
    script = {
        Phase.EHLO: Offer((b"DSN",)),
        Phase.RCPT: (Honest(), REFUSED, NOT_NOW, REFUSED),
    }
    told = []
    with Hostile(script) as server:
        done = run_queue(tmp_path, server, run=Run(emit=told.append))
        assert len(contents(server)) == 1
    assert done.sent == [path.with_suffix(".sending")]
    assert endings(tmp_path) == [".failed", ".queued"]
    (failed,), (left,) = done.failed, done.left
    assert reading(failed)[0].recipients == (BOB, CAROL)
    assert reading(left)[0].recipients == (Recipient("c@x.org", "C"),)
    assert reading(left)[1] == reading(failed)[1] == b"Subject: x\r\n\r\none\r\n"
    reports = [event.description for event in told if isinstance(event, ErrorReport)]
    assert [
        address in text for address, text in zip(("bob@", "carol@", "c@x"), reports, strict=True)
    ] == [True] * 3
    with Hostile() as server:
        run_queue(tmp_path, server)
        (connection,) = server.settled()
    assert [line for line in connection.commands if line.startswith(b"RCPT")] == [
        b"RCPT TO:<c@x.org>"
    ]
    assert names(tmp_path) == [failed.name]


def test_where_one_refusal_stops_the_mail_all_of_it_fails(tmp_path):
    put(tmp_path, recipients=(PLAIN, BOB))
    with Hostile({Phase.RCPT: (Honest(), REFUSED)}) as server:
        run_queue(tmp_path, server, stop_on=(RecipientType.CC,))
        assert contents(server) == []
    (failed,) = store.listed(tmp_path, State.FAILED)
    assert reading(failed)[0].recipients == (PLAIN, BOB)


def test_a_handler_that_fails_at_a_refused_recipient_makes_no_sent_mail_unsure(tmp_path, sink):
    path = put(tmp_path, recipients=(PLAIN, BOB))
    run = emitting(lambda event: isinstance(event, ErrorReport), RuntimeError("a handler's"))
    with Hostile({Phase.RCPT: (Honest(), REFUSED)}) as server:
        with pytest.raises(RuntimeError):
            run_queue(tmp_path, server, run=run)
        assert len(contents(server)) == 1
    (failed,) = tmp_path.iterdir()
    assert failed.suffix == ".failed"
    assert failed.stem != path.stem
    assert reading(failed)[0].recipients == (BOB,)


# ------------------------------------------------------------- what may have been delivered, or not


@pytest.mark.parametrize("action", [AWAY, Stall(2)])
def test_a_mail_without_an_answer_is_not_sent_again_by_itself(tmp_path, sink, action):
    path, second = put(tmp_path), put(tmp_path, "second")
    with Hostile({Phase.DOT: action}) as server:
        with pytest.raises(DeliveryError) as caught:
            run_queue(tmp_path, server, run=Run(timeout=1))
        assert len(contents(server)) == 1
    assert caught.value.retry is Retry.UNKNOWN
    sending = path.with_suffix(".sending")
    assert names(tmp_path) == [sending.name, second.name]
    told = []
    for _ in range(2):
        done = run_queue(tmp_path, sink, run=Run(emit=told.append))
        assert done.unsure[sending].code.name == "MAYBE_DELIVERED"
    assert len(sink.received) == 1
    assert names(tmp_path) == [sending.name]
    reports = [event for event in told if isinstance(event, ErrorReport)]
    assert len(reports) == 2
    assert all("rename it to .queued" in event.description for event in reports)
    with pytest.raises(DeliveryError):
        done.raise_for_unsent()
    sending.rename(path)
    assert len(run_queue(tmp_path, sink).sent) == 1
    assert sink.received[-1].data.endswith(b"one\r\n")


def emitting(when, raised):
    """A Run whose listener raises at an event."""

    def emit(event):
        if when(event):
            raise raised

    return Run(emit=emit, timeout=10)


def said(text):
    return lambda event: isinstance(event, PITrail) and event.message.startswith(text)


@pytest.mark.parametrize("error", [RuntimeError("a handler's"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    "when",
    [said("MAIL"), said("RCPT"), said("354"), lambda event: isinstance(event, Transfer)],
)
def test_an_exception_before_the_end_puts_the_mail_back(tmp_path, when, error):
    paths = [put(tmp_path), put(tmp_path)]
    with Hostile() as server:
        with pytest.raises(type(error)):
            run_queue(tmp_path, server, run=emitting(when, error))
        assert contents(server) == []
    assert names(tmp_path) == [path.name for path in paths]


def test_an_exception_of_the_last_event_puts_the_mail_back(tmp_path):
    path = put(tmp_path)
    with Hostile() as server:
        with pytest.raises(RuntimeError):
            run_queue(
                tmp_path,
                server,
                run=emitting(lambda event: isinstance(event, EndTransfer), RuntimeError()),
            )
        assert contents(server) == []
    assert names(tmp_path) == [path.name]


def test_an_exception_after_the_server_took_it_does_not_send_it_twice(tmp_path, sink):
    path = put(tmp_path)
    with pytest.raises(RuntimeError):
        run_queue(tmp_path, sink, run=emitting(said("250 2.0.0 kept"), RuntimeError()))
    assert names(tmp_path) == [path.stem + ".sending"]
    run_queue(tmp_path, sink)
    assert len(sink.received) == 1


def test_an_interrupt_leaves_all(tmp_path):
    paths = [put(tmp_path), put(tmp_path)]
    run = Run(timeout=10)
    run.emit = lambda event: run.cancel() if said("RCPT")(event) else None
    with Hostile() as server:
        with pytest.raises(Cancelled):
            run_queue(tmp_path, server, run=run)
        assert contents(server) == []
    assert names(tmp_path) == [path.name for path in paths]


def test_an_interrupt_between_mails_leaves_the_rest(tmp_path, sink):
    put(tmp_path)
    rest = put(tmp_path, "rest")
    run = Run(timeout=10)
    run.emit = lambda event: run.cancel() if said("250 2.0.0 kept")(event) else None
    with pytest.raises(Cancelled):
        run_queue(tmp_path, sink, run=run)
    assert [one.data[-5:] for one in sink.received] == [b"one\r\n"]
    assert names(tmp_path) == [rest.name]


# -------------------------------------------------------------------------------- several processes

ROOT = str(Path(__file__).resolve().parents[2])  # last: gpgmail is the one that is tested
PROCESS = """
import sys
from tests.delivery.test_queue import run_queue
class Server: port = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(len(run_queue(sys.argv[1], Server).sent))
"""


def processing(directory, server):
    """A process of its own that processes *directory* once it gets a line."""
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, directory, str(server.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, ROOT))},
    )


def test_two_processes_deliver_each_mail_once(tmp_path, sink):
    for number in range(50):
        put(tmp_path, f"number {number:02}")
    with processing(tmp_path, sink) as one, processing(tmp_path, sink) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        sent = [int(process.stdout.read()) for process in (one, two)]
    assert names(tmp_path) == []
    assert sum(sent) == len(sink.received) == 50
    assert set(Counter(one.data for one in sink.received).values()) == {1}


def killed(directory, server, until):
    """Kill a process that works on *directory* when *until* holds."""
    with processing(directory, server) as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        until()
        process.send_signal(signal.SIGKILL)


def waiting_for(holds):
    """Something that waits until *holds* returns true."""

    def wait():
        for _ in range(2000):
            if holds():
                return
            time.sleep(0.01)
        pytest.fail("never came so far")

    return wait


def test_a_mail_that_a_killed_process_had_not_handed_over_is_sent_again_and_last(tmp_path, sink):
    first, second = put(tmp_path, "first"), put(tmp_path, "second")
    with Hostile({Phase.DATA: Stall()}) as server:
        killed(
            tmp_path,
            server,
            waiting_for(lambda: any(b"DATA" in one.commands for one in server.connections)),
        )
    assert names(tmp_path) == [first.stem + ".sending", second.name]
    assert len(run_queue(tmp_path, sink).sent) == 2
    ends = [one.data.rpartition(b"\r\n\r\n")[2] for one in sink.received]
    assert ends == [b"second\r\n", b"first\r\n"]
    assert names(tmp_path) == []


def test_a_mail_that_a_killed_process_had_handed_over_waits_for_a_decision(tmp_path, sink):
    first, second = put(tmp_path, "first"), put(tmp_path, "second")
    with Hostile({Phase.DOT: Stall(2)}) as server:
        killed(
            tmp_path,
            server,
            waiting_for(lambda: any(one.contents for one in server.connections)),
        )
        assert len(contents(server)) == 1
    sending = first.with_suffix(".sending")
    assert names(tmp_path) == [sending.name, second.name]
    done = run_queue(tmp_path, sink)
    assert list(done.unsure) == [sending]
    assert [one.data.endswith(b"second\r\n") for one in sink.received] == [True]
    assert names(tmp_path) == [sending.name]


def test_the_mail_that_another_process_is_sending_is_left_to_it(tmp_path, sink):
    put(tmp_path)
    with store.claim(queue.waiting(tmp_path)[0]) as claim:
        claim.begin()
        done = run_queue(tmp_path, sink)
        assert (done.sent, done.unsure, done.ignored) == ([], {}, {})
        assert endings(tmp_path) == [".sending"]
    assert sink.received == []
    assert len(run_queue(tmp_path, sink).sent) == 1


def test_a_disk_that_fills_up_while_refused_people_are_put_aside_loses_nobody(
    tmp_path, monkeypatch
):
    put(tmp_path, recipients=(PLAIN, BOB))

    def full(*_args, **_values):
        raise Situation.QUEUE_WRITE.error("No space left on device", retry=Retry.LATER)

    monkeypatch.setattr(store, "add", full)
    with Hostile({Phase.RCPT: (Honest(), REFUSED)}) as server, pytest.raises(MessageError):
        run_queue(tmp_path, server)
    (sending,) = queue.waiting(tmp_path)
    assert sending.suffix == ".sending"
    assert reading(sending)[0].recipients == (PLAIN, BOB)
