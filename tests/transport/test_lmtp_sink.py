"""LMTP with a server of Postfix's, over TCP and at a Unix socket."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.errors import ServerError
from gpgmail.core.run import Run
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse
from tests.servers.lmtp_sink import LmtpSink, RefusingLmtpSink, UnixLmtpSink
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail
from tests.transport.support import failing

pytestmark = pytest.mark.servers

ADDRESSES = ("alice@example.org", "bob@example.org")
ENVELOPE = Envelope("a@example.org", tuple(map(Recipient, ADDRESSES)))
CONTENT = b"Subject: one\r\n\r\n.\r\n..\r\nFrom here\r\n"


def started(kind):
    try:
        return kind.start()
    except ServerUnavailableError as error:
        skip_or_fail(error)


def url_of(server):
    if isinstance(server, UnixLmtpSink):
        return f"lmtp+unix:{server.path}"
    return f"lmtp://{server.host}:{server.port}"


@pytest.mark.parametrize("kind", [LmtpSink, UnixLmtpSink])
def test_mails_are_delivered(kind):
    with started(kind) as server:
        with Session.open(parse(url_of(server)), Run(timeout=20)) as session:
            for _ in range(2):
                delivery = session.deliver(ENVELOPE, [CONTENT])
                assert delivery.accepted == ADDRESSES
        mails = server.mails()
    assert len(mails) == 2
    for mail in mails:
        assert "\nX-Client-Proto: LMTP\n" in mail
        assert [line for line in mail.split("\n") if line.startswith("X-Rcpt-Args")] == [
            f"X-Rcpt-Args: <{address}>" for address in ADDRESSES
        ]
        assert "Subject: one\n\n.\n..\nFrom here\n" in mail


def test_each_is_refused_behind_the_content():
    with started(RefusingLmtpSink) as server:
        options = parse(url_of(server))
        with Session.open(options, Run(timeout=20)) as session:
            for _ in range(2):
                with failing(ServerError, 161) as caught:
                    session.deliver(ENVELOPE, [CONTENT])
                assert {who: said.code for who, said in caught.value.refused.items()} == (
                    dict.fromkeys(ADDRESSES, 500)
                )
