"""What a certificate says, held against what openssl prints of it."""

from __future__ import annotations

import datetime as dt
import os
import re
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gpgmail.certificates import stores
from gpgmail.certificates.entry import Entry
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.core.errors import TlsError
from tests.certificates.stores_of import EXTENSIONS, SUBJECT, make, said

UTF8 = "sep_comma_plus_space,dn_rev,utf8"


@pytest.fixture(scope="module", params=["rsa", "ec", "ed25519"])
def pair(request, tmp_path_factory):
    """A certificate as a file, and its facts."""
    directory = tmp_path_factory.mktemp("facts")
    _, pem = make(directory, "one", request.param, SUBJECT, extensions=EXTENSIONS)
    (entry,) = stores.open_store(8, os.fsencode(pem))
    return pem, CertificateFacts.of(entry)


def printed(pem, *arguments):
    """What openssl prints after the first `=`."""
    return said("x509", "-in", pem, "-noout", *arguments).partition("=")[2].strip()


def test_dates(pair):
    pem, facts = pair
    for option, date in (("-startdate", facts.effective_date), ("-enddate", facts.expiration_date)):
        text = printed(pem, option)
        read = dt.datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=dt.UTC)
        assert date == read


def test_names(pair):
    pem, facts = pair
    for option, shown in (("-subject", facts.subject), ("-issuer", facts.issuer)):
        text = printed(pem, option, "-nameopt", UTF8)
        text = text.replace("ST=", "S=").replace("emailAddress=", "E=")
        assert shown == text.replace("O=Acme, Inc.", 'O="Acme, Inc."')


def test_sums(pair):
    pem, facts = pair
    for digest, thumbprint, fingerprint in (
        ("-md5", facts.thumbprint_md5, facts.fingerprint),
        ("-sha1", facts.thumbprint_sha1, facts.fingerprint_sha1),
        ("-sha256", facts.thumbprint_sha256, facts.fingerprint_sha256),
    ):
        assert thumbprint == printed(pem, "-fingerprint", digest)
        assert fingerprint == thumbprint.lower()


def test_numbers_keys_and_algorithms(pair):
    pem, facts = pair
    text = said("x509", "-in", pem, "-noout", "-text")
    assert facts.serial_number == printed(pem, "-serial")
    assert facts.version == f"V{re.search(r'Version: ([0-9])', text)[1]}"
    assert f"Signature Algorithm: {facts.signature_algorithm}\n" in text
    assert facts.public_key == said("x509", "-in", pem, "-noout", "-pubkey")
    assert facts.encoded == said("x509", "-in", pem)
    shown = {"RSA": "rsaEncryption", "EC": "id-ecPublicKey", "Ed25519": "ED25519"}
    assert f"Public Key Algorithm: {shown[facts.public_key_algorithm]}\n" in text
    bits = re.search(r"Public-Key: \((\d+) bit\)", text)
    assert facts.public_key_length == (int(bits[1]) if bits else 256)
    assert (facts.private_key_available, facts.private_key.reveal()) == (False, "")
    assert facts.private_key_container == ""


def test_extensions(pair):
    pem, facts = pair
    shown = said("x509", "-in", pem, "-noout", "-ext", "subjectAltName").splitlines()[1].strip()
    assert facts.subject_alt_names == shown
    assert facts.usage == "Digital Signature,Key Encipherment,CRL Signing"
    assert facts.usage_flags == 0x80 | 0x20 | 0x02
    assert facts.extended_key_usage == "1.3.6.1.5.5.7.3.2,1.3.6.1.5.5.7.3.1,1.2.3.4"


@pytest.mark.parametrize(
    ("name", "flag", "words"),
    [
        ("digitalSignature", 0x80, "Digital Signature"),
        ("nonRepudiation", 0x40, "Non-Repudiation"),
        ("keyEncipherment", 0x20, "Key Encipherment"),
        ("dataEncipherment", 0x10, "Data Encipherment"),
        ("keyAgreement", 0x08, "Key Agreement"),
        ("keyCertSign", 0x04, "Certificate Signing"),
        ("cRLSign", 0x02, "CRL Signing"),
        ("keyAgreement,encipherOnly", 0x09, "Key Agreement,Encipher Only"),
        ("keyAgreement,decipherOnly", 0x08, "Key Agreement"),
    ],
)
def test_every_usage(tmp_path, name, flag, words):
    _, pem = make(tmp_path, "one", extensions=(f"keyUsage={name}",))
    (entry,) = stores.open_store(8, os.fsencode(pem))
    facts = CertificateFacts.of(entry)
    assert (facts.usage_flags, facts.usage) == (flag, words)


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("/CN=plain", "CN=plain"),
        ("/O=one/O=two/CN=x", "CN=x, O=two, O=one"),
        ("/CN=a+OU=b", "CN=a + OU=b"),
        ("/CN=with, comma", 'CN="with, comma"'),
        ('/CN=say "so"', 'CN="say ""so"""'),
        ("/CN=Müller", "CN=Müller"),
        ("/CN=two\nlines", "CN=two\\0Alines"),
        ("/DC=example/UID=me/CN=x", "CN=x, UID=me, DC=example"),
        ("/businessCategory=y/CN=x", "CN=x, 2.5.4.15=y"),
    ],
)
def test_distinguished_names(tmp_path, subject, shown):
    options = ("-utf8", "-multivalue-rdn")
    _, pem = make(tmp_path, "one", subject=subject, options=options)
    (entry,) = stores.open_store(8, os.fsencode(pem))
    assert CertificateFacts.of(entry).subject == shown


def test_alternative_names_of_the_rarer_kinds(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "inner")])
    oid = x509.ObjectIdentifier("1.2.3.4")
    networks = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]
    alternatives = [
        x509.DirectoryName(name),
        x509.RegisteredID(oid),
        x509.OtherName(oid, b"\x05\x00"),
        *map(x509.IPAddress, networks),
        x509.DNSName("two\r\nlines.example"),
    ]
    day = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day).add_extension(
        x509.SubjectAlternativeName(alternatives), critical=False
    )
    shown = CertificateFacts.of(Entry(built.sign(key, hashes.SHA256()))).subject_alt_names
    assert shown == (
        "DirName:CN=inner, Registered ID:1.2.3.4, othername:1.2.3.4, IP Address:10.0.0.0/8, "
        "IP Address:2001:db8::/32, DNS:two\\0D\\0Alines.example"
    )


@pytest.mark.parametrize(
    ("options", "algorithm"),
    [
        (("-sigopt", "rsa_padding_mode:pss"), "rsassaPss"),
        (("-sha384",), "sha384WithRSAEncryption"),
        (("-sha512",), "sha512WithRSAEncryption"),
        (("-sha3-256",), "2.16.840.1.101.3.4.3.14"),  # a name that the table lacks: its OID
    ],
)
def test_signature_algorithms(tmp_path, options, algorithm):
    _, pem = make(tmp_path, "one", "rsa", options=options)
    (entry,) = stores.open_store(8, os.fsencode(pem))
    assert CertificateFacts.of(entry).signature_algorithm == algorithm


def test_a_key_of_an_unknown_algorithm_leaves_the_rest_readable(tmp_path):
    _, pem = make(tmp_path, "one", "odd")
    (entry,) = stores.open_store(8, os.fsencode(pem))
    facts = CertificateFacts.of(entry)
    assert (facts.subject, facts.public_key, facts.public_key_length) == ("CN=one", "", 0)
    known = hasattr(entry.certificate, "public_key_algorithm_oid")
    assert facts.public_key_algorithm == ("1.2.840.10045.2.1" if known else "")


def test_a_certificate_without_extensions_has_none(tmp_path):
    key, _ = make(tmp_path, "one")
    request, pem = tmp_path / "one.csr", tmp_path / "v1.pem"
    said("req", "-new", "-key", key, "-subj", "/CN=old", "-out", request)
    said("x509", "-req", "-in", request, "-signkey", key, "-days", "3", "-out", pem)
    (entry,) = stores.open_store(8, os.fsencode(pem))
    facts = CertificateFacts.of(entry)
    assert (facts.version, facts.usage, facts.subject_alt_names) == ("V1", "", "")
    assert facts.extended_key_usage == ""


@pytest.mark.parametrize(("number", "shown"), [(1, "01"), (255, "FF"), (0x1234567, "01234567")])
def test_serial_numbers_have_two_digits_a_byte(number, shown):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    day = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), number, day, day)
    facts = CertificateFacts.of(Entry(built.sign(key, hashes.SHA256())))
    assert (facts.serial_number, facts.subject) == (shown, "")


def test_a_part_that_does_not_parse_is_said_and_not_left_out():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    day = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    for value in (b"\x30\x02\xa5\x00", b"garbage"):  # a name of EDI, and none at all
        extension = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, value)
        built = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day)
        certificate = built.add_extension(extension, critical=False).sign(key, hashes.SHA256())
        with pytest.raises(TlsError, match="does not parse"):
            CertificateFacts.of(Entry(certificate))


def test_the_private_key_is_in_no_repr(made):
    (entry,) = stores.open_store(6, os.fsencode(made / "both.pem"))
    facts = CertificateFacts.of(entry)
    secret = facts.private_key.reveal().splitlines()[1]
    assert secret not in repr(facts) + str(facts) + repr(entry)
