"""`Mailer(proxy=…)`: the mail goes through the proxy, or nowhere."""

from __future__ import annotations

import pytest

from gpgmail import Draft, Mailer
from gpgmail.core.errors import ConnectError, UsageError
from tests.servers.hostile import Hostile
from tests.servers.proxies import HEAD, ScriptedProxy, hang_up, to

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
DRAFT = Draft(from_="a@example.org", to="b@example.org", text="x")


def test_a_proxy_url_is_taken_with_its_login():
    with Hostile() as server, ScriptedProxy(HEAD, CONNECTED, to(server.port)) as proxy:
        through = f"http://wally:s3cret-w4ll@{proxy.host}:{proxy.port}"
        with Mailer("smtp+insecure://mx.example.org", proxy=through) as mailer:
            mailer.send(DRAFT)
        assert len(server.settled()[0].contents) == 1
        assert "s3cret" not in repr(vars(mailer))
    # As other programs do, the proxy is told the name.
    assert proxy.heard[0].startswith(b"CONNECT mx.example.org:25 HTTP/1.1\r\n")
    assert b"Basic d2FsbHk6czNjcmV0LXc0bGw=\r\n" in proxy.heard[0]


@pytest.mark.parametrize("proxy", [None, "environment"])
def test_the_environment_is_heard_when_it_is_asked(monkeypatch, proxy):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Hostile() as server, ScriptedProxy(HEAD, CONNECTED, to(server.port)) as tunnel:
        monkeypatch.setenv("all_proxy", f"http://{tunnel.host}:{tunnel.port}")
        with Mailer(f"smtp+insecure://127.0.0.1:{server.port}", proxy=proxy) as mailer:
            mailer.send(DRAFT)
        assert len(server.settled()[0].contents) == 1
        assert len(tunnel.heard) == (1 if proxy else 0)


def test_a_proxy_that_refuses_is_not_gone_around():
    with Hostile() as server, ScriptedProxy(HEAD, b"HTTP/1.1 403 No\r\n\r\n", hang_up) as proxy:
        url = f"smtp+insecure://127.0.0.1:{server.port}"
        with (
            Mailer(url, proxy=f"http://{proxy.host}:{proxy.port}") as mailer,
            pytest.raises(ConnectError, match="403 No") as caught,
        ):
            mailer.send(DRAFT)
        assert caught.value.code.number == 118
        assert not server.connections


@pytest.mark.parametrize("proxy", ["", "ftp://proxy", "http://me:s3cret@proxy:port"])
def test_what_is_no_proxy_is_refused_at_once(proxy):
    with pytest.raises(UsageError) as caught:
        Mailer("smtp://localhost", proxy=proxy)
    assert caught.value.subject == "proxy"
    assert "s3cret" not in str(caught.value)
