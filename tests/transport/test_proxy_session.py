"""What a firewall on the way does not change: TLS, who the server is, and what stays secret."""

from __future__ import annotations

import base64
import logging
import traceback

import pytest

from gpgmail.core.errors import ConnectError, GpgmailError, PolicyError, TlsError
from gpgmail.core.run import Run
from gpgmail.testing.script import Phase, Reply
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.servers.proxies import HEAD, ScriptedProxy, hang_up, stall, to
from tests.transport.support import ENVELOPE, MAIL, Ears, failing

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SECRET, TOKEN = "s3cret-w4ll", "t0ken-t0ken-t0ken"


def through(proxy, host="*localhost", **rows):
    return TransportOptions(
        mail_server=host,
        firewall_type=1,
        firewall_host=proxy.host,
        **{"firewall_port": proxy.port, **rows},
    )


def tunnel(server):
    return ScriptedProxy(HEAD, CONNECTED, to(server.port))


@pytest.mark.proves("ssl_start_mode")
@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("chop", [True, False])
def test_tls_is_with_the_server_and_not_with_the_proxy(certificates, ca_file, mode, chop):
    tls = certificates.contexts["good"]
    with (
        Hostile(tls=tls, implicit_tls=mode == 1) as server,
        ScriptedProxy(HEAD, CONNECTED, to(server.port), chop=chop) as proxy,
    ):
        options = through(proxy, ssl_start_mode=mode, openssl_ca_file=ca_file)
        with Session.open(options, Run(timeout=10)) as session:
            assert session.tls_version
            session.deliver(ENVELOPE, [MAIL])
        (connection,) = server.settled()
    assert connection.contents == [MAIL]
    assert connection.encrypted
    assert b"MAIL" not in connection.clear


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("certificate", ["wrong_host", "untrusted"])
def test_a_certificate_must_name_the_mail_server(certificates, ca_file, mode, certificate):
    tls = certificates.contexts[certificate]
    with Hostile(tls=tls, implicit_tls=mode == 1) as server:
        with tunnel(server) as proxy, failing(TlsError):
            options = through(proxy, ssl_start_mode=mode, openssl_ca_file=ca_file)
            Session.open(options, Run(timeout=10))
        (connection,) = server.settled()
    assert not connection.through_tls


def test_a_certificate_that_names_the_proxy_is_not_enough(certificates, ca_file):
    """The proxy is `localhost` too, and says that it leads to another host."""
    tls = certificates.contexts["good"]
    with Hostile(tls=tls, implicit_tls=True) as server:
        with tunnel(server) as proxy, failing(TlsError):
            options = through(proxy, "*mx.example.org", ssl_start_mode=1, openssl_ca_file=ca_file)
            options.firewall_host = "localhost"
            Session.open(options, Run(timeout=10))
        assert not server.settled()[0].through_tls


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "*localhost", "*127.0.0.1", "::1"])
@pytest.mark.parametrize("rows", [{}, {"plain_on_loopback": True}])
def test_plaintext_to_loopback_is_not_for_that_of_a_firewall(host, rows):
    with Hostile() as server:
        with tunnel(server) as proxy, failing(PolicyError):
            Session.open(through(proxy, host, **rows), Run(timeout=5))
        assert not any(connection.commands for connection in server.settled())


@pytest.mark.parametrize("host", ["127.0.0.1", "*localhost"])
@pytest.mark.proves("PlainOnLoopback")
def test_starttls_is_required_where_it_is_left_out_on_this_machine_alone(host):
    with Hostile() as server:
        with tunnel(server) as proxy, failing(TlsError):
            options = through(proxy, host, ssl_start_mode=2, plain_on_loopback=True)
            Session.open(options, Run(timeout=5))
        assert "MAIL" not in server.settled()[0].verbs


@pytest.mark.parametrize("allowed", [False, True])
def test_a_password_in_clear_is_for_those_who_ask_for_it(allowed):
    with Hostile() as server, tunnel(server) as proxy:
        options = through(proxy, "*localhost", ssl_start_mode=3, user="me", password="p4ssw0rd")
        options.allow_cleartext_auth = allowed
        if allowed:
            Session.open(options, Run(timeout=5)).close()
        else:
            with failing(PolicyError):
                Session.open(options, Run(timeout=5))
        assert ("AUTH" in server.settled()[0].verbs) == allowed


# ------------------------------------------------------------------------------------ its secrets

BASIC = base64.b64encode(f"wally:{SECRET}".encode()).decode()
ECHO = f"{SECRET} {BASIC} {TOKEN}".encode()
ENDS = {
    "refused": (HEAD, b"HTTP/1.1 407 you said " + ECHO + b"\r\n\r\n", hang_up),
    "no answer": (HEAD, ECHO + b"\r\n", hang_up),
    "connected": (HEAD, b"HTTP/1.1 200 " + ECHO + b"\r\nX: " + ECHO + b"\r\n\r\n"),
    "silent": (HEAD, stall),
}


@pytest.mark.proves("firewall_password", "FirewallData", "FirewallPassword")
@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
def test_what_a_proxy_is_told_in_confidence_is_told_to_nobody_else(caplog, capfd, script):
    caplog.set_level(logging.DEBUG)
    ears, said = Ears(), []
    with Hostile({Phase.MAIL: Reply(b"550 " + ECHO + b"\r\n")}) as server:
        end = (to(server.port),) if script is ENDS["connected"] else ()
        with ScriptedProxy(*script, *end) as proxy:
            options = through(
                proxy,
                ssl_start_mode=3,
                firewall_user="wally",
                firewall_password=SECRET,
                firewall_data=f"X-Token: Bearer {TOKEN}",
            )
            try:
                with Session.open(options, Run(timeout=0.7, emit=ears)) as session:
                    session.deliver(ENVELOPE, [MAIL])
            except GpgmailError as error:
                said += traceback.format_exception(error)
                said += [repr(error), repr(vars(error))]
            assert f"Basic {BASIC}".encode() in proxy.heard[0]
    assert said
    said += [repr(ears.events), repr(options), caplog.text, *capfd.readouterr()]
    told = "".join(said)
    for secret in (SECRET, BASIC, TOKEN):
        assert secret not in told


def test_a_proxys_words_are_printable():
    proxy = ScriptedProxy(HEAD, b"HTTP/1.1 503 \x1b[31mred\x00\xff\r\n\r\n", hang_up)
    with proxy, failing(ConnectError, 118) as caught:
        Session.open(through(proxy), Run(timeout=5))
    assert str(caught.value).isprintable()
    assert "red" in str(caught.value)
