"""Header fields, charsets and address lists: what the server received, byte for byte."""

from __future__ import annotations

import io
import re
import socket
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest

from gpgmail.components import Attachment, Key, MessageRecipient
from gpgmail.core.errors import UnsupportedError, UsageError
from gpgmail.testing.script import Phase, Reply
from tests.components.support import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    Ears,
    failing,
    parsed,
    psmtp,
    smtp,
)
from tests.servers.hostile import Hostile

MIME = b"MIME-Version: 1.0"


def sent(sink, **values):
    """The mail that the server received."""
    smtp(sink, **values).send()
    (mail,) = sink.received
    return mail


def lines(mail):
    """The header lines of a mail, as they were received."""
    return mail.data.partition(b"\r\n\r\n")[0].split(b"\r\n")


def unfolded(mail):
    """The header fields of a mail on one line each (RFC 5322 section 2.2.3)."""
    return re.sub(rb"\r\n(?=[ \t])", b"", mail.data.partition(b"\r\n\r\n")[0]).split(b"\r\n")


# ------------------------------------------------------------------------------------- the fields

FIELDS = {
    "from_": ('"Doe, J." <j@example.org>', b'From: "Doe, J." <j@example.org>'),
    "send_to": ("Bob <b@example.org>, c@example.org", b"To: Bob <b@example.org>, c@example.org"),
    "cc": ("c@example.org", b"Cc: c@example.org"),
    "reply_to": ("a@example.org, b@example.org", b"Reply-To: a@example.org, b@example.org"),
    "subject": ("Hello", b"Subject: Hello"),
    "delivery_notification_to": ("d@example.org", b"Return-Receipt-To: d@example.org"),
    "read_receipt_to": ("R <r@example.org>", b"Disposition-Notification-To: R <r@example.org>"),
}
FIELDS = {name: [row] for name, row in FIELDS.items()} | {
    "importance": [(1, b"Importance: high"), (2, b"Importance: normal"), (3, b"Importance: low")],
    "priority": [(1, b"Priority: normal"), (2, b"Priority: urgent"), (3, b"Priority: non-urgent")],
    "sensitivity": [
        (1, b"Sensitivity: personal"),
        (2, b"Sensitivity: private"),
        (3, b"Sensitivity: company-confidential"),
    ],
}


@pytest.mark.proves(
    "from_",
    "send_to",
    "cc",
    "reply_to",
    "subject",
    "delivery_notification_to",
    "read_receipt_to",
    "importance",
    "priority",
    "sensitivity",
)
@pytest.mark.parametrize(
    ("name", "value", "line"), [(name, *row) for name, rows in FIELDS.items() for row in rows]
)
def test_a_property_is_its_field(sink, name, value, line):
    assert line in unfolded(sent(sink, **{name: value}))
    sink.received.clear()
    names = {field.partition(b":")[0] for field in unfolded(sent(sink, subject="other"))}
    always = {b"Date", b"From", b"To", b"Message-ID", b"Subject", b"MIME-Version"}
    assert names == always | {b"Content-Type", b"Content-Transfer-Encoding"}


BLIND = [
    "Bcc: eve@example.org",
    "bCc : eve@example.org",
    "X-A: 1\r\nBCC:\r\n eve@example.org",
    "Resent-Bcc: eve@example.org",
    "resent-bcc:\r\n\teve@example.org",
    "\r\nFrom: a@example.org\r\nBcc: eve@example.org",
    "\r\nX-A: 1\r\nRESENT-BCC: eve@example.org",
    "X-A: 1\r\n\r\nBcc: eve@example.org",
    "X-A: 1\nBcc: eve@example.org",
]


@pytest.mark.proves("b_cc", "other_headers")
@pytest.mark.parametrize("text", BLIND)
def test_no_way_leads_a_bcc_into_the_header(sink, text):
    mailer = smtp(sink, other_headers=text)
    with pytest.raises(UsageError, match=r"(?i)bcc"):
        mailer.send()
    assert not sink.received


@pytest.mark.proves("b_cc")
def test_a_bcc_is_in_the_envelope_alone(sink):
    mail = sent(
        sink, b_cc=f"Secret <{CAROL.address}>", reply_to=BOB.address, other_headers="X-A: 1"
    )
    assert mail.recipients == (ALICE.address, CAROL.address)
    assert CAROL.address.encode() not in mail.data
    assert b"Secret" not in mail.data


@pytest.mark.proves("return_path", "ReturnPath")
def test_the_return_path_is_the_envelope_sender_and_no_field(sink):
    mail = sent(sink, return_path="bounces@example.org")
    assert mail.sender == "bounces@example.org"
    assert b"bounces@example.org" not in mail.data
    assert b"return-path" not in mail.data.lower()
    sink.received.clear()
    mailer = smtp(sink)
    mailer.config("ReturnPath=<>")
    mailer.send()
    assert sink.received[0].sender == "<>"


@pytest.mark.proves("return_path", "other_headers")
@pytest.mark.parametrize("start", ["", "\r\n"])
def test_a_return_path_among_other_headers_is_refused(sink, start):
    with pytest.raises(UsageError, match="Return-Path"):
        smtp(sink, other_headers=f"{start}Return-Path: <eve@example.org>").send()
    assert not sink.received


@pytest.mark.proves("message_date")
def test_the_date_is_now_or_none_or_the_callers(sink):
    date = parsedate_to_datetime(parsed(sent(sink, message_date="*"))["Date"])
    assert abs(date - datetime.now(UTC)) < timedelta(minutes=5)
    sink.received.clear()
    assert not [line for line in unfolded(sent(sink, message_date="")) if line.startswith(b"Date")]
    sink.received.clear()
    mail = sent(sink, message_date="Tue, 14 Oct 97 06:08:31 PDT")
    assert b"Date: Tue, 14 Oct 97 06:08:31 PDT" in unfolded(mail)


def message_id(mail):
    (found,) = (line for line in unfolded(mail) if line.startswith(b"Message-ID: "))
    return found.removeprefix(b"Message-ID: ")


@pytest.mark.proves("message_id", "MessageIdAlgorithm")
@pytest.mark.parametrize(("algorithm", "digits"), [("MD5", 32), ("SHA1", 40), ("sha256", 64)])
def test_a_new_message_id_is_as_long_as_its_hash(sink, algorithm, digits):
    mailer = smtp(sink, from_="a@sub.example.org")
    assert mailer.config("MessageIdAlgorithm") == "SHA1"
    assert mailer.config(f"MessageIdAlgorithm={algorithm}") == algorithm.upper()
    mailer.send()
    mailer.send()
    ids = {message_id(mail) for mail in sink.received}
    assert len(ids) == 2
    for one in ids:
        assert re.fullmatch(rb"<[0-9a-f]{%d}@sub\.example\.org>" % digits, one)


@pytest.mark.proves("MessageIdAlgorithm")
def test_an_unknown_algorithm_is_refused_when_it_is_set(sink):
    mailer = smtp(sink)
    with pytest.raises(UsageError, match="MessageIdAlgorithm"):
        mailer.config("MessageIdAlgorithm=MD4")
    assert mailer.config("MessageIdAlgorithm") == "SHA1"


@pytest.mark.proves("message_id")
@pytest.mark.parametrize("given", ["<my.id@example.org>", "my.id@example.org"])
def test_a_message_id_that_was_given_is_the_callers(sink, given):
    assert message_id(sent(sink, message_id=given)) == b"<my.id@example.org>"


@pytest.mark.proves("message_id")
def test_an_empty_message_id_makes_no_field(sink):
    assert not [line for line in unfolded(sent(sink, message_id="")) if b"essage-I" in line]


# ---------------------------------------------------------------------------------- other headers


@pytest.mark.proves("other_headers", "OtherHeaders")
def test_other_headers_stand_behind_the_computed_ones(sink):
    mailer = smtp(sink)
    mailer.config("OtherHeaders=X-A: one\r\n two\r\nX-B: für\r\n")
    mailer.send()
    (mail,) = sink.received
    fields = unfolded(mail)
    assert fields[fields.index(MIME) + 1 :][:2] == [b"X-A: one two", b"X-B: =?utf-8?q?f=C3=BCr?="]
    assert parsed(mail)["X-B"] == "für"


@pytest.mark.proves("other_headers", "OtherHeaders")
def test_with_an_empty_first_line_they_replace_all(sink):
    mail = sent(
        sink,
        other_headers="\r\nFrom: me@example.org\r\nSubject: mine",
        importance=1,
        read_receipt_to="a@example.org",
        message_text="text\n",
    )
    assert mail.data == b"From: me@example.org\r\nSubject: mine\r\n\r\ntext\r\n"
    assert (mail.sender, mail.recipients) == (SENDER.address, (ALICE.address,))


TWICE = [
    ("Subject: x", {"subject": "y"}),
    ("from: x@example.org", {}),
    ("TO: x@example.org", {}),
    ("Reply-to: x@example.org", {"reply_to": "y@example.org"}),
    ("importance: low", {"importance": 1}),
    ("Return-Receipt-To: x@example.org", {"delivery_notification_to": "y@example.org"}),
]


@pytest.mark.proves("other_headers")
@pytest.mark.parametrize(("text", "values"), TWICE)
def test_a_field_that_a_property_makes_is_refused_among_them(sink, text, values):
    with pytest.raises(UsageError, match=f"(?i){text.partition(':')[0]}"):
        smtp(sink, other_headers=text, **values).send()
    assert not sink.received


@pytest.mark.proves("other_headers")
def test_mime_fields_among_them_say_that_the_text_is_encoded_already(sink):
    mail = sent(
        sink,
        other_headers="MIME-Version: 1.0\r\nContent-Type: text/html\r\n"
        "Content-Transfer-Encoding: base64",
        message_text="PGI+aGk8L2I+\r\n",
    )
    header, _, body = mail.data.partition(b"\r\n\r\n")
    assert body == b"PGI+aGk8L2I+\r\n"
    assert header.endswith(b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64")
    assert header.count(b"MIME-Version") == 1
    assert parsed(mail).get_content() == "<b>hi</b>"


@pytest.mark.proves("other_headers", "CodePage")
def test_such_a_text_goes_out_in_its_code_page(sink):
    mailer = smtp(
        sink,
        other_headers="Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit",
        message_text="Привет\n",
    )
    mailer.config("CodePage=20866")
    mailer.send()
    assert sink.received[0].data.endswith(b"\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4\r\n")


# ---------------------------------------------------------------------------------------- charsets

CHARSETS = [
    ("ISO-8859-1", "Grüße", b"=?ISO-8859-1?b?R3L832U=?="),
    ("KOI8-R", "Привет", b"=?KOI8-R?b?8NLJ18XU?="),
    ("ISO-2022-JP", "日本", b"=?ISO-2022-JP?b?GyRCRnxLXBsoQg==?="),
    ("utf-8", "Grüße", b"=?utf-8?b?R3LDvMOfZQ==?="),
    ("", "Grüße", b"=?utf-8?b?R3LDvMOfZQ==?="),
]


@pytest.mark.proves("Charset")
@pytest.mark.parametrize(("name", "text", "word"), CHARSETS)
def test_encoded_words_are_in_the_charset(sink, name, text, word):
    mailer = smtp(
        sink,
        subject=text,
        from_=f"{text} <{SENDER.address}>",
        send_to=f'"{text}" <{ALICE.address}>',
        reply_to=f"{text} <{BOB.address}>",
        read_receipt_to=f"{text} <{BOB.address}>",
        other_headers=f"X-A: {text}",
    )
    assert mailer.config(f"Charset={name}") == name
    mailer.send()
    (mail,) = sink.received
    fields = unfolded(mail)
    assert b"Subject: " + word in fields
    assert b"X-A: " + word in fields
    assert b"From: " + word + b" <" + SENDER.address.encode() + b">" in fields
    assert b"To: " + word + b" <" + ALICE.address.encode() + b">" in fields
    assert b"Reply-To: " + word + b" <" + BOB.address.encode() + b">" in fields
    assert b"Disposition-Notification-To: " + word + b" <" + BOB.address.encode() + b">" in fields
    assert parsed(mail)["Subject"] == parsed(mail)["To"].addresses[0].display_name == text


@pytest.mark.proves("Charset")
@pytest.mark.parametrize("name", ["Klingon", "UTF-16", "IBM037", "x\r\ny"])
def test_a_charset_that_no_mail_can_have_is_refused_when_it_is_set(sink, name):
    mailer = smtp(sink, charset="KOI8-R")
    with pytest.raises(UsageError, match="Charset"):
        mailer.config(f"Charset={name}")
    assert mailer.config("Charset") == "KOI8-R"


@pytest.mark.proves("Charset", "TCPClient 434", "SSLClient 434")
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("Subject", {"subject": "日本"}),
        ("From", {"from_": f"日本 <{SENDER.address}>"}),
        ("To", {"send_to": f"日本 <{ALICE.address}>"}),
        ("Cc", {"cc": f"日本 <{ALICE.address}>"}),
        ("Reply-To", {"reply_to": f"日本 <{ALICE.address}>"}),
        ("Return-Receipt-To", {"delivery_notification_to": f"日本 <{ALICE.address}>"}),
        ("X-A", {"other_headers": "X-A: 日本"}),
    ],
)
def test_what_does_not_fit_the_charset_fails_and_names_the_field(sink, field, values):
    mailer = smtp(sink, charset="ISO-8859-1", **values)
    ears = Ears(mailer, "error")
    with failing(434, UsageError) as caught:
        mailer.send()
    assert caught.value.subject == field
    assert "ISO-8859-1" in str(caught.value)
    assert [event.error_code for event in ears.error] == [434]
    assert not sink.received


# -------------------------------------------------------------------------------------- code pages


@pytest.mark.proves("CodePage", "message_text")
@pytest.mark.parametrize(
    ("page", "charset", "text"),
    [
        (1251, "windows-1251", "Привет, мир\n"),
        (28591, "ISO-8859-1", "Grüße\n.\n"),
        (50220, "ISO-2022-JP", "日本語\nabc\n"),
        (936, "GBK", "中文測試\n"),
        (65001, "utf-8", "Grüße, Привет, 日本語\n"),
    ],
)
def test_the_text_is_sent_in_its_code_page_and_7_bit_safe(sink, page, charset, text):
    mailer = smtp(sink, message_text=text)
    assert mailer.config("CodePage") == "65001"
    assert mailer.config(f"CodePage={page}") == str(page)
    mailer.send()
    (mail,) = sink.received
    assert f"Content-Type: text/plain; charset={charset}".encode() in unfolded(mail)
    assert mail.data.isascii()
    assert parsed(mail).get_payload(decode=True) == text.replace("\n", "\r\n").encode(charset)
    assert parsed(mail).get_content().replace("\r\n", "\n") == text
    assert mailer.message_text == text


@pytest.mark.proves("CodePage")
@pytest.mark.parametrize("page", [37, 1200, 57002, 12345])
def test_a_code_page_that_cannot_be_had_is_refused_when_it_is_set(sink, page):
    mailer = smtp(sink)
    with pytest.raises(UnsupportedError, match=f"code page {page}"):
        mailer.config(f"CodePage={page}")
    assert mailer.config("CodePage") == "65001"


@pytest.mark.proves("CodePage", "TCPClient 434", "SSLClient 434")
def test_a_text_that_does_not_fit_its_code_page_is_not_sent(sink):
    mailer = smtp(sink, message_text="10 €\n", code_page=28591)
    with failing(434, UsageError) as caught:
        mailer.send()
    assert caught.value.subject == "text"
    assert not sink.received
    mailer.code_page = 28605
    mailer.send()
    assert parsed(sink.received[0]).get_payload(decode=True) == b"10 \xa4\r\n"


@pytest.mark.proves("CodePage")
@pytest.mark.parametrize("form", ["PGPMIME", "INLINE"])
def test_a_signature_is_over_the_text_in_its_code_page(sink, own, reader, form):
    text = "Привет, мир\n"
    with psmtp(sink, message_text=text, code_page=1251) as mailer:
        mailer.config(f"MessageFormat={form}")
        mailer.key_count = 1
        mailer.set_key_keyring(0, str(own))
        mailer.set_key_user_id(0, SENDER.address)
        mailer.sign()
        mailer.send()
    (mail,) = sink.received
    part = next(one for one in parsed(mail).walk() if one.get_content_type() == "text/plain")
    assert part.get_content_charset() == "windows-1251"
    data = part.get_payload(decode=True)
    assert text.strip().encode("cp1251") in data
    verdict = reader.verify_signed(mail.data) if form == "PGPMIME" else reader.read(data)
    assert (verdict.signature, verdict.signer) == ("good", SENDER.fingerprint)


@pytest.mark.proves("CodePage", "TCPClient 434")
def test_a_code_page_in_which_armor_is_other_bytes_is_refused_inline(sink, own, reader):
    with psmtp(sink, message_text="1 + 1 = 2\n", code_page=65000) as mailer:
        mailer.keys.append(Key(str(own), user_id=SENDER.address))
        with failing(434, UsageError) as caught:
            mailer.sign()
        assert "MessageFormat=PGPMIME" in str(caught.value)
        mailer.message_text = "1 + 1 = 2\n"
        mailer.config("MessageFormat=PGPMIME")
        mailer.sign()
        mailer.send()
    assert reader.verify_signed(sink.received[0].data).signature == "good"


# ----------------------------------------------------------------------------------------- folding

LONG = ", ".join(f'"Person, Number {number}" <p{number}@example.org>' for number in range(30))


@pytest.mark.proves("MaxHeaderLength")
@pytest.mark.parametrize("width", [40, 80, 200])
def test_header_lines_are_folded_before_the_limit(sink, width):
    mailer = smtp(sink, send_to=LONG, subject="words and words " * 20 + "end")
    assert mailer.config("MaxHeaderLength") == "80"
    mailer.config(f"MaxHeaderLength={width}")
    mailer.attachments.append(Attachment(data=b"x", name="a name with blanks " * 4 + ".txt"))
    mailer.send()
    (mail,) = sink.received
    over = [line for line in lines(mail) if len(line) > width]
    assert all(b" " not in line.strip().partition(b": ")[2] for line in over)
    assert b"To: " + LONG.encode() in unfolded(mail)
    assert b"Subject: " + b"words and words " * 20 + b"end" in unfolded(mail)
    assert any(width - 25 <= len(line) <= width for line in lines(mail))
    assert [box.addr_spec for box in parsed(mail)["To"].addresses] == [
        f"p{number}@example.org" for number in range(30)
    ]


@pytest.mark.proves("FoldHeaders", "MaxHeaderLength")
def test_without_folding_only_the_limit_of_the_standard_holds(sink):
    mailer = smtp(sink, subject="words and words " * 20 + "end", send_to=LONG)
    assert mailer.config("FoldHeaders") == "True"
    mailer.config("FoldHeaders=False")
    mailer.send()
    (mail,) = sink.received
    assert b"Subject: " + b"words and words " * 20 + b"end" in lines(mail)
    assert b"To: " + LONG.encode() in unfolded(mail)
    assert 200 < max(map(len, lines(mail))) <= 998


# -------------------------------------------------------------------------------------- recipients


@pytest.mark.proves("AllowEmptyTo", "SMTP 165")
@pytest.mark.parametrize("values", [{"cc": BOB.address}, {"b_cc": BOB.address}])
def test_copies_alone_need_leave(sink, values):
    mailer = smtp(sink, send_to="", **values)
    assert mailer.config("AllowEmptyTo") == "False"
    with failing(165, UsageError):
        mailer.send()
    assert not sink.received
    mailer.config("AllowEmptyTo=True")
    mailer.send()
    (mail,) = sink.received
    assert mail.recipients == (BOB.address,)
    assert not [line for line in unfolded(mail) if line.startswith(b"To:")]
    assert (b"Cc: " + BOB.address.encode() in unfolded(mail)) == ("cc" in values)


@pytest.mark.proves("AllowEmptyTo", "SMTP 165")
@pytest.mark.parametrize("leave", [True, False])
def test_a_mail_to_nobody_is_refused_whatever_is_allowed(sink, leave):
    with failing(165, UsageError):
        smtp(sink, send_to="", allow_empty_to=leave).send()
    assert not sink.received


@pytest.mark.proves("SMTP 164", "from_")
def test_a_mail_from_nobody_is_refused(sink):
    with failing(164, UsageError):
        smtp(sink, from_="").send()
    assert not sink.received


@pytest.mark.proves("send_to")
def test_lists_are_read_as_the_standard_writes_them_and_nothing_is_looked_up(sink, monkeypatch):
    looked_up = set()
    resolve = socket.getaddrinfo

    def noted(host, *rest, **named):
        looked_up.add(host)
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    mail = sent(
        sink,
        send_to='"Doe, Jane" <jane@example.org>, friends: bob@münchen.de, "x, y" <x@nas.local>;, '
        "Zoë (a comment, with a comma) <zoë@example.org>, root@localhost",
    )
    assert mail.recipients == (
        "jane@example.org",
        "bob@xn--mnchen-3ya.de",
        "x@nas.local",
        "zoë@example.org",
        "root@localhost",
    )
    to = (
        'To: "Doe, Jane" <jane@example.org>, bob@xn--mnchen-3ya.de, "x, y" <x@nas.local>, '
        "=?utf-8?q?Zo=C3=AB?= <zoë@example.org>, root@localhost"
    )
    assert to.encode() in unfolded(mail)
    assert looked_up <= {"127.0.0.1"}


@pytest.mark.proves("send_to", "b_cc", "message_recipients", "MessageRecipient.options")
def test_who_is_named_twice_gets_one_mail_with_the_options_that_were_given():
    with Hostile({Phase.EHLO: Reply(b"250-hostile.example\r\n250 DSN\r\n")}) as server:
        mailer = smtp(server, send_to=f"{ALICE.address}, Bob <{BOB.address}>", b_cc=ALICE.address)
        mailer.message_recipients.append(
            MessageRecipient(BOB.address.replace("example", "EXAMPLE"), options="NOTIFY=NEVER")
        )
        mailer.send()
        (connection,) = server.settled()
    named = [line for line in connection.commands if line.startswith(b"RCPT")]
    assert named == [
        f"RCPT TO:<{ALICE.address}>".encode(),
        f"RCPT TO:<{BOB.address}> NOTIFY=NEVER".encode(),
    ]
    (content,) = connection.contents
    assert f"\r\nTo: {ALICE.address}, Bob <{BOB.address}>\r\n".encode() in content


# ---------------------------------------------------------------------------------------- SMTPUTF8


def test_a_utf8_local_part_goes_out_raw_to_a_server_that_takes_it():
    with Hostile() as server:
        smtp(server, send_to="Zoë <zoë@example.org>", subject="Grüße").send()
        (connection,) = server.settled()
    mail, rcpt = connection.commands[1:3]
    assert b" SMTPUTF8" in mail
    assert rcpt == "RCPT TO:<zoë@example.org>".encode()
    (content,) = connection.contents
    # Names and texts stay encoded words, which every reader knows: only the address needs UTF-8.
    assert "\r\nTo: =?utf-8?q?Zo=C3=AB?= <zoë@example.org>\r\n".encode() in content
    assert b"\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n" in content


def test_a_server_without_smtputf8_gets_nothing_of_such_a_mail():
    with Hostile({Phase.EHLO: Reply(b"250-hostile.example\r\n250 8BITMIME\r\n")}) as server:
        mailer = smtp(server, send_to="zoë@example.org")
        with pytest.raises(UnsupportedError, match="SMTPUTF8"):
            mailer.send()
        mailer.close()
        (connection,) = server.settled()
    assert connection.verbs == ["EHLO", "QUIT"]


def test_without_such_an_address_nothing_asks_for_smtputf8():
    with Hostile() as server:
        smtp(server, send_to="Zoë <z@münchen.de>", subject="Grüße").send()
        (connection,) = server.settled()
    assert b"SMTPUTF8" not in connection.commands[1]
    assert connection.contents[0].isascii()


# ------------------------------------------------------------------------- what cannot be folded

UNFOLDABLE = "a" * 2000
UNSIZED = "/proc/self/status"


def long_field(mailer):
    mailer.other_headers = f"X-Long: {UNFOLDABLE}"
    mailer.attached_file = UNSIZED


def long_type(mailer):
    mailer.attachments.append(Attachment(UNSIZED, content_type=f"text/plain; x={UNFOLDABLE}"))


def long_id(mailer):
    mailer.attachments.append(Attachment(UNSIZED, content_id=UNFOLDABLE))


def long_field_of_a_stream(mailer):
    mailer.other_headers = f"Content-Type: text/plain; x={UNFOLDABLE}"
    mailer.set_message_stream(io.BytesIO(b"a body\r\n"))


@pytest.mark.parametrize("spoil", [long_field, long_type, long_id, long_field_of_a_stream])
def test_a_field_that_cannot_be_folded_is_found_before_anything_is_sent(spoil):
    with Hostile() as server:
        mailer = smtp(server)
        spoil(mailer)
        with failing(2, UsageError):
            mailer.send()
        assert server.settled() == []


OWN = "\r\nFrom: a@example.org\r\nSubject: own"


def test_own_headers_have_no_others_as_long_as_none_is_needed(sink):
    smtp(sink, other_headers=OWN, message_text="plain\n").send()
    assert sink.received[0].data == b"From: a@example.org\r\nSubject: own\r\n\r\nplain\r\n"


@pytest.mark.parametrize("text", ["für alle\n", "x" * 2000 + "\n"])
def test_text_that_needs_fields_gets_them_under_own_headers_too(sink, text):
    smtp(sink, other_headers=OWN, message_text=text).send()
    (mail,) = sink.received
    assert mail.data.isascii()
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998
    assert parsed(mail)["MIME-Version"] == "1.0"
    assert parsed(mail).get_content().splitlines() == text.splitlines()


def test_a_protected_mail_under_own_headers_is_mime(sink, own):
    with psmtp(sink, other_headers=OWN, message_format="PGPMIME") as mailer:
        mailer.keys.append(Key(own, SENDER.address))
        mailer.sign()
        mailer.send()
    mail = parsed(sink.received[0])
    assert (mail["MIME-Version"], mail.get_content_type()) == ("1.0", "multipart/signed")


def test_a_long_display_name_is_folded_whatever_is_in_it(sink):
    name = ", ".join(f"Name{number}" for number in range(40))
    smtp(sink, send_to=f'"{name}" <alice@example.org>').send()
    (mail,) = sink.received
    head = mail.data.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 80
    shown, address = parseaddr(message_from_bytes(mail.data)["To"])
    assert (str(make_header(decode_header(shown))), address) == (name, "alice@example.org")
