"""Where a mail's content comes from: texts, attachments, and what the caller encoded himself."""

from __future__ import annotations

import io
import os

import pytest

from gpgmail.components import PSMTP, SMTP, Attachment, Key
from gpgmail.core.errors import MessageError, UnsupportedError, UsageError
from gpgmail.testing.script import Phase, Reply
from tests.components.support import ALICE, BOB, SENDER, failing, parsed, psmtp, smtp, text_of
from tests.servers.hostile import Hostile

RAW = (
    b"From: sender@example.org\r\nTo: somebody@example.net\r\nSubject:  kept  as it is\r\n"
    b"X-Odd:folded\r\n\tthrice\r\n\r\n.dot\r\nline  \r\n"
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def lines_of(mail):
    """The lines of a received mail's text."""
    return text_of(mail).splitlines()


def give(mailer, source, data, tmp_path):
    """Let *mailer* take the raw *data* from the source of that name."""
    if source == "stream":
        mailer.set_message_stream(io.BytesIO(data))
    elif source == "local_file":
        path = tmp_path / "mail.eml"
        path.write_bytes(data)
        mailer.local_file = str(path)
    else:
        mailer.message = data


sources = pytest.mark.parametrize("source", ["message", "local_file", "stream"])


@pytest.mark.proves("message_text")
def test_text_arrives_as_it_was_set(sink):
    smtp(sink, message_text="Zoë\n.\n..dots\nend  \n").send()
    assert lines_of(sink.received[0]) == ["Zoë", ".", "..dots", "end  "]


# ---------------------------------------------------------------------------------------------- raw


@sources
@pytest.mark.proves("message", "local_file", "set_message_stream")
def test_a_raw_mail_goes_out_as_it_is(sink, tmp_path, source):
    mailer = smtp(sink, b_cc=BOB.address)
    give(mailer, source, RAW, tmp_path)
    mailer.send()
    (mail,) = sink.received
    assert mail.data == RAW
    assert mail.recipients == (ALICE.address, BOB.address)


@sources
def test_line_ends_of_a_raw_mail_become_those_of_a_mail(sink, tmp_path, source):
    mailer = smtp(sink)
    give(mailer, source, RAW.replace(b"\r\n", b"\n"), tmp_path)
    mailer.send()
    assert sink.received[0].data == RAW


@sources
def test_a_raw_body_goes_out_under_the_computed_fields(sink, tmp_path, source):
    mailer = smtp(sink, other_headers="Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit")
    give(mailer, source, "<p>Zoë".encode(), tmp_path)
    mailer.send()
    (mail,) = sink.received
    head, _, body = mail.data.partition(b"\r\n\r\n")
    assert body == "<p>Zoë\r\n".encode()
    assert b"Content-Type: text/html" in head
    assert parsed(mail)["Subject"] == "Zoë"


@sources
def test_a_raw_mail_beyond_ascii_asks_the_server_for_8_bits(tmp_path, source):
    script = {Phase.EHLO: Reply(b"250-old.example\r\n250 HELP\r\n")}
    with Hostile(script) as server:
        mailer = smtp(server)
        give(mailer, source, RAW + "Zoë\r\n".encode(), tmp_path)
        with failing(20, UnsupportedError):
            mailer.send()
        mailer.close()
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


@sources
@pytest.mark.parametrize(
    ("data", "number"),
    [
        (RAW.replace(b"To: some", b"Bcc: some"), 2),
        (RAW.replace(b"To: some", b"Resent-BCC : some"), 2),
        (RAW + b"lone\rCR\r\n", 2),
        (RAW + b"CR at the end\r", 2),
        ("Zoë, and no word about how it is encoded".encode(), 2),
    ],
)
def test_a_raw_mail_that_would_do_harm_is_refused(sink, tmp_path, source, data, number):
    mailer = smtp(sink)
    give(mailer, source, data, tmp_path)
    with failing(number, UsageError):
        mailer.send()
    assert not sink.received


@pytest.mark.parametrize("source", ["local_file", "stream"])
def test_an_empty_source_is_not_sent_as_an_empty_mail(sink, tmp_path, source):
    mailer = smtp(sink)
    give(mailer, source, b"", tmp_path)
    with failing(141, MessageError):
        mailer.send()
    assert not sink.received


@pytest.mark.proves("SMTP 302")
@pytest.mark.parametrize("name", ["attached_file", "local_file"])
def test_a_file_that_is_not_there_is_named(sink, tmp_path, name):
    mailer = smtp(sink)
    setattr(mailer, name, str(tmp_path / "absent"))
    with failing(302, MessageError) as caught:
        mailer.send()
    assert "absent" in str(caught.value)
    assert not sink.received


def test_the_source_that_was_set_last_counts(sink, tmp_path):
    mailer = smtp(sink)
    text = mailer.message_text
    mailer.message = RAW
    assert mailer.message_text == ""
    give(mailer, "local_file", RAW, tmp_path)
    assert mailer.message == b""
    mailer.set_message_stream(io.BytesIO(RAW))
    assert mailer.local_file == ""
    mailer.local_file = str(tmp_path / "other")
    mailer.message_text = text
    assert mailer.local_file == ""
    mailer.send()
    assert lines_of(sink.received[0]) == text.splitlines()


@pytest.mark.proves("CloseStreamAfterTransfer")
@pytest.mark.parametrize("close", [True, False])
def test_the_stream_is_closed_after_success_unless_it_shall_stay(sink, close):
    stream = io.BytesIO(b"before" + RAW)
    stream.seek(6)
    mailer = smtp(sink)
    mailer.config(f"CloseStreamAfterTransfer={close}")
    mailer.set_message_stream(stream)
    mailer.send()
    assert stream.closed is close
    assert sink.received[0].data == RAW


def test_a_stream_that_gives_once_survives_a_failure(sink):
    reading, writing = os.pipe()
    os.write(writing, RAW)
    os.close(writing)
    with (
        os.fdopen(reading, "rb") as stream,
        Hostile({Phase.DOT: Reply(b"451 later\r\n")}) as server,
    ):
        mailer = smtp(server)
        mailer.set_message_stream(stream)
        with failing(161):
            mailer.send()
        mailer.close()
        assert not stream.closed
        mailer.mail_port = sink.port
        mailer.send()
    assert sink.received[0].data == RAW


@pytest.mark.parametrize("stream", [io.StringIO("text"), object(), "path"])
def test_a_stream_that_gives_no_bytes_is_refused_as_it_is_set(sink, stream):
    mailer = smtp(sink)
    with failing(2, UsageError):
        mailer.set_message_stream(stream)
    mailer.send()
    assert lines_of(sink.received[0]) == mailer.message_text.splitlines()


@pytest.mark.parametrize("company", ["attachments", "attached_file", "html_text"])
def test_a_raw_mail_has_no_company(sink, tmp_path, company):
    mailer = smtp(sink)
    if company == "attachments":
        mailer.attachments.append(Attachment(data=b"x", name="x"))
    else:
        (tmp_path / "x").write_bytes(b"x")
        setattr(mailer, company, str(tmp_path / "x"))
    mailer.message = RAW
    with failing(2, UsageError):
        mailer.send()
    assert not sink.received


@sources
def test_a_raw_mail_cannot_be_protected(sink, own, tmp_path, source):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(own, SENDER.address))
        give(mailer, source, RAW, tmp_path)
        with failing(1, UnsupportedError):
            mailer.sign()
        with failing(142):
            mailer.send()
    assert not sink.received


def test_what_was_protected_before_is_not_sent_for_a_stream_that_came_later(sink, own):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(own, SENDER.address))
        mailer.sign()
        mailer.set_message_stream(io.BytesIO(RAW))
        with failing(142):
            mailer.send()
        mailer.config("RequireProtection=False")
        mailer.send()
    assert sink.received[0].data == RAW


# ------------------------------------------------------------------------------ files that go along


@pytest.mark.proves("attached_file")
def test_the_attached_file_comes_behind_the_other_attachments(sink, tmp_path):
    path = tmp_path / "report.png"
    path.write_bytes(PNG)
    mailer = smtp(sink, attached_file=str(path))
    mailer.attachments.append(Attachment(data=b"first", name="first.bin"))
    mailer.send()
    first, last = parsed(sink.received[0]).iter_attachments()
    assert (first.get_filename(), first.get_content()) == ("first.bin", b"first")
    assert (last.get_filename(), last.get_content_type()) == ("report.png", "image/png")
    assert last.get_content() == PNG
    assert lines_of(sink.received[0]) == mailer.message_text.splitlines()


@pytest.mark.parametrize("source", ["file", "data", "stream"])
def test_an_attachment_is_a_file_bytes_or_a_stream(sink, tmp_path, source):
    path = tmp_path / "x.png"
    path.write_bytes(PNG)
    given = {"file": path, "data": PNG, "stream": io.BytesIO(PNG)}
    mailer = smtp(sink)
    mailer.attachments.append(
        Attachment(**{source: given[source]}, name="Grüße.png", content_type="image/x-odd")
    )
    mailer.send()
    (attached,) = parsed(sink.received[0]).iter_attachments()
    assert attached.get_filename() == "Grüße.png"
    assert attached.get_content_type() == "image/x-odd"
    assert attached.get_content() == PNG


@pytest.mark.proves("html_text")
def test_an_inline_image_stands_beside_the_html_that_shows_it(sink):
    mailer = smtp(sink, html_text='<p>Zoë <img src="cid:logo@here">')
    mailer.attachments.append(
        Attachment(data=PNG, name="logo.png", inline=True, content_id="logo@here")
    )
    mailer.send()
    mail = parsed(sink.received[0])
    assert mail.get_content_type() == "multipart/alternative"
    plain, related = mail.iter_parts()
    html, image = related.iter_parts()
    assert plain.get_content().splitlines() == mailer.message_text.splitlines()
    assert html.get_content().strip() == mailer.html_text
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo@here>", "inline")
    assert image.get_content() == PNG


@pytest.mark.parametrize(
    "values", [{}, {"file": "x", "data": b"x"}, {"data": b"x", "stream": io.BytesIO(b"x")}]
)
def test_an_attachment_has_exactly_one_content(sink, values):
    mailer = smtp(sink)
    mailer.attachments.append(Attachment(**values))
    with failing(302, MessageError):
        mailer.send()
    assert not sink.received


def test_html_goes_into_a_protected_mime_message_and_not_beside_an_inline_one(sink, own, reader):
    with psmtp(sink, html_text="<p>secret") as mailer:
        mailer.recipient_keys.append(Key(own, ALICE.fingerprint))
        with failing(1, UnsupportedError):
            mailer.encrypt()
        mailer.config("MessageFormat=PGPMIME")
        mailer.message_text = "secret"
        mailer.encrypt()
        mailer.send()
    (mail,) = sink.received
    assert b"<p>secret" not in mail.data
    ciphertext = list(parsed(mail).iter_parts())[1].get_content()
    assert b"<p>secret" in reader.read(ciphertext).content


@pytest.mark.parametrize("kind", [SMTP, PSMTP])
def test_nothing_of_a_stream_is_left_after_a_reset(sink, kind):
    mailer = kind()
    mailer.set_message_stream(io.BytesIO(RAW))
    mailer.reset()
    with failing(163):
        mailer.send()
    assert not sink.received


def test_a_stream_that_was_closed_is_not_sent_again_as_an_empty_mail(sink):
    mailer = smtp(sink)
    mailer.set_message_stream(io.BytesIO(RAW))
    mailer.send()
    with failing(302, MessageError):
        mailer.send()
    assert len(sink.received) == 1
    mailer.message_text = "another"
    mailer.send()
    assert lines_of(sink.received[1]) == ["another"]


def test_an_attachment_that_can_be_read_once_is_not_sent_empty(sink):
    reading, writing = os.pipe()
    os.write(writing, b"the report")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        mailer = smtp(sink)
        mailer.attachments.append(Attachment(stream=stream, name="x"))
        mailer.send()
        with failing(302, MessageError):
            mailer.send()
    assert len(sink.received) == 1
    (attached,) = parsed(sink.received[0]).iter_attachments()
    assert attached.get_content() == b"the report"


@pytest.mark.parametrize("text", ["a\r\nb\nc\r\n", "a\nb\r\nc\n", "a\nb\nc"])
def test_lines_of_a_text_end_as_those_of_a_mail_do(sink, text):
    smtp(sink, message_text=text).send()
    assert sink.received[0].data.partition(b"\r\n\r\n")[2] == b"a\r\nb\r\nc\r\n"


@sources
def test_the_last_line_of_a_raw_mail_gets_its_end_and_is_counted(sink, tmp_path, source):
    mailer = smtp(sink)
    give(mailer, source, RAW.removesuffix(b"\r\n"), tmp_path)
    trail = []
    mailer.on_pi_trail = lambda event: trail.append(event.message)
    mailer.send()
    assert sink.received[0].data == RAW
    assert mailer.message_headers_string + mailer.config("TransferText") == RAW.decode()
    assert any(f" SIZE={len(RAW)}" in line for line in trail)
