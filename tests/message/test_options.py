from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gpgmail.core.config import configure
from gpgmail.core.declare import rows
from gpgmail.core.errors import UsageError
from gpgmail.message.content import Attachment
from gpgmail.message.draft import compose
from gpgmail.message.options import MessageOptions, draft_from

SURFACE = json.loads(Path(__file__).parents[1].joinpath("data", "surface.json").read_text("utf-8"))

EFFECTS = {  # a row set to a value, and the bytes that the mail has because of it
    "from_": ("Me <me@example.org>", b"\r\nFrom: Me <me@example.org>\r\n"),
    "send_to": ("you@example.org", b"\r\nTo: you@example.org\r\n"),
    "cc": ("you@example.org", b"\r\nCc: you@example.org\r\n"),
    "reply_to": ("us@example.org", b"\r\nReply-To: us@example.org\r\n"),
    "subject": ("Hello", b"\r\nSubject: Hello\r\n"),
    "message_text": ("one\ntwo\n", b"\r\n\r\none\r\ntwo\r\n"),
    "message_date": ("Tue, 14 Oct 97 06:08:31 PDT", b"Date: Tue, 14 Oct 97 06:08:31 PDT\r\n"),
    "message_id": ("x@y", b"\r\nMessage-ID: <x@y>\r\n"),
    "importance": (1, b"\r\nImportance: high\r\n"),
    "priority": (3, b"\r\nPriority: non-urgent\r\n"),
    "sensitivity": (2, b"\r\nSensitivity: private\r\n"),
    "read_receipt_to": ("me@b", b"\r\nDisposition-Notification-To: me@b\r\n"),
    "delivery_notification_to": ("me@b", b"\r\nReturn-Receipt-To: me@b\r\n"),
    "other_headers": ("X-A: 1\r\nX-B: 2", b"\r\nX-A: 1\r\nX-B: 2\r\n"),
    "message_id_algorithm": ("MD5", re.compile(rb"\r\nMessage-ID: <[0-9a-f]{32}@b>\r\n")),
    "charset": ("ISO-8859-1", b"\r\nX-A: =?ISO-8859-1?b?Zvxy?=\r\n"),
    "code_page": (1252, b"\r\nContent-Type: text/plain; charset=windows-1252\r\n"),
    "max_header_length": (40, b"\r\nSubject: word word word word word word\r\n word"),
    "fold_headers": (False, b"\r\nSubject: " + b"word " * 30 + b"end\r\n"),
}
IN_THE_ENVELOPE = {"b_cc", "return_path", "allow_empty_to", "mail_options"}
OURS = {"MailOptions": ""}


def options(**values):
    start = {
        "from_": "a@b",
        "send_to": "c@d",
        "subject": "word " * 30 + "end",
        "other_headers": "X-A: für",
    }
    return MessageOptions(**{**start, **values})


def rendered(given, *attachments):
    return b"".join(compose(draft_from(given, attachments)).render())


def test_every_row_has_its_effect_tested():
    assert {row.name for row in rows(MessageOptions)} == EFFECTS.keys() | IN_THE_ENVELOPE


@pytest.mark.parametrize(("name", "value", "expected"), [(n, *e) for n, e in EFFECTS.items()])
def test_a_row_that_is_set_is_in_the_mail(name, value, expected):
    wanted = re.compile(re.escape(expected)) if isinstance(expected, bytes) else expected
    assert wanted.search(rendered(options(**{name: value})))
    assert not wanted.search(rendered(options()))


def test_rows_of_the_envelope():
    composed = compose(
        draft_from(options(b_cc="x@y", return_path="bounce@b", mail_options="RET=HDRS"))
    )
    assert composed.envelope.addresses == ("c@d", "x@y")
    assert composed.envelope.sender == "bounce@b"
    assert composed.envelope.options == "RET=HDRS"
    assert b"x@y" not in b"".join(composed.render())


def test_defaults_are_those_of_the_reference():
    defaults = {"TRUE": True, "True": True, "FALSE": False, '""': "", '"*"': "*"}
    given = MessageOptions()
    for row in rows(MessageOptions):
        if "Ours" in row.doc:
            documented = OURS[row.key]
        else:
            known = SURFACE["properties"] if row.prop else SURFACE["config"]
            documented = known[row.name if row.prop else row.key]["default"]
        expected = defaults.get(documented, documented)
        assert str(getattr(given, row.name)) == str(expected), row.name


def test_attachments_come_along():
    assert b"filename=a.txt" in rendered(options(), Attachment(source=b"x", name="a.txt"))


def test_other_headers_with_an_empty_first_line_replace_all():
    given = options(other_headers="\r\nFrom: x@y\r\nSubject: own", message_text="t\n", importance=1)
    assert rendered(given) == b"From: x@y\r\nSubject: own\r\n\r\nt\r\n"


def test_mime_fields_among_other_headers_leave_the_text_alone():
    given = options(
        other_headers="Content-Type: text/plain\r\nContent-Transfer-Encoding: base64",
        message_text="aGk=\r\n",
    )
    assert rendered(given).endswith(b"Content-Transfer-Encoding: base64\r\n\r\naGk=\r\n")


@pytest.mark.parametrize(
    "values",
    [
        {"other_headers": "Bcc: a@b"},
        {"other_headers": "\r\nBcc: a@b"},
        {"other_headers": "X: \0"},
        {"other_headers": "X: a\rBcc: b"},
        {"subject": "a\nb"},
        {"importance": 4},
        {"max_header_length": 20},
        {"read_receipt_to": "nobody"},
    ],
)
def test_what_cannot_be_is_refused(values):
    with pytest.raises(UsageError):
        rendered(options(**values))


def test_settings_are_reached_by_their_names():
    given = options()
    assert configure(given, "maxheaderlength=50") == "50"
    assert configure(given, "FoldHeaders=no") == "False"
    assert configure(given, "ReturnPath=x@y") == "x@y"
    assert configure(given, "OtherHeaders=X-A: 1") == "X-A: 1"
    assert b"\r\nX-A: 1\r\n" in rendered(given)
