"""What each kind of proxy is told, byte by byte, and what its answers mean."""

from __future__ import annotations

import base64
import socket
import threading
import time

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import Cancelled, ConnectError, TimeLimitError, UsageError
from gpgmail.core.events import ConnectionStatus
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.hostile import Hostile
from tests.servers.proxies import HEAD, ScriptedProxy, forever, hang_up, reset, stall, to
from tests.transport.support import ENVELOPE, MAIL, Ears, failing

HTTP, SOCKS4, SOCKS5, SOCKS4A = 1, 2, 3, 10
KINDS = (HTTP, SOCKS4, SOCKS5, SOCKS4A)
USER, PASSWORD = "wally", "s3cret-w4ll"
LOGIN = {"firewall_user": USER, "firewall_password": PASSWORD}
NAME = "mx.example.org"
PORT_25 = b"\x00\x19"
LOCAL = b"\x7f\x00\x00\x01"

CONNECTED = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\nContent-Length: 99\r\n\r\n"
GRANTED = b"\x00\x5a" + bytes(6)
OPEN, ASKS, LET_IN = b"\x05\x00", b"\x05\x02", b"\x01\x00"
DONE = b"\x05\x00\x00\x01" + bytes(6)


def behind(proxy, kind, host="127.0.0.1", port=25, **rows):
    """The rows of a server that is reached through *proxy*."""
    return TransportOptions(
        ssl_start_mode=3,
        mail_server=host,
        mail_port=port,
        firewall_type=kind,
        firewall_host=proxy.host,
        **{"firewall_port": proxy.port, **rows},
    )


def honest(kind, port, *, login=False):
    """The script of a proxy that leads to *port*, whatever it is asked for by address."""
    size = len(USER) + 1 if login else 1
    return {
        HTTP: (HEAD, CONNECTED, to(port)),
        SOCKS4: (8 + size, GRANTED, to(port)),
        SOCKS4A: (8 + size, GRANTED, to(port)),
        SOCKS5: (
            *((4, ASKS, 3 + len(USER + PASSWORD), LET_IN) if login else (3, OPEN)),
            *(10, DONE, to(port)),
        ),
    }[kind]


def send_through(options, run=None):
    with Session.open(options, run or Run(timeout=5)) as session:
        session.deliver(ENVELOPE, [MAIL])
        return session.peer


# ------------------------------------------------------------------------------ what it is told


@pytest.mark.parametrize("chop", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_goes_through(kind, chop):
    with Hostile() as server, ScriptedProxy(*honest(kind, server.port), chop=chop) as proxy:
        peer = send_through(behind(proxy, kind, port=server.port))
        assert server.settled()[0].contents == [MAIL]
        assert len(proxy.heard) == 1
    assert (peer.host, peer.address, peer.port) == ("127.0.0.1", "127.0.0.1", server.port)
    assert str(proxy.port) in str(peer)


def connect_to(where, *lines):
    return "\r\n".join([f"CONNECT {where} HTTP/1.1", f"Host: {where}", *lines, "", ""]).encode()


BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
V4 = b"\xc0\x00\x02\x07"
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
ALONE, EITHER = b"\x05\x01\x00", b"\x05\x02\x00\x02"  # without a login, or with one too
ASK = b"\x05\x01\x00"
TOLD = [
    (HTTP, "192.0.2.7", {}, connect_to("192.0.2.7:25")),
    (HTTP, "2001:db8::7", {}, connect_to("[2001:db8::7]:25")),
    (HTTP, f"*{NAME}", {}, connect_to(f"{NAME}:25")),
    (HTTP, "*mäx.example", {}, connect_to("xn--mx-via.example:25")),
    (HTTP, "192.0.2.7", LOGIN, connect_to("192.0.2.7:25", f"Proxy-Authorization: Basic {BASIC}")),
    (SOCKS4, "192.0.2.7", {}, b"\x04\x01" + PORT_25 + V4 + b"\0"),
    (SOCKS4, "192.0.2.7", {"firewall_user": USER}, b"\x04\x01" + PORT_25 + V4 + b"wally\0"),
    (SOCKS4, "*192.0.2.7", {}, b"\x04\x01" + PORT_25 + V4 + b"\0"),
    (SOCKS4A, "192.0.2.7", {}, b"\x04\x01" + PORT_25 + V4 + b"\0"),
    (SOCKS4A, f"*{NAME}", {}, b"\x04\x01" + PORT_25 + b"\0\0\0\1\0mx.example.org\0"),
    (SOCKS5, "192.0.2.7", {}, ALONE + ASK + b"\1" + V4 + PORT_25),
    (SOCKS5, "::ffff:192.0.2.7", {}, ALONE + ASK + b"\1" + V4 + PORT_25),
    (SOCKS5, "[2001:db8::7]", {}, ALONE + ASK + b"\4" + V6 + PORT_25),
    (SOCKS5, f"*{NAME}", {}, ALONE + ASK + b"\3\x0emx.example.org" + PORT_25),
    (SOCKS5, "192.0.2.7", LOGIN, EITHER + ASK + b"\1" + V4 + PORT_25),
]


@pytest.mark.proves("firewall_type", "firewall_user", "mail_server")
@pytest.mark.parametrize(("kind", "host", "rows", "told"), TOLD)
def test_what_a_proxy_is_told(kind, host, rows, told):
    socks5 = (2 + told[1], OPEN, len(told) - 2 - told[1])
    script = {HTTP: (HEAD,), SOCKS5: socks5}.get(kind, (len(told),))
    with ScriptedProxy(*script, hang_up) as proxy:
        options = behind(proxy, kind, host, **rows)
        with failing(ConnectError, 118):
            Session.open(options, Run(timeout=5))
    assert proxy.heard == [told]


@pytest.mark.proves("firewall_user", "firewall_password")
def test_a_socks5_login_comes_before_the_request():
    script = (4, ASKS, 3 + len(USER + PASSWORD), LET_IN, 10, DONE)
    with Hostile() as server, ScriptedProxy(*script, to(server.port)) as proxy:
        send_through(behind(proxy, SOCKS5, **LOGIN))
        assert server.settled()[0].contents == [MAIL]
    login = b"\x01\x05wally\x0bs3cret-w4ll"
    assert proxy.heard == [b"\x05\x02\x00\x02" + login + b"\x05\x01\x00\x01" + LOCAL + PORT_25]


@pytest.mark.proves("FirewallData")
def test_a_tunnel_gets_further_header_lines():
    with Hostile() as server, ScriptedProxy(HEAD, CONNECTED, to(server.port)) as proxy:
        data = "X-Team: mail\r\nProxy-Authorization: Bearer t0ken-t0ken\r\n"
        send_through(behind(proxy, HTTP, firewall_data=data))
        assert server.settled()[0].contents == [MAIL]
    assert proxy.heard[0].endswith(
        b":25\r\nX-Team: mail\r\nProxy-Authorization: Bearer t0ken-t0ken\r\n\r\n"
    )


@pytest.mark.proves("FirewallData")
@pytest.mark.parametrize(
    "data",
    [
        "X: a\r\n\r\nRSET",
        "X: a\rY: b",
        "X: a\0",
        "X",
        ": a",
        "X : a",
        "X: a\r\n folded",
        "X: ä",
        "Content-Length: 5",
        "transfer-encoding: chunked",
        "Host: other",
    ],
)
def test_header_lines_stay_header_lines(data):
    with pytest.raises(UsageError) as caught:
        TransportOptions(firewall_data=data)
    assert "FirewallData" in str(caught.value)
    assert data not in str(caught.value)


CANNOT = [
    (SOCKS4, {"host": "*" + NAME}, "mail_server"),
    (SOCKS4, LOGIN, "firewall_password"),
    (SOCKS4A, LOGIN, "firewall_password"),
    (SOCKS4, {"firewall_data": "X: a"}, "FirewallData"),
    (SOCKS5, {"firewall_data": "X: a"}, "FirewallData"),
    (SOCKS5, {**LOGIN, "firewall_password": "p" * 256}, "firewall_password"),
    (SOCKS5, {**LOGIN, "firewall_user": "ü" * 128}, "firewall_user"),
    (HTTP, {**LOGIN, "firewall_user": "a:b"}, "firewall_user"),
    (HTTP, {**LOGIN, "firewall_data": "proxy-authorization: x"}, "FirewallData"),
    (HTTP, {**LOGIN, "firewall_password": "s3cret-\ud800"}, "firewall_password"),
]


@pytest.mark.parametrize(("kind", "rows", "name"), CANNOT)
def test_what_a_kind_has_no_words_for_is_refused_before_anything_is_connected(kind, rows, name):
    with ScriptedProxy(stall) as proxy, Hostile() as server:
        options = behind(proxy, kind, port=server.port, **rows)
        with pytest.raises(UsageError) as caught:
            Session.open(options, Run(timeout=5))
        assert not proxy.heard
        assert not server.connections
    assert caught.value.subject == name
    assert "s3cret" not in str(caught.value)


def test_socks4_reaches_no_ipv6_address():
    with ScriptedProxy(stall) as proxy:
        for kind in (SOCKS4, SOCKS4A):
            with failing(ConnectError, 10047) as caught:
                Session.open(behind(proxy, kind, "2001:db8::7"), Run(timeout=5))
            assert "2001:db8::7" in str(caught.value)
        assert not proxy.heard


@pytest.mark.parametrize("host", ["*a..b", "*a:b", "*a%lo", "*" + "x" * 64 + ".test"])
def test_a_name_that_is_none_is_not_told(host):
    with ScriptedProxy(stall) as proxy:
        with failing(ConnectError, 102) as caught:
            Session.open(behind(proxy, HTTP, host), Run(timeout=5))
        assert not proxy.heard
    assert caught.value.subject == host[1:]


# ----------------------------------------------------------------------------- what it answers

REFUSED = {
    "HTTP, no login": (HTTP, (HEAD, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")),
    "HTTP, wrong login": (HTTP, (HEAD, b"HTTP/1.0 401 Unauthorized\r\nX: y\r\n\r\n<html>")),
    "SOCKS4, no identd": (SOCKS4, (9, b"\x00\x5c" + bytes(6))),
    "SOCKS4, another user": (SOCKS4, (9, b"\x00\x5d" + bytes(6))),
    "SOCKS5, login wanted": (SOCKS5, (3, b"\x05\xff")),
}
LATER = {
    "HTTP, forbidden": (HTTP, (HEAD, b"HTTP/1.1 403 Access violation\r\n"), "403 Access violation"),
    "HTTP, unreachable": (HTTP, (HEAD, b"HTTP/1.1 502 \r\n\r\n"), "502"),
    "HTTP, without a reason": (HTTP, (HEAD, b"HTTP/1.1 503\n\n"), "503"),
    "HTTP, elsewhere": (HTTP, (HEAD, b"HTTP/1.1 302 Found\r\n\r\n"), "302 Found"),
    "SOCKS4": (SOCKS4, (9, b"\x00\x5b" + bytes(6)), "rejected or failed (91)"),
    "SOCKS4A, nothing after the code": (SOCKS4A, (9, b"\x00\x5b"), "rejected or failed (91)"),
    **{
        f"SOCKS5 {code}": (SOCKS5, (3, OPEN, 10, bytes([5, code])), f"(reply {code})")
        for code in (1, 2, 3, 4, 5, 6, 7, 8, 9, 255)
    },
}


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize(("kind", "script"), REFUSED.values(), ids=REFUSED)
def test_a_refused_login_is_final(kind, script):
    with ScriptedProxy(*script, hang_up) as proxy:
        with failing(ConnectError, 118) as caught:
            Session.open(behind(proxy, kind), Run(timeout=5))
        assert len(proxy.heard) == 1
    assert caught.value.retry is Retry.NO
    assert str(proxy.port) in caught.value.subject


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize("chop", [False, True])
@pytest.mark.parametrize(("kind", "script", "words"), LATER.values(), ids=LATER)
def test_a_refusal_is_told_in_the_proxys_words(kind, script, words, chop):
    proxy = ScriptedProxy(*script, hang_up, chop=chop)
    with proxy, failing(ConnectError, 118) as caught:
        Session.open(behind(proxy, kind), Run(timeout=5))
    assert words in str(caught.value)
    assert caught.value.retry is Retry.LATER


@pytest.mark.proves("SMTP 118", "firewall_user", "firewall_password")
def test_a_wrong_password_of_socks5():
    script = (4, ASKS, 3 + len(USER + PASSWORD), b"\x01\x01")
    with ScriptedProxy(*script, hang_up) as proxy, failing(ConnectError, 118) as caught:
        Session.open(behind(proxy, SOCKS5, **LOGIN), Run(timeout=5))
    assert "user or password" in str(caught.value)
    assert caught.value.retry is Retry.NO


def test_a_login_that_is_not_wanted_is_not_told():
    script = (4, OPEN, 10, DONE)
    with Hostile() as server, ScriptedProxy(*script, to(server.port)) as proxy:
        send_through(behind(proxy, SOCKS5, **LOGIN))
    assert PASSWORD.encode() not in proxy.heard[0]


@pytest.mark.parametrize("bound", [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\x02ab\x00\x19"])
def test_socks5_may_tell_any_kind_of_address(bound):
    script = (3, OPEN, 10, b"\x05\x00\x00" + bound)
    with Hostile() as server, ScriptedProxy(*script, to(server.port), chop=True) as proxy:
        send_through(behind(proxy, SOCKS5))
        assert server.settled()[0].contents == [MAIL]


def test_interim_answers_of_a_tunnel_are_heard_to_their_end():
    early = b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 \r\n\r\n"
    with (
        Hostile() as server,
        ScriptedProxy(HEAD, early, CONNECTED, to(server.port), chop=True) as proxy,
    ):
        send_through(behind(proxy, HTTP))
        assert server.settled()[0].contents == [MAIL]


def test_a_banner_right_behind_the_answer_is_the_servers():
    """It may come in the same packet, and nothing of it is lost."""
    banner = b"220 early.example ESMTP\r\n"
    with ScriptedProxy(HEAD, CONNECTED + banner, stall) as proxy:
        ears = Ears()
        with failing(TimeLimitError, 201):
            Session.open(behind(proxy, HTTP), Run(timeout=0.5, emit=ears))
    assert "220 early.example ESMTP" in ears.lines()


NONSENSE = {
    "HTTP, a mail server": (HTTP, (b"220 mx ESMTP\r\n",)),
    "HTTP, no line": (HTTP, (HEAD, b"x" * 20000)),
    "HTTP, endless line": (HTTP, (HEAD, forever(b"x" * 65536))),
    "HTTP, endless header": (HTTP, (HEAD, b"HTTP/1.1 200 ok\r\n", forever(b"X: y\r\n" * 999))),
    "HTTP, endless interim": (HTTP, (HEAD, forever(b"HTTP/1.1 100 \r\n\r\n" * 99))),
    "HTTP, version": (HTTP, (HEAD, b"HTTP/2 200\r\n\r\n")),
    "HTTP, code": (HTTP, (HEAD, b"HTTP/1.1 2000\r\n\r\n")),
    "HTTP, bytes": (HTTP, (HEAD, b"\xff\x00\xfe\r\n")),
    "SOCKS4, a web server": (SOCKS4, (9, b"HTTP/1.1 400 Bad\r\n")),
    "SOCKS4, code": (SOCKS4A, (9, b"\x00\x00" + bytes(6))),
    "SOCKS5, a web server": (SOCKS5, (3, b"HTTP/1.1 400 Bad\r\n")),
    "SOCKS5, method": (SOCKS5, (3, b"\x05\x02")),
    "SOCKS5, other version": (SOCKS5, (3, OPEN, 10, b"\x04\x00\x00\x01" + bytes(6))),
    "SOCKS5, address": (SOCKS5, (3, OPEN, 10, b"\x05\x00\x00\x09" + bytes(6))),
}


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize(("kind", "script"), NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_answer_of_a_proxy(kind, script):
    with ScriptedProxy(*script, stall) as proxy, Hostile() as server:
        with failing(ConnectError, 118) as caught:
            Session.open(behind(proxy, kind, port=server.port), Run(timeout=5))
        assert not server.connections
        assert len(proxy.heard) == 1
    assert caught.value.retry is Retry.NO
    assert "firewall_type" in caught.value.hint
    assert len(str(caught.value)) < 500


# Up to where each kind gets when its proxy goes away: every cut within an answer, and before it.
CUTS = [
    (kind, (*before, answer[:cut]))
    for kind, before, answer in (
        (HTTP, (HEAD,), CONNECTED),
        (SOCKS4, (9,), GRANTED),
        (SOCKS5, (3,), OPEN),
        (SOCKS5, (3, OPEN, 10), DONE),
    )
    for cut in range(len(answer))
]


@pytest.mark.proves("SMTP 118")
@pytest.mark.parametrize("end", [hang_up, reset])
def test_a_proxy_that_goes_away(end):
    for kind, script in CUTS:
        with ScriptedProxy(*script, end) as proxy, failing(ConnectError, 118) as caught:
            Session.open(behind(proxy, kind), Run(timeout=5))
        assert caught.value.retry is Retry.LATER
        assert str(proxy.port) in str(caught.value)


# --------------------------------------------------------------------------------- waits and ends

SLOW = {
    "says nothing": (stall,),
    "hears, and says nothing": (HEAD, stall),
    "byte by byte, for ever": (HEAD, b"HTTP/1.1 200 ", forever(b"x", 0.01)),
    "lines, for ever": (HEAD, b"HTTP/1.1 200 ok\r\n", forever(b"X: y\r\n", 0.02)),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_the_time_limit_is_for_the_whole_of_a_proxys_answer(script):
    with ScriptedProxy(*script) as proxy, failing(TimeLimitError, 201, within=2) as caught:
        Session.open(behind(proxy, HTTP), Run(timeout=0.5))
    assert str(proxy.port) in str(caught.value)


@pytest.mark.proves("ConnectionTimeout")
def test_connection_timeout_covers_the_proxys_answer():
    with ScriptedProxy(HEAD, stall) as proxy:
        started = time.monotonic()
        with failing(TimeLimitError, 201):
            Session.open(behind(proxy, HTTP, connection_timeout=1), Run(timeout=60))
    assert 0.8 < time.monotonic() - started < 4


@pytest.mark.proves("SMTP 301")
@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_an_interrupt_ends_a_wait_for_a_proxy(script):
    run = Run(timeout=30)
    threading.Timer(0.2, run.cancel).start()
    with ScriptedProxy(*script) as proxy, failing(Cancelled, 301, within=1.2):
        Session.open(behind(proxy, HTTP), run)


@pytest.mark.proves("SMTP 118", "firewall_host", "firewall_port")
def test_a_proxy_that_is_not_there():
    with socket.socket() as unused, Hostile() as server:
        unused.bind(("127.0.0.1", 0))
        options = TransportOptions(
            mail_server="127.0.0.1",
            mail_port=server.port,
            firewall_type=SOCKS5,
            firewall_host="127.0.0.1",
            firewall_port=unused.getsockname()[1],
        )
        with failing(ConnectError, 118) as caught:
            Session.open(options, Run(timeout=5))
        assert "refused" in str(caught.value)
        assert caught.value.retry is Retry.LATER
        options.firewall_host = "proxy.invalid"
        with failing(ConnectError, 118) as caught:
            Session.open(options, Run(timeout=5))
        assert "proxy.invalid" in str(caught.value)
        assert not server.connections


# ---------------------------------------------------------------------- addresses, names and events


@pytest.fixture
def names(monkeypatch):
    """Names that resolve as a test says; numbers go to the real resolver."""
    table, real = {}, socket.getaddrinfo

    def resolve(host, port, *arguments, **options):
        if options or host not in table:
            return real(host, port, *arguments, **options)
        return [real(each, port, type=socket.SOCK_STREAM)[0] for each in table[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


def test_the_next_address_is_asked_for_where_the_proxy_cannot_reach_one(names):
    names[NAME] = ["2001:db8::7", "192.0.2.7"]
    no = (3, OPEN, 22, b"\x05\x03\x00\x01" + bytes(6))
    with Hostile() as server:
        yes = (3, OPEN, 10, DONE, to(server.port))
        with ScriptedProxy(scripts=(no, yes)) as proxy:
            peer = send_through(behind(proxy, SOCKS5, NAME, use_ipv6=2))
            assert server.settled()[0].contents == [MAIL]
    assert peer.address == "192.0.2.7"
    assert [heard[6] for heard in proxy.heard] == [4, 1]
    proxy = ScriptedProxy(scripts=(no, (3, OPEN, 10, b"\x05\x05")))
    with proxy, failing(ConnectError, 118) as caught:
        Session.open(behind(proxy, SOCKS5, NAME, use_ipv6=2), Run(timeout=5))
    assert "(reply 5)" in str(caught.value)
    assert "(reply 3)" in str(caught.value)


def test_an_address_that_the_proxy_says_nothing_about_leaves_time_for_the_next(names):
    names[NAME] = ["192.0.2.6", "192.0.2.7"]
    with Hostile() as server:
        yes = (3, OPEN, 10, DONE, to(server.port))
        with ScriptedProxy(scripts=((3, OPEN, 10, stall), yes)) as proxy:
            peer = send_through(behind(proxy, SOCKS5, NAME), Run(timeout=2))
    assert peer.address == "192.0.2.7"


def test_a_refused_login_is_not_tried_for_the_next_address(names):
    names[NAME] = ["192.0.2.6", "192.0.2.7"]
    with ScriptedProxy(4, ASKS, 3 + len(USER + PASSWORD), b"\x01\x01", hang_up) as proxy:
        with failing(ConnectError, 118):
            Session.open(behind(proxy, SOCKS5, NAME, **LOGIN), Run(timeout=5))
        assert len(proxy.heard) == 1


@pytest.mark.proves("mail_server")
@pytest.mark.parametrize("kind", [HTTP, SOCKS5, SOCKS4A])
def test_an_asterisk_leaves_the_name_to_the_proxy(monkeypatch, kind):
    asked, real = [], socket.getaddrinfo

    def resolve(host, *arguments, **options):
        asked.append(host)
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with Hostile() as server:
        script = {
            HTTP: (HEAD, CONNECTED),
            SOCKS5: (3, OPEN, 7 + len(NAME), DONE),
            SOCKS4A: (10 + len(NAME), GRANTED),
        }[kind]
        with ScriptedProxy(*script, to(server.port)) as proxy:
            peer = send_through(behind(proxy, kind, f"*{NAME}"))
            assert server.settled()[0].contents == [MAIL]
    assert NAME.encode() in proxy.heard[0]
    assert not any(NAME in host for host in asked)
    assert (peer.host, peer.address) == (NAME, "")


@pytest.mark.parametrize("address", ["0.0.0.0", "*0.0.0.0", "*::"])  # noqa: S104 - never bound
def test_an_address_that_is_no_hosts_is_not_asked_for(address):
    with ScriptedProxy(stall) as proxy:
        with failing(ConnectError, 102):
            Session.open(behind(proxy, SOCKS5, address), Run(timeout=5))
        assert not proxy.heard


@pytest.mark.proves("on_connection_status", "on_pi_trail")
def test_what_is_told_of_a_connection_through_a_proxy():
    ears = Ears()
    with Hostile() as server, ScriptedProxy(*honest(SOCKS5, server.port)) as proxy:
        send_through(behind(proxy, SOCKS5), Run(timeout=5, emit=ears))
    told = [(event.connection_event, event.status_code) for event in ears.of(ConnectionStatus)]
    assert told == [
        ("firewall connected", 0),
        ("connected", 0),
        ("disconnected", 0),
        ("firewall disconnected", 0),
    ]
    firewall = f"SOCKS5 firewall 127.0.0.1:{proxy.port}"
    assert ears.lines()[:2] == [
        f"{firewall} is asked for 127.0.0.1:25",
        f"{firewall} leads to 127.0.0.1:25",
    ]
