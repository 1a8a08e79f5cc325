"""Queueing and processing: what lies in the directory, what the server gets, what is told."""

from __future__ import annotations

import stat
import threading
import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gpgmail.components import SMTP
from gpgmail.components.types.key import Key
from gpgmail.components.types.recipient import MessageRecipient
from gpgmail.core.errors import (
    Cancelled,
    ConnectError,
    DeliveryError,
    MessageError,
    ServerError,
    StateError,
    UsageError,
)
from gpgmail.testing.script import Drop, Honest, Offer, Phase, Reply, Stall
from tests.components.support import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    TEXT,
    Ears,
    failing,
    parsed,
    psmtp,
    smtp,
    text_of,
)
from tests.servers.hostile import Hostile

REFUSED = Reply(b"550 5.1.1 Nobody of that name\r\n")
NOT_NOW = Reply(b"451 4.3.0 Not now\r\n")
COUNT = 3


def unconnected(**values):
    """A component that knows no server."""
    values = {
        "from_": SENDER.address,
        "send_to": ALICE.address,
        "subject": "Zoë",
        "message_text": TEXT,
        **values,
    }
    return SMTP(**values)


def queued(directory, **values):
    return Path(unconnected(**values).queue(str(directory)))


def several(directory):
    """The files of several mails, whose subjects are their numbers."""
    return [queued(directory, subject=str(number)) for number in range(COUNT)]


def endings(directory):
    return sorted(path.suffix for path in directory.iterdir())


def subjects(server):
    """The subjects of what a server took."""
    contents = [one for connection in server.settled() for one in connection.contents]
    return [message_from_bytes(one, policy=policy.default)["Subject"] for one in contents]


# ---------------------------------------------------------------------------------------- queueing


@pytest.mark.proves("queue")
def test_queueing_writes_one_file_and_asks_no_server(tmp_path):
    with Hostile() as server:
        mailer = smtp(server)
        ears = Ears(mailer)
        name = mailer.queue(str(tmp_path))
        assert not mailer.connected
        assert not server.connections
    (path,) = tmp_path.iterdir()
    assert name == str(path)
    assert path.suffix == ".queued"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name in event.message for event in ears.status] == [True]
    assert "plain" in ears.status[0].message
    assert not ears.pi_trail


@pytest.mark.proves("queue")
def test_every_file_has_a_name_of_its_own(tmp_path):
    mailer = unconnected()
    assert len({mailer.queue(str(tmp_path)) for _ in range(20)}) == 20
    assert endings(tmp_path) == [".queued"] * 20


@pytest.mark.proves("queue", "process_queue")
def test_what_was_queued_is_what_would_have_been_sent(tmp_path, sink):
    mailer = smtp(
        sink,
        message_id="<one@example.org>",
        message_date="Thu, 01 Jan 2026 00:00:00 +0000",
        cc=BOB.address,
        b_cc=CAROL.address,
        return_path="bounces@example.org",
    )
    mailer.send()
    mailer.queue(str(tmp_path))
    mailer.process_queue(str(tmp_path))
    sent, processed = sink.received
    assert sent == processed
    assert processed.recipients == (ALICE.address, BOB.address, CAROL.address)
    assert processed.sender == "bounces@example.org"
    assert CAROL.address.encode() not in processed.data
    assert text_of(processed).splitlines() == TEXT.splitlines()
    assert endings(tmp_path) == []


@pytest.mark.proves("queue", "process_queue")
def test_options_of_recipients_and_who_is_blind_survive(tmp_path):
    mailer = unconnected(send_to="")
    mailer.message_recipients.append(
        MessageRecipient(ALICE.address, name="Alice", options="NOTIFY=SUCCESS,DELAY")
    )
    mailer.message_recipients.append(MessageRecipient(CAROL.address, 2, options="NOTIFY=NEVER"))
    mailer.queue(str(tmp_path))
    with Hostile({Phase.EHLO: Offer((b"DSN",))}) as server:
        smtp(server).process_queue(str(tmp_path))
        (connection,) = server.settled()
    assert [line for line in connection.commands if line.startswith(b"RCPT")] == [
        f"RCPT TO:<{ALICE.address}> NOTIFY=SUCCESS,DELAY".encode(),
        f"RCPT TO:<{CAROL.address}> NOTIFY=NEVER".encode(),
    ]
    assert CAROL.address.encode() not in connection.contents[0]


@pytest.mark.proves("queue")
def test_for_a_star_the_text_comes_back_and_is_a_file_where_one_writes_it(tmp_path, sink):
    text = unconnected(b_cc=CAROL.address).queue("*")
    assert CAROL.address in text
    (tmp_path / "own.queued").write_text(text, "utf-8")
    smtp(sink).process_queue(str(tmp_path))
    (mail,) = sink.received
    assert mail.recipients == (ALICE.address, CAROL.address)
    assert text_of(mail).splitlines() == TEXT.splitlines()
    assert endings(tmp_path) == []


@pytest.mark.proves("queue")
def test_a_file_of_some_size_goes_along(tmp_path, sink):
    data = bytes(range(256)) * 10_000
    attached = tmp_path / "data.bin"
    attached.write_bytes(data)
    place = tmp_path / "queue"
    place.mkdir()
    queued(place, attached_file=str(attached))
    attached.unlink()
    smtp(sink).process_queue(str(place))
    (part,) = parsed(sink.received[0]).iter_attachments()
    assert part.get_content() == data


@pytest.mark.proves("queue", "process_queue", "TCPClient 302", "TCPClient 303")
@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_directory_that_is_none_is_an_error(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    place = str(tmp_path / name)
    with Hostile() as server:
        mailer = smtp(server)
        with failing(303, MessageError) as writing:
            mailer.queue(place)
        with failing(302, MessageError) as reading:
            mailer.process_queue(place)
        assert not server.connections
    assert place in str(writing.value)
    assert place in str(reading.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("name", "number"), [("from_", 164), ("send_to", 165)])
def test_what_is_missing_is_said_and_nothing_is_written(tmp_path, name, number):
    with failing(number, UsageError):
        unconnected(**{name: ""}).queue(str(tmp_path))
    assert endings(tmp_path) == []


# -------------------------------------------------------------------------------------- processing


@pytest.mark.proves("process_queue")
def test_all_mails_go_through_one_connection_which_is_closed(tmp_path):
    several(tmp_path)
    with Hostile() as server:
        mailer = smtp(server, send_to="", message_text="")
        ears = Ears(mailer)
        mailer.process_queue(str(tmp_path))
        assert not mailer.connected
        assert subjects(server) == ["0", "1", "2"]
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * COUNT, "QUIT"]
    assert endings(tmp_path) == []
    assert sum(event.message == "DATA" for event in ears.pi_trail) == COUNT
    assert len(ears.start_transfer) == len(ears.end_transfer) == COUNT


@pytest.mark.proves("process_queue")
def test_a_connection_that_was_there_is_used_and_stays(tmp_path):
    several(tmp_path)
    with Hostile() as server, smtp(server) as mailer:
        mailer.connect()
        mailer.process_queue(str(tmp_path))
        assert mailer.connected
        assert len(server.connections) == 1


@pytest.mark.proves("process_queue")
def test_without_a_mail_there_is_no_connection(tmp_path):
    (tmp_path / "a.failed").write_bytes(b"x")
    with Hostile() as server:
        smtp(server).process_queue(str(tmp_path))
        assert not server.connections
    assert endings(tmp_path) == [".failed"]


def left_unsure(path):
    """Make a file what a killed process leaves that had handed over all of the mail."""
    path.write_bytes(path.read_bytes().removesuffix(b"unsent\r\n") + b"unsure\r\n")
    return path.rename(path.with_suffix(".sending"))


def damaged(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.proves("process_queue")
@pytest.mark.parametrize(
    ("spoil", "ending"),
    [(left_unsure, ".sending"), (damaged, ".failed")],
    ids=["unsure", "damaged"],
)
def test_where_no_mail_can_be_sent_there_is_no_connection(tmp_path, spoil, ending):
    for path in several(tmp_path):
        spoil(path)
    with Hostile() as server:
        with pytest.raises(DeliveryError, match="3 of 3"):
            smtp(server).process_queue(str(tmp_path))
        assert not server.connections
    assert endings(tmp_path) == [ending] * COUNT


@pytest.mark.proves("KeepQueue", "process_queue")
def test_kept_files_end_in_sent(tmp_path, sink):
    paths = several(tmp_path)
    mailer = smtp(sink)
    assert mailer.config("KeepQueue") == "False"
    mailer.config("KeepQueue=True")
    mailer.process_queue(str(tmp_path))
    mailer.process_queue(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == [path.with_suffix(".sent") for path in paths]
    assert len(sink.received) == COUNT
    mailer.config("KeepQueue=False")
    queued(tmp_path)
    mailer.process_queue(str(tmp_path))
    assert endings(tmp_path) == [".sent"] * COUNT


@pytest.mark.proves("process_queue")
def test_while_a_mail_is_sent_its_file_ends_in_sending(tmp_path):
    several(tmp_path)
    seen = []
    with Hostile() as server:
        mailer = smtp(server)
        mailer.on_start_transfer = lambda _: seen.append(endings(tmp_path))
        mailer.process_queue(str(tmp_path))
    assert seen == [[".queued"] * (COUNT - 1 - number) + [".sending"] for number in range(COUNT)]


@pytest.mark.proves("process_queue")
@pytest.mark.parametrize(
    ("answer", "ending", "retry"), [(REFUSED, ".failed", "no"), (NOT_NOW, ".queued", "later")]
)
def test_a_refusal_is_that_mails_alone_and_is_told_at_the_end(tmp_path, answer, ending, retry):
    first, *_ = several(tmp_path)
    with Hostile({Phase.MAIL: (answer, Honest())}) as server:
        mailer = smtp(server)
        ears = Ears(mailer, "error")
        with failing(161, DeliveryError) as caught:
            mailer.process_queue(str(tmp_path))
        assert subjects(server) == ["1", "2"]
        assert not mailer.connected
    assert [path.name for path in tmp_path.iterdir()] == [first.stem + ending]
    assert caught.value.retry == retry
    assert "1 of 3" in str(caught.value)
    about, summary = ears.error
    assert about.description.startswith(str(first.with_suffix(ending)))
    assert summary.description == str(caught.value)


@pytest.mark.proves("process_queue")
def test_a_server_that_repeats_the_password_does_not_get_it_into_a_report(tmp_path):
    """Over two lines, so that it is whole only in what is told."""
    path = queued(tmp_path)
    answer = Reply(b"550-No: hush\r\n550 me\r\n")
    with Hostile({Phase.MAIL: answer}) as server:
        mailer = smtp(server, user="u", password="hush me", allow_cleartext_auth=True)
        ears = Ears(mailer, "error")
        with failing(161, DeliveryError):
            mailer.process_queue(str(tmp_path))
    about, summary = (event.description for event in ears.error)
    assert about.startswith(str(path.with_suffix(".failed")))
    assert "550 No: ********" in about
    assert "550 No: ********" in summary


@pytest.mark.proves("process_queue")
@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.EHLO, Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_a_lost_connection_leaves_all_to_the_next_time(tmp_path, phase, sink):
    paths = several(tmp_path)
    with Hostile({phase: Drop()}) as server, failing(1120, ConnectError):
        smtp(server).process_queue(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == paths
    smtp(sink).process_queue(str(tmp_path))
    assert [parsed(mail)["Subject"] for mail in sink.received] == ["0", "1", "2"]


@pytest.mark.proves("process_queue")
def test_where_nobody_listens_or_the_login_fails_all_stay(tmp_path):
    paths = several(tmp_path)
    with Hostile() as server:
        port = server.port
    with failing(10061, ConnectError):
        unconnected(mail_server="127.0.0.1", mail_port=port).process_queue(str(tmp_path))
    with failing(163, UsageError):
        unconnected().process_queue(str(tmp_path))
    script = {Phase.AUTH: Reply(b"535 5.7.8 Wrong\r\n")}
    with Hostile(script) as server, failing(161, ServerError):
        smtp(server, user="u", password="p", allow_cleartext_auth=True).process_queue(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.proves("process_queue")
def test_a_damaged_file_fails_and_the_others_go(tmp_path, sink):
    first, *_ = several(tmp_path)
    first.write_bytes(first.read_bytes().replace(b"Subject: 0", b"Subject: 9"))
    with failing(21, DeliveryError):
        smtp(sink).process_queue(str(tmp_path))
    assert [parsed(mail)["Subject"] for mail in sink.received] == ["1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == [first.stem + ".failed"]


@pytest.mark.proves("process_queue", "interrupt", "SMTP 301")
def test_an_interrupt_stops_at_once_and_leaves_all(tmp_path):
    paths = several(tmp_path)
    reached = threading.Event()
    ended = []
    with Hostile({Phase.DATA: Stall()}) as server:
        mailer = smtp(server)
        mailer.on_pi_trail = lambda event: event.message == "DATA" and reached.set()

        def work():
            with failing(301, Cancelled):
                mailer.process_queue(str(tmp_path))
            ended.append(time.monotonic())

        thread = threading.Thread(target=work)
        thread.start()
        assert reached.wait(30)
        asked = time.monotonic()
        mailer.interrupt()
        thread.join(30)
    assert ended[0] - asked < 5  # a second, on a machine that is busy; the time limit is 20
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.proves("process_queue", "SMTP 166")
def test_a_handler_that_calls_back_stops_it_and_the_mail_stays(tmp_path):
    paths = several(tmp_path)
    with Hostile() as server:
        mailer = smtp(server)
        mailer.on_start_transfer = lambda _: mailer.queue(str(tmp_path))
        with failing(166, StateError):
            mailer.process_queue(str(tmp_path))
        assert subjects(server) == []
    assert sorted(tmp_path.iterdir()) == paths


# --------------------------------------------------------------------------------- protected mails


def test_an_encrypted_mail_lies_encrypted_and_arrives(tmp_path, sink, own, reader):
    secret = "only for her eyes"
    mailer = psmtp(sink, message_text=secret)
    mailer.recipient_keys.append(Key(keyring=own, user_id=ALICE.fingerprint))
    with failing(143):
        mailer.queue(str(tmp_path))
    mailer.encrypt()
    path = Path(mailer.queue(str(tmp_path)))
    assert secret.encode() not in path.read_bytes()
    assert b"BEGIN PGP MESSAGE" in path.read_bytes()
    smtp(sink).process_queue(str(tmp_path))
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert verdict.decrypted
    assert secret.encode() in verdict.content


def test_a_mail_that_costs_the_connection_does_not_hold_up_the_others(sink, tmp_path):
    scripts = ({Phase.RCPT: Drop()}, {}, {})
    with Hostile(scripts) as server:
        mailer = smtp(server, subject="first")
        mailer.queue(str(tmp_path))
        mailer.subject = "second"
        mailer.queue(str(tmp_path))
        with failing(1120):
            mailer.process_queue(str(tmp_path))
        first, second = server.settled()
    assert not first.contents
    assert b"Subject: second" in second.contents[0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".queued"]


@pytest.mark.parametrize("name", ["", "  "])
def test_no_directory_is_not_the_one_where_one_stands(sink, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    mailer = smtp(sink)
    for method in (mailer.queue, mailer.process_queue):
        with failing(2):
            method(name)
    assert not list(tmp_path.iterdir())
