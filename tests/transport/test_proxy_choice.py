"""Which proxy is taken: rows, proxy URLs, the environment, and the servers that need none."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.errors import GpgmailError, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.proxy.choice import chosen
from gpgmail.transport.proxy.exceptions import is_excepted
from gpgmail.transport.proxy.url import state
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile

VARIABLES = ("all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What the environment says of proxies: nothing, until a test says it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def facts(proxy):
    return proxy and (proxy.kind.name, proxy.host, proxy.port, proxy.user, proxy.remote)


def detected(host="mx.example.org", **rows):
    return chosen(TransportOptions(mail_server=host, firewall_auto_detect=True, **rows))


# ------------------------------------------------------------------------------------- proxy URLs

URLS = {
    "http://proxy": ("HTTP", "proxy", 80, "", True),
    "http://proxy:3128/": ("HTTP", "proxy", 3128, "", True),
    "proxy:3128": ("HTTP", "proxy", 3128, "", True),
    "HTTP://me:p%40ss@proxy": ("HTTP", "proxy", 80, "me", True),
    "socks4://proxy": ("SOCKS4", "proxy", 1080, "", False),
    "socks4a://me@proxy": ("SOCKS4A", "proxy", 1080, "me", True),
    "socks5://[::1]:9050": ("SOCKS5", "::1", 9050, "", False),
    "socks5h://me:p%40ss@proxy:1": ("SOCKS5", "proxy", 1, "me", True),
}


@pytest.mark.proves("firewall_auto_detect")
@pytest.mark.parametrize(("url", "expected"), URLS.items())
def test_a_proxy_url_says_kind_host_port_and_login(environment, url, expected):
    environment.setenv("ALL_PROXY", url)
    proxy = detected()
    assert facts(proxy) == expected
    assert proxy.password.reveal() == ("p@ss" if "p%40ss" in url else "")

    options = TransportOptions(mail_server="mx.example.org")
    state(options, url)
    assert facts(chosen(options)) == expected
    assert options.mail_server == "*" * expected[-1] + "mx.example.org"


BAD = [
    "http://user:s3cret@",
    "http://user:s3cret@host:port",
    "http://user:s3cret@host:70000",
    "http://user:s3cret@host/path",
    "http://user:s3cret@host?a=b",
    "http://user:s3cret@host#a",
    "http://user:s3cret@ho st",
    "http://user:s3cret@[host",
    "http://us%0aer:s3cret@host",
    "http://user:s3cret@ho%0dst",
    "http://user:s3cret%ff@host",
    "ftp://user:s3cret@host",
    "socks://user:s3cret@host",
    "://s3cret",
    "",
]


@pytest.mark.parametrize("url", [*BAD, "http://user:s3cret@host\r\nX: y"])
def test_what_is_no_proxy_url_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as caught:
        state(TransportOptions(), url)
    assert caught.value.subject == "proxy"
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.proves("firewall_auto_detect")
@pytest.mark.parametrize("variable", ["ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize("url", BAD[:-1])
def test_an_unusable_environment_is_not_gone_around(environment, variable, url):
    environment.setenv(variable, url)
    with Hostile() as server:
        options = TransportOptions(
            mail_server="127.0.0.1", mail_port=server.port, firewall_auto_detect=True
        )
        with pytest.raises(UsageError) as caught:
            Session.open(options, Run(timeout=5))
        assert not server.connections
    assert caught.value.subject == variable
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_tls_to_the_proxy_itself_is_said_to_be_missing(environment):
    environment.setenv("HTTPS_PROXY", "https://user:s3cret@proxy")
    with pytest.raises(UnsupportedError) as caught:
        detected()
    assert caught.value.subject == "HTTPS_PROXY"
    assert "s3cret" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_proxy_url_or_is_refused(url):
    options = TransportOptions(mail_server="mx.example.org")
    try:
        state(options, url)
    except GpgmailError as error:
        assert error.subject in {"proxy", "proxy URL"}  # noqa: PT017 - either outcome is right
    else:
        assert options.firewall_auto_detect or options.firewall_type


# -------------------------------------------------------------------------------- the environment


@pytest.mark.proves("FirewallAutoDetect")
def test_which_variable_is_heard(environment):
    assert detected() is None
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        environment.setenv(name, f"http://{name.replace('_', '-')}")
        assert detected().host == name.replace("_", "-").lower()
    environment.setenv("all_proxy", "")
    assert detected().host == "all-proxy"  # an empty one says nothing


@pytest.mark.proves("FirewallAutoDetect")
def test_rows_go_before_the_environment(environment):
    environment.setenv("ALL_PROXY", "http://other")
    assert detected(firewall_type=3, firewall_host="mine").host == "mine"
    environment.setenv("NO_PROXY", "*")
    assert detected(firewall_type=3, firewall_host="mine").host == "mine"
    assert detected() is None


@pytest.mark.proves("FirewallAutoDetect", "mail_server")
def test_an_asterisk_is_heard_with_any_scheme(environment):
    environment.setenv("ALL_PROXY", "socks5://proxy")
    assert not detected("mx.example.org").remote
    assert detected("*mx.example.org").remote


# ------------------------------------------------------------------------------ without the proxy

LISTED = [
    # host, entry, ProxyExceptionsList, NO_PROXY
    ("mx.example.org", "mx.example.org", True, True),
    ("MX.Example.org.", "mx.example.ORG", True, True),
    ("mx.example.org", " mx.example.org ", True, True),
    ("mx.example.org", "example.org", False, True),
    ("example.org", "example.org", True, True),
    ("badexample.org", "example.org", False, False),
    ("mx.example.org", "*.example.org", True, True),
    ("a.mx.example.org", "*.example.org", True, True),
    ("example.org", "*.example.org", False, True),
    ("badexample.org", "*.example.org", False, False),
    ("mx.example.org", ".example.org", True, True),
    ("mx.example.org", "*", True, True),
    ("192.0.2.7", "*", True, True),
    ("192.0.2.7", "192.0.2.7", True, True),
    ("::ffff:192.0.2.7", "192.0.2.7", True, True),
    ("192.0.2.7", "192.0.2.0/24", True, True),
    ("192.0.3.7", "192.0.2.0/24", False, False),
    ("192.0.2.7", "2", False, False),
    ("192.0.2.7", "0.2.7", False, False),
    ("2001:db8::7", "[2001:DB8:0::7]", True, True),
    ("2001:db8::7", "2001:db8::/32", True, True),
    ("192.0.2.7", "2001:db8::/32", False, False),
    ("mx.example.org", "192.0.2.0/24", False, False),
    ("mx.example.org", "", False, False),
    ("mx.example.org", ".", False, False),
]


@pytest.mark.proves("ProxyExceptionsList", "FirewallAutoDetect")
@pytest.mark.parametrize(("host", "entry", "listed", "below"), LISTED)
def test_which_servers_are_reached_directly(environment, host, entry, listed, below):
    assert is_excepted(host, ["other.example", entry]) == listed
    assert is_excepted(host, ["other.example", entry], below=True) == below

    stated = TransportOptions(mail_server=host, firewall_type=3, firewall_host="proxy")
    stated.proxy_exceptions_list = f"other.example;{entry}"
    assert (chosen(stated) is None) == listed

    environment.setenv("ALL_PROXY", "http://proxy")
    for name in ("NO_PROXY", "no_proxy"):
        environment.setenv(name, f"other.example,{entry}")
        assert (detected(host) is None) == below
        environment.delenv(name)
    assert (detected(host, proxy_exceptions_list=entry) is None) == listed


@pytest.mark.proves("ProxyExceptionsList")
@pytest.mark.parametrize(
    "value", ["a.example,b.example", "a b", "mail*.example", "a\r\nb", "a;b,c"]
)
def test_a_list_that_is_none_is_refused(value):
    with pytest.raises(UsageError) as caught:
        TransportOptions(proxy_exceptions_list=value)
    assert "ProxyExceptionsList" in caught.value.subject


@pytest.mark.parametrize("rows", [{"proxy_exceptions_list": "mx.example.org"}, {}])
def test_an_asterisk_without_a_firewall_is_refused(rows):
    """The name would be resolved by whom it was to be kept from."""
    state_of = {"firewall_type": 3, "firewall_host": "proxy"} if rows else {}
    options = TransportOptions(mail_server="*mx.example.org", **state_of, **rows)
    with pytest.raises(UsageError) as caught:
        Session.open(options, Run(timeout=5))
    assert caught.value.subject == "mail_server"
