"""Addresses, headers and file names: what is accepted arrives as it was given, the rest nowhere."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import compat32

import pytest

import gpgmail
from gpgmail import PSMTP
from gpgmail.components import Attachment as Attached
from tests.e2e.faces import Job

CONTROLS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n", "NUL": "\0"}
INJECTION = ("gpgmail", 6)

# What is given, and what the server is told.
ADDRESSES = {
    "root@localhost": "root@localhost",
    "cron@host": "cron@host",
    "alarm@nas.local": "alarm@nas.local",
    "Ops.Team@Sub.Example.ORG": "Ops.Team@Sub.Example.ORG",
    "box@home.arpa": "box@home.arpa",
    "u@[127.0.0.1]": "u@[127.0.0.1]",
    "u@[IPv6:::1]": "u@[IPv6:::1]",
    "jürgen@example.org": "jürgen@example.org",
    "u@bücher.example": "u@xn--bcher-kva.example",
    '"quoted local"@example.org': '"quoted local"@example.org',
    "tag+x=y/z@example.org": "tag+x=y/z@example.org",
}


def commands_of(server):
    (connection,) = server.settled()
    return [line.decode() for line in connection.commands]


def refused(server, message):
    """The toolkit refuses the message for what is in it, and connects to nothing."""
    with (
        gpgmail.Mailer(f"smtp://127.0.0.1:{server.port}") as mailer,
        pytest.raises(gpgmail.GpgmailError) as caught,
    ):
        mailer.send(message)
    assert caught.value.code.number in {2, 6, 16}
    assert server.settled() == []


@pytest.mark.parametrize("given", ADDRESSES)
def test_an_odd_address_is_accepted_and_keeps_its_case(face, server, given):
    job = Job(port=server.port, from_=given, to=(given,), sign=False, encrypt=False)

    assert face(job).text == ""
    told = commands_of(server)
    (mail,) = (line for line in told if line.startswith("MAIL"))
    assert mail.startswith(f"MAIL FROM:<{ADDRESSES[given]}>")
    assert ("SMTPUTF8" in mail) == (not ADDRESSES[given].isascii())
    assert [line for line in told if line.startswith("RCPT")] == [f"RCPT TO:<{ADDRESSES[given]}>"]


@pytest.mark.parametrize(
    "given",
    ["", "alice", "@example.org", "alice@", "a@b@c.org", "a b@example.org", "a@exa mple.org", "<>"],
)
def test_what_is_no_address_is_refused(face, server, given):
    report = face(Job(port=server.port, to=(given,), sign=False, encrypt=False))

    assert report.number in {16, 165}
    assert given in report.text
    assert server.settled() == []


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("field", ["subject", "from_", "to"])
def test_a_control_character_is_refused(face, server, field, control):
    value = f"a@example.org{CONTROLS[control]}Bcc: x@evil.example"
    given = {field: (value,) if field == "to" else value}
    report = face(Job(port=server.port, sign=False, encrypt=False, **given))

    assert report.code == INJECTION
    assert re.search("CR|LF|NUL", report.text)
    assert "\n" not in report.text
    assert server.settled() == []


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("place", ["name", "content_type", "content_id"])
def test_a_control_character_in_what_describes_an_attachment(server, place, control):
    described = {"name": "a.txt", place: f"a/b{CONTROLS[control]}X: y"}
    draft = gpgmail.Draft(
        from_="a@example.org",
        to="b@example.org",
        attachments=(gpgmail.Attachment(source=b"x", **described),),
    )
    refused(server, draft)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("field", ["X-Tag", "X-Tag: a\r\nBcc"])
def test_a_control_character_in_a_header_of_the_callers(server, field, control):
    draft = gpgmail.Draft(
        from_="a@example.org",
        to="b@example.org",
        text="x",
        headers=((field, f"one{CONTROLS[control]}Bcc: x@evil.example"),),
    )
    refused(server, draft)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("field", ["Subject", "X-Tag", "Cc"])
def test_a_control_character_in_a_standard_message(server, field, control):
    message = EmailMessage(policy=compat32)
    message["From"] = "a@example.org"
    message["To"] = "b@example.org"
    message[field] = f"c@example.org{CONTROLS[control]}Bcc: x@evil.example"
    message.set_payload("x\n")
    refused(server, message)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_character_in_a_component(server, control):
    bad = f"x{CONTROLS[control]}Bcc: x@evil.example"
    mailer = PSMTP(mail_server="127.0.0.1", mail_port=server.port)
    mailer.from_, mailer.send_to = "a@example.org", "b@example.org"
    for name in ("subject", "cc", "b_cc", "reply_to", "message_id", "user"):
        with pytest.raises(gpgmail.UsageError):
            setattr(mailer, name, bad)
    with pytest.raises(gpgmail.UsageError):
        send_with(mailer, Attached, data=b"x", name=bad)
    assert server.settled() == []


def send_with(mailer, kind, **described):
    mailer.attachments.append(kind(**described))
    mailer.send()


@pytest.mark.parametrize("name", ['q"uote.txt', "semi;colon.txt", "back\\slash.txt", "a=b, c.txt"])
def test_the_name_of_a_file_arrives_and_writes_no_header(face, server, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    job = Job(port=server.port, attach=(tmp_path / name,), sign=False, encrypt=False)

    assert face(job).text == ""
    (connection,) = server.settled()
    (content,) = connection.contents
    assert [part.name for part in gpgmail.read(content).parts] == ["", name]


@pytest.mark.parametrize("control", ["\r", "\n", "\r\nX-Evil: 1"])
def test_the_name_of_a_file_with_a_line_end(face, server, tmp_path, control):
    path = tmp_path / f"a{control}.txt"
    path.write_bytes(b"x")
    report = face(Job(port=server.port, attach=(path,), sign=False, encrypt=False))

    assert report.code == INJECTION
    assert server.settled() == []
