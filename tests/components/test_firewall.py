"""The firewall of a component: its properties and settings, each by what the proxy hears of it."""

from __future__ import annotations

import pytest

from gpgmail.components import PSMTP, SMTP, Firewall
from gpgmail.core.errors import ConnectError, PolicyError, UsageError
from tests.components.support import Ears, failing, smtp
from tests.servers.hostile import Hostile
from tests.servers.proxies import HEAD, ScriptedProxy, hang_up, to

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
VARIABLES = ("ALL_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What the environment says of proxies: nothing, until a test says it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def proxy(sink):
    """An HTTP proxy that leads to the sink."""
    with ScriptedProxy(HEAD, CONNECTED, to(sink.port)) as proxy:
        yield proxy


def through(proxy, sink, **values):
    """A component that sends through a tunnel, to where plaintext was asked for."""
    return smtp(
        sink,
        ssl_start_mode=3,
        firewall_type=1,
        firewall_host=proxy.host,
        **{"firewall_port": proxy.port, **values},
    )


@pytest.mark.proves("firewall_type", "firewall_port", "FirewallType", "FirewallPort")
@pytest.mark.parametrize(("kind", "port"), [(0, 0), (1, 80), (2, 1080), (3, 1080), (10, 1080)])
def test_the_type_of_a_firewall_sets_its_port(kind, port):
    mailer = SMTP(firewall_port=8080)
    mailer.firewall_type = kind
    assert mailer.firewall_port == mailer.get_firewall_port() == port
    mailer.firewall_port = 3128
    assert mailer.config("FirewallPort") == "3128"
    mailer.config(f"FirewallType={kind}")
    assert mailer.config("FirewallPort") == str(port)


@pytest.mark.proves(
    "firewall",
    "Firewall.auto_detect",
    "Firewall.firewall_type",
    "Firewall.host",
    "Firewall.password",
    "Firewall.port",
    "Firewall.user",
)
def test_the_firewall_is_one_value_with_the_flat_properties():
    mailer = SMTP(firewall_host="proxy.example.org")
    assert mailer.firewall.host == "proxy.example.org"
    mailer.firewall.firewall_type = 3
    assert (mailer.firewall_type, mailer.firewall_port) == (3, 1080)
    mailer.firewall = Firewall(
        firewall_type=1, host="other", port=3128, user="me", password="secret", auto_detect=True
    )
    assert (mailer.firewall_type, mailer.firewall_port) == (1, 3128)
    assert (mailer.firewall_host, mailer.firewall_user) == ("other", "me")
    assert (mailer.firewall_password, mailer.firewall_auto_detect) == ("secret", True)
    assert "secret" not in repr(mailer)
    assert "secret" not in repr(mailer.firewall)
    with failing(2, UsageError):
        mailer.firewall = "proxy"
    with pytest.raises(UsageError, match="one of 0, 1, 2, 3, 10"):
        mailer.firewall.firewall_type = 4


@pytest.mark.proves(
    "firewall",
    "firewall_type",
    "firewall_host",
    "firewall_port",
    "Firewall.firewall_type",
    "Firewall.host",
    "Firewall.port",
)
def test_a_mail_goes_through_the_firewall(sink, proxy):
    mailer = SMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3)
    mailer.firewall = Firewall(firewall_type=1, host=proxy.host, port=proxy.port)
    mailer.from_, mailer.send_to, mailer.message_text = "a@example.org", "b@example.org", "x"
    mailer.send()
    assert len(sink.received) == 1
    assert proxy.heard[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % sink.port)


@pytest.mark.proves(
    "FirewallType",
    "FirewallHost",
    "FirewallPort",
    "FirewallUser",
    "FirewallPassword",
    "FirewallData",
    "firewall_user",
    "firewall_password",
)
def test_settings_say_the_same(sink, proxy):
    mailer = smtp(sink, ssl_start_mode=3)
    for setting, value in (
        ("FirewallType", 1),
        ("FirewallHost", proxy.host),
        ("FirewallPort", proxy.port),
        ("FirewallUser", "wally"),
        ("FirewallPassword", "s3cret-w4ll"),
        ("FirewallData", "X-Team: mail\r\nX-Way: out"),
    ):
        assert mailer.config(f"{setting}={value}") == str(value)
    assert (mailer.firewall_host, mailer.firewall_user) == (proxy.host, "wally")
    ears = Ears(mailer)
    mailer.send()
    assert len(sink.received) == 1
    assert b"\r\nProxy-Authorization: Basic d2FsbHk6czNjcmV0LXc0bGw=\r\n" in proxy.heard[0]
    assert b"\r\nX-Team: mail\r\nX-Way: out\r\n\r\n" in proxy.heard[0]
    assert [event.connection_event for event in ears.connection_status][:2] == [
        "firewall connected",
        "connected",
    ]
    assert "s3cret" not in repr(mailer) + repr(ears.heard)


INCOMPLETE = {
    "firewall_host": {"firewall_type": 3},
    "firewall_type": {"firewall_host": "proxy"},
    "firewall_port": {"firewall_type": 1, "firewall_host": "proxy", "firewall_port": 0},
    "mail_server": {"mail_server": "*127.0.0.1"},
    "ALL_PROXY": {"firewall_auto_detect": True},
}


@pytest.mark.proves("firewall_type", "firewall_host", "firewall_auto_detect")
@pytest.mark.parametrize(("name", "values"), INCOMPLETE.items(), ids=INCOMPLETE)
def test_an_incomplete_firewall_is_never_gone_around(environment, name, values):
    environment.setenv("ALL_PROXY", "socks5://proxy:port")
    with Hostile() as server:
        mailer = smtp(server, **values)
        with failing(2, UsageError) as caught:
            mailer.send()
        assert not server.connections
    assert caught.value.subject == name


@pytest.mark.proves("SMTP 118")
def test_a_firewall_that_refuses_is_never_gone_around(sink):
    with ScriptedProxy(HEAD, b"HTTP/1.1 403 Not through me\r\n\r\n", hang_up) as proxy:
        mailer = through(proxy, sink)
        ears = Ears(mailer)
        with failing(118, ConnectError) as caught:
            mailer.send()
    assert "403 Not through me" in str(caught.value)
    assert [event.error_code for event in ears.error] == [118]
    assert not sink.received


@pytest.mark.proves("FirewallAutoDetect", "firewall_auto_detect", "Firewall.auto_detect")
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_the_firewall(environment, sink, proxy, variable):
    environment.setenv(variable, f"http://wally:s3cret-w4ll@{proxy.host}:{proxy.port}")
    mailer = smtp(sink, ssl_start_mode=3)
    mailer.send()
    assert not proxy.heard  # it was not asked
    mailer.config("FirewallAutoDetect=True")
    assert mailer.firewall_auto_detect
    assert mailer.firewall.auto_detect
    mailer.disconnect()
    mailer.send()
    assert len(sink.received) == 2
    assert b"Basic d2FsbHk6czNjcmV0LXc0bGw=" in proxy.heard[0]
    environment.setenv("NO_PROXY", "example.org, 127.0.0.0/8")
    mailer.disconnect()
    mailer.send()
    assert len(sink.received) == 3
    assert len(proxy.heard) == 1


@pytest.mark.proves("firewall_auto_detect")
def test_what_is_stated_goes_before_the_environment(environment, sink, proxy):
    environment.setenv("ALL_PROXY", "http://127.0.0.1:1")
    through(proxy, sink, firewall_auto_detect=True).send()
    assert len(proxy.heard) == 1


@pytest.mark.proves("firewall_auto_detect")
def test_an_environment_without_a_proxy_is_none(sink):
    smtp(sink, firewall_auto_detect=True).send()
    assert len(sink.received) == 1


@pytest.mark.proves("ProxyExceptionsList")
@pytest.mark.parametrize("listed", [True, False])
def test_excepted_servers_are_reached_directly(sink, proxy, listed):
    mailer = through(proxy, sink)
    other = "127.0.0.1" if listed else "127.0.0.2"
    assert mailer.config(f"ProxyExceptionsList=www.example.org;{other}")
    mailer.send()
    assert len(sink.received) == 1
    assert len(proxy.heard) == (0 if listed else 1)


@pytest.mark.proves("mail_server")
def test_an_asterisk_has_the_firewall_resolve_the_name(sink, proxy):
    mailer = through(proxy, sink, mail_server="*mx.example.org")
    mailer.send()
    assert mailer.mail_server == "*mx.example.org"
    assert proxy.heard[0].startswith(b"CONNECT mx.example.org:")
    for wrong in ("*", "**mx", "m*x", "mx*"):
        with failing(2, UsageError):
            SMTP().mail_server = wrong
        with failing(2, UsageError):
            SMTP().local_host = "*mx"


@pytest.mark.parametrize("values", [{}, {"ssl_start_mode": 3, "user": "u", "password": "p4ssw0rd"}])
def test_loopback_behind_a_firewall_is_not_this_machine(sink, proxy, values):
    """Neither a mail nor a password goes there in clear, unless somebody asks for it."""
    mailer = PSMTP(
        mail_server="localhost",
        mail_port=sink.port,
        firewall_type=1,
        firewall_host=proxy.host,
        from_="a@example.org",
        send_to="b@example.org",
        message_text="x",
        **values,
    )
    mailer.firewall_port = proxy.port
    with pytest.raises(PolicyError):
        mailer.send()
    assert len(proxy.heard) == 1
    assert not sink.received
