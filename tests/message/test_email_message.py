from __future__ import annotations

from email import message_from_binary_file, message_from_bytes, policy
from email.encoders import encode_noop
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gpgmail.core.envelope import RecipientType
from gpgmail.core.errors import GpgmailError, MessageError, UsageError
from gpgmail.message.bodies import is_safe
from gpgmail.message.email_message import from_email
from gpgmail.message.walk import parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
POLICIES = [policy.default, policy.compat32, policy.SMTP, policy.SMTPUTF8]


def addressed(message, **fields):
    for name, value in {"From": "a@example.org", "To": "b@example.org", **fields}.items():
        message[name.replace("_", "-")] = value
    return message


def rendered(message):
    composed = from_email(message)
    data = b"".join(composed.render())
    assert composed.size == len(data)
    assert b"\n" not in data.replace(b"\r\n", b"")
    return data


def parsed(message):
    again = message_from_bytes(rendered(message), policy=policy.default)
    assert [part for part in again.walk() if part.defects] == []
    return again


# ----------------------------------------------------------------------------------------- fields


def test_fields_go_to_the_mail_and_mime_fields_to_its_content():
    message = addressed(EmailMessage(), Subject="Grüße", X_Own="kept")
    message.set_content("hello\n")
    message["Content-Language"] = "de"
    composed = from_email(message)
    names = [name for name, _ in composed.headers]
    assert names == ["From", "To", "Subject", "X-Own", "Date", "Message-ID", "MIME-Version"]
    assert {name for name, _ in composed.content.headers} == {
        *("Content-Type", "Content-Language", "Content-Transfer-Encoding")
    }
    assert parsed(message)["Subject"] == "Grüße"


def test_the_message_given_is_not_changed():
    message = addressed(EmailMessage(), Bcc="x@y", Subject="s")
    message.set_content("text ä")
    before = message.as_bytes()
    rendered(message)
    assert message.as_bytes() == before


def test_date_and_id_of_the_message_are_kept():
    message = addressed(EmailMessage(), Date="Tue, 03 Feb 2026 04:05:06 -0300", Message_ID="<x@y>")
    again = parsed(message)
    assert (again["Date"], again["Message-ID"]) == ("Tue, 03 Feb 2026 04:05:06 -0300", "<x@y>")


def test_the_envelope():
    message = addressed(
        EmailMessage(),
        From="A <a@x>, b@x",
        Sender="s@x",
        To='group: "C, c" <c@x>, d@münchen.de;, c@x',
        Cc="e@x",
        Bcc="Secret <hidden@x>",
    )
    composed = from_email(message)
    assert composed.envelope.sender == "s@x"
    named = [(one.address, one.name, one.recipient_type) for one in composed.envelope.recipients]
    assert named == [
        ("c@x", "C, c", RecipientType.TO),
        ("d@xn--mnchen-3ya.de", "", RecipientType.TO),
        ("e@x", "", RecipientType.CC),
        ("hidden@x", "Secret", RecipientType.BCC),
    ]
    data = rendered(message)
    assert b"hidden@x" not in data
    assert b'To: group: "C, c" <c@x>, d@xn--mnchen-3ya.de;, c@x\r\n' in data
    del message["Sender"]
    assert from_email(message).envelope.sender == "a@x"


def test_several_fields_of_an_old_message_all_count():
    message = addressed(Message(), To="c@x")
    message["To"] = "d@x"
    assert from_email(message).envelope.addresses == ("c@x", "d@x")


@pytest.mark.parametrize("rules", POLICIES)
@given(subject=TEXT)
@example(subject="=?utf-8?q?x?=")
@example(subject="ä" * 200)
def test_values_of_any_policy_arrive(rules, subject):
    subject = " ".join(subject.split())
    assume("\0" not in subject)
    message = addressed(Message(policy=rules), Subject=subject)
    expected = EmailMessage()  # which decodes encoded words of the caller
    expected["Subject"] = subject
    assert parsed(message)["Subject"] == expected["Subject"]


@given(TEXT)
def test_header_objects_of_an_old_message_arrive(text):
    text = " ".join(text.split())
    assume(text and "\0" not in text)
    message = addressed(Message(), Subject=Header(text, "utf-8"), To=Header("Jörg <c@d>", "utf-8"))
    again = parsed(message)
    assert again["Subject"] == text
    assert again["To"].addresses[0].display_name == "Jörg"


def test_names_and_file_names_beyond_ascii_arrive():
    message = addressed(EmailMessage(), From='"Müller, Jörg" <j@x>')
    message.add_attachment(b"x", maintype="application", subtype="x", filename='ä "b".bin')
    again = parsed(message)
    assert again["From"].addresses[0].display_name == "Müller, Jörg"
    assert next(again.iter_attachments()).get_filename() == 'ä "b".bin'


def test_bytes_beyond_ascii_in_a_parsed_header():
    source = "From: Jörg <a@b>\nTo: c@d\nSubject: Grüße\nContent-Type: text/plain; name=ä\n\nx\n"
    again = parsed(message_from_bytes(source.encode(), policy=policy.default))
    assert again["From"].addresses[0].display_name == "Jörg"
    assert again["Subject"] == "Grüße"
    assert again["Content-Type"].params["name"] == "ä"
    with pytest.raises(MessageError, match="not UTF-8"):
        rendered(message_from_bytes(source.encode("latin-1")))


def test_encoded_words_and_comments_of_a_parsed_header_pass():
    source = b"From: a@b (me)\nTo: =?iso-8859-1?q?J=F6rg?= <c@d>\nSubject: =?x?q?y?=\n z\n\nt\n"
    data = rendered(message_from_bytes(source))
    assert b"From: a@b (me)\r\nTo: =?iso-8859-1?q?J=F6rg?= <c@d>\r\nSubject: =?x?q?y?= z" in data


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "x\nBcc: eve@example.org"),
        ("Subject", "x\r\nBcc: eve@example.org"),
        ("Subject", "x\n\nbody"),
        ("Subject", "x\rBcc: eve@example.org"),
        ("X-A", "x\0"),
        ("To", "c@d\nBcc: eve@example.org"),
        ("Content-Disposition", 'attachment; filename="a\nb"'),
        ("X\nBcc", "eve@example.org"),
    ],
)
def test_line_ends_that_an_old_policy_lets_in_are_refused(name, value):
    message = addressed(Message())
    del message[name]
    message[name] = value
    with pytest.raises(UsageError) as caught:
        rendered(message)
    assert caught.value.code.name == "INJECTION"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"From": ""}, "SMTP_NO_SENDER"),
        ({"To": ""}, "SMTP_NO_RECIPIENT"),
        ({"To": "a@b c@d"}, "BAD_ADDRESS"),
        ({"To": "c@d, root"}, "BAD_ADDRESS"),
        ({"Resent_Bcc": "x@y"}, "BAD_MESSAGE"),
    ],
)
@pytest.mark.parametrize("kind", [Message, EmailMessage])
def test_what_is_missing_or_not_allowed_is_refused(kind, fields, code):
    with pytest.raises(GpgmailError) as caught:
        rendered(addressed(kind(), **fields))
    assert caught.value.code.name == code


@pytest.mark.parametrize("name", ["Subject", "From", "Content-Type"])
def test_fields_that_may_stand_once_do(name):
    message = addressed(Message(), Subject="x", Content_Type="text/plain")
    message[name] = "e@f" if name == "From" else "text/html"
    with pytest.raises(MessageError, match="stands twice"):
        rendered(message)


# ----------------------------------------------------------------------------------------- bodies


@given(TEXT, st.sampled_from(["quoted-printable", "base64", "8bit", None]))
@example("From me\n.\n-- \nx", None)
@example("x" * 1000, "8bit")
def test_text_of_the_modern_class_is_exact_and_safe(text, encoding):
    message = addressed(EmailMessage())
    try:
        message.set_content(text, cte=encoding)
    except ValueError:  # too long a line for 8bit
        return
    sent = message.get_payload(decode=True)
    again = parsed(message)
    received = again.get_payload(decode=True)
    assert received.replace(b"\r\n", b"\n") == sent.replace(b"\r\n", b"\n")
    assert is_safe(parse(rendered(message)).body)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", b""),
        ("no line end", b"no line end"),
        ("a\nb\n", b"a\r\nb\r\n"),
        ("lone\rCR\n", b"lone\rCR\n"),
        ("mixed\r\nends\n", b"mixed\r\nends\n"),
        ("x" * 1000 + "\n", b"x" * 1000 + b"\r\n"),
        (".\n..\nFrom me\n", b".\r\n..\r\nFrom me\r\n"),
        ("NUL \0\n", b"NUL \0\r\n"),
        ("ä without a charset\n", "ä without a charset\r\n".encode()),
        (b"\xff raw bytes\n".decode("ascii", "surrogateescape"), b"\xff raw bytes\r\n"),
        (None, b""),
    ],
)
def test_odd_payloads_arrive_exactly(payload, expected):
    message = addressed(Message())
    message.set_payload(payload)
    assert parsed(message).get_payload(decode=True) == expected


def test_text_without_a_charset_gets_one():
    message = addressed(Message(), Content_Type="text/html")
    message.set_payload("ä\n")
    assert parsed(message).get_content() == "ä\r\n"


@pytest.mark.parametrize("charset", ["iso-8859-15", "koi8-r", "utf-16"])
def test_the_charset_of_the_caller_is_kept(charset):
    text = {"koi8-r": "Привет\n"}.get(charset, "Grüße\n")
    message = addressed(MIMEText(text, "plain", charset))
    assert parsed(message).get_content().replace("\r\n", "\n") == text


def test_binary_payload_is_exact():
    data = bytes(range(256)) * 10
    message = addressed(MIMEMultipart())
    message.attach(MIMEText("no line end"))
    message.attach(MIMEApplication(data))
    eight = MIMEApplication(data, _encoder=encode_noop)
    eight["Content-Transfer-Encoding"] = "binary"
    eight.set_payload(data.decode("ascii", "surrogateescape"))
    message.attach(eight)
    text, one, two = parsed(message).iter_parts()
    assert text.get_content() == "no line end"
    assert one.get_content() == two.get_content() == data


def test_a_safe_encoding_of_the_caller_is_left_alone():
    message = addressed(EmailMessage())
    message.set_content("ä\n", cte="base64")
    assert b"base64\r\n\r\nw6QK\r\n" in rendered(message)


def test_containers_of_the_caller_keep_their_shape_and_parameters():
    message = addressed(MIMEMultipart("report", report_type="delivery-status", boundary="ä b"))
    message.preamble = "shown by very old readers"
    inner = MIMEMultipart("alternative")
    inner.attach(MIMEText("<b>", "html"))
    message.attach(inner)
    again = parsed(message)
    assert again["Content-Type"].params["report-type"] == "delivery-status"
    assert [part.get_content_type() for part in again.walk()] == [
        *("multipart/report", "multipart/alternative", "text/html")
    ]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"Content-Transfer-Encoding: x-uuencode\n", b"x"),
        (b"Content-Transfer-Encoding: base64\n", b"abcde\xff"),
        (b"Content-Type: multipart/mixed\n", b"x"),
        (b"Content-Type: multipart/mixed; boundary=x\n", b"--x\n\nnever closed\n"),
        (b"Content-Type: multipart/mixed; boundary=x\n", b"no part"),
        (b"no field", b"x"),
    ],
)
def test_messages_that_the_parser_found_broken_are_refused(fields, body):
    source = b"From: a@b\nTo: c@d\n" + fields + b"\n" + body
    for rules in (policy.default, policy.compat32):
        with pytest.raises(MessageError) as caught:
            rendered(message_from_bytes(source, policy=rules))
        assert caught.value.code.name == "BAD_MESSAGE"


def test_text_that_its_charset_cannot_express_is_refused():
    message = addressed(Message(), Content_Type="text/plain; charset=ascii")
    message.set_payload("ä")
    with pytest.raises(MessageError, match="ascii"):
        rendered(message)


# -------------------------------------------------------------------------------- what others made

SIGNED = b"""\
Content-Type: multipart/mixed; boundary="in"
X-Odd: folded
\toddly  ,
   with   blanks
Subject: =?utf-8?q?a?=
 =?utf-8?q?b?= and a line that is much longer than any generator would leave it, you may be sure

preamble

--in
Content-Type: text/plain

trailing blanks  \t
From the start
.
\xc3\xa4 in eight bits
--in
Content-Type: multipart/alternative; boundary=deep

--deep

empty line at the end

--deep
Content-Type: text/html


--deep--
--in
Content-Type: message/rfc822

Received: from x
\tby y
Subject: inside

text
--in--

epilogue
"""

MAIL = (
    b"From: a@b\nTo: c@d\nSubject: s\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/signed; boundary="out"; micalg=pgp-sha256;\n'
    b' protocol="application/pgp-signature"\n\n'
    b"This is signed.\n--out\n" + SIGNED + b"\n--out\n"
    b"Content-Type: application/pgp-signature\n\nsignature\n--out--\n"
)


@pytest.mark.parametrize("rules", POLICIES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_others_signed_keeps_its_bytes(rules, end):
    mail = MAIL.replace(b"\n", end)
    composed = from_email(message_from_bytes(mail, policy=rules))
    data = b"".join(composed.render())
    signed, signature = parse(data).children
    assert signed.raw == SIGNED.replace(b"\n", b"\r\n")
    assert signature.body == b"signature"
    assert composed.eight_bit
    assert data.count(b"MIME-Version: 1.0\r\n") == 1


def test_what_others_signed_keeps_its_bytes_below_other_parts(tmp_path):
    path = tmp_path / "mail"
    path.write_bytes(MAIL)
    with path.open("rb") as file:  # which the parser reads with universal line ends
        inner = message_from_binary_file(file, policy=policy.default)
    outer = addressed(EmailMessage())
    outer.set_content("see the mail\n")
    outer.add_attachment(inner)
    outer.add_attachment(b"%PDF", maintype="application", subtype="pdf")
    mail = parse(rendered(outer))
    forwarded = mail.children[1]
    assert forwarded.content_type == "message/rfc822"
    assert forwarded.body == MAIL.replace(b"\n", b"\r\n")
    assert forwarded.children[0].children[0].raw == SIGNED.replace(b"\n", b"\r\n")


def test_a_signed_mail_that_was_built_gets_the_boundary_that_it_lacks():
    message = addressed(MIMEMultipart("signed", protocol="application/pgp-signature"))
    message.attach(MIMEText("text\n"))
    message.attach(MIMEApplication("signature", "pgp-signature", _encoder=encode_noop))
    text, signature = parse(rendered(message)).children
    assert text.body == b"text\r\n"
    assert signature.body == b"signature"
    assert message.get_boundary() is None


def test_a_delivery_status_keeps_its_groups():
    groups = b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b\nStatus: 5.1.1\n"
    source = (
        b"From: a@b\nTo: c@d\nContent-Type: multipart/report; boundary=x\n\n--x\n"
        b"Content-Type: message/delivery-status\n\n" + groups + b"\n--x--\n"
    )
    (status,) = parse(rendered(message_from_bytes(source))).children
    assert status.body == groups.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("bad", ["lone\rCR", "NUL\0"])
def test_exact_bytes_that_no_mail_can_carry_are_refused(bad):
    inner = Message()
    inner.set_payload(bad)
    outer = addressed(EmailMessage())
    outer.set_content(inner)
    with pytest.raises(MessageError, match="lone CR"):
        rendered(outer)


def test_a_line_end_in_a_field_of_an_attached_mail_is_refused():
    inner = Message()
    inner["Subject"] = "x\nFrom: eve@example.org"
    outer = addressed(EmailMessage())
    outer.set_content(inner)
    with pytest.raises(UsageError) as caught:
        rendered(outer)
    assert caught.value.code.name == "INJECTION"


@given(st.binary(max_size=200), st.sampled_from(POLICIES))
@example(
    b"Content-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=\n\n", policy.default
)
@example(b"Content-Type: text/plain; charset*=utf-7''+2AA-\n\n\xff", policy.default)
@example(b"Content-Type: multipart/x; boundary*=utf-8''x; a*1=y\n\n", policy.default)
def test_garbage_is_sent_safely_or_refused(garbage, rules):
    try:
        message = message_from_bytes(b"From: a@b\nTo: c@d\n" + garbage, policy=rules)
    except (LookupError, TypeError, ValueError):
        return  # the parser of the standard library gave up before us
    try:
        data = rendered(message)
    except GpgmailError:
        return
    header = data.partition(b"\r\n\r\n")[0]
    assert header.isascii()
    assert b"\0" not in header
