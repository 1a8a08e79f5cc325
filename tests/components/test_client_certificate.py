"""The client certificate on a component: flat properties, and the same as one value."""

from __future__ import annotations

import ssl

import pytest

from gpgmail.components import SMTP, Certificate
from gpgmail.core.errors import TlsError, UnsupportedError, UsageError
from tests.servers.certificates import Certificates
from tests.servers.hostile import Hostile
from tests.servers.pki import Issued

AUTO, PEM_BLOB = 99, 7
FLAT = {
    "store": "ssl_cert_store",
    "store_b": "ssl_cert_store",
    "store_password": "ssl_cert_store_password",
    "store_type": "ssl_cert_store_type",
    "key_password": "ssl_cert_key_password",
}


@pytest.fixture(scope="module")
def someone():
    return Issued.root().client("Someone")


@pytest.fixture
def store(someone, tmp_path):
    return someone.write(tmp_path / "client.pem")


@pytest.mark.proves("ssl_cert_subject", "ssl_cert_encoded")
def test_reading_shows_what_is_found(someone, store):
    mailer = SMTP()
    assert (mailer.ssl_cert_subject, mailer.ssl_cert_encoded) == ("", b"")
    mailer.ssl_cert_store_type = AUTO
    mailer.ssl_cert_store = bytes(store)
    mailer.ssl_cert_subject = "some"
    assert mailer.ssl_cert_subject == "CN=Someone"
    assert mailer.get_ssl_cert_encoded() == someone.pem
    mailer.set_ssl_cert_subject("nobody")
    with pytest.raises(TlsError) as caught:
        _ = mailer.ssl_cert_subject
    assert caught.value.code.number == 272
    mailer.ssl_cert_subject = "*"
    assert mailer.ssl_cert_subject == "CN=Someone"


@pytest.mark.proves("ssl_cert_encoded", "ssl_cert_subject")
def test_subject_and_certificate_take_each_others_place(someone, store):
    other = Issued.root("Other")
    mailer = SMTP(ssl_cert_store_type=AUTO, ssl_cert_store=bytes(store), ssl_cert_subject="some")
    mailer.ssl_cert_encoded = other.pem
    assert mailer.ssl_cert_subject == "CN=Other"
    assert mailer.ssl_cert_encoded == other.pem
    mailer.ssl_cert_subject = "some"
    assert mailer.ssl_cert_encoded == someone.pem


@pytest.mark.proves("ssl_cert")
def test_one_value_is_a_view_of_the_properties(someone, store):
    mailer = SMTP()
    view = mailer.ssl_cert
    assert view.blank
    view.store_type, view.store, view.subject = AUTO, str(store), "some"
    view.store_password = view.key_password = "word"
    assert mailer.ssl_cert_store == bytes(store)
    assert mailer.ssl_cert_subject == "CN=Someone"
    for field, flat in FLAT.items():
        value = getattr(mailer, flat)
        assert getattr(view, field) == (value.decode() if field == "store" else value)
    mailer.ssl_cert_store_type, mailer.ssl_cert_store = PEM_BLOB, someone.pem
    mailer.ssl_cert_subject = ""
    assert not view.private_key_available
    assert view.encoded_b == someone.pem
    view.encoded_b = someone.pem + someone.key_pem
    assert mailer.ssl_cert_encoded == someone.pem + someone.key_pem
    assert view.private_key_available


@pytest.mark.proves("ssl_cert")
def test_setting_one_value_copies_it(store):
    given = Certificate(AUTO, str(store), "word", "some")
    mailer = SMTP(ssl_cert_key_password="another", ssl_cert_encoded=b"another")
    mailer.ssl_cert = given
    assert mailer.ssl_cert.subject == "CN=Someone"
    assert mailer.ssl_cert_key_password == "word"
    given.store = "elsewhere"
    assert mailer.ssl_cert_store == bytes(store)
    mailer.ssl_cert = Certificate()
    assert mailer.ssl_cert.blank
    assert mailer.ssl_cert_store == b"MY"
    with pytest.raises(UsageError, match="ssl_cert: takes Certificate, not str"):
        mailer.ssl_cert = "client.pem"


@pytest.mark.proves("ssl_cert_store_type", "ssl_cert_store")
def test_what_does_not_fit_is_refused_at_assignment():
    mailer = SMTP()
    with pytest.raises(UsageError):
        mailer.ssl_cert_store_type = 20
    with pytest.raises(UnsupportedError):
        mailer.ssl_cert_store_type = 1
    with pytest.raises(UsageError):
        mailer.set_ssl_cert_store("client.pem")
    mailer.ssl_cert_store = b""
    assert mailer.ssl_cert_store == b"MY"


@pytest.mark.proves("ssl_cert", "ssl_cert_store", "ssl_cert_store_type", "SSLCACerts")
@pytest.mark.parametrize("mode", [1, 2])
def test_a_mail_goes_out_under_it(tmp_path, mode):
    root = Issued.root()
    deep = root.authority("Middle").client("Deep")
    certificates = Certificates.mint()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.chains["good"].configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=root.pem.decode())
    ca_file = certificates.write_authority(tmp_path / "ca.pem")
    with Hostile(tls=context, implicit_tls=mode == 1) as server:
        mailer = SMTP(
            mail_server="localhost",
            mail_port=server.port,
            ssl_start_mode=mode,
            openssl_ca_file=str(ca_file),
            from_="a@example.org",
            send_to="b@example.org",
            message_text="text",
            timeout=10,
        )
        mailer.ssl_cert = Certificate(deep.write(tmp_path / "x.pem", deep.key_pem, deep.pem))
        with pytest.raises(TlsError):
            mailer.send()
        mailer.config(f"SSLCACerts={deep.issuers[0].pem.decode()}")
        mailer.send()
        connections = server.settled()
    assert [len(one.contents) for one in connections] == [0, 1]
