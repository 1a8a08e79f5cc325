"""Every number of the system, the resolver and TLS as a caller meets it, and `on_error` too.

What the kernel and the resolver say is put in at their own functions; connections that end and
records that are no TLS are real ones.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import contextmanager
from threading import Thread

import pytest

from gpgmail.core.errors import ConnectError, TlsError
from gpgmail.testing.script import Drop, Phase, Reset
from tests.components.support import Ears, smtp
from tests.servers.certificates import Certificates
from tests.servers.hostile import Hostile
from tests.transport.test_failures import ERRNOS, RESOLVED

OF_A_CONNECTION = (201, 1120)  # whatever the system calls it


@pytest.fixture(scope="module")
def certificates():
    return Certificates.mint()


def told(mailer, family, number, kind, method="connect"):
    """Let a call fail with this code; `on_error` is told the same, and no connection is left."""
    ears = Ears(mailer, "error")
    with pytest.raises(kind) as caught:
        getattr(mailer, method)()
    assert (caught.value.code.family, caught.value.code.number) == (family, number), caught.value
    assert [event.error_code for event in ears.error] == [number]
    assert not mailer.connected
    return str(caught.value)


@pytest.mark.proves(
    "connect",
    "TCP/IP 10004",
    "TCP/IP 10009",
    "TCP/IP 10013",
    "TCP/IP 10014",
    "TCP/IP 10022",
    "TCP/IP 10024",
    "TCP/IP 10035",
    "TCP/IP 10036",
    "TCP/IP 10037",
    "TCP/IP 10038",
    "TCP/IP 10039",
    "TCP/IP 10040",
    "TCP/IP 10041",
    "TCP/IP 10042",
    "TCP/IP 10043",
    "TCP/IP 10044",
    "TCP/IP 10045",
    "TCP/IP 10046",
    "TCP/IP 10047",
    "TCP/IP 10048",
    "TCP/IP 10049",
    "TCP/IP 10050",
    "TCP/IP 10051",
    "TCP/IP 10052",
    "TCP/IP 10055",
    "TCP/IP 10056",
    "TCP/IP 10059",
    "TCP/IP 10061",
    "TCP/IP 10062",
    "TCP/IP 10063",
    "TCP/IP 10064",
    "TCP/IP 10065",
    "TCP/IP 10068",
    "TCP/IP 10069",
    "TCP/IP 10070",
    "TCP/IP 10071",
    "TCPClient 1120",
    "TCPClient 201",
)
@pytest.mark.parametrize(("name", "kind", "code"), ERRNOS)
def test_what_the_kernel_says_of_a_connection(monkeypatch, name, kind, code):
    """It says so where a connection that was under way is asked how it ended."""
    number = getattr(errno, name)
    begin, ask = socket.socket.connect_ex, socket.socket.getsockopt

    def under_way(sock, where):
        begin(sock, where)
        return errno.EINPROGRESS

    def ended(sock, level, option, *size):
        asked = (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return number if asked else ask(sock, level, option, *size)

    family = "TCPClient" if code in OF_A_CONNECTION else "TCP/IP"
    with Hostile() as server:
        mailer = smtp(server)
        monkeypatch.setattr(socket.socket, "connect_ex", under_way)
        monkeypatch.setattr(socket.socket, "getsockopt", ended)
        words = told(mailer, family, code, kind)
    assert os.strerror(number) in words


@pytest.mark.proves("connect", "TCP/IP 11001", "TCP/IP 11002", "TCP/IP 11003", "TCP/IP 11004")
@pytest.mark.parametrize(("name", "code"), RESOLVED)
def test_what_the_resolver_says_of_a_name(monkeypatch, name, code):
    def refuse(*_args, **_values):
        raise socket.gaierror(getattr(socket, name), "words of the resolver")

    with Hostile() as server:
        mailer = smtp(server, mail_server="mx.example.org")
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        words = told(mailer, "TCP/IP", code, ConnectError)
        assert not server.connections
    assert "mx.example.org: words of the resolver" in words


@pytest.mark.proves("connect", "send", "TCPClient 1120")
@pytest.mark.parametrize("action", [Drop(), Reset()], ids=["FIN", "RST"])
@pytest.mark.parametrize(("method", "phase"), [("connect", Phase.EHLO), ("send", Phase.MAIL)])
def test_a_connection_that_ends(action, method, phase):
    with Hostile({phase: action}) as server:
        assert told(smtp(server), "TCPClient", 1120, ConnectError, method)


@pytest.mark.proves("SSL 276")
def test_a_server_that_speaks_no_tls():
    with Hostile() as server:
        assert "STARTTLS" in told(smtp(server, ssl_start_mode=1), "SSL", 276, TlsError)


def secured(port, certificates, tmp_path):
    """A component that speaks TLS to *port* at once."""

    class Server:
        pass

    Server.port = port
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    mailer = smtp(Server, mail_server="localhost", ssl_start_mode=1)
    mailer.config(f"OpenSSLCAFile={ca_file}")
    return mailer


@contextmanager
def greeting_under_tls(certificates, behind):
    """The port of a server that greets under TLS, and then writes these bytes without it."""

    def serve():
        connection, _ = listener.accept()
        with certificates.contexts["good"].wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"220 hello\r\n")
            secure.recv(1000)
            os.write(secure.fileno(), behind)
            secure.settimeout(10)
            try:
                secure.recv(1000)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.proves("SSL 284")
@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (b"250 somebody in between\r\n", "WRONG_VERSION_NUMBER"),
        (b"\x17\x03\x03\x00\x20" + bytes(32), "BAD_RECORD_MAC"),
    ],
    ids=["no record", "forged record"],
)
def test_what_cannot_be_decrypted(certificates, tmp_path, behind, reason):
    with greeting_under_tls(certificates, behind) as port:
        words = told(secured(port, certificates, tmp_path), "SSL", 284, TlsError)
    assert words.startswith("TLS could not decrypt: EHLO at localhost[127.0.0.1]")
    assert reason in words


@pytest.mark.proves("SSL 283")
def test_what_cannot_be_encrypted(certificates, tmp_path, monkeypatch):
    """OpenSSL gives up on a record of ours: nothing that a server does makes it."""

    send = ssl.SSLSocket.send

    def refuse(sock, *arguments):
        if sock.server_side:
            return send(sock, *arguments)
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, "words of OpenSSL")

    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        mailer = secured(server.port, certificates, tmp_path)
        monkeypatch.setattr(ssl.SSLSocket, "send", refuse)
        assert "words of OpenSSL" in told(mailer, "SSL", 283, TlsError)
        assert all(one.through_tls == b"" for one in server.settled())
