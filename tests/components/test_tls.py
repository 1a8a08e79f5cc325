"""What components show and are told of TLS: read-outs, the server's certificate, the events."""

from __future__ import annotations

import ssl

import pytest

from gpgmail.components import PSMTP, SMTP, Certificate
from gpgmail.core.errors import TlsError, UsageError
from tests.components.support import Ears, failing, smtp
from tests.servers.certificates import Certificates
from tests.transport.tls import TLS_1_2, TLS_1_3, ServerContext, serving

READ_OUTS = (
    "SSLNegotiatedCipher",
    "SSLNegotiatedCipherStrength",
    "SSLNegotiatedCipherSuite",
    "SSLNegotiatedKeyExchange",
    "SSLNegotiatedKeyExchangeStrength",
    "SSLNegotiatedProtocol",
    "SSLNegotiatedVersion",
)


@pytest.fixture(scope="module")
def certificates():
    return Certificates.mint()


@pytest.fixture
def ca_file(certificates, tmp_path):
    return str(certificates.write_authority(tmp_path / "ca.pem"))


@pytest.fixture(params=[1, 2], ids=["implicit", "explicit"])
def mode(request):
    return request.param


def secured(server, ca_file, mode=1, **values):
    mailer = smtp(server, mail_server="localhost", ssl_start_mode=mode, **values)
    mailer.config(f"OpenSSLCAFile={ca_file}")
    return mailer


def read_outs(mailer):
    return [mailer.config(name) for name in READ_OUTS]


def pem(leaf):
    return leaf.cert_chain_pems[0].bytes()


@pytest.mark.proves(
    "SSLNegotiatedCipher",
    "SSLNegotiatedCipherStrength",
    "SSLNegotiatedCipherSuite",
    "SSLNegotiatedKeyExchange",
    "SSLNegotiatedKeyExchangeStrength",
    "SSLNegotiatedProtocol",
    "SSLNegotiatedVersion",
)
def test_what_the_server_agreed_to_is_read_out(certificates, ca_file, mode):
    context = ServerContext(certificates.chains["good"], (TLS_1_2,), "ECDHE+AES128")
    with serving(context, implicit=mode == 1) as server:
        mailer = secured(server, ca_file, mode)
        mailer.config("SSLEnabledProtocols=3072")
        mailer.config("TLS12SupportedGroups=ecdhe_secp256r1")
        assert read_outs(mailer) == [""] * 7
        mailer.send()
    assert context.agreed == [("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")]
    assert read_outs(mailer) == [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "128",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE",
        "256",
        "TLSv1.2",
        "TLSv1.2",
    ]
    mailer.reset()
    assert read_outs(mailer) == [""] * 7


def test_what_ssl_does_not_tell_stays_empty(certificates, ca_file):
    context = ServerContext(certificates.chains["good"], (TLS_1_3,))
    with serving(context) as server:
        mailer = secured(server, ca_file)
        mailer.send()
    cipher = context.agreed[0][1]
    told = [cipher, "256", cipher, "", "", "TLSv1.3", "TLSv1.3"]
    if not hasattr(ssl.SSLSocket, "group"):
        assert read_outs(mailer) == told


def test_in_clear_there_is_nothing_to_read_out(certificates, ca_file):
    with serving(ServerContext(certificates.chains["good"])) as server:
        mailer = secured(server, ca_file)
        mailer.send()
    assert mailer.config("SSLNegotiatedVersion") != ""
    with serving(None, implicit=False) as server:
        mailer.mail_port, mailer.mail_server, mailer.ssl_start_mode = server.port, "127.0.0.1", 3
        mailer.send()
    assert read_outs(mailer) == [""] * 7
    assert mailer.ssl_server_cert_encoded == b""


@pytest.mark.parametrize("name", READ_OUTS)
def test_read_outs_cannot_be_set(name):
    with pytest.raises(UsageError):
        SMTP().config(f"{name}=x")


@pytest.mark.proves("ssl_server_cert", "ssl_server_cert_encoded")
def test_the_servers_certificate_is_read_out(certificates, ca_file, mode):
    leaf = certificates.chains["good"]
    with serving(ServerContext(leaf), implicit=mode == 1) as server:
        mailer = secured(server, ca_file, mode)
        assert mailer.ssl_server_cert.subject == ""
        assert mailer.get_ssl_server_cert_encoded() == b""
        mailer.connect()
        assert mailer.ssl_server_cert_encoded == pem(leaf)
        mailer.disconnect()
    assert mailer.get_ssl_server_cert_encoded() == pem(leaf)
    shown = mailer.ssl_server_cert
    assert shown.subject_alt_names == "DNS:localhost, IP Address:127.0.0.1"
    assert shown.encoded_b == pem(leaf)
    with pytest.raises(AttributeError):
        mailer.ssl_server_cert = shown
    with pytest.raises(AttributeError):
        mailer.ssl_server_cert_encoded = b""


@pytest.mark.proves("ssl_accept_server_cert", "ssl_accept_server_cert_encoded")
@pytest.mark.parametrize("kind", [SMTP, PSMTP])
def test_one_certificate_is_taken_and_no_other(certificates, tmp_path, kind):
    leaf = certificates.chains["untrusted"]
    path = certificates.write_chain("untrusted", tmp_path / "untrusted.pem")
    stated = (
        {"ssl_accept_server_cert": Certificate(pem(leaf))},
        {"ssl_accept_server_cert": Certificate(6, path, "", "*")},
        {"ssl_accept_server_cert_encoded": pem(leaf)},
    )
    context = ServerContext(leaf)
    with serving(context) as server:
        for values in stated:
            mailer = smtp(server, mail_server="localhost", ssl_start_mode=1)
            for name, value in values.items():
                setattr(mailer, name, value)
            assert mailer.ssl_accept_server_cert.encoded_b == pem(leaf)
            mailer.send()
        mailer.ssl_accept_server_cert = Certificate(pem(certificates.chains["good"]))
        with failing(280, TlsError):
            mailer.send()
        mailer.ssl_accept_server_cert = Certificate()
        assert mailer.get_ssl_accept_server_cert_encoded() == b""
        with failing(280, TlsError):
            mailer.send()
        connections = server.settled()
    assert [len(connection.contents) for connection in connections] == [1, 1, 1, 0, 0]
    assert not any(connection.through_tls for connection in connections[3:])


def test_the_one_certificate_is_a_certificate():
    with pytest.raises(UsageError, match="ssl_accept_server_cert"):
        SMTP().ssl_accept_server_cert = b"x"


@pytest.mark.proves("on_ssl_server_authentication", "SSLIncludeCertChain")
def test_a_handler_decides(certificates, ca_file, mode):
    leaf = certificates.chains["untrusted"]
    answers = [True, False, None]
    shown = []

    def decide(event):
        shown.append(event)
        answer = answers[len(shown) - 1]
        if answer is not None:
            event.accept = answer

    with serving(ServerContext(leaf), implicit=mode == 1) as server:
        mailer = secured(server, ca_file, mode)
        mailer.on_ssl_server_authentication = decide
        mailer.send()
        for _ in range(2):
            with failing(280, TlsError):
                mailer.send()
        mailer.on_ssl_server_authentication = None
        with failing(280, TlsError):
            mailer.send()
        connections = server.settled()
    assert [len(connection.contents) for connection in connections] == [0, 0, 1, *[0] * 5]
    assert len(shown) == 3
    certificate = Certificate(shown[0].cert_encoded)
    assert certificate.subject == shown[0].cert_subject
    assert certificate.issuer == shown[0].cert_issuer
    assert shown[0].status == "unable to get local issuer certificate"


@pytest.mark.proves("on_ssl_status", "LogSSLPackets")
def test_the_handshake_is_told(certificates, ca_file):
    with serving(ServerContext(certificates.chains["good"])) as server:
        mailer = secured(server, ca_file)
        ears = Ears(mailer, "ssl_status")
        mailer.send()
        quiet = [event.message for event in ears.ssl_status]
        mailer.config("LogSSLPackets=True")
        mailer.send()
    assert quiet[-1] == "the certificate verifies"
    assert any("client hello" in event.message for event in ears.ssl_status)
    assert not any("client hello" in message for message in quiet)


def test_a_handler_may_interrupt(certificates, ca_file):
    with serving(ServerContext(certificates.chains["untrusted"])) as server:
        mailer = secured(server, ca_file)
        mailer.on_ssl_server_authentication = lambda _: mailer.interrupt()
        with failing(301):
            mailer.send()
        assert not any(connection.through_tls for connection in server.settled())
    assert mailer.idle


@pytest.mark.proves("SSLSecurityFlags", "SSLEnabledProtocols")
def test_numbers_may_be_hexadecimal():
    mailer = SMTP()
    assert mailer.config("SSLSecurityFlags=0x80000010") == str(0x80000010)
    assert mailer.config("SSLEnabledProtocols=0xC00") == "3072"
