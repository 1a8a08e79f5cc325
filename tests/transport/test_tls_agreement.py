"""What a handshake agrees on, by what the server agreed to and by what never reached it."""

from __future__ import annotations

import ssl
import stat
import subprocess
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_keys
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gpgmail.core.config import configure
from gpgmail.core.errors import ConnectError, PolicyError, TlsError, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.tls import groups, suites
from tests.transport.support import failing, send
from tests.transport.tls import (
    GROUPS,
    KEY_SHARE,
    NUMBERS,
    RSA,
    TLS_1_2,
    TLS_1_3,
    ServerContext,
    agreed,
    configured,
    hello_of,
    numbers,
    serving,
)

GCM_256, GCM_128 = "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"


@pytest.fixture
def good(certificates):
    return certificates.chains["good"]


@pytest.fixture
def rsa(certificates):
    """A certificate with an RSA key, for the suites that need one."""
    return certificates.authority.issue_cert("localhost", key_type=RSA)


def refused(context, ca_file, *settings, number=276):
    """The error of a mail under *settings*; no byte of it reached the server."""
    with serving(context) as server:
        options = configured(server, ca_file, *settings)
        with failing(TlsError, number) as caught:
            send(options)
        assert all(not connection.through_tls for connection in server.settled())
        assert all(not connection.clear for connection in server.settled())
    return caught.value


# --------------------------------------------------------------------------------------- versions


@pytest.mark.proves("SSLEnabledProtocols")
@pytest.mark.parametrize(
    ("value", "version"),
    [(3072, "TLSv1.2"), (0x2000, "TLSv1.3"), (12288, "TLSv1.3"), (15360, "TLSv1.3")],
)
def test_the_versions_that_are_enabled(good, ca_file, value, version):
    assert agreed(ServerContext(good), ca_file, f"SSLEnabledProtocols={value}")[0] == version


@pytest.mark.proves("SSLEnabledProtocols", "SSL 276")
@pytest.mark.parametrize(("value", "server"), [(3072, TLS_1_3), (12288, TLS_1_2)])
def test_no_other_version_is_spoken(good, ca_file, value, server):
    error = refused(ServerContext(good, (server,)), ca_file, f"SSLEnabledProtocols={value}")
    assert "SSLEnabledProtocols" in error.hint


def test_by_default_nothing_older_than_tls_1_2(good, ca_file):
    old = ServerContext(good, (ssl.TLSVersion.TLSv1_1,), "ALL:@SECLEVEL=0")
    assert "SSLEnabledProtocols" in refused(old, ca_file).hint


@pytest.mark.skipif(not (ssl.HAS_TLSv1 and ssl.HAS_TLSv1_1), reason="OpenSSL without TLS 1.0, 1.1")
@pytest.mark.parametrize(
    ("value", "server", "version"),
    [
        (4032, ssl.TLSVersion.TLSv1, "TLSv1"),
        (768, ssl.TLSVersion.TLSv1_1, "TLSv1.1"),
        (4032, TLS_1_2, "TLSv1.2"),
    ],
)
def test_old_versions_are_spoken_once_they_are_asked_for(good, ca_file, value, server, version):
    old = ServerContext(good, (server,), "ALL:@SECLEVEL=0")
    assert agreed(old, ca_file, f"SSLEnabledProtocols={value}")[0] == version


@pytest.mark.skipif(not ssl.HAS_TLSv1, reason="OpenSSL without TLS 1.0")
def test_a_version_between_enabled_ones_is_left_before_a_write(good, ca_file):
    between = ServerContext(good, (TLS_1_2,), "ALL:@SECLEVEL=0")
    error = refused(between, ca_file, f"SSLEnabledProtocols={12288 + 192}")
    assert "TLSv1.2" in str(error)


@pytest.mark.proves("SSLEnabledProtocols")
@pytest.mark.parametrize(("value", "kind"), [(48, UnsupportedError), (12, UnsupportedError)])
def test_versions_that_openssl_has_not(value, kind):
    with pytest.raises(kind, match="SSLv"):
        configure(TransportOptions(), f"SSLEnabledProtocols={value + 3072}")


@pytest.mark.parametrize("value", [0, 1, -1, 1 << 20])
def test_bits_of_no_version(value):
    with pytest.raises(UsageError):
        configure(TransportOptions(), f"SSLEnabledProtocols={value}")


# ----------------------------------------------------------------------------------- cipher suites


@pytest.mark.proves("SSLEnabledCipherSuites")
@pytest.mark.parametrize(
    "value",
    [
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        " tls_ecdhe_rsa_with_aes_128_gcm_sha256 ; ",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA;ECDHE-RSA-AES128-GCM-SHA256",
    ],
)
def test_suites_of_tls_1_2_by_either_name(rsa, ca_file, value):
    found = agreed(ServerContext(rsa), ca_file, f"SSLEnabledCipherSuites={value}")
    assert found == ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.proves("SSLEnabledCipherSuites")
def test_a_suite_that_nobody_would_choose_otherwise(rsa, ca_file):
    setting = "SSLEnabledCipherSuites=TLS_RSA_WITH_AES_128_CBC_SHA"
    context = ServerContext(rsa, ciphers="ALL")
    assert agreed(context, ca_file, setting) == ("TLSv1.2", "AES128-SHA")


@pytest.mark.proves("SSLEnabledCipherSuites")
def test_a_server_without_such_a_suite_gets_nothing(good, ca_file):
    """Its key is for ECDSA."""
    setting = "SSLEnabledCipherSuites=TLS_RSA_WITH_AES_128_CBC_SHA"
    assert "SSLEnabledCipherSuites" in refused(ServerContext(good), ca_file, setting).hint


@pytest.mark.proves("SSLEnabledCipherSuites")
def test_all_suites_of_tls_1_3_leave_the_choice_to_openssl(good, ca_file):
    names = f"{GCM_128};{GCM_256};TLS_CHACHA20_POLY1305_SHA256"
    found = agreed(ServerContext(good), ca_file, f"SSLEnabledCipherSuites={names}")
    assert found == ("TLSv1.3", GCM_256)
    only_old = ServerContext(good, (TLS_1_2,))
    refused(only_old, ca_file, f"SSLEnabledCipherSuites={names}")


@pytest.mark.proves("SSLEnabledCipherSuites")
def test_a_suite_of_tls_1_3_that_is_not_wanted_never_carries_mail(good, ca_file):
    setting = f"SSLEnabledCipherSuites={GCM_128};ECDHE-ECDSA-AES128-GCM-SHA256"
    context = ServerContext(good)
    if hasattr(ssl.SSLContext, "set_ciphersuites"):
        assert agreed(context, ca_file, setting) == ("TLSv1.3", GCM_128)
        return
    error = refused(context, ca_file, setting)
    assert GCM_256 in str(error)
    assert "SSLEnabledCipherSuites" in error.hint
    assert context.agreed == [("TLSv1.3", GCM_256)]


def test_any_suite_is_meant_by_a_star(good, ca_file):
    found = agreed(ServerContext(good), ca_file, "SSLEnabledCipherSuites=*")
    assert found == ("TLSv1.3", GCM_256)


@pytest.mark.proves("SSLEnabledCipherSuites")
@pytest.mark.parametrize("value", ["CALG_AES_256", "TLS_RSA_WITH_DES_CBC_SHA", "nothing"])
def test_suites_that_openssl_has_not(value):
    with pytest.raises(UnsupportedError, match=value):
        configure(TransportOptions(), f"SSLEnabledCipherSuites={GCM_256};{value}")


def test_no_suite_at_all_is_no_list():
    with pytest.raises(UsageError):
        configure(TransportOptions(), "SSLEnabledCipherSuites=;")


@pytest.mark.parametrize(
    "settings",
    [
        ("SSLEnabledProtocols=3072", f"SSLEnabledCipherSuites={GCM_256}"),
        ("SSLEnabledProtocols=12288", "SSLEnabledCipherSuites=ECDHE-RSA-AES128-GCM-SHA256"),
        ("OpenSSLCipherList=aNULL:eNULL:PSK",),
        ("OpenSSLCipherList=no such cipher",),
        (
            "SSLCipherStrength=256",
            "OpenSSLCipherList=AES128:@SECLEVEL=1",
            "SSLEnabledProtocols=3072",
        ),
    ],
)
def test_settings_that_leave_nothing_are_an_error_of_the_caller(good, ca_file, settings):
    with serving(ServerContext(good)) as server:
        with failing(UsageError):
            send(configured(server, ca_file, *settings))
        assert not server.settled()[0].through_tls


@pytest.mark.proves("OpenSSLCipherList")
def test_a_cipher_string_of_openssl(rsa, ca_file):
    only = ("SSLEnabledProtocols=3072", "OpenSSLCipherList=ECDHE+AES128:!SHA1:@SECLEVEL=1")
    found = agreed(ServerContext(rsa), ca_file, *only)
    assert found == ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    refused(ServerContext(rsa, (TLS_1_2,), "AES256-SHA"), ca_file, *only)


def test_a_cipher_string_never_admits_a_server_without_a_certificate(good, ca_file):
    anonymous = ServerContext(good, (TLS_1_2,), "aNULL:@SECLEVEL=0")
    refused(anonymous, ca_file, "OpenSSLCipherList=ALL:@SECLEVEL=0")


@pytest.mark.proves("SSLCipherStrength")
def test_the_strength_that_a_cipher_must_have(rsa, ca_file):
    weak = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    strong = ServerContext(rsa, (TLS_1_2,), f"{weak}:ECDHE-RSA-AES256-GCM-SHA384")
    found = agreed(strong, ca_file, "SSLCipherStrength=200")
    assert found[1] == "ECDHE-RSA-AES256-GCM-SHA384"
    only_weak = ServerContext(rsa, (TLS_1_2,), weak)
    assert agreed(only_weak, ca_file, "SSLCipherStrength=128")[0] == "TLSv1.2"
    assert "SSLCipherStrength" in refused(only_weak, ca_file, "SSLCipherStrength=129").hint


def test_standard_names_are_those_that_openssl_prints():
    command = ["openssl", "ciphers", "-stdname", "-s", "ALL:!PSK:!SRP:!aNULL:@SECLEVEL=0"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    pairs = [line.split()[:3:2] for line in printed.splitlines()]
    assert len(pairs) > 30
    assert [suites.standard_name(name) for _, name in pairs] == [name for name, _ in pairs]
    assert suites.standard_name("PSK-NULL-SHA") == ""


# ------------------------------------------------------------------------------------------ groups


@pytest.mark.proves("TLS13SupportedGroups")
@pytest.mark.parametrize(
    ("name", "openssl"),
    [
        ("ecdhe_x25519", "X25519"),
        ("ecdhe_x448", "X448"),
        ("ecdhe_secp384r1", "secp384r1"),
        ("ffdhe_2048", "ffdhe2048"),
    ],
)
def test_a_group_of_tls_1_3(certificates, good, ca_file, name, openssl):
    settings = ("SSLEnabledProtocols=12288", f"TLS13SupportedGroups={name}")
    assert agreed(ServerContext(good, group=openssl), ca_file, *settings)[0] == "TLSv1.3"
    refused(ServerContext(good, group="prime256v1"), ca_file, *settings)
    hello = hello_of(certificates, ca_file, *settings)
    assert numbers(hello[GROUPS]) == [NUMBERS[openssl]]
    assert int.from_bytes(hello[KEY_SHARE][2:4], "big") == NUMBERS[openssl]


@pytest.mark.proves("TLS12SupportedGroups")
def test_a_group_of_tls_1_2(certificates, rsa, ca_file):
    """In TLS 1.2 the groups are those of an ECDSA certificate, too: so this one is RSA's."""
    settings = ("SSLEnabledProtocols=3072", "TLS12SupportedGroups=ecdhe_secp384r1")
    assert agreed(ServerContext(rsa, group="secp384r1"), ca_file, *settings)[0] == "TLSv1.2"
    hello = hello_of(certificates, ca_file, *settings)
    assert numbers(hello[GROUPS]) == [NUMBERS["secp384r1"]]


def test_one_group_for_both_versions(certificates, good, ca_file):
    both = ("TLS12SupportedGroups=ecdhe_secp384r1", "TLS13SupportedGroups=ecdhe_secp384r1")
    assert numbers(hello_of(certificates, ca_file, *both)[GROUPS]) == [NUMBERS["secp384r1"]]
    with serving(ServerContext(good)) as server:
        with failing(UnsupportedError) as caught:
            send(configured(server, ca_file, both[0]))
        assert not server.settled()[0].through_tls
    assert "SSLEnabledProtocols" in caught.value.hint


@pytest.mark.proves("TLS12SupportedGroups", "TLS13SupportedGroups")
@pytest.mark.parametrize("key", ["TLS12SupportedGroups", "TLS13SupportedGroups"])
def test_several_groups_where_python_can_set_them(certificates, ca_file, key):
    setting = f"{key}=ecdhe_secp384r1,ecdhe_secp256r1"
    version = f"SSLEnabledProtocols={3072 if '12' in key else 12288}"
    if hasattr(ssl.SSLContext, "set_groups"):
        hello = hello_of(certificates, ca_file, version, setting)
        assert numbers(hello[GROUPS]) == [NUMBERS["secp384r1"], NUMBERS["prime256v1"]]
        return
    with pytest.raises(UnsupportedError, match=key):
        configure(TransportOptions(), setting)


@pytest.mark.parametrize("value", ["", "ecdhe_x25519", "secp256r1", "ecdhe_secp256r1;x"])
def test_groups_that_tls_1_2_has_not(value):
    with pytest.raises(UsageError):
        configure(TransportOptions(), f"TLS12SupportedGroups={value}")


# -------------------------------------------------------------------------------------- signatures


@pytest.fixture(scope="module")
def signed_by_rsa(tmp_path_factory):
    """A certificate that an RSA key signed with SHA-256, and its authority as a file."""
    authority = trustme.CA(key_type=RSA)
    path = tmp_path_factory.mktemp("rsa") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority.issue_cert("localhost"), str(path)


@pytest.mark.proves("TLS12SignatureAlgorithms")
def test_what_a_certificate_may_be_signed_with_in_tls_1_2(good, ca_file, signed_by_rsa):
    leaf, rsa_file = signed_by_rsa
    only = ("SSLEnabledProtocols=3072", "TLS12SignatureAlgorithms=sha256-rsa,sha512-ecdsa")
    assert agreed(ServerContext(leaf), rsa_file, *only)[0] == "TLSv1.2"
    error = refused(ServerContext(good), ca_file, *only, number=280)
    assert "sha256-ecdsa" in str(error)
    assert "TLS12SignatureAlgorithms" in error.hint
    assert agreed(ServerContext(good), ca_file, only[0], "TLS12SignatureAlgorithms=")
    assert agreed(ServerContext(good), ca_file, only[1])[0] == "TLSv1.3"


@pytest.mark.proves("TLS13SignatureAlgorithms")
def test_what_a_certificate_may_be_signed_with_in_tls_1_3(good, ca_file, signed_by_rsa):
    leaf, rsa_file = signed_by_rsa
    only = "TLS13SignatureAlgorithms=rsa_pkcs1_sha256,ed25519"
    assert agreed(ServerContext(leaf), rsa_file, only)[0] == "TLSv1.3"
    error = refused(ServerContext(good), ca_file, only, number=280)
    assert "ecdsa_secp256r1_sha256" in str(error)
    assert "TLS13SignatureAlgorithms" in error.hint
    assert agreed(ServerContext(good, (TLS_1_2,)), ca_file, only)[0] == "TLSv1.2"


@pytest.fixture(scope="module")
def signed_with_pss(tmp_path_factory):
    """The same with RSA-PSS, which is what hash its parameters say; and a certificate to serve."""
    key = rsa_keys.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA384(), rsa_padding=PSS(MGF1(SHA384()), PSS.DIGEST_LENGTH))
    )
    path = tmp_path_factory.mktemp("pss") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.mark.proves("TLS12SignatureAlgorithms", "TLS13SignatureAlgorithms")
def test_signatures_by_rsa_pss(signed_with_pss):
    class Leaf:
        def configure_cert(self, context):
            context.load_cert_chain(signed_with_pss)

    for version, right, wrong in (
        (TLS_1_2, "TLS12SignatureAlgorithms=sha384-rsa", "TLS12SignatureAlgorithms=sha256-rsa"),
        (TLS_1_3, "TLS13SignatureAlgorithms=rsa_pss_sha384", "TLS13SignatureAlgorithms=ed448"),
    ):
        context = ServerContext(Leaf(), (version,))
        assert agreed(context, str(signed_with_pss), right)
        refused(context, str(signed_with_pss), wrong, number=280)


@pytest.mark.parametrize(
    "setting",
    ["TLS12SignatureAlgorithms=rsa_pkcs1_sha256", "TLS13SignatureAlgorithms=sha256-rsa"],
)
def test_names_of_signatures_are_those_of_their_version(setting):
    with pytest.raises(UsageError):
        configure(TransportOptions(), setting)


# ----------------------------------------------------------------------------------- renegotiation


@contextmanager
def talking_server(chain):
    """A server of TLS 1.2 that says what it is told to and tells every message that passes."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-msg", "-crlf"]
    with subprocess.Popen(
        [*command, "-cert", chain, "-key", chain],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def lines_to(server, *words):
    """The lines of a server until one has any of *words*."""
    lines = []
    while not lines or not any(word in lines[-1] for word in words):
        lines.append(server.stdout.readline())
        assert lines[-1], lines
    return lines


def until_the_end(session):
    with suppress(ConnectError, TlsError):
        session.docmd("NOOP")


def renegotiating(chain, ca_file, *settings):
    """Connect to a server that wants to negotiate anew; return what came of that."""
    with talking_server(chain) as server:
        port = int(lines_to(server, "ACCEPT ")[-1].rpartition(":")[2])
        options = TransportOptions(
            mail_server="localhost", mail_port=port, ssl_start_mode=1, openssl_ca_file=ca_file
        )
        for setting in settings:
            configure(options, setting)
        server.stdin.write("220 here\n")
        session = Session(options, Run(timeout=20))
        session.connect("localhost", port)
        waiting = threading.Thread(target=until_the_end, args=(session,))
        waiting.start()
        lines_to(server, "NOOP")
        server.stdin.write("r\n")
        ends = lines_to(server, "ClientHello", "no_renegotiation")[-1]
        server.kill()
        waiting.join()
        session.abort()
        return ends


@pytest.mark.proves("SSLEnableRenegotiation")
def test_a_server_may_negotiate_anew_unless_that_is_off(certificates, ca_file, tmp_path):
    chain = str(certificates.write_chain("good", tmp_path / "good.pem"))
    assert "ClientHello" in renegotiating(chain, ca_file)
    assert "no_renegotiation" in renegotiating(chain, ca_file, "SSLEnableRenegotiation=False")


# ---------------------------------------------------------------------------------------- read-out


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("implicit", [True, False])
def test_what_was_agreed_on_is_what_the_server_agreed_to(rsa, ca_file, version, implicit):
    context = ServerContext(rsa, (version,))
    with (
        serving(context, implicit=implicit) as server,
        Session.open(configured(server, ca_file, implicit=implicit), Run(timeout=5)) as session,
    ):
        told = session.negotiated
        assert [(told.version, told.cipher)] == context.agreed
        assert told.suite == suites.standard_name(told.cipher)
        assert told.strength == 256
        if not hasattr(ssl.SSLSocket, "group"):
            assert told.key_exchange == {TLS_1_2: "ECDHE", TLS_1_3: ""}[version]
            assert told.key_exchange_strength is None
        pem = rsa.cert_chain_pems[0].bytes().decode()
        assert told.certificate == ssl.PEM_cert_to_DER_cert(pem)


def test_a_group_is_told_where_no_other_was_offered(good, ca_file):
    settings = ("SSLEnabledProtocols=12288", "TLS13SupportedGroups=ffdhe_2048")
    with (
        serving(ServerContext(good)) as server,
        Session.open(configured(server, ca_file, *settings), Run(timeout=5)) as session,
    ):
        told = session.negotiated
        assert (told.key_exchange, told.key_exchange_strength) == ("DHE", 2048)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("x25519", ("X25519", 253)),
        ("secp256r1", ("prime256v1", 256)),
        ("ffdhe2048", ("ffdhe2048", 2048)),
        ("X25519MLKEM768", None),
    ],
)
def test_a_group_by_the_name_that_python_3_15_tells(name, group):
    assert groups.known(name) == group


def test_in_clear_nothing_was_agreed_on(good):
    with serving(ServerContext(good), implicit=False) as server:
        options = TransportOptions(mail_server="127.0.0.1", mail_port=server.port)
        with Session.open(options, Run(timeout=5)) as session:
            assert session.negotiated.version == session.negotiated.suite == ""
            assert session.negotiated.certificate == b""


# -------------------------------------------------------------------------------------- key log


@pytest.mark.proves("SSLKeyLogFile")
def test_the_secrets_of_a_connection_are_added_to_the_key_log(good, ca_file, tmp_path):
    log = tmp_path / "keys"
    setting = f"SSLKeyLogFile={log}"
    for version, label in ((TLS_1_3, "CLIENT_TRAFFIC_SECRET_0"), (TLS_1_2, "CLIENT_RANDOM")):
        before = log.read_text() if log.exists() else ""
        agreed(ServerContext(good, (version,)), ca_file, setting)
        assert log.read_text().startswith(before)
        assert label in log.read_text().removeprefix(before)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.proves("SSLKeyLogFile")
def test_secrets_never_go_where_others_can_read(good, ca_file, tmp_path):
    log = tmp_path / "keys"
    log.touch()
    log.chmod(0o644)
    with serving(ServerContext(good)) as server:
        with failing(PolicyError):
            send(configured(server, ca_file, f"SSLKeyLogFile={log}"))
        with failing(PolicyError):
            send(configured(server, ca_file, "SSLKeyLogFile=/dev/null"))
        with failing(UsageError):
            send(configured(server, ca_file, f"SSLKeyLogFile={tmp_path}/none/keys"))
        assert all(not connection.through_tls for connection in server.settled())
    assert Path(log).read_text() == ""
