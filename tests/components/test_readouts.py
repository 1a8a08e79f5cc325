"""What a component tells of the mail as it goes out, in read-outs and in events."""

from __future__ import annotations

import io
import re
from email import message_from_bytes

import pytest

from gpgmail.components import PSMTP, SMTP, Attachment, Key, MessageRecipient
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.testing.script import Honest, Phase
from gpgmail.testing.script import Reply as PlainReply
from tests.components.support import ALICE, BOB, SENDER, Ears, failing, psmtp, smtp
from tests.servers.hostile import Hostile

LONG = " ".join(f"word{number}" for number in range(60))
TRANSFER = ("start_transfer", "transfer", "end_transfer")


def order_of(mailer):
    """Note the names of the transfer events in their order."""
    order = []
    for name in TRANSFER:
        setattr(mailer, f"on_{name}", lambda event, name=name: order.append((name, event)))
    return order


# ------------------------------------------------------------------------------------ the read-outs


@pytest.mark.proves(
    "message_headers_string", "MessageHeadersString", "TransferText", "message_headers"
)
@pytest.mark.parametrize("kind", ["plain", "attached", "pgpmime", "inline", "raw"])
def test_the_read_outs_are_the_bytes_on_the_wire(sink, own, kind):
    with psmtp(sink, subject=LONG) as mailer:
        if kind == "attached":
            mailer.attachments.append(Attachment(data=bytes(range(256)) * 999, name="x"))
        if kind == "raw":
            mailer.message = b"From: a@example.org\r\nX: y\r\n\r\n.dot\r\n"
        if kind in {"pgpmime", "inline"}:
            mailer.config(f"MessageFormat={kind}")
            mailer.keys.append(Key(own, SENDER.address))
            mailer.recipient_keys.append(Key(own, ALICE.fingerprint))
            mailer.sign_and_encrypt()
        mailer.send()
        head, body = mailer.config("MessageHeadersString"), mailer.config("TransferText")
        assert (head + body).encode() == sink.received[0].data
        assert head.endswith("\r\n\r\n")
        assert head.index("\r\n\r\n") == len(head) - 4
        assert mailer.message_headers_string == mailer.get_message_headers_string() == head
        names = re.findall(r"^([!-9;-~]+):", head, re.MULTILINE)
        assert [header.field for header in mailer.message_headers] == names


@pytest.mark.proves("message_headers", "Header.field", "Header.value")
def test_the_header_fields_are_those_that_the_server_got(sink):
    mailer = smtp(sink, subject=LONG)
    mailer.send()
    fields = message_from_bytes(sink.received[0].data).items()
    got = [(name, value.replace("\r\n", "")) for name, value in fields]
    assert [(header.field, header.value) for header in mailer.message_headers] == got


@pytest.mark.proves(
    "message_headers", "message_header_count", "message_header_field", "message_header_value"
)
def test_the_header_fields_are_read_by_index_unfolded_and_in_order():
    mailer = SMTP(from_=SENDER.address, send_to=ALICE.address, subject=LONG)
    names = [header.field for header in mailer.message_headers]
    assert names[:2] == ["Date", "From"]
    assert mailer.message_header_count == mailer.get_message_header_count() == len(names)
    at = names.index("Subject")
    assert mailer.get_message_header_field(at) == "Subject"
    assert mailer.get_message_header_value(at) == LONG
    assert mailer.message_headers[names.index("To")].value == ALICE.address


def test_the_header_fields_cannot_be_changed():
    mailer = SMTP(from_=SENDER.address, send_to=ALICE.address)
    with failing(2, UsageError):
        mailer.message_headers.clear()
    with pytest.raises(AttributeError):
        mailer.message_headers = []
    assert mailer.message_header_count


def test_without_a_sender_there_is_no_header_yet():
    assert (SMTP().message_headers_string, SMTP().message_header_count) == ("", 0)
    assert SMTP().config("TransferText") == ""


def test_after_a_change_the_header_is_that_of_the_next_mail(sink):
    mailer = smtp(sink)
    mailer.send()
    sent = mailer.message_headers_string
    mailer.subject = "another"
    assert "Subject: another\r\n" in mailer.message_headers_string
    assert mailer.config("TransferText") == ""
    assert "Subject: another" not in sent


@pytest.mark.parametrize("name", ["MessageHeadersString", "TransferText", "BuildInfo"])
def test_a_read_out_is_not_set(name):
    with failing(2, UsageError):
        SMTP().config(f"{name}=x")


@pytest.mark.proves("BuildInfo", "LicenseInfo")
def test_a_component_says_what_it_is_part_of():
    import platform
    import subprocess

    build = SMTP().config("BuildInfo")
    gpg = subprocess.run(["gpg", "--version"], capture_output=True, check=True, text=True).stdout
    assert build.startswith("gpgmail ")
    assert platform.python_version() in build
    assert gpg.splitlines()[0].split()[-1] in build
    assert PSMTP().config("LicenseInfo") == "MIT"


# --------------------------------------------------------------------------------------- the events


@pytest.mark.proves("on_start_transfer", "on_transfer", "on_end_transfer")
def test_the_text_is_told_from_its_beginning_to_its_end(sink):
    mailer = smtp(sink, message_text="line\r\n" * 30_000)
    order = order_of(mailer)
    mailer.send()
    names = [name for name, _ in order]
    assert names == ["start_transfer", *["transfer"] * (len(order) - 2), "end_transfer"]
    assert len(order) > 3
    parts = [event for name, event in order if name == "transfer"]
    assert b"".join(event.text for event in parts).decode() == mailer.message_text
    assert [event.bytes_transferred for event in parts][-1] == len(mailer.message_text)
    assert parts[-1].percent_done == 100
    assert {event.direction for _, event in order} == {0}
    assert sorted(event.percent_done for event in parts) == [e.percent_done for e in parts]


@pytest.mark.proves("on_start_transfer", "on_transfer", "on_end_transfer")
@pytest.mark.parametrize(("text", "times"), [("", 1), ("text", 2)])
def test_an_attached_file_is_told_apart_and_an_empty_text_not_at_all(sink, tmp_path, text, times):
    (tmp_path / "file").write_bytes(b"content of the file")
    mailer = smtp(sink, message_text=text, attached_file=str(tmp_path / "file"))
    order = order_of(mailer)
    mailer.send()
    assert [name for name, _ in order] == list(TRANSFER) * times
    assert order[-2][1].text == b"Y29udGVudCBvZiB0aGUgZmlsZQ==\r\n"
    assert order[-2][1].bytes_transferred == len(order[-2][1].text)


def test_nothing_is_told_of_an_empty_mail(sink):
    mailer = smtp(sink, message_text="")
    order = order_of(mailer)
    mailer.send()
    assert len(sink.received) == 1
    assert order == []


@pytest.mark.proves("on_pi_trail")
def test_the_trail_has_every_line_but_those_of_header_and_body(sink):
    mailer = smtp(sink, message_text="a line of the text", subject="a subject")
    ears = Ears(mailer, "pi_trail")
    mailer.send()
    said = {0: [], 1: [], 2: []}
    for event in ears.pi_trail:
        said[event.direction].append(event.message)
    assert [line.split()[0] for line in said[0]] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert [line[:3] for line in said[1] if line[3] == " "] == [
        "220", "250", "250", "250", "354", "250", "221"
    ]  # fmt: skip
    assert said[2]
    everything = "\n".join(event.message for event in ears.pi_trail)
    assert "a line of the text" not in everything
    assert "a subject" not in everything


@pytest.mark.proves("on_connection_status")
def test_the_connection_is_told_as_it_comes_and_goes(sink):
    mailer = smtp(sink)
    ears = Ears(mailer, "connection_status")
    mailer.connect()
    assert len(ears.connection_status) == 1
    assert "127.0.0.1" in ears.connection_status[0].description
    mailer.disconnect()
    assert len(ears.connection_status) == 2
    assert {event.status_code for event in ears.connection_status} == {0}
    assert len({event.connection_event for event in ears.connection_status}) == 2


# ------------------------------------------------------------------------- what was changed since


def test_a_file_that_was_changed_is_not_passed_off_as_what_was_sent(sink, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"as it was sent")
    mailer = smtp(sink, attached_file=str(path))
    mailer.send()
    before = mailer.config("TransferText")
    path.write_bytes(b"AS IT IS BY NOW")
    with failing(302, MessageError):
        mailer.config("TransferText")
    path.write_bytes(b"as it was sent")
    assert mailer.config("TransferText") == before


CHANGES = {
    "a stream": lambda mailer: mailer.set_message_stream(io.BytesIO(b"other")),
    "a recipient's address": lambda mailer: mailer.set_message_recipient_address(0, BOB.address),
    "a recipient": lambda mailer: mailer.message_recipients.append(MessageRecipient(BOB.address)),
    "an attachment's name": lambda mailer: mailer.set_attachment_name(0, "other"),
    "the code page": lambda mailer: mailer.config("CodePage=28591"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_ends_the_read_outs_of_what_was_sent(sink, change):
    mailer = smtp(sink)
    mailer.attachments.append(Attachment(data=b"x", name="x"))
    mailer.send()
    sent = mailer.message_headers_string
    assert mailer.config("TransferText")
    CHANGES[change](mailer)
    assert mailer.config("TransferText") == ""
    if change != "a stream":  # which has no company
        assert mailer.message_headers_string != sent


def test_the_last_reply_is_never_that_of_an_older_connection(sink):
    with Hostile({Phase.BANNER: PlainReply(b"554 no service\r\n")}) as server:
        mailer = smtp(sink)
        mailer.send()
        assert mailer.last_reply.startswith("221")
        mailer.mail_port = server.port
        with failing(161):
            mailer.send()
        assert mailer.last_reply == "554 no service"
        mailer.reset()
        assert mailer.last_reply == ""


def test_a_handler_that_fails_over_a_refused_copy_does_not_make_the_mail_look_unsent():
    def fail(event):
        raise RuntimeError(event.description)

    script = {Phase.RCPT: (Honest(), PlainReply(b"550 5.1.1 nobody\r\n"))}
    with Hostile(script) as server:
        mailer = smtp(server, b_cc=BOB.address)
        mailer.on_error = fail
        with pytest.raises(RuntimeError, match="nobody"):
            mailer.send()
        assert not mailer.connected
        assert mailer.config("TransferText")
        (connection,) = server.settled()
    assert len(connection.contents) == 1
    assert connection.verbs[-1] == "QUIT"
