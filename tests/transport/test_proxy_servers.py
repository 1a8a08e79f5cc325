"""Mails through real proxies: Dante, microsocks, tinyproxy and `ssh -D`."""

from __future__ import annotations

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import ConnectError, TlsError
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.daemon import free_port
from tests.servers.dante import Dante
from tests.servers.hostile import Hostile
from tests.servers.microsocks import Microsocks, OpenMicrosocks
from tests.servers.ssh_socks import SshSocks
from tests.servers.tinyproxy import Tinyproxy
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail
from tests.transport.support import ENVELOPE, MAIL, failing

pytestmark = pytest.mark.servers

HTTP, SOCKS4, SOCKS5, SOCKS4A = 1, 2, 3, 10
LOGIN = {Dante: (SOCKS5,), Microsocks: (SOCKS5,), Tinyproxy: (HTTP,)}
WAYS = [
    (Dante, SOCKS4, "127.0.0.1"),
    (Dante, SOCKS4, "localhost"),
    (Dante, SOCKS5, "127.0.0.1"),
    (Dante, SOCKS5, "*localhost"),
    (Microsocks, SOCKS5, "localhost"),
    (Microsocks, SOCKS5, "*localhost"),
    (OpenMicrosocks, SOCKS5, "127.0.0.1"),
    (Tinyproxy, HTTP, "localhost"),
    (Tinyproxy, HTTP, "*localhost"),
    (SshSocks, SOCKS4, "127.0.0.1"),
    (SshSocks, SOCKS4A, "127.0.0.1"),
    (SshSocks, SOCKS4A, "*localhost"),
    (SshSocks, SOCKS5, "*localhost"),
]


@pytest.fixture(scope="module")
def running():
    """Starts each proxy once, when a test asks for it first."""
    started = {}

    def get(kind):
        if kind not in started:
            try:
                started[kind] = kind.start()
            except ServerUnavailableError as error:
                skip_or_fail(error)
        return started[kind]

    yield get
    for daemon in started.values():
        daemon.stop()


def options_for(proxy, kind, host, port, **rows):
    login = {}
    if kind in LOGIN.get(type(proxy), ()):
        login = {"firewall_user": proxy.user, "firewall_password": proxy.password}
    return TransportOptions(
        mail_server=host,
        mail_port=port,
        firewall_type=kind,
        firewall_host=proxy.host,
        **{"firewall_port": proxy.port, **login, **rows},
    )


def send(options):
    with Session.open(options, Run(timeout=20)) as session:
        session.deliver(ENVELOPE, [MAIL])
        return session.peer


@pytest.mark.proves("firewall_type", "firewall_host", "firewall_port", "mail_server")
@pytest.mark.parametrize(("server", "kind", "host"), WAYS)
def test_a_mail_goes_through(running, server, kind, host):
    with Hostile() as sink:
        peer = send(options_for(running(server), kind, host, sink.port, ssl_start_mode=3))
        assert sink.settled()[0].contents == [MAIL]
    assert peer.host == host.removeprefix("*")
    assert peer.address == ("" if "*" in host else "127.0.0.1")


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("certificate", ["good", "wrong_host"])
@pytest.mark.parametrize(
    ("server", "kind"),
    [(Dante, SOCKS4), (Microsocks, SOCKS5), (Tinyproxy, HTTP), (SshSocks, SOCKS4A)],
)
def test_tls_through_it_is_with_the_mail_server(  # noqa: PLR0917 - fixtures
    running, certificates, ca_file, server, kind, certificate, mode
):
    tls = certificates.contexts[certificate]
    with Hostile(tls=tls, implicit_tls=mode == 1) as sink:
        options = options_for(
            running(server),
            kind,
            "localhost",
            sink.port,
            ssl_start_mode=mode,
            openssl_ca_file=ca_file,
        )
        if certificate == "good":
            send(options)
        else:
            with failing(TlsError):
                send(options)
        (connection,) = sink.settled()
    assert connection.contents == ([MAIL] if certificate == "good" else [])
    assert not any(line.startswith(b"MAIL") for line in bytes(connection.clear).splitlines())


@pytest.mark.proves("firewall_user", "firewall_password", "SMTP 118")
@pytest.mark.parametrize(
    ("server", "kind", "words"),
    [(Dante, SOCKS5, "refused"), (Microsocks, SOCKS5, "refused"), (Tinyproxy, HTTP, "401")],
)
@pytest.mark.parametrize("wrong", ["firewall_user", "firewall_password"])
def test_wrong_credentials(running, server, kind, words, wrong):
    with Hostile() as sink:
        options = options_for(running(server), kind, "127.0.0.1", sink.port, **{wrong: "wrong-one"})
        with failing(ConnectError, 118, within=15) as caught:
            send(options)
        assert not sink.connections
    assert words in str(caught.value)
    assert caught.value.retry is Retry.NO


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize(
    ("server", "kind", "words"),
    [(Dante, SOCKS5, "(reply 2)"), (Microsocks, SOCKS5, "login"), (Tinyproxy, HTTP, "407")],
)
def test_no_credentials(running, server, kind, words):
    with Hostile() as sink:
        options = options_for(running(server), kind, "127.0.0.1", sink.port, firewall_user="")
        with failing(ConnectError, 118) as caught:
            send(options)
        assert not sink.connections
    assert words in str(caught.value)


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize(
    ("server", "kind", "words"),
    [
        (Dante, SOCKS4, "(91)"),
        (Dante, SOCKS5, "(reply 5)"),
        (Microsocks, SOCKS5, "(reply 5)"),
        (Tinyproxy, HTTP, "500"),
        (SshSocks, SOCKS4A, "closed"),
    ],
)
def test_a_server_that_is_not_there(running, server, kind, words):
    with failing(ConnectError, 118, within=15) as caught:
        send(options_for(running(server), kind, "127.0.0.1", free_port()))
    assert words in str(caught.value)
    assert caught.value.retry is Retry.LATER


@pytest.mark.parametrize(("server", "kind"), [(Microsocks, HTTP), (Dante, HTTP), (SshSocks, HTTP)])
def test_another_kind_than_was_said(running, server, kind):
    with Hostile() as sink:
        options = options_for(running(server), kind, "127.0.0.1", sink.port)
        with failing(ConnectError, 118, within=30):
            Session.open(options, Run(timeout=20))
        assert not sink.connections


@pytest.mark.proves("firewall_user", "firewall_password", "mail_server")
@pytest.mark.parametrize(
    ("server", "kind"),
    [(Dante, SOCKS5), (Microsocks, SOCKS5), (Tinyproxy, HTTP), (SshSocks, SOCKS4A)],
)
def test_postfix_behind_a_proxy_with_both_logins(running, postfix, server, kind):
    options = options_for(
        running(server),
        kind,
        "*localhost",
        postfix.port("auth"),
        ssl_start_mode=2,
        openssl_ca_file=str(postfix.ca_file),
        user=postfix.user,
        password=postfix.password,
    )
    send(options)
    assert len(postfix.mail_for("b@example.org")) == 1
