"""The reference's examples, in Python: property by property, method by method."""

from __future__ import annotations

import pytest

from gpgmail import PSMTP, SMTP
from tests.components.support import parsed


@pytest.fixture(params=[SMTP, PSMTP])
def mailer(request, sink):
    """A component that knows its server's port, as the examples' server listens at 25."""
    return request.param(mail_port=sink.port)


def test_connect_send_disconnect(sink, mailer):
    mailer.mail_server = "127.0.0.1"
    mailer.from_ = "me@server.example"
    mailer.send_to = "recipient@server.example"
    mailer.subject = "My Subject"
    mailer.message_text = "This is the message body"
    mailer.connect()
    mailer.send()
    mailer.disconnect()
    (mail,) = sink.received
    assert (mail.sender, mail.recipients) == ("me@server.example", ("recipient@server.example",))
    assert parsed(mail)["Subject"] == "My Subject"
    assert parsed(mail).get_content().strip() == "This is the message body"
    assert not mailer.connected


def test_send_by_accessors(sink, mailer):
    mailer.set_mail_server("127.0.0.1")
    mailer.set_from("me@server.example")
    mailer.set_send_to("recipient@server.example")
    mailer.set_subject("My Subject")
    mailer.set_message_text("This is the message body")
    mailer.send()
    (mail,) = sink.received
    assert parsed(mail)["To"] == "recipient@server.example"
    assert not mailer.get_connected()


@pytest.mark.proves("other_headers", "OtherHeaders")
@pytest.mark.parametrize("form", ["property", "config"])
def test_an_additional_header(sink, mailer, form):
    mailer.mail_server = "127.0.0.1"
    mailer.from_ = "me@server.example"
    mailer.send_to = "recipient@server.example"
    mailer.subject = "My Subject"
    mailer.message_text = "This is the message body."
    if form == "property":
        mailer.other_headers = "HeaderName: HeaderValue"
    else:
        mailer.config("OtherHeaders=HeaderName: HeaderValue")
    mailer.send()
    (mail,) = sink.received
    assert parsed(mail)["HeaderName"] == "HeaderValue"
    assert parsed(mail)["Subject"] == "My Subject"
