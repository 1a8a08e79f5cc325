"""SmtpSink keeps what came, asks for logins, and fails when it is told to."""

from __future__ import annotations

import smtplib
import ssl
import threading
import time

import pytest

import gpgmail
from gpgmail.testing import Drop, Honest, Mailbox, Once, Received, Reply, SmtpSink

DATA = b"Subject: x\r\n\r\n.dot\r\n..dots\r\nFrom \xc3\xbc\r\n"


def client(sink):
    if sink.url.startswith("smtps"):
        context = sink.client_context()
        return smtplib.SMTP_SSL(sink.host, sink.port, timeout=10, context=context)
    return smtplib.SMTP(sink.host, sink.port, timeout=10)


def send(sink, to=("b@example.org",), data=DATA, login=None):
    with client(sink) as server:
        if "tls=required" in sink.url:
            server.starttls(context=sink.client_context())
        if login:
            server.login(*login)
        server.sendmail("a@example.org", to, data)


def test_envelope_and_exact_bytes():
    with SmtpSink() as sink:
        send(sink, ["b@example.org", "C@Example.org"])
        wanted = Received("a@example.org", ("b@example.org", "C@Example.org"), DATA)
        assert sink.mails == (wanted,)
        assert sink.mail == wanted


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_tls(tls):
    with SmtpSink(tls=tls) as sink:
        send(sink)
        with gpgmail.Mailer(sink.url, ca_file=None if tls == "none" else sink.ca_file) as mailer:
            mailer.send(gpgmail.Draft(from_="a@b.c", to="d@e.f", text="x"))
        assert [mail.encrypted for mail in sink.mails] == [tls != "none"] * 2
        place = sink.ca_file
    assert not place.exists()


def test_an_authority_of_this_run_is_nobody_else_s():
    context = ssl.create_default_context()
    with SmtpSink(tls="implicit") as sink, pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(sink.host, sink.port, timeout=10, context=context)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", ["pass wörd", "wrong", ""])
def test_logins(mechanism, password):
    with SmtpSink(users={"me": "pass wörd"}) as sink, client(sink) as server:
        server.ehlo()
        server.user, server.password = "me", password
        good = password == "pass wörd"
        code, _ = server.docmd("AUTH", mechanism) if mechanism == "PLAIN" else (334, b"")
        assert code == 334
        answer = _login(server, mechanism, password)
        assert answer == (235 if good else 535)
        assert server.docmd("MAIL FROM:<a@b.c>")[0] == (250 if good else 530)


def _login(server, mechanism, password):
    import base64

    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    if mechanism == "PLAIN":
        return server.docmd(encoded(f"\0me\0{password}"))[0]
    assert server.docmd("AUTH", f"LOGIN {encoded('me')}")[0] == 334
    return server.docmd(encoded(password))[0]


@pytest.mark.parametrize("garbage", ["AUTH", "AUTH PLAIN", "AUTH PLAIN !!", "AUTH X y", "AUTH "])
def test_logins_that_are_none(garbage):
    with SmtpSink(users={"me": "secret"}) as sink, client(sink) as server:
        server.ehlo()
        code, _ = server.docmd(garbage)
        assert code >= 334
        if code == 334:
            assert server.docmd("*")[0] == 535
        assert server.docmd("MAIL FROM:<a@b.c>")[0] == 530


def test_any_login_is_welcome_where_there_are_no_users():
    with SmtpSink() as sink:
        send(sink, login=("x", "y"))
        assert sink.mail.user == "x"


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_refused_mail_is_not_kept(phase):
    with SmtpSink(script={phase: "451 4.3.0 Later"}) as sink:
        with pytest.raises(smtplib.SMTPException):
            send(sink)
        assert sink.mails == ()


def test_replies_in_their_turn_and_honest_again():
    with SmtpSink() as sink:
        assert sink.at("rcpt", "451 4.7.1 Later", "250 2.1.5 Ok") is sink
        with client(sink) as server:
            server.ehlo()
            server.docmd("MAIL FROM:<a@b.c>")
            codes = [server.docmd("RCPT TO:<x@y.z>")[0] for _ in range(3)]
        assert codes == [451, 250, 250]
        sink.at("RCPT", "550-two\n550 lines")
        with client(sink) as server:
            server.ehlo()
            server.docmd("MAIL FROM:<a@b.c>")
            assert server.docmd("RCPT TO:<x@y.z>") == (550, b"two\nlines")
        sink.at("RCPT")
        send(sink)
        assert len(sink.mails) == 1


@pytest.mark.parametrize("action", [Drop(), Reply(b"421 4.3.2 Bye\r\n", close=True)], ids=repr)
def test_what_happens_once(action):
    with SmtpSink(script={"MAIL": Once(action)}) as sink:
        with pytest.raises(smtplib.SMTPException):
            send(sink)
        send(sink)
        assert len(sink.mails) == 1


def test_a_mail_is_there_before_the_client_knows():
    for _ in range(20):
        with SmtpSink() as sink:
            send(sink)
            assert len(sink.mails) == 1


def test_who_waits_gets_what_comes_later():
    with SmtpSink() as sink:
        later = threading.Timer(0.2, send, [sink])
        later.start()
        assert len(sink.wait_for(1)) == 1
        later.join()
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"1 mails came in 0\.1 s, not 2"):
            sink.wait_for(2, timeout=0.1)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("given", [{"tls": "maybe"}, {"script": {"NOWHERE": Honest()}}], ids=repr)
def test_what_there_is_none_of(given):
    with pytest.raises(gpgmail.UsageError, match=r"none, starttls, implicit|BANNER, "):
        SmtpSink(**given)


def test_utf8_and_chunks_and_bounces():
    with SmtpSink(offers=["CHUNKING"], chop=True) as sink, gpgmail.Mailer(sink.url) as mailer:
        mailer.send(gpgmail.Draft(from_="jürgen@example.org", to="zoë@example.org", text="x"))
        assert sink.mail.sender == "jürgen@example.org"
        assert sink.mail.recipients == ("zoë@example.org",)
        draft = gpgmail.Draft(from_="a@b.c", to='"a>b"@example.org', text="x", return_path="<>")
        mailer.send(draft)
        assert (sink.mails[1].sender, sink.mails[1].recipients) == ("", ('"a>b"@example.org',))


# ---------------------------------------------------------------------------------------- mailbox


def test_a_mailbox_wants_one_mail_or_a_name():
    with SmtpSink() as sink:
        mailbox = Mailbox(sink)
        with pytest.raises(TimeoutError):
            mailbox.wait(1, timeout=0.05)
        send(sink, ["b@example.org"])
        assert mailbox.received().data == DATA
        send(sink, ["c@example.org"])
        assert (len(mailbox), mailbox.mails) == (2, sink.mails)
        with pytest.raises(gpgmail.UsageError, match=r"2 mails, not one: from a@example.org to b@"):
            mailbox.received()
        assert mailbox.received("c@example.org") is sink.mails[1]
        with pytest.raises(gpgmail.UsageError, match=r"0 mails to d@example\.org.*some to b@"):
            mailbox.received("d@example.org", timeout=0.05)


def test_a_mailbox_waits_for_the_mail_of_a_recipient_behind_those_of_others():
    with SmtpSink() as sink:
        send(sink, ["b@example.org"])
        late = threading.Timer(0.2, send, (sink, ["c@example.org"]))
        late.start()
        assert Mailbox(sink).received("c@example.org").recipients == ("c@example.org",)
        late.join()


def test_copies_are_read_by_whom_they_are_for():
    from gpgmail.testing import Library

    library = Library()
    with (
        library.copy("modern") as mine,
        library.copy("recipients-home") as theirs,
        SmtpSink() as sink,
    ):
        draft = gpgmail.Draft(
            from_=mine["sender"].address, to="alice@example.org", bcc="bob@example.org", text="x\n"
        )
        with gpgmail.Mailer(sink.url, keyring=mine) as mailer:
            mailer.send(draft, sign=True, encrypt=True)
        mailbox = Mailbox(sink)
        for to in ("alice@example.org", "bob@example.org"):
            read = mailbox.read(theirs, to=to, require_signature=True, require_encryption=True)
            assert read.verdict.by_author
