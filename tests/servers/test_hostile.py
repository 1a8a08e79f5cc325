"""The hostile server does to a client what its script says, and keeps what the client sent."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time

import pytest

from gpgmail.testing.script import (
    Drop,
    Endless,
    Honest,
    Inject,
    Offer,
    Phase,
    Reply,
    Reset,
    Stall,
)
from tests.servers.hostile import Hostile

MAIL = b"Subject: one\r\n\r\n.dot\r\nend\r\n"
COMMAND_PHASES = (Phase.EHLO, Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT)
BROKEN = (smtplib.SMTPException, OSError)


def connect(server, tls, timeout, *, implicit):
    if implicit:
        return smtplib.SMTP_SSL("localhost", server.port, timeout=timeout, context=tls)
    return smtplib.SMTP("localhost", server.port, timeout=timeout)


def converse(server, tls=None, timeout=5.0, mail=MAIL, *, implicit=False):
    """One honest mail through smtplib, with a login, over TLS when `tls` is given."""
    with connect(server, tls, timeout, implicit=implicit) as client:
        if tls and not implicit:
            client.starttls(context=tls)
        client.login("user", "secret")
        client.sendmail("a@example.org", ["b@example.org"], mail)


def test_without_a_script_it_is_an_honest_server(certificates):
    with Hostile(tls=certificates.contexts["good"]) as server:
        converse(server, certificates.client_context())
        (connection,) = server.settled()

    assert " ".join(connection.verbs) == "EHLO STARTTLS EHLO AUTH MAIL RCPT DATA QUIT"
    assert connection.contents == [MAIL]
    assert connection.encrypted
    assert bytes(connection.clear).split(b"\r\n")[1:] == [b"STARTTLS", b""]
    assert b"b@example.org" in connection.through_tls


def test_implicit_tls(certificates):
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        converse(server, certificates.client_context(), implicit=True)
        (connection,) = server.settled()

    assert connection.contents == [MAIL]
    assert connection.clear == b""


def test_a_client_that_falls_back_to_plaintext_gives_itself_away(certificates):
    script = [{Phase.TLS_HELLO: Reset()}, {}]
    with Hostile(script, tls=certificates.contexts["good"], implicit_tls=True) as server:
        with pytest.raises(ConnectionResetError):
            smtplib.SMTP_SSL("localhost", server.port, timeout=5)
        converse(server)
        first, second = server.settled()

    assert first.hello.startswith(b"\x16\x03")
    assert first.clear == b""
    assert b"AUTH PLAIN" in second.clear


@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("initial", [True, False])
def test_logins_are_taken(mechanism, initial):
    with Hostile() as server, smtplib.SMTP("localhost", server.port, timeout=5) as client:
        client.ehlo()
        client.user, client.password = "user", "secret"
        authenticate = getattr(client, f"auth_{mechanism}")
        code, _ = client.auth(mechanism, authenticate, initial_response_ok=initial)

    assert code == 235


@pytest.mark.parametrize("phase", [Phase.BANNER, *COMMAND_PHASES])
@pytest.mark.parametrize("action", [Drop(), Reset(), Reply(b"421 4.3.2 Away\r\n", close=True)])
def test_a_connection_ends_at_every_phase(phase, action):
    with Hostile({phase: action}) as server:
        with pytest.raises(BROKEN):
            converse(server)
        (connection,) = server.settled()

    assert len(connection.contents) == (phase is Phase.DOT)


def end_of_connection(server):
    with socket.create_connection((server.host, server.port), 5) as client:
        client.recv(4096)
        client.sendall(b"NOOP\r\n")
        return client.recv(1)


def test_drop_is_an_end_and_reset_an_abort():
    with Hostile([{Phase.NOOP: Drop()}, {Phase.NOOP: Reset()}]) as server:
        assert end_of_connection(server) == b""
        with pytest.raises(ConnectionResetError):
            end_of_connection(server)


@pytest.mark.parametrize("action", [Drop(after=100_000), Reset(after=100_000)])
def test_a_connection_ends_within_the_content(action):
    large = MAIL + b"x" * 20_000_000 + b"\r\n"
    with Hostile({Phase.BODY: action}) as server:
        with pytest.raises(BROKEN):
            converse(server, mail=large)
        (connection,) = server.settled()

    assert connection.contents == []
    assert 100_000 <= len(connection.clear) < len(large)


@pytest.mark.parametrize("phase", [Phase.BANNER, *COMMAND_PHASES])
def test_a_stalled_phase_costs_the_client_its_limit_and_the_server_nothing(phase):
    started = time.monotonic()
    with Hostile({phase: Stall()}) as server, pytest.raises(BROKEN):
        converse(server, timeout=0.2)

    assert 0.2 <= time.monotonic() - started < 5


@pytest.mark.parametrize("action", [Drop(), Reset(), Reply(b"not TLS\r\n", close=True), Stall(0.1)])
@pytest.mark.parametrize("implicit", [True, False])
def test_the_tls_hello_is_answered_by_the_script(certificates, action, implicit):
    with Hostile(
        {Phase.TLS_HELLO: action}, tls=certificates.contexts["good"], implicit_tls=implicit
    ) as server:
        with pytest.raises(BROKEN):
            converse(server, certificates.client_context(), implicit=implicit)
        (connection,) = server.settled()

    assert connection.hello.startswith(b"\x16\x03")
    assert not connection.encrypted
    assert connection.verbs == ([] if implicit else ["EHLO", "STARTTLS"])


@pytest.mark.parametrize("name", ["wrong_host", "untrusted"])
def test_a_wrong_certificate_is_presented(certificates, name):
    with Hostile(tls=certificates.contexts[name]) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            converse(server, certificates.client_context())
        (connection,) = server.settled()

    assert connection.tls_error
    assert connection.through_tls == b""


def test_text_is_injected_behind_the_starttls_reply(certificates):
    script = {Phase.STARTTLS: Inject(b"250 injected\r\n")}
    with Hostile(script, tls=certificates.contexts["good"]) as server:
        with socket.create_connection((server.host, server.port), 5) as client:
            client.sendall(b"EHLO x\r\n")
            while b"250 " not in client.recv(4096):
                pass
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(4096) == b"220 2.0.0 Go ahead\r\n250 injected\r\n"
            secured = certificates.client_context().wrap_socket(client, server_hostname="localhost")
            with secured:
                secured.sendall(b"QUIT\r\n")
                assert secured.recv(4096).startswith(b"221")
        (connection,) = server.settled()

    assert connection.through_tls == b"QUIT\r\n"


def test_starttls_is_stripped(certificates):
    script = {Phase.EHLO: Offer((b"AUTH PLAIN",)), Phase.STARTTLS: Reply(b"502 no\r\n")}
    with Hostile(script, tls=certificates.contexts["good"]) as server:
        with smtplib.SMTP("localhost", server.port, timeout=5) as client:
            client.ehlo()
            assert not client.has_extn("starttls")
            assert client.docmd("STARTTLS")[0] == 502
        (connection,) = server.settled()

    assert not connection.encrypted


def test_replies_come_byte_by_byte():
    with Hostile(chop=True) as server:
        with socket.create_connection((server.host, server.port), 5) as client:
            pieces = []
            while b"".join(pieces[-2:])[-2:] != b"\r\n":
                pieces.append(client.recv(4096))
        assert len(pieces) > 5
        converse(server)

    assert server.connections[1].contents == [MAIL]


def test_a_line_without_an_end():
    with (
        Hostile({Phase.MAIL: Endless(1_000_000)}) as server,
        socket.create_connection((server.host, server.port), 5) as client,
    ):
        client.recv(4096)
        client.sendall(b"MAIL FROM:<a@example.org>\r\n")
        received = bytearray()
        while not received.endswith(b"\r\n"):
            received += client.recv(65536)

    assert len(received) > 1_000_000
    assert received.count(b"\n") == 1


@pytest.mark.parametrize("reply", [b"\r\n", b"hello\r\n", b"25\r\n", b"\x00\xff\r\n", b"250-a\r\n"])
def test_a_reply_is_sent_as_it_stands(reply):
    with (
        Hostile({Phase.NOOP: Reply(reply)}) as server,
        socket.create_connection((server.host, server.port), 5) as client,
    ):
        client.recv(4096)
        client.sendall(b"NOOP\r\n")
        assert client.recv(4096) == reply


def test_a_tuple_is_for_one_time_after_another():
    script = {Phase.RCPT: (Honest(), Reply(b"550 5.1.1 <b> unknown\r\n"), Honest())}
    with (
        Hostile(script) as server,
        smtplib.SMTP("localhost", server.port, timeout=5) as client,
    ):
        addresses = ["a@example.org", "b@example.org", "c@example.org", "d@example.org"]
        refused = client.sendmail("s@example.org", addresses, MAIL)

    assert refused == {"b@example.org": (550, b"5.1.1 <b> unknown")}


def test_a_sequence_is_for_one_connection_after_another():
    with Hostile([{Phase.DOT: Drop()}, {}]) as server:
        with contextlib.suppress(*BROKEN):
            converse(server)
        converse(server)
        converse(server)
        connections = server.settled()

    assert [len(connection.contents) for connection in connections] == [1, 1, 1]


def test_a_connection_that_is_held_open_is_said_to_be():
    with (
        Hostile() as server,
        socket.create_connection((server.host, server.port), 5),
        pytest.raises(TimeoutError),
    ):
        server.settled(0.1)


def test_a_closed_server_listens_no_more():
    with Hostile() as server:
        pass

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), 5)
