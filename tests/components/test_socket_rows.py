"""Rows of the connection on a component: they hold from one of its connections to the next."""

from __future__ import annotations

import socket
import ssl
import struct
import threading

import pytest

from gpgmail.core.errors import Cancelled
from tests.components.support import failing, smtp
from tests.servers.certificates import Certificates
from tests.servers.hostile import Hostile


@pytest.mark.proves("ReuseSSLSession")
def test_the_next_connection_resumes_the_last(tmp_path):
    certificates = Certificates.mint()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.chains["good"].configure_cert(tls)
    with Hostile(tls=tls, implicit_tls=True) as server:
        mailer = smtp(server, mail_server="localhost", ssl_start_mode=1)
        mailer.config(f"OpenSSLCAFile={certificates.write_authority(tmp_path / 'ca.pem')}")
        assert mailer.config("ReuseSSLSession") == "False"
        mailer.send()
        mailer.send()
        assert tls.session_stats()["hits"] == 0
        mailer.config("ReuseSSLSession=True")
        mailer.send()
        mailer.send()
        assert tls.session_stats()["hits"] == 1
        assert [len(connection.contents) for connection in server.settled()] == [1] * 4


@pytest.mark.proves("KeepAliveTime", "TCPKeepAlive", "Linger", "LocalPort")
def test_settings_go_by_their_names_to_the_socket_and_to_nothing_else():
    with Hostile() as server, smtp(server) as mailer:
        mailer.config("KeepAliveTime=61000")
        assert mailer.config("TCPKeepAlive") == "True"
        mailer.config("Linger=False")
        mailer.connect()
        sock = mailer._session.sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 61
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 0)
        assert mailer.config("LocalPort") == str(sock.getsockname()[1])
        mailer.disconnect()
        assert mailer.config("LocalPort") == "0"


@pytest.mark.proves("interrupt", "MaxTransferRate", "SMTP 301")
def test_a_throttled_mail_can_be_interrupted():
    with Hostile() as server:
        mailer = smtp(server, message_text="x" * 5000 + "\n")
        mailer.connect()
        mailer.config("MaxTransferRate=200")
        threading.Timer(0.5, mailer.interrupt).start()
        with failing(301, Cancelled):
            mailer.send()
        assert not mailer.connected
        (connection,) = server.settled()
    assert connection.contents == []
