"""The certificate selector: every field, how one is named, and that nothing is opened too early."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gpgmail.components import Certificate
from gpgmail.core.errors import PassphraseError, TlsError, UnsupportedError, UsageError
from tests.certificates.stores_of import (
    EXTENSIONS,
    PASSWORD,
    SHOWN,
    SUBJECT,
    VECTORS,
    fill,
    make,
    openssl,
    said,
)

SURFACE = json.loads((Path(__file__).parents[1] / "data" / "surface.json").read_text("utf-8"))
FIELDS = SURFACE["types"]["Certificate"]
SETTABLE = {name for name, field in FIELDS.items() if field["access"] == "rw"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A directory with a store of every format that openssl writes."""
    return fill(tmp_path_factory.mktemp("stores"))


@pytest.fixture
def clock(monkeypatch):
    """Set the machine's time zone."""

    def set_to(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def printed(pem, *arguments):
    """What openssl prints after the first `=`."""
    return said("x509", "-in", pem, "-noout", *arguments).partition("=")[2].strip()


# ---- what stands on the pages ----


@pytest.mark.parametrize("name", FIELDS)
def test_a_blank_certificate_has_the_documented_defaults(name):
    documented = json.loads(FIELDS[name]["default"].lower().replace('"my"', '"MY"'))
    if name.endswith("_b"):
        documented = documented.encode()
    value = getattr(Certificate(), name)
    assert (value, type(value)) == (documented, type(documented))


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - SETTABLE))
def test_facts_cannot_be_set(made, name):
    certificate = Certificate(made / "rsa.pem")
    before = getattr(certificate, name)
    with pytest.raises(AttributeError):
        setattr(certificate, name, before)
    assert getattr(certificate, name) == before


@pytest.mark.parametrize("name", sorted(SETTABLE))
def test_the_wrong_type_is_refused_at_assignment(name):
    certificate = Certificate()
    for value in (None, 1.5, object(), "1" if name == "store_type" else 1):
        with pytest.raises(UsageError, match=f"{name}: takes (int|str|bytes), not"):
            setattr(certificate, name, value)
    assert certificate.blank


# ---- facts, held against openssl ----


@pytest.mark.proves("Certificate.effective_date", "Certificate.expiration_date")
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_dates_are_local_with_english_months(made, clock, zone):
    clock(zone)
    certificate = Certificate(made / "rsa.pem")
    for option, shown in (
        ("-startdate", certificate.effective_date),
        ("-enddate", certificate.expiration_date),
    ):
        assert re.fullmatch(r"\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d", shown)
        expected = datetime.strptime(  # the test runs in the C locale
            printed(made / "rsa.pem", option), "%b %d %H:%M:%S %Y GMT"
        ).replace(tzinfo=UTC)
        assert datetime.strptime(shown, "%d-%b-%Y %H:%M:%S").astimezone() == expected


def test_dates_at_the_end_of_time(clock, tmp_path):
    clock("Asia/Tokyo")
    key, _ = make(tmp_path, "one")
    pem = tmp_path / "for-ever.pem"
    request = openssl("req", "-new", "-key", key, "-subj", "/CN=x")
    (tmp_path / "one.csr").write_bytes(request)
    (tmp_path / "index").touch()
    (tmp_path / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={tmp_path}/index\nnew_certs_dir={tmp_path}\n"
        "rand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    openssl(
        *("ca", "-config", tmp_path / "ca.cnf", "-selfsign", "-keyfile", key, "-batch", "-notext"),
        *("-in", tmp_path / "one.csr", "-out", pem),
        *("-startdate", "20300131000000Z", "-enddate", "99991231235959Z"),
    )
    certificate = Certificate(pem)
    assert certificate.effective_date == "31-Jan-2030 09:00:00"
    assert certificate.expiration_date == "31-Dec-9999 23:59:59"


@pytest.mark.proves(
    "Certificate.serial_number",
    "Certificate.version",
    "Certificate.signature_algorithm",
    "Certificate.subject",
    "Certificate.issuer",
    "Certificate.subject_alt_names",
    "Certificate.usage",
    "Certificate.usage_flags",
    "Certificate.extended_key_usage",
)
def test_what_the_certificate_says(made, tmp_path):
    ca_key, ca = make(tmp_path, "authority", subject="/O=Trust/CN=An authority")
    request, pem = tmp_path / "leaf.csr", tmp_path / "leaf.pem"
    added = [part for extension in EXTENSIONS for part in ("-addext", extension)]
    openssl("req", "-new", "-key", made / "rsa.key", "-subj", SUBJECT, *added, "-out", request)
    openssl(
        *("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-set_serial", "0xA1B2"),
        *("-copy_extensions", "copyall", "-days", "9", "-out", pem),
    )
    text = said("x509", "-in", pem, "-noout", "-text")
    certificate = Certificate(pem)
    assert certificate.serial_number == printed(pem, "-serial") == "A1B2"
    assert certificate.version == "V3"
    assert "Version: 3 (" in text
    assert certificate.signature_algorithm == "ecdsa-with-SHA256"
    assert "Signature Algorithm: ecdsa-with-SHA256\n" in text
    assert certificate.subject == SHOWN
    assert certificate.issuer == "CN=An authority, O=Trust"
    assert f"    {certificate.subject_alt_names}\n" in text
    assert certificate.usage == "Digital Signature,Key Encipherment,CRL Signing"
    assert "Digital Signature, Key Encipherment, CRL Sign\n" in text
    assert certificate.usage_flags == 0xA2
    assert certificate.extended_key_usage == "1.3.6.1.5.5.7.3.2,1.3.6.1.5.5.7.3.1,1.2.3.4"


@pytest.mark.proves(
    "Certificate.thumbprint_md5",
    "Certificate.thumbprint_sha1",
    "Certificate.thumbprint_sha256",
    "Certificate.fingerprint",
    "Certificate.fingerprint_sha1",
    "Certificate.fingerprint_sha256",
)
@pytest.mark.parametrize(
    ("digest", "ending", "length"),
    [("md5", "", 16), ("sha1", "_sha1", 20), ("sha256", "_sha256", 32)],
)
def test_thumbprints_and_fingerprints(made, digest, ending, length):
    certificate = Certificate(made / "rsa.pem")
    shown = printed(made / "rsa.pem", "-fingerprint", f"-{digest}")
    assert len(shown.split(":")) == length
    assert getattr(certificate, f"thumbprint_{digest}") == shown
    assert getattr(certificate, f"fingerprint{ending}") == shown.lower()
    bare = Certificate(10, (VECTORS / "ed25519.pub").read_bytes())
    assert getattr(bare, f"thumbprint_{digest}") == ""
    assert len(getattr(bare, f"fingerprint{ending}").split(":")) == length
    if digest == "md5":  # what ssh-keygen printed of it
        assert bare.fingerprint == "92:cc:be:6b:4a:b8:ef:85:7c:6f:07:52:e0:b7:a6:dc"


@pytest.mark.proves(
    "Certificate.public_key",
    "Certificate.public_key_algorithm",
    "Certificate.public_key_length",
    "Certificate.private_key",
    "Certificate.private_key_available",
    "Certificate.private_key_container",
)
@pytest.mark.parametrize(
    ("algorithm", "named", "bits"),
    [("rsa", "RSA", 2048), ("ec", "EC", 256), ("ed25519", "Ed25519", 256)],
)
def test_keys(tmp_path, algorithm, named, bits):
    key, pem = make(tmp_path, "one", algorithm)
    public = Certificate(pem)
    assert public.public_key == said("x509", "-in", pem, "-noout", "-pubkey")
    assert (public.public_key_algorithm, public.public_key_length) == (named, bits)
    assert (public.private_key, public.private_key_available) == ("", False)
    both = tmp_path / "both.pem"
    both.write_bytes(pem.read_bytes() + key.read_bytes())
    whole = Certificate(6, both, "", "*")
    assert whole.private_key == said("pkey", "-in", key)
    assert whole.private_key_available is True
    assert whole.private_key_container == ""  # exists on Windows alone


def test_a_key_without_a_certificate_has_the_facts_of_a_key(made):
    key = Certificate(6, made / "rsa.key", "", "*")
    filled = {name for name in FIELDS.keys() - SETTABLE if getattr(key, name)}
    assert filled == {
        *("fingerprint", "fingerprint_sha1", "fingerprint_sha256"),
        *("private_key", "private_key_available"),
        *("public_key", "public_key_algorithm", "public_key_length"),
    }
    assert (key.subject, key.encoded) == ("", "")


# ---- naming one ----


@pytest.mark.proves("Certificate.store", "Certificate.store_type", "Certificate.store_b")
def test_a_store_by_its_name_and_by_its_content(made):
    certificate = Certificate()
    certificate.store_type = 2
    certificate.store = str(made / "none.pfx")
    certificate.subject = "*"
    assert certificate.subject == SHOWN
    assert certificate.store_b == str(made / "none.pfx").encode()
    data = (made / "none.pfx").read_bytes()
    certificate.store_type, certificate.store_b = 3, data
    assert certificate.store_b == data
    assert base64.b64decode(certificate.store) == data  # the same value as text
    assert certificate.thumbprint_sha1 == printed(made / "rsa.pem", "-fingerprint", "-sha1")
    certificate.store = certificate.store
    assert certificate.private_key_available
    certificate.store_type, certificate.store = 99, str(made / "rsa.pem")
    assert not certificate.private_key_available
    for reset in ("", "MY"):
        certificate.store_type, certificate.store, certificate.subject = 0, reset, ""
        assert (certificate.store, certificate.store_b) == ("MY", b"MY")
        assert certificate.subject == ""


@pytest.mark.proves("Certificate.store_password", "Certificate.key_password")
def test_the_keys_password_is_the_stores_until_it_is_set():
    certificate = Certificate(4, VECTORS / "two.jks", "store-pass", "CN=own")
    assert certificate.key_password == certificate.store_password == "store-pass"
    assert certificate.subject == "CN=own password, O=Acme"  # no key needed
    assert certificate.private_key_available
    with pytest.raises(PassphraseError, match=r"two\.jks"):
        certificate.private_key  # noqa: B018 - reading it is the point
    with pytest.raises(PassphraseError):
        certificate.entry()
    certificate.key_password = "key-pass"
    assert certificate.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert certificate.entry().private_key is not None
    certificate.key_password = ""
    with pytest.raises(PassphraseError, match="protected by a password"):
        certificate.entry()
    certificate.store_password = "wrong"
    with pytest.raises(PassphraseError, match="does not open with this password"):
        certificate.facts()


@pytest.mark.proves("Certificate.subject")
def test_a_subject_selects_and_reads_back_in_full(tmp_path):
    pairs = [make(tmp_path, str(at), subject=f"/O=Acme/CN=user {at}") for at in range(3)]
    store = b"".join(path.read_bytes() for pair in pairs for path in pair)
    certificate = Certificate(7, store, "", "user 2")
    assert certificate.subject == "CN=user 2, O=Acme"
    certificate.subject = "cn=USER 1, o=acme"
    assert certificate.subject == "CN=user 1, O=Acme"
    certificate.subject = f"Thumbprint={printed(pairs[2][1], '-fingerprint', '-sha256')}"
    assert certificate.subject == "CN=user 2, O=Acme"
    for anything in ("*", ""):
        certificate.subject = anything
        assert certificate.subject == "CN=user 0, O=Acme"


@pytest.mark.proves("Certificate.encoded", "Certificate.encoded_b")
def test_an_encoded_certificate_in_every_form(made):
    pem, der = (made / "rsa.pem").read_bytes(), (made / "rsa.der").read_bytes()
    certificate = Certificate()
    certificate.encoded = pem.decode()
    assert (certificate.encoded_b, certificate.subject) == (pem, SHOWN)
    certificate.encoded_b = der
    assert certificate.subject == SHOWN
    assert base64.b64decode(certificate.encoded) == der
    certificate.encoded = base64.b64encode(der).decode()
    assert (certificate.subject, certificate.private_key_available) == (SHOWN, False)
    certificate.encoded_b = b""
    assert certificate.blank
    found = Certificate(2, made / "old.pfx", PASSWORD, "www.example")
    assert found.encoded_b == pem  # of the one that was found
    assert found.encoded == pem.decode()


def test_the_key_of_an_encoded_certificate_is_looked_for_in_the_store(made, tmp_path):
    pem = (made / "rsa.pem").read_bytes()
    certificate = Certificate(2, made / "modern.pfx", PASSWORD, pem)
    assert (certificate.subject, certificate.private_key_available) == (SHOWN, True)
    assert certificate.entry().private_key is not None
    _, other = make(tmp_path, "other")
    certificate.encoded_b = other.read_bytes()
    assert (certificate.subject, certificate.private_key_available) == ("CN=other", False)
    certificate.encoded_b = (made / "both.pem").read_bytes()  # its key is along
    certificate.store = str(made / "absent")
    assert certificate.private_key_available


def test_what_was_set_last_names_the_certificate(made, tmp_path):
    _, other = make(tmp_path, "other")
    certificate = Certificate(2, made / "modern.pfx", PASSWORD, "www")
    certificate.encoded_b = other.read_bytes()
    assert certificate.subject == "CN=other"
    certificate.subject = "www"
    assert certificate.subject == SHOWN


# ---- constructors ----


def test_the_constructors_of_the_pages(made):
    pem, path = (made / "rsa.pem").read_bytes(), made / "rsa.pem"
    pfx = made / "modern.pfx"
    thumb = printed(path, "-fingerprint", "-md5")
    for certificate in (
        Certificate(pem),
        Certificate(pem.decode()),
        Certificate(base64.b64encode((made / "rsa.der").read_bytes()).decode()),
        Certificate((made / "rsa.der").read_bytes()),
        Certificate(path),
        Certificate(str(path)),
        Certificate(encoded=pem),
        Certificate(2, pfx, PASSWORD, "*"),
        Certificate(2, str(pfx), PASSWORD, "www.example"),
        Certificate(3, pfx.read_bytes(), PASSWORD, f"Thumbprint={thumb}"),
        Certificate(2, pfx, PASSWORD, pem),
        Certificate(99, pfx, PASSWORD),
        Certificate(2, pfx, PASSWORD, "", f"Thumbprint={thumb}\r\nPersistPFXKey=True\r\n"),
        Certificate(store_type=2, store=pfx, store_password=PASSWORD, subject="*"),
    ):
        assert certificate.subject == SHOWN
        assert certificate.private_key_available == (certificate.store_type in {2, 3, 99})


def test_a_configuration_takes_what_can_be_honoured():
    with pytest.raises(UnsupportedError, match="PersistPFXKey: means something only on Windows"):
        Certificate(2, "x", "", "", "PersistPFXKey=False")
    with pytest.raises(UnsupportedError, match="UseInternalSecurityAPI"):
        Certificate(2, "x", "", "", "UseInternalSecurityAPI=True")
    with pytest.raises(UsageError, match="Thumprint: is no line"):
        Certificate(2, "x", "", "", "Thumprint=00")
    with pytest.raises(UsageError, match="is no MD5, SHA-1 or SHA-256 thumbprint"):
        Certificate(99, VECTORS / "ed25519.pub", "", "", "Thumbprint=00").facts()


# ---- errors ----


@pytest.mark.proves("SSL 271")
def test_a_store_that_does_not_open(made, tmp_path):
    for certificate in (
        Certificate(2, tmp_path / "absent.pfx", "", "*"),
        Certificate(6, made / "modern.pfx", "", "*"),
        Certificate(3, b"garbage", "", "*"),
        Certificate(b"garbage"),
        Certificate(tmp_path),
    ):
        with pytest.raises(TlsError) as caught:
            certificate.effective_date  # noqa: B018 - reading it is the point
        assert (caught.value.code.family, caught.value.code.number) == ("SSL", 271)


@pytest.mark.proves("SSL 272")
def test_a_subject_that_is_not_there(made):
    certificate = Certificate(2, made / "modern.pfx", PASSWORD, "CN=nobody")
    with pytest.raises(TlsError, match=r"modern\.pfx: nothing matches 'CN=nobody'") as caught:
        certificate.subject  # noqa: B018 - reading it is the point
    assert (caught.value.code.family, caught.value.code.number) == ("SSL", 272)
    with pytest.raises(TlsError, match="names none") as caught:
        Certificate().entry()
    assert caught.value.code.number == 272


@pytest.mark.proves("Certificate.store_type")
def test_types_of_store_are_checked_at_assignment():
    certificate = Certificate()
    for number in (1, 21, 22, 23):
        with pytest.raises(UnsupportedError, match=f"store type {number}: "):
            certificate.store_type = number
    for number in (-1, 20, 24, 98, True):
        with pytest.raises(UsageError, match="store_type"):
            certificate.store_type = number
    assert certificate.store_type == 0
    with pytest.raises(UnsupportedError, match="only on Windows"):
        Certificate(0, "MY", "", "CN=x").facts()


# ---- and nothing more ----


def test_passwords_and_keys_are_in_no_repr(made):
    text = (made / "both.pem").read_text()
    for certificate in (
        Certificate(7, text, "store-secret", "*", key_password="key-secret"),
        Certificate(text),
        Certificate(6, made / "both.pem", "store-secret", "*"),
    ):
        line = certificate.private_key.splitlines()[3]
        shown = f"{certificate!r} {certificate} {certificate.facts()!r} {certificate.entry()!r}"
        assert shown.startswith("Certificate(")
        for secret in ("store-secret", "key-secret", line):
            assert secret not in shown
    assert "both.pem" in repr(Certificate(6, made / "both.pem"))


def test_a_file_is_opened_when_a_fact_is_read_and_once(made, tmp_path):
    path = tmp_path / "later.pem"
    certificate = Certificate(8, path, "", "*")
    path.write_bytes((made / "rsa.pem").read_bytes())
    assert certificate.subject == SHOWN
    path.unlink()
    assert certificate.version == "V3"
    certificate.subject = "*"  # any change looks anew
    with pytest.raises(TlsError, match=r"later\.pem"):
        certificate.facts()
