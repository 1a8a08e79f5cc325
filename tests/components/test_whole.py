"""A component as a whole: its settings, its resets, what can mean nothing here."""

from __future__ import annotations

import io
import socket
import threading
import time

import pytest

from gpgmail.components import PSMTP, SMTP, Attachment, Key
from gpgmail.core.declare import rows
from gpgmail.core.errors import ConnectError, StateError, UnsupportedError, UsageError
from gpgmail.message.options import MessageOptions
from tests.components.support import ALICE, failing, parsed, smtp
from tests.servers.hostile import Hostile

INERT = [row for row in rows(PSMTP) if row.inert]


@pytest.mark.proves("inert members")
@pytest.mark.parametrize("row", INERT, ids=lambda row: row.name)
def test_what_can_mean_nothing_here_reads_its_default_and_says_why_it_takes_no_other(row):
    mailer = PSMTP()
    assert getattr(mailer, row.name) == row.default
    setattr(mailer, row.name, row.default)
    other = {bool: not row.default, int: 99, str: "other"}[type(row.default)]
    with failing(1, UnsupportedError) as caught:
        setattr(mailer, row.name, other)
    assert row.inert in str(caught.value)
    assert (row.key or row.name) in str(caught.value)
    assert getattr(mailer, row.name) == row.default
    if row.key:
        assert mailer.config(row.key) == str(row.default)
        with failing(1, UnsupportedError):
            mailer.config(f"{row.key}={other}")


@pytest.mark.proves("config")
def test_settings_are_named_in_any_case_and_read_as_text():
    mailer = SMTP()
    assert mailer.config("KeepQueue") == "False"
    assert mailer.config("keepqueue=YES") == "True"
    assert mailer.config("KEEPQUEUE") == "True"
    for wrong in ("NoSuchSetting", "NoSuchSetting=1", "KeepQueue=perhaps", "TIMEOUT=5", ""):
        with failing(2, UsageError):
            mailer.config(wrong)


@pytest.mark.proves("connected")
def test_setting_connected_connects_and_disconnects(sink):
    mailer = smtp(sink)
    mailer.connected = True
    assert mailer.connected
    mailer.connected = True
    mailer.set_connected(False)
    assert not mailer.get_connected()
    with failing(2, UsageError):
        mailer.connected = 1
    mailer.mail_port = 1
    with pytest.raises(ConnectError):
        mailer.connected = True
    assert not mailer.connected


@pytest.mark.proves("idle")
def test_a_component_is_idle_but_within_a_call(sink):
    mailer = smtp(sink)
    seen = []
    mailer.on_pi_trail = lambda _: seen.append((mailer.idle, mailer.get_idle()))
    assert mailer.idle
    mailer.send()
    assert set(seen) == {(False, False)}
    assert mailer.idle


@pytest.mark.proves("connect", "disconnect", "send", "last_reply", "TCPClient 104")
def test_a_connection_is_made_once_used_and_ended(sink):
    mailer = smtp(sink)
    assert mailer.last_reply == mailer.get_last_reply() == ""
    mailer.connect()
    assert mailer.last_reply.startswith("250")
    with failing(104, StateError):
        mailer.connect()
    mailer.send()
    assert mailer.last_reply == "250 2.0.0 kept as mail 1"
    mailer.disconnect()
    assert not mailer.connected
    assert mailer.last_reply.startswith("221")


@pytest.mark.proves("do_events", "SelectWaitMillis")
def test_do_events_waits_as_long_as_it_is_told():
    mailer = SMTP()
    mailer.config("SelectWaitMillis=150")
    before = time.monotonic()
    mailer.do_events()
    assert time.monotonic() - before >= 0.15
    assert mailer.idle


@pytest.mark.proves("reset")
def test_a_reset_leaves_nothing_but_the_handlers(sink, own):
    heard = []
    mailer = PSMTP(mail_server="127.0.0.1", mail_port=sink.port, from_="a@example.org")
    mailer.on_pi_trail = heard.append
    mailer.keys.append(Key(own))
    mailer.recipient_keys.append(Key(own, ALICE.fingerprint))
    mailer.attachments.append(Attachment(data=b"x", name="x"))
    mailer.send_to = ALICE.address
    mailer.message_text = "secret"
    mailer.config("KeepQueue=True")
    mailer.config("ProcessAttachments=True")
    mailer.sign_and_encrypt()
    mailer.connect()
    mailer.reset()
    assert not mailer.connected
    assert heard
    for row in rows(PSMTP):
        assert getattr(mailer, row.name) == row.default
    assert (len(mailer.keys), len(mailer.recipient_keys), len(mailer.attachments)) == (0, 0, 0)
    assert mailer.message_recipient_count == 0
    mailer.message_text = "anew"
    mailer.mail_server, mailer.mail_port = "127.0.0.1", sink.port
    mailer.from_, mailer.send_to = "a@example.org", ALICE.address
    mailer.send()
    assert b"anew" in sink.received[0].data


@pytest.mark.proves("reset_headers")
def test_resetting_the_headers_leaves_text_settings_and_server(sink):
    mailer = smtp(
        sink, importance=1, message_id="<a@b>", other_headers="X: y", max_header_length=50
    )
    mailer.reset_headers()
    for row in rows(MessageOptions):
        if row.prop and row.name != "message_text":
            assert getattr(mailer, row.name) == row.default
    assert mailer.max_header_length == 50
    assert mailer.message_text
    assert mailer.mail_port == sink.port


@pytest.mark.proves("local_host", "LocalHost", "LocalPort")
def test_while_connected_the_local_end_is_read_from_the_connection():
    with Hostile() as server, smtp(server) as mailer:
        assert (mailer.local_host, mailer.config("LocalPort")) == ("", "0")
        mailer.local_host = "127.0.0.2"
        mailer.connect()
        with socket.socket() as free:  # what the system gave is taken, so that it cannot be bound
            taken = int(mailer.config("LocalPort"))
            with pytest.raises(OSError, match="in use"):
                free.bind(("127.0.0.2", taken))
        assert mailer.local_host == mailer.config("LocalHost") == "127.0.0.2"
        mailer.disconnect()
        assert mailer.config("LocalPort") == "0"


# --------------------------------------------------------------------------------- wrong arguments


@pytest.mark.parametrize("value", [None, b"bytes", 5])
@pytest.mark.parametrize(
    "method", ["config", "verify", "expand", "send_command", "queue", "process_queue"]
)
def test_an_argument_of_another_type_is_a_typed_error(sink, method, value):
    with smtp(sink) as mailer:
        mailer.connect()
        with pytest.raises(UsageError, match="takes str, not"):
            getattr(mailer, method)(value)


def test_a_misspelt_property_is_refused():
    mailer = SMTP()
    with pytest.raises(UsageError, match="b_cc is the nearest"):
        mailer.bcc = ALICE.address
    with pytest.raises(UsageError, match="on_transfer is the nearest"):
        mailer.on_transferr = print


def test_what_is_written_is_in_no_repr():
    mailer = SMTP(message_text="for Alice alone", html_text="<p>for Alice alone")
    mailer.attachments.append(Attachment(data=b"for Alice alone", name="x"))
    assert "Alice" not in repr(mailer)
    assert "Alice" not in repr(mailer.attachments)


@pytest.mark.parametrize("method", ["reset_headers", "set_message_stream", "reset"])
def test_what_changes_the_message_waits_for_the_running_call(sink, method):
    mailer = smtp(sink)
    arguments = [io.BytesIO(b"x")] if method == "set_message_stream" else []
    mailer.on_start_transfer = lambda _: getattr(mailer, method)(*arguments)
    with failing(166, StateError):
        mailer.send()
    assert not sink.received


def test_a_wait_in_do_events_can_be_interrupted():
    mailer = SMTP(select_wait_millis=60_000)
    thread = threading.Thread(target=mailer.do_events)
    thread.start()
    while thread.is_alive():
        mailer.interrupt()
        thread.join(0.1)


def test_what_was_changed_by_a_handler_is_not_the_mail_that_was_sent(sink):
    mailer = smtp(sink, subject="before")
    mailer.on_end_transfer = lambda _: setattr(mailer, "subject", "after")
    mailer.send()
    assert parsed(sink.received[0])["Subject"] == "before"
    assert "Subject: after\r\n" in mailer.message_headers_string
    assert mailer.config("TransferText") == ""
