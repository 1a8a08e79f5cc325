"""Every type of store: what it opens to, by its number and by looking, as a file and as content."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from gpgmail.certificates import stores
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.certificates.source import LIMIT
from gpgmail.core.errors import PassphraseError, TlsError, UnsupportedError
from gpgmail.core.secret import Secret
from tests.certificates.stores_of import PASSWORD, SHOWN, VECTORS, make, openssl, said

SURFACE = Path(__file__).parents[1] / "data" / "surface.json"

# file type, content type, file, password, whether it has a certificate and a private key
OPENED = [
    (2, 3, "modern.pfx", PASSWORD, True, True),
    (2, 3, "old.pfx", PASSWORD, True, True),
    (2, 3, "3des.pfx", PASSWORD, True, True),
    (2, 3, "empty.pfx", "", True, True),
    (2, 3, "none.pfx", "", True, True),
    (4, 5, "modern.pfx", PASSWORD, True, True),
    (6, 7, "both.pem", "", True, True),
    (6, 7, "locked.pem", PASSWORD, True, True),
    (6, 7, "rsa.key", "", False, True),
    (6, 7, "pkcs8.key", PASSWORD, False, True),
    (6, 7, "pkcs1.key", PASSWORD, False, True),
    (6, 7, "rsa.key.der", "", False, True),
    (8, 9, "rsa.pem", "", True, False),
    (8, 9, "rsa.der", "", True, False),
    (8, 9, "public.pem", "", False, False),
    (11, 12, "pem.p7b", "", True, False),
    (11, 12, "der.p7b", "", True, False),
]


def opened(number, store, password="", key_password=None):
    """Open a store, at a path or given as bytes."""
    return stores.open_store(
        number,
        os.fsencode(store) if isinstance(store, os.PathLike) else store,
        store_password=Secret(password),
        key_password=None if key_password is None else Secret(key_password),
    )


def facts(entries):
    """The facts of the only entry."""
    (entry,) = entries
    return CertificateFacts.of(entry)


@pytest.mark.parametrize(
    ("file_type", "content_type", "name", "password", "certificate", "private"), OPENED
)
def test_a_store_opens_as_a_file_as_content_as_base64_and_unnamed(  # noqa: PLR0917 - a row
    made, file_type, content_type, name, password, certificate, private
):
    path = made / name
    data = path.read_bytes()
    public = said("pkey", "-in", made / "rsa.key", "-pubout")
    ways = [(file_type, path), (99, path), (content_type, data), (99, data)]
    if not data.startswith(b"-----"):
        ways += [(content_type, base64.b64encode(data)), (99, base64.encodebytes(data))]
    for number, store in ways:
        found = facts(opened(number, store, password))
        assert found.public_key == public
        assert found.subject == (SHOWN if certificate else "")
        assert found.private_key_available == private
        if private:
            key = found.private_key.reveal().encode()
            assert openssl("pkey", "-pubout", data=key).decode() == public


@pytest.mark.parametrize("name", ["modern.pfx", "old.pfx", "3des.pfx", "pkcs8.key", "pkcs1.key"])
@pytest.mark.parametrize("password", ["", "not-the-password"])
def test_a_wrong_or_missing_password_is_said_and_not_shown(made, name, password):
    with pytest.raises(PassphraseError, match=name) as caught:
        opened(99, made / name, password)
    assert (caught.value.code.family, caught.value.code.number) == ("SSL", 271)
    assert ("protected" in str(caught.value)) == (not password)
    assert "not-the-password" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_variable_of_a_traceback_shows_the_password(made):
    told = [("modern.pfx", made), ("pkcs8.key", made), ("two.jks", VECTORS)]
    told += [("rsa-2-protected.ppk", VECTORS), ("ed25519-3-argon2d.ppk", VECTORS)]
    for name, directory in told:
        secret = Secret("not-the-password")
        with pytest.raises((PassphraseError, UnsupportedError)) as caught:
            stores.open_store(99, os.fsencode(directory / name), store_password=secret)
        frames = [entry.frame for entry in caught.traceback][1:]
        assert any("certificates" in frame.code.path.parts for frame in frames)
        for frame in frames:
            assert "not-the-password" not in repr(frame.f_locals)


def test_the_certificate_is_readable_without_the_password_of_its_key(made):
    (entry,) = opened(6, made / "locked.pem")
    assert CertificateFacts.of(entry).subject == SHOWN
    assert entry.private_key is None
    assert entry.has_private_key
    assert isinstance(entry.refusal, PassphraseError)


def test_keys_and_certificates_are_joined_by_the_public_key(tmp_path):
    pairs = [make(tmp_path, name) for name in ("one", "two", "three")]
    (keys, certificates) = zip(*pairs, strict=True)
    lost, _ = make(tmp_path, "lost", "ed25519")
    order = [lost, keys[1], certificates[2], certificates[0], certificates[1], keys[0]]
    entries = opened(7, b"".join(path.read_bytes() for path in order))
    assert [CertificateFacts.of(entry).subject for entry in entries] == [
        "CN=three",
        "CN=one",
        "CN=two",
        "",
    ]
    assert [entry.private_key is not None for entry in entries] == [False, True, True, True]


def test_pem_may_have_text_and_other_blocks_around_it(made):
    shown = openssl("x509", "-in", made / "rsa.pem", "-text")
    parameters = openssl("ecparam", "-name", "prime256v1")
    assert facts(opened(8 + 1, parameters + shown)).subject == SHOWN


def test_a_pfx_gives_its_own_certificate_before_the_others(tmp_path):
    own, other = make(tmp_path, "own"), make(tmp_path, "authority")
    out = tmp_path / "chain.pfx"
    openssl(
        *("pkcs12", "-export", "-inkey", own[0], "-in", own[1], "-certfile", other[1]),
        *("-passout", "pass:x", "-out", out),
    )
    assert [CertificateFacts.of(entry).subject for entry in opened(2, out, "x")] == [
        "CN=own",
        "CN=authority",
    ]


def test_a_pfx_that_cryptography_wrote():
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made here")])
    now = dt.datetime.now(dt.UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 77, now, now).sign(
        key, hashes.SHA384()
    )
    data = pkcs12.serialize_key_and_certificates(b"n", key, certificate, None, NoEncryption())
    found = facts(opened(3, data))
    assert (found.subject, found.serial_number) == ("CN=made here", "4D")
    assert found.private_key.reveal().encode() == key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    assert found.public_key.encode() == key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_ssh_keys_with_the_fingerprints_that_ssh_keygen_prints(tmp_path, kind):
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", PASSWORD, "-f", path], check=True)
    public = path.with_suffix(".pub")
    line = public.read_bytes()
    rfc4716 = subprocess.run(
        ["ssh-keygen", "-e", "-f", public], check=True, capture_output=True
    ).stdout
    blob = base64.b64decode(line.split()[1])
    ways = [(13, public), (99, public), (10, line), (10, rfc4716), (99, rfc4716), (10, blob)]
    ways += [(99, blob), (10, line.split()[1]), (6, path), (99, path), (7, path.read_bytes())]
    for number, store in ways:
        found = facts(opened(number, store, PASSWORD))
        for digest, shown in (
            ("md5", found.fingerprint),
            ("sha1", found.fingerprint_sha1),
            ("sha256", found.fingerprint_sha256),
        ):
            assert printed(digest, public) == shown
        assert found.private_key_available == (number in {6, 7} or store == path)
        assert (found.thumbprint_sha1, found.subject, found.effective_date) == ("", "", None)


def printed(digest, public):
    """The fingerprint that ssh-keygen prints, in hexadecimal with colons."""
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-E", digest, "-f", public], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    form, _, value = shown.partition(":")
    if form == "MD5":
        return value
    return base64.b64decode(value + "=" * (-len(value) % 4)).hex(":")


def test_an_openssh_key_with_a_password_needs_the_right_one(tmp_path):
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", PASSWORD, "-f", path], check=True)
    for wrong in ("", "other"):
        with pytest.raises(PassphraseError):
            opened(6, path, wrong)


@pytest.mark.parametrize("number", [0, 1, 21, 22, 23])
def test_types_that_cannot_be_opened_here_say_why(number):
    with pytest.raises(UnsupportedError, match=f"store type {number}: .+ (Windows|BCFKS|device)"):
        stores.open_store(number, b"MY")


def test_every_number_of_the_reference_is_a_type_and_no_other():
    surface = json.loads(SURFACE.read_text("utf-8"))
    numbers = set(surface["properties"]["ssl_cert_store_type"]["values"].values())
    assert numbers == {*stores.KINDS, *stores.UNSUPPORTED, stores.AUTO}
    for number in range(-1, 101):
        if number in numbers - (stores.UNSUPPORTED.keys() - {0}):
            assert stores.known_type(number) == number
        else:
            with pytest.raises(UnsupportedError if number in numbers else ValueError):
                stores.known_type(number)


# ---- what does not open ----


NOT_READ = ("SSL", 271)


def refused(number, store, match):
    """The code with which a store does not open; the words are those of *match*."""
    with pytest.raises(TlsError, match=match) as caught:
        opened(number, store)
    return caught.value.code.family, caught.value.code.number


@pytest.mark.proves("SSL 271")
def test_files_that_are_none(made, tmp_path):
    assert refused(6, tmp_path / "absent.pem", "absent.pem: No such file") == NOT_READ
    assert refused(6, tmp_path, "Is a directory") == NOT_READ
    assert refused(99, b"a\0b", "is no file name") == NOT_READ
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refused(6, pipe, "is no plain file") == NOT_READ  # at once: nobody will ever write to it
    empty = tmp_path / "empty.pem"
    empty.touch()
    for number in (2, 4, 6, 8, 11, 13, 14, 16, 18, 99):
        assert refused(number, empty, r"empty.pem: is (empty|no readable)") == NOT_READ


def test_a_file_without_the_right_to_read(made, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    path = tmp_path / "closed.pem"
    path.write_bytes((made / "rsa.pem").read_bytes())
    path.chmod(0)
    assert refused(8, path, "Permission denied") == NOT_READ


def test_huge_stores_are_refused_by_their_size_alone(tmp_path):
    path = tmp_path / "huge.pem"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: reading it would take for ever
    assert refused(99, path, f"has {1 << 40} bytes") == NOT_READ
    assert refused(7, bytes(LIMIT + 1), f"has {LIMIT + 1} bytes") == NOT_READ


@pytest.mark.parametrize("number", [2, 4, 6, 8, 11, 13, 14, 16, 18])
def test_a_store_of_another_type_does_not_open(made, number):
    names = {2: "rsa.pem", 4: "rsa.pem", 11: "rsa.der"}
    name = made / names.get(number, "modern.pfx")
    assert refused(number, name, re.escape(f"{name}: is no readable")) == NOT_READ
