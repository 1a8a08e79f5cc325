"""TLS with a real Postfix: what it logged of the handshake, and which mail it took after it."""

from __future__ import annotations

import re

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import TlsError
from gpgmail.core.events import SSLServerAuthentication
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.transport.support import ENVELOPE, MAIL, failing, send

pytestmark = pytest.mark.servers

_LOGGED = re.compile(r"TLS connection established from \S+ (\S+) with cipher (\S+) \((\d+)/")
CONTENT = b"Subject: one\r\n\r\ntext\r\n"


def options_of(postfix, face, *settings, **rows):
    rows = {"openssl_ca_file": str(postfix.ca_file), **rows}
    mode = 1 if face.startswith("implicit") else 2
    options = TransportOptions(
        mail_server="localhost", mail_port=postfix.port(face), ssl_start_mode=mode, **rows
    )
    for setting in settings:
        configure(options, setting)
    return options


@pytest.mark.proves("SSLEnabledProtocols", "SSLEnabledCipherSuites", "SSLNegotiatedCipher")
@pytest.mark.parametrize(
    ("face", "settings", "expected"),
    [
        ("tls_1_2", (), ("TLSv1.2", "")),
        ("tls_1_3", (), ("TLSv1.3", "")),
        ("starttls", ("SSLEnabledProtocols=3072",), ("TLSv1.2", "")),
        ("implicit", ("SSLEnabledProtocols=12288",), ("TLSv1.3", "")),
        (
            "starttls",
            ("SSLEnabledCipherSuites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",),
            ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ),
    ],
)
def test_what_is_read_out_is_what_the_server_logged(postfix, face, settings, expected):
    before = len(postfix.log())
    with Session.open(options_of(postfix, face, *settings), Run(timeout=20)) as session:
        session.deliver(ENVELOPE, [CONTENT])
        told = session.negotiated
    version, cipher, strength = _LOGGED.findall(postfix.log()[before:])[-1]
    assert (told.version, told.cipher, str(told.strength)) == (version, cipher, strength)
    assert (version, cipher if expected[1] else "") == expected
    assert len(postfix.all_mail()) == len(ENVELOPE.recipients)


@pytest.mark.proves("SSLEnabledProtocols", "SSL 276")
@pytest.mark.parametrize(("face", "value"), [("tls_1_2", 12288), ("tls_1_3", 3072)])
def test_without_a_version_in_common_nothing_is_sent(postfix, face, value):
    with failing(TlsError, 276) as caught:
        send(options_of(postfix, face, f"SSLEnabledProtocols={value}"))
    assert "SSLEnabledProtocols" in caught.value.hint
    assert not postfix.all_mail()


@pytest.mark.proves("on_ssl_server_authentication")
@pytest.mark.parametrize("face", ["untrusted", "implicit_untrusted", "wrong_host"])
@pytest.mark.parametrize("accept", [True, False])
def test_a_handler_decides_about_a_certificate(postfix, face, accept):
    def decide(event):
        if isinstance(event, SSLServerAuthentication):
            event.accept = accept

    run = Run(emit=decide, hears={SSLServerAuthentication}.__contains__, timeout=20)
    if accept:
        send(options_of(postfix, face), run=run, content=CONTENT)
    else:
        with failing(TlsError, 280):
            send(options_of(postfix, face), run=run, content=CONTENT)
    assert len(postfix.all_mail()) == accept * len(ENVELOPE.recipients)


@pytest.mark.proves("ssl_accept_server_cert_encoded")
@pytest.mark.parametrize("face", ["untrusted", "implicit_untrusted", "starttls"])
def test_one_certificate_is_taken_and_no_other(postfix, face):
    keys_and_chain = (postfix.state / "tls" / "untrusted.pem").read_bytes()
    only = keys_and_chain[keys_and_chain.index(b"-----BEGIN CERTIFICATE") :]
    options = options_of(postfix, face, ssl_accept_server_cert_encoded=only)
    if "untrusted" in face:
        send(options, content=CONTENT)
        assert len(postfix.all_mail()) == len(ENVELOPE.recipients)
        return
    with failing(TlsError, 280):
        send(options, content=MAIL)
    assert not postfix.all_mail()
