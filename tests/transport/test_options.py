"""The rows of this room: names and defaults of the reference, checks, a Run's time limit."""

from __future__ import annotations

import time

import pytest

from gpgmail.core.config import configure
from gpgmail.core.declare import rows
from gpgmail.core.errors import StateError, TimeLimitError, UsageError
from gpgmail.transport.options import TransportOptions, new_run

DOCUMENTED = {
    "mail_server": "",
    "mail_port": 25,
    "user": "",
    "password": "",
    "auth_mechanism": 0,
    "AuthorizationIdentity": "",
    "UseNTLMv2": True,
    "timeout": 60,
    "allow_extensions": True,
    "local_host": "",
    "firewall_auto_detect": False,
    "firewall_type": 0,
    "firewall_host": "",
    "firewall_user": "",
    "firewall_password": "",
    "firewall_port": 0,
    "FirewallData": "",
    "ProxyExceptionsList": "",
    "InBufferSize": 0,
    "OutBufferSize": 0,
    "TcpNoDelay": False,
    "TCPKeepAlive": False,
    "KeepAliveTime": 0,
    "KeepAliveInterval": 0,
    "KeepAliveRetryCount": 0,
    "Linger": True,
    "LingerTime": 0,
    "MaxTransferRate": 0,
    "ssl_provider": 0,
    "SSLProvider": "",
    "ReuseSSLSession": False,
    "OpenSSLPrngSeedData": "",
    "ssl_start_mode": 3,
    "ssl_enabled": False,
    "OpenSSLCAFile": "",
    "OpenSSLCADir": "",
    "SSLCACertFilePaths": "/etc/ssl/ca-bundle.pem;/etc/pki/tls/certs/ca-bundle.crt;"
    "/etc/ssl/certs/ca-certificates.crt;/etc/pki/tls/cacert.pem",
    "SSLServerCACerts": "",
    "ssl_cert_store_type": 0,
    "ssl_cert_store": b"MY",
    "ssl_cert_store_password": "",
    "ssl_cert_subject": "",
    "ssl_cert_encoded": b"",
    "SSLCACerts": "",
    "SSLSecurityFlags": 0,
    "SSLCheckCRL": 0,
    "SSLCheckOCSP": 0,
    "ssl_accept_server_cert_encoded": b"",
    "SSLIncludeCertChain": False,
    "SSLKeyLogFile": "",
    "LogSSLPackets": False,
    "SSLEnabledProtocols": 3072 + 12288,
    "SSLEnabledCipherSuites": "*",
    "SSLCipherStrength": 0,
    "OpenSSLCipherList": "DEFAULT",
    "TLS12SupportedGroups": "ecdhe_secp256r1,ecdhe_secp384r1,ecdhe_secp521r1",
    "TLS13SupportedGroups": "ecdhe_x25519,ecdhe_x448,ecdhe_secp256r1,ecdhe_secp384r1,"
    "ecdhe_secp521r1,ffdhe_2048,ffdhe_3072,ffdhe_4096,ffdhe_6144,ffdhe_8192",
    "TLS13KeyShareGroups": "ecdhe_x25519,ecdhe_secp256r1,ecdhe_secp384r1,ffdhe_2048,ffdhe_3072",
    "TLS12SignatureAlgorithms": "sha512-ecdsa,sha512-rsa,sha512-dsa,sha384-ecdsa,sha384-rsa,"
    "sha384-dsa,sha256-ecdsa,sha256-rsa,sha256-dsa,sha224-ecdsa,sha224-rsa,sha224-dsa,"
    "sha1-ecdsa,sha1-rsa,sha1-dsa",
    "TLS13SignatureAlgorithms": "rsa_pss_sha256,rsa_pss_sha384,rsa_pss_sha512,rsa_pkcs1_sha256,"
    "rsa_pkcs1_sha384,rsa_pkcs1_sha512,ecdsa_secp256r1_sha256,ecdsa_secp384r1_sha384,"
    "ecdsa_secp521r1_sha512,ed25519,ed448",
    "SSLEnableRenegotiation": True,
    "Hello": "",
    "ConnectionTimeout": 0,
    "AbsoluteTimeout": False,
    "LocalPort": 0,
    "MaxLineLength": 2048,
    "UseIPv6": 0,
    "StopOnToErrors": True,
    "StopOnCcErrors": True,
    "StopOnBccErrors": False,
    "SendRSET": True,
    "MaskSensitive": True,
}
OURS = {
    "PlainOnLoopback": False,
    "AllowCleartextAuth": False,
    "AuthMechanisms": "",
    "SSLCertKeyPassword": "",
    "LMTP": False,
    "UnixSocket": "",
    "Pipelining": True,
    "Chunking": True,
}


def test_every_row_is_documented_or_says_that_it_is_ours():
    options = TransportOptions()
    told = {
        row.name if row.prop else row.key: getattr(options, row.name)
        for row in rows(TransportOptions)
    }
    assert told == DOCUMENTED | OURS
    for row in rows(TransportOptions):
        assert ("Ours" in row.doc) == (row.key in OURS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_server", "mx example"),
        ("mail_server", "user@mx"),
        ("mail_server", "mx\r\nRSET"),
        ("mail_port", 65536),
        ("mail_port", -1),
        ("user", "u\nx"),
        ("timeout", -1),
        ("ssl_start_mode", 4),
        ("hello", "two words"),
        ("hello", "a\r\nMAIL"),
        ("hello", "bücher"),
        ("max_line_length", 255),
        ("use_ipv6", 3),
        ("local_host", "1.2.3.4\n"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(name, value):
    with pytest.raises(UsageError):
        TransportOptions(**{name: value})


def test_brackets_around_an_address_do_not_matter():
    assert TransportOptions(mail_server="[::1]").mail_server == "::1"


def test_settings_go_by_their_documented_names():
    options = TransportOptions()
    assert configure(options, "opensslcafile=/etc/ca.pem") == "/etc/ca.pem"
    assert configure(options, "AllowCleartextAuth=True") == "True"
    assert options.openssl_ca_file == "/etc/ca.pem"
    assert options.allow_cleartext_auth


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("mail_server", 101),
        ("mail_port", 100),
        ("local_host", 107),
        ("local_port", 106),
        ("max_line_length", 112),
    ],
)
def test_rows_that_are_fixed_while_connected_say_with_which_number(name, number):
    (row,) = [row for row in rows(TransportOptions) if row.name == name]
    assert row.locked is not None
    assert issubclass(row.locked.kind, StateError)
    assert row.locked.code.number == number


def test_the_password_is_in_no_repr():
    assert "s3cret" not in repr(TransportOptions(password="s3cret"))


def test_the_limit_of_a_run_is_inactivity_or_the_whole():
    moving = new_run(TransportOptions(timeout=1))
    whole = new_run(TransportOptions(timeout=1, absolute_timeout=True))
    for run in (moving, whole):
        run._started -= 2  # two seconds passed
        run.touch()
    moving.check("a wait")
    with pytest.raises(TimeLimitError) as caught:
        whole.check("a wait")
    assert caught.value.code.number == 201


def test_a_block_may_have_its_own_limit():
    run = new_run(TransportOptions(timeout=60))
    with run.within(0.05):
        assert run.remaining() <= 0.05
        time.sleep(0.06)
        with pytest.raises(TimeLimitError):
            run.check("a wait")
    assert run.remaining() > 50
    with run.within(0):
        assert run.remaining() > 50
