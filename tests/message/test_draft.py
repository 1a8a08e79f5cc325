from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.envelope import Recipient, RecipientType
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.message.addresses import Mailbox
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, compose

TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


def draft(**values):
    return Draft(**{"from_": "a@example.org", "to": "b@example.org", **values})


def rendered(composed):
    data = b"".join(composed.render())
    assert composed.size in (None, len(data))
    return data


def parsed(**values):
    message = message_from_bytes(rendered(compose(draft(**values))), policy=policy.default)
    assert [part for part in message.walk() if part.defects] == []
    return message


# ------------------------------------------------------------------------------------------ fields


def test_a_mail_has_the_fields_that_it_needs():
    composed = compose(
        draft(
            from_='"Jörg, M" <jörg@example.org>',
            to='"B, b" <b@example.org>, c@münchen.de',
            cc=("d@example.org", Mailbox("E", "e@example.org")),
            bcc="secret@example.org",
            reply_to="r@example.org",
            sender="s@example.org",
            subject="Grüße",
            text="hello\n",
        )
    )
    data = rendered(composed)
    message = message_from_bytes(data, policy=policy.default)
    assert [name for name, _ in composed.headers] == [
        *("Date", "From", "Sender", "Reply-To", "To", "Cc", "Message-ID", "Subject", "MIME-Version")
    ]
    assert message["Subject"] == "Grüße"
    assert message["To"].addresses[0].display_name == "B, b"
    assert composed.header("cc") == "d@example.org, E <e@example.org>"
    assert composed.header("X-None") == ""
    assert b"secret" not in data
    assert composed.envelope.sender == "s@example.org"
    assert composed.envelope.recipients == (
        Recipient("b@example.org", "B, b", RecipientType.TO),
        Recipient("c@xn--mnchen-3ya.de", "", RecipientType.TO),
        Recipient("d@example.org", "", RecipientType.CC),
        Recipient("e@example.org", "E", RecipientType.CC),
        Recipient("secret@example.org", "", RecipientType.BCC),
    )
    assert composed.needs_utf8  # for the author's local part


@given(TEXT, st.text(st.characters(exclude_categories=["Cs"])))
def test_subject_and_text_arrive_as_they_were(subject, text):
    message = parsed(subject=subject, text=text)
    assert message["Subject"] == (subject or None)
    given_bytes = text.encode()
    exact = given_bytes if b"\r" in given_bytes else given_bytes.replace(b"\n", b"\r\n")
    assert message.get_payload(decode=True) == exact


def test_the_date_is_now_with_the_offset_of_this_place(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    code = (
        "from gpgmail.message.draft import *\n"
        "print(compose(Draft(from_='a@b', to='c@d')).header('Date'))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    date = parsedate_to_datetime(done.stdout.strip())
    assert date.utcoffset() == timedelta(hours=5, minutes=30)
    assert abs(date - datetime.now(UTC)) < timedelta(minutes=1)
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0530\n", done.stdout)


def test_date_and_message_id_are_the_callers_when_he_says_so():
    when = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-3)))
    assert compose(draft(date=when)).header("Date") == "Tue, 03 Feb 2026 04:05:06 -0300"
    assert compose(draft(date="Tue, 14 Oct 97 06:08:31 PDT")).header("Date").endswith("PDT")
    assert compose(draft(message_id="<x@y>")).header("Message-ID") == "<x@y>"
    assert compose(draft(message_id="x@y")).header("Message-ID") == "<x@y>"
    bare = compose(draft(date="", message_id=""))
    assert (bare.header("Date"), bare.header("Message-ID")) == ("", "")
    with pytest.raises(UsageError):
        compose(draft(message_id="two words@y"))


def test_message_ids_are_new_and_tell_the_senders_domain_only():
    ids = {compose(draft()).header("Message-ID") for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"<[0-9a-f]{40}@example\.org>", one) for one in ids)
    literal = compose(draft(from_="a@[127.0.0.1]")).header("Message-ID")
    assert literal.endswith("@[127.0.0.1]>")


def test_the_envelope_sender_can_be_another_or_none():
    assert compose(draft(return_path="bounce@example.org")).envelope.sender == "bounce@example.org"
    assert compose(draft(return_path="<>")).envelope.sender == ""


def test_each_address_is_named_to_the_server_once():
    composed = compose(draft(to="a@b, A@b, a@b", cc="a@b", bcc="a@b, c@d"))
    assert composed.envelope.addresses == ("a@b", "A@b", "c@d")
    assert composed.header("Cc") == "a@b"


def test_recipients_come_as_values_too():
    one = Recipient("x@münchen.de", "X", RecipientType.CC, "NOTIFY=NEVER")
    hidden = Recipient("y@example.org", "", RecipientType.BCC)
    composed = compose(draft(recipients=(one, hidden)))
    assert composed.header("Cc") == "X <x@xn--mnchen-3ya.de>"
    assert composed.envelope.recipients[1].options == "NOTIFY=NEVER"
    assert b"y@example.org" not in rendered(composed)


def test_a_mail_to_bcc_alone_names_nobody():
    composed = compose(draft(to="", bcc="a@b"))
    assert composed.header("To") == ""
    assert composed.envelope.addresses == ("a@b",)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"from_": ""}, "SMTP_NO_SENDER"),
        ({"from_": "a@b, c@d"}, "BAD_ADDRESS"),
        ({"to": ""}, "SMTP_NO_RECIPIENT"),
        ({"to": "undisclosed-recipients:;"}, "SMTP_NO_RECIPIENT"),
        ({"to": "root"}, "BAD_ADDRESS"),
        ({"cc": ("a b@c",)}, "BAD_ADDRESS"),
        ({"subject": "a\ud800"}, "BAD_VALUE"),
        ({"text": "a\ud800"}, "BAD_VALUE"),
        ({"headers": (("Bcc", "a@b"),)}, "BAD_VALUE"),
        ({"headers": (("resent-bcc", "a@b"),), "own_headers": True}, "BAD_VALUE"),
        ({"headers": (("To", "a@b"),)}, "BAD_VALUE"),
        ({"headers": (("SUBJECT", "twice"),), "subject": "x"}, "BAD_VALUE"),
        ({"headers": (("a b", "x"),)}, "BAD_VALUE"),
    ],
)
def test_what_is_missing_or_not_allowed_is_refused(values, code):
    with pytest.raises(UsageError) as caught:
        compose(draft(**values))
    assert caught.value.code.name == code


@pytest.mark.parametrize("control", ["\r", "\n", "\0"])
@pytest.mark.parametrize(
    "place",
    [
        lambda bad: {"subject": bad},
        lambda bad: {"from_": f"{bad} <a@b>"},
        lambda bad: {"to": f"a@b{bad}"},
        lambda bad: {"cc": (f"{bad} <a@b>",)},
        lambda bad: {"bcc": f"a@b{bad}"},
        lambda bad: {"sender": f"a@b{bad}"},
        lambda bad: {"reply_to": f"a@b{bad}"},
        lambda bad: {"return_path": f"a@b{bad}"},
        lambda bad: {"date": bad},
        lambda bad: {"message_id": bad},
        lambda bad: {"headers": (("X-A", bad),)},
        lambda bad: {"headers": ((bad, "x"),)},
        lambda bad: {"attachments": (Attachment(source=b"", name=bad),)},
        lambda bad: {"attachments": (Attachment(source=b"", content_type=bad),)},
        lambda bad: {"attachments": (Attachment(source=b"", content_id=bad),)},
    ],
)
def test_controls_are_refused_in_every_place(place, control):
    with pytest.raises(UsageError) as caught:
        compose(draft(**place(f"x{control}Bcc: eve@example.org")))
    assert caught.value.code.name == "INJECTION"


# ----------------------------------------------------------------------------------------- content


def shape(part):
    children = list(part.iter_parts()) if part.is_multipart() else []
    return [part.get_content_type(), *map(shape, children)]


LOGO = Attachment(source=b"png", name="logo.png", content_id="logo", inline=True)
REPORT = Attachment(source=b"%PDF", name="report.pdf")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["text/plain"]),
        ({"text": "x"}, ["text/plain"]),
        ({"html": "x"}, ["text/html"]),
        ({"text": "x", "html": "y"}, ["multipart/alternative", ["text/plain"], ["text/html"]]),
        (
            {"text": "x", "attachments": (REPORT,)},
            ["multipart/mixed", ["text/plain"], ["application/pdf"]],
        ),
        ({"attachments": (REPORT,)}, ["multipart/mixed", ["application/pdf"]]),
        (
            {"html": "y", "attachments": (LOGO,)},
            ["multipart/related", ["text/html"], ["image/png"]],
        ),
        (
            {"text": "x", "attachments": (LOGO,)},
            ["multipart/mixed", ["text/plain"], ["image/png"]],
        ),
        (
            {"text": "x", "html": "y", "attachments": (REPORT, LOGO)},
            [
                "multipart/mixed",
                [
                    "multipart/alternative",
                    ["text/plain"],
                    ["multipart/related", ["text/html"], ["image/png"]],
                ],
                ["application/pdf"],
            ],
        ),
    ],
)
def test_the_content_has_the_shape_that_readers_expect(values, expected):
    assert shape(parsed(**values)) == expected


def test_a_missing_attachment_fails_the_draft(tmp_path):
    with pytest.raises(MessageError, match=re.escape(str(tmp_path / "none"))) as caught:
        compose(draft(attachments=(Attachment(source=tmp_path / "none"),)))
    assert caught.value.code.number == 302


def test_mime_fields_of_the_caller_switch_the_encoding_off():
    fields = (("Content-Type", "text/plain; charset=iso-8859-1"), ("MIME-Version", "1.0"))
    data = rendered(compose(draft(text="one\ntwo", headers=fields)))
    assert data.endswith(b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\none\r\ntwo")
    assert data.count(b"MIME-Version") == 1
    assert b"Transfer-Encoding" not in data
    assert compose(draft(text="ä", headers=fields)).eight_bit
    for values in ({"html": "x"}, {"attachments": (REPORT,)}, {"text": "a\rb"}):
        with pytest.raises(UsageError):
            compose(draft(headers=fields, **values))


def test_own_headers_stand_alone():
    composed = compose(
        draft(headers=(("From", "x@y"), ("X-A", "1")), own_headers=True, subject="no", text="t\n")
    )
    assert rendered(composed) == b"From: x@y\r\nX-A: 1\r\n\r\nt\r\n"
    assert composed.envelope.addresses == ("b@example.org",)


def test_date_and_id_among_other_headers_take_the_place_of_ours():
    fields = (("Date", "Tue, 14 Oct 97 06:08:31 PDT"), ("message-id", "<x@y>"))
    data = rendered(compose(draft(headers=fields)))
    assert data.lower().count(b"\r\ndate:") + data.lower().startswith(b"date:") == 1
    assert data.lower().count(b"message-id:") == 1


def test_the_width_reaches_the_bytes():
    narrow = rendered(compose(draft(subject="word " * 20 + "x", width=40)))
    wide = rendered(compose(draft(subject="word " * 20 + "x", width=998)))
    assert b"word\r\n word" in narrow
    assert b"word\r\n word" not in wide


def test_composing_loads_nothing_that_it_does_not_need():
    code = (
        "import sys\n"
        "from gpgmail.message.draft import *\n"
        "b''.join(compose(Draft(from_='a@b', to='c@d', text='x')).render())\n"
        "unwanted = {'email_validator', 'rich', 'click', 'cryptography', 'gnupg', 'asyncio',\n"
        "    'mimetypes', 'tempfile', 'uuid'} & set(sys.modules)\n"
        "assert not unwanted, unwanted\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
