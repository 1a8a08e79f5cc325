"""`gpgmail send --proxy`."""

from __future__ import annotations

from tests.servers.proxies import HEAD, ScriptedProxy, hang_up, to
from tests.support.commands import call

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
MAIL = ("--from", "a@example.org", "--to", "b@example.org", "--text", "x")


def test_a_mail_goes_through_the_proxy(server):
    url = f"smtp+insecure://127.0.0.1:{server.port}"
    with ScriptedProxy(HEAD, CONNECTED, to(server.port)) as proxy:
        outcome = call("send", "--server", url, *MAIL, "--proxy", f"{proxy.host}:{proxy.port}")
        assert (outcome.code, outcome.errors) == (0, "")
        assert len(server.settled()[0].contents) == 1
    assert len(proxy.heard) == 1


def test_a_refusal_is_reported_in_the_proxys_words():
    with ScriptedProxy(HEAD, b"HTTP/1.1 403 Not through me\r\n\r\n", hang_up) as proxy:
        through = f"http://{proxy.host}:{proxy.port}"
        outcome = call("send", "--server", "smtp://127.0.0.1", *MAIL, "--proxy", through)
    assert outcome.code == 69
    assert "403 Not through me" in outcome.errors


def test_a_login_in_the_proxy_url_is_refused_and_not_repeated():
    outcome = call(
        *("send", "--server", "smtp://127.0.0.1", *MAIL),
        *("--proxy", "http://wally:hunter2@127.0.0.1:1"),
    )
    assert outcome.code == 64
    assert "environment" in outcome.errors
    assert "hunter2" not in outcome.errors + outcome.text
