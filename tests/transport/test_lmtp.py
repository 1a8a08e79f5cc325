"""LMTP: an answer for each recipient behind the content, over TCP and at a Unix socket."""

from __future__ import annotations

import socket

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import (
    ConnectError,
    ServerError,
    TimeLimitError,
    UsageError,
)
from gpgmail.core.run import Run
from gpgmail.delivery.mailer import Mailer
from gpgmail.message.draft import Draft
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.url import parse
from tests.servers.replay import Pieces, Replay, Script
from tests.servers.roundtrips import RoundTrips
from tests.transport.support import MAIL, failing

A, B, C = "a@example.org", "b@example.org", "c@example.org"
THREE = Envelope("x@example.org", (Recipient(A), Recipient(B), Recipient(C)))
OFFERS = [b"PIPELINING", b"CHUNKING", b"8BITMIME"]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "s")


def opened(server, **rows):
    options = TransportOptions(mail_server=server.host, mail_port=server.port, lmtp=True, **rows)
    return Session.open(options, Run(timeout=5))


# -------------------------------------------------------------------------------- per recipient


@pytest.mark.proves("LMTP")
def test_all_are_taken():
    with RoundTrips(OFFERS, lmtp=True) as server, opened(server) as session:
        server.since()
        delivery = session.deliver(THREE, [MAIL])
        assert server.since() == 2
    assert delivery.accepted == (A, B, C)
    assert str(delivery.final) == f"250 taken for {C}"
    assert [mail.content for mail in server.taken] == [MAIL]


@pytest.mark.parametrize("stop_on", [(), list(RecipientType)])
def test_some_are_refused_behind_the_content(stop_on):
    with (
        RoundTrips(OFFERS, lmtp=True, refuses_content=[B.encode()]) as server,
        opened(server) as session,
    ):
        delivery = session.deliver(THREE, [MAIL], stop_on=stop_on)
        assert session.deliver(THREE, [MAIL]).accepted == (A, C)
    assert delivery.accepted == (A, C)
    assert {who: str(said) for who, said in delivery.refused.items()} == {B: f"452 no room for {B}"}
    assert str(delivery.final) == f"250 taken for {C}"
    assert server.taken[0].recipients == (A.encode(), C.encode())


def test_one_before_and_one_behind_the_content():
    refusing = {"refuses": [A.encode()], "refuses_content": [B.encode()]}
    with RoundTrips(OFFERS, lmtp=True, **refusing) as server, opened(server) as session:
        delivery = session.deliver(THREE, [MAIL])
    assert delivery.accepted == (C,)
    assert {who: said.code for who, said in delivery.refused.items()} == {A: 550, B: 452}


def test_all_are_refused_behind_the_content():
    everybody = [each.encode() for each in THREE.addresses]
    with (
        RoundTrips(OFFERS, lmtp=True, refuses_content=everybody) as server,
        opened(server) as session,
    ):
        with failing(ServerError, 161) as caught:
            session.deliver(THREE, [MAIL])
        assert session.still_there()
    assert caught.value.retry is Retry.LATER
    assert {who: said.text for who, said in caught.value.refused.items()} == {
        each: f"no room for {each}" for each in THREE.addresses
    }


def test_a_mailer_accounts_for_each(path):
    draft = Draft(from_=A, to=f"{A}, {B}", subject="x", text="y\n")
    with (
        RoundTrips(OFFERS, lmtp=True, path=path, refuses_content=[B.encode()]),
        Mailer(f"lmtp+unix:{path}") as mailer,
    ):
        receipt = mailer.send(draft)
        assert mailer.send(draft).accepted == (A,)
    assert receipt.accepted == (A,)
    assert {who: said.code for who, said in receipt.refused.items()} == {B: 452}


# ---------------------------------------------------------------------- lost among the answers

HELLO = [("S", b"220 mx\r\n"), ("C", b"LHLO me.example\r\n"), ("S", b"250 PIPELINING\r\n")]
NAMED = [
    ("C", b"MAIL FROM:<x@example.org>\r\n"),
    *[("C", f"RCPT TO:<{each}>\r\n".encode()) for each in THREE.addresses],
    ("C", b"DATA\r\n"),
]
ASKED = [("S", b"250 ok\r\n" * 4 + b"354 go\r\n"), ("C", b"x\r\n"), ("C", b".\r\n")]


def played(answers, *behind):
    """One mail to three, with these answers behind its content; returns what the server saw."""
    steps = [("S", b"220 mx\r\n"), ("C", b"LHLO me.example\r\n")]
    steps += [("S", b"250-mx\r\n250 PIPELINING\r\n"), *NAMED, *ASKED, ("S", answers), *behind]
    return Replay(Script("", steps=steps), Pieces.WHOLE)


def options_of(server):
    return TransportOptions(
        mail_server=server.host, mail_port=server.port, lmtp=True, hello="me.example"
    )


@pytest.mark.parametrize(
    ("rest", "kind"), [(b"", ConnectError), (b"25", ConnectError), (b"what\r\n", ConnectError)]
)
def test_who_has_an_answer_is_named_where_the_others_have_none(rest, kind):
    with (
        played(b"250 ok\r\n" + rest, ("X", b"")) as server,
        failing(kind, 13) as caught,
        Session.open(options_of(server), Run()) as session,
    ):
        session.deliver(THREE, [b"x\r\n"])
    assert server.fault == ""
    assert caught.value.accepted == (A,)
    assert caught.value.retry is Retry.UNKNOWN


def test_a_server_that_is_slow_among_the_answers():
    with played(b"250 ok\r\n", ("C", b"never")) as server:
        options = options_of(server)
        with failing(TimeLimitError, 201) as caught, Session.open(options, Run(timeout=0.4)) as one:
            one.deliver(THREE, [b"x\r\n"])
    assert caught.value.accepted == (A,)
    assert caught.value.retry is Retry.UNKNOWN


def test_421_among_the_answers_is_for_those_who_have_none():
    with (
        played(b"250 ok\r\n421 going down\r\n", ("X", b"")) as server,
        Session.open(options_of(server), Run()) as session,
    ):
        delivery = session.deliver(THREE, [b"x\r\n"])
        assert not session.connected
    assert delivery.accepted == (A,)
    assert {who: said.code for who, said in delivery.refused.items()} == {B: 421, C: 421}


def test_content_that_is_asked_for_though_nobody_was_taken_ends_the_connection():
    """There would be no answer to its dot."""
    answers = b"250 ok\r\n" + b"550 no\r\n" * 3 + b"354 go\r\n"
    steps = [("S", b"220 mx\r\n"), ("C", b"LHLO me.example\r\n")]
    steps += [("S", b"250-mx\r\n250 PIPELINING\r\n"), *NAMED, ("S", answers)]
    with (
        Replay(Script("", steps=steps), Pieces.WHOLE) as server,
        Session.open(options_of(server), Run()) as session,
    ):
        with failing(ServerError, 161):
            session.deliver(THREE, [b"x\r\n"])
        assert not session.connected
    assert server.fault == ""


# ---------------------------------------------------------------------------------- the way there


@pytest.mark.parametrize("allow_extensions", [True, False])
def test_lhlo_is_said_and_nothing_else(allow_extensions):
    with RoundTrips([], lmtp=True) as server:
        with opened(server, allow_extensions=allow_extensions) as session:
            session.deliver(THREE, [MAIL])
        smtp = TransportOptions(mail_server=server.host, mail_port=server.port)
        with RoundTrips([]) as other, failing(ServerError, 161):
            opened(other)
        with Session.open(smtp, Run(timeout=5)) as session:  # HELO is known to anybody here
            assert session.extensions == {}
    assert len(server.taken) == 1


@pytest.mark.parametrize("form", ["lmtp+unix:{}", "lmtp+unix://{}", "LMTP+UNIX:{}"])
@pytest.mark.proves("UnixSocket")
def test_at_a_unix_socket(path, form):
    options = parse(form.format(path))
    with (
        RoundTrips(OFFERS, lmtp=True, path=path) as server,
        Session.open(options, Run(timeout=5)) as session,
    ):
        assert str(session.peer) == path
        assert session.peer.loopback
        assert session.local_name == ("", 0)
        session.deliver(THREE, [MAIL])
    assert server.taken[0].content == MAIL


@pytest.mark.parametrize(
    ("hostname", "named"),
    [("laptop", "laptop"), ("mx.example", "mx.example"), ("a_b", "localhost")],
)
def test_without_an_address_the_name_is_a_word(monkeypatch, path, hostname, named):
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    with (
        RoundTrips(OFFERS, lmtp=True, path=path),
        Session.open(parse(f"lmtp+unix:{path}"), Run(timeout=5)) as session,
    ):
        assert session.local_hostname == named


def test_a_socket_at_which_nobody_listens(path):
    options = parse(f"lmtp+unix:{path}")
    with failing(ConnectError) as caught:
        Session.open(options, Run(timeout=5))
    assert path in str(caught.value)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        with failing(ConnectError, 10061):
            Session.open(options, Run(timeout=5))


def test_a_socket_at_which_too_many_wait(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        with failing(TimeLimitError, 201):
            Session.open(parse(f"lmtp+unix:{path}"), Run(timeout=0.3))
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("url", "rows"),
    [
        ("lmtp://127.0.0.1", {"mail_port": 24, "plain_on_loopback": True, "ssl_start_mode": 2}),
        ("lmtp://mx.example:2003", {"mail_port": 2003, "ssl_start_mode": 2}),
        ("lmtp://[::1]?tls=required", {"plain_on_loopback": False, "ssl_start_mode": 2}),
        ("lmtp+unix:/run/a%20b", {"unix_socket": "/run/a b", "ssl_start_mode": 3}),
        ("lmtp+unix:///run/a", {"unix_socket": "/run/a"}),
    ],
)
def test_urls(url, rows):
    options = parse(url)
    assert options.lmtp
    assert {name: getattr(options, name) for name in rows} == rows


@pytest.mark.parametrize(
    "url",
    [
        "lmtp+unix:run/a",
        "lmtp+unix:",
        "lmtp+unix://host/run/a",
        "lmtp+unix:/a%00b",
        "lmtp+unix:/" + "x" * 103,
        "lmtps://x",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(UsageError):
        parse(url)
