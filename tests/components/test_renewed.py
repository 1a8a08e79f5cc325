"""A connection that the server ended between two mails is made anew before a word is said."""

from __future__ import annotations

import pytest

from gpgmail.components import SMTP
from gpgmail.testing.script import Phase, Reply
from tests.servers.hostile import Hostile


@pytest.mark.parametrize("words", [b"250 taken\r\n", b"250 taken\r\n421 idle\r\n"])
def test_a_kept_connection_is_renewed_and_stays_kept(words):
    with Hostile([{Phase.DOT: Reply(words, close=True)}, {}]) as server:
        mailer = SMTP(mail_server=server.host, mail_port=server.port, ssl_start_mode=3)
        mailer.from_, mailer.send_to, mailer.message_text = "a@x.example", "b@x.example", "one\n"
        mailer.connect()
        mailer.send()
        server.settled()
        for _ in range(2):
            mailer.send()
            assert mailer.connected
        mailer.disconnect()
        first, second = server.settled()
    assert (len(first.contents), len(second.contents)) == (1, 2)
