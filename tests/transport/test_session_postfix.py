"""A session with a real Postfix: each of its faces, and the mail as it was delivered."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import PolicyError, ServerError, TlsError, UnsupportedError
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse
from tests.servers.postfix_config import REFUSAL, REFUSED
from tests.transport.support import Ears, failing

pytestmark = pytest.mark.servers

BOB = "Bob+tag@example.org"
CONTENT = (
    b"Subject: one\r\nFrom: a@example.org\r\n\r\n.dot\r\n..\r\nFrom here\r\n" + b"x" * 900 + b"\r\n"
)


def rows(postfix, face, **more):
    secured = {"ssl_start_mode": 2, "openssl_ca_file": str(postfix.ca_file)}
    port = postfix.port(face)
    return TransportOptions(mail_server="localhost", mail_port=port, **{**secured, **more})


def send(options, *addresses, content=CONTENT, size=None, run=None):
    envelope = Envelope("a@example.org", tuple(map(Recipient, addresses or (BOB,))))
    with Session.open(options, run or Run(timeout=20)) as session:
        return session.deliver(envelope, [content], size=size)


def delivered(mail):
    """The content as Postfix keeps it: its own fields first, LF line ends."""
    return mail[mail.index(b"Subject: one") :].replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("face", "more"),
    [
        ("plain", {"ssl_start_mode": 3}),
        ("starttls", {}),
        ("starttls", {"ssl_start_mode": 3}),
        ("starttls_required", {}),
        ("implicit", {"ssl_start_mode": 1}),
        ("auth", {"user": "{user}", "password": "{password}"}),
        ("auth_implicit", {"ssl_start_mode": 1, "user": "{user}", "password": "{password}"}),
        ("auth_clear", {"ssl_start_mode": 3, "user": "{user}", "password": "{password}"}),
    ],
)
def test_a_mail_is_delivered_byte_for_byte(postfix, face, more):
    known = {"user": postfix.user, "password": postfix.password}
    filled = {k: v.format(**known) if isinstance(v, str) else v for k, v in more.items()}
    delivery = send(rows(postfix, face, **filled))
    assert delivery.accepted == (BOB,)
    (mail,) = postfix.mail_for(BOB)
    assert delivered(mail) == CONTENT


def test_by_urls(postfix):
    send(parse(f"smtp://localhost:{postfix.port('plain')}"))
    send(parse(f"smtp+insecure://127.0.0.1:{postfix.port('plain')}"))
    for url in (
        f"smtp://localhost:{postfix.port('starttls')}?tls=required",
        f"smtps://localhost:{postfix.port('implicit')}",
    ):
        options = parse(url)
        options.openssl_ca_file = str(postfix.ca_file)
        send(options)
    assert len(postfix.mail_for(BOB)) == 4


@pytest.mark.parametrize(
    ("face", "mode"),
    [
        ("wrong_host", 2),
        ("untrusted", 2),
        ("implicit_wrong_host", 1),
        ("implicit_untrusted", 1),
    ],
)
def test_a_certificate_that_does_not_verify(postfix, face, mode):
    with failing(TlsError, 280):
        send(rows(postfix, face, ssl_start_mode=mode))
    assert postfix.all_mail() == []


@pytest.mark.parametrize(("face", "mode"), [("plain", 2), ("plain", 1), ("starttls", 1)])
def test_tls_that_is_not_there(postfix, face, mode):
    with failing(TlsError, 276):
        send(rows(postfix, face, ssl_start_mode=mode))


def test_plain_where_tls_is_required(postfix):
    with failing(ServerError, 161) as caught:
        send(rows(postfix, "starttls_required", ssl_start_mode=3))
    assert "STARTTLS" in caught.value.reply.text


@pytest.mark.parametrize(("face", "mode"), [("auth", 2), ("auth_implicit", 1), ("auth_clear", 3)])
def test_wrong_credentials(postfix, face, mode):
    ears = Ears()
    options = rows(postfix, face, ssl_start_mode=mode, user=postfix.user, password="wrong-password")
    with failing(ServerError, 161, within=15) as caught:
        send(options, run=Run(timeout=20, emit=ears))
    assert caught.value.reply.code == 535
    assert "wrong-password" not in "\n".join([*ears.lines(), str(caught.value)])


def test_a_login_that_the_server_wants_under_tls_only(postfix):
    with failing(PolicyError, 19):
        send(rows(postfix, "auth", ssl_start_mode=3, user=postfix.user, password=postfix.password))


def test_one_recipient_is_refused(postfix):
    delivery = send(rows(postfix, "refuses_some"), REFUSED[0], BOB)
    assert delivery.accepted == (BOB,)
    assert list(delivery.refused) == [REFUSED[0]]
    assert delivery.refused[REFUSED[0]].code == 550
    assert len(postfix.all_mail()) == 1


@pytest.mark.parametrize("rset", [True, False])
def test_all_recipients_are_refused_and_the_session_goes_on(postfix, rset):
    envelope = Envelope("a@example.org", (Recipient(BOB), Recipient("c@example.org")))
    options = rows(postfix, "refuses_all", send_rset=rset)
    with Session.open(options, Run(timeout=20)) as session:
        for _ in range(2):
            with failing(ServerError, 161) as caught:
                session.deliver(envelope, [CONTENT])
            assert set(caught.value.refused) == {BOB, "c@example.org"}
            assert {said.code for said in caught.value.refused.values()} == {550}
            assert str(caught.value).count(REFUSAL.partition("5.1.1 ")[2]) == 2
    assert postfix.all_mail() == []


@pytest.mark.proves("SendRSET")
@pytest.mark.parametrize("rset", [True, False])
def test_nobody_is_left_over_from_a_mail_that_was_stopped(postfix, rset):
    """Else the next mail would go to those whom the server took for the one before."""
    ears = Ears()
    stopped = Envelope("a@example.org", (Recipient(BOB), Recipient(REFUSED[0])))
    following = Envelope("a@example.org", (Recipient("carol@example.org"),))
    options = rows(postfix, "refuses_some", send_rset=rset)
    with Session.open(options, Run(timeout=20, emit=ears)) as session:
        with failing(ServerError, 161):
            session.deliver(stopped, [CONTENT], stop_on=[RecipientType.TO])
        session.deliver(following, [CONTENT])
    assert len(postfix.mail_for("carol@example.org")) == 1
    assert len(postfix.all_mail()) == 1
    assert ("RSET" in ears.lines()) is rset


@pytest.mark.parametrize("rset", [True, False])
def test_a_mail_that_is_too_large(postfix, rset):
    large = CONTENT + b"y\r\n" * postfix.size_limit
    with Session.open(rows(postfix, "small", send_rset=rset), Run(timeout=20)) as session:
        envelope = Envelope("a@example.org", (Recipient(BOB),))
        with failing(ServerError, 161):
            session.deliver(envelope, [large], size=len(large))
        with failing(ServerError, 161) as caught:
            session.deliver(envelope, [large])  # nobody said its size: the server finds out
        assert caught.value.reply.code == 552
        session.deliver(envelope, [CONTENT], size=len(CONTENT))
    with failing(ServerError, 161) as caught:
        send(rows(postfix, "small_unsaid"), content=large)
    assert caught.value.reply.code == 552
    assert len(postfix.all_mail()) == 1


def test_many_mails_over_one_session(postfix):
    with Session.open(rows(postfix, "starttls"), Run(timeout=20)) as session:
        for number in range(20):
            envelope = Envelope("a@example.org", (Recipient(f"n{number}@example.org"),))
            session.deliver(envelope, [CONTENT])
    assert len(postfix.all_mail()) == 20


def test_utf8_is_needed_and_offered(postfix):
    address = "jürgen@example.org"
    send(rows(postfix, "starttls"), address)
    (mail,) = postfix.mail_for(address)
    assert delivered(mail) == CONTENT


def test_helo_alone_has_no_utf8(postfix):
    with failing(UnsupportedError, 20):
        send(rows(postfix, "plain", ssl_start_mode=3, allow_extensions=False), "ü@example.org")


@pytest.mark.proves("verify", "expand", "send_command", "SMTP 161")
def test_what_else_the_server_is_asked(postfix):
    with Session.open(rows(postfix, "starttls"), Run(timeout=20)) as session:
        assert session.verify(BOB).code == 252
        with failing(ServerError, 161):  # Postfix tells nobody who is on its lists
            session.expand("staff")
        assert session.command("NOOP").code == 250
        assert session.command("nonsense").code in {500, 502}
        with failing(ServerError, 161):  # nor does it know terminals
            session.deliver(Envelope("a@example.org", (Recipient(BOB),)), [CONTENT], verb="SAML")
        session.command("MAIL FROM:<other@example.org>")
        session.reset()
        session.deliver(Envelope("a@example.org", (Recipient(BOB),)), [CONTENT])
    assert len(postfix.mail_for(BOB)) == 1


@pytest.mark.proves("MessageRecipient.options")
def test_notifications_are_offered_and_taken(postfix):
    options = "NOTIFY SUCCESS,FAILURE ORCPT=rfc822;bob+2Btag@example.org"
    envelope = Envelope("a@example.org", (Recipient(BOB, options=options),))
    ears = Ears()
    with Session.open(rows(postfix, "starttls"), Run(timeout=20, emit=ears)) as session:
        assert session.deliver(envelope, [CONTENT]).accepted == (BOB,)
    assert (
        "RCPT TO:<Bob+tag@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2Btag@example.org"
        in ears.lines()
    )
    assert len(postfix.mail_for(BOB)) == 1


def test_a_notification_names_the_envelope(postfix):
    recipient = Recipient(BOB, options="NOTIFY=SUCCESS")
    envelope = Envelope("teller@example.org", (recipient,), "RET=HDRS ENVID=no+2B4711")
    with Session.open(rows(postfix, "starttls"), Run(timeout=20)) as session:
        session.deliver(envelope, [CONTENT])
    (told,) = postfix.mail_for("teller@example.org")
    assert b"Original-Envelope-Id: no+4711" in told
