"""The formats that are taken apart here: JWK, XML, Java key stores, PuTTY keys."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from gpgmail.certificates import stores
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.core.errors import PassphraseError, TlsError, UnsupportedError
from gpgmail.core.secret import Secret
from tests.certificates.stores_of import VECTORS

ARGON2 = importlib.util.find_spec("cryptography.hazmat.primitives.kdf.argon2")


def opened(number, store, password="", key_password=None):
    """The facts of every entry."""
    entries = stores.open_store(
        number,
        os.fsencode(store) if isinstance(store, os.PathLike) else store,
        store_password=Secret(password),
        key_password=None if key_password is None else Secret(key_password),
    )
    return [CertificateFacts.of(entry) for entry in entries]


def public_pem(key):
    """The public key as the facts have it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


# ---- JWK: keys are written here as RFC 7518 says, and read by the room ----


def octets(data):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    """A number of at least one octet."""
    return octets(value.to_bytes(length or max(1, (value.bit_length() + 7) // 8), "big"))


def rsa_jwk(key, parts):
    """An RSA key with the private parts named."""
    private = key.private_numbers()
    public = private.public_numbers
    every = {
        "n": public.n,
        "e": public.e,
        "d": private.d,
        "p": private.p,
        "q": private.q,
        "dp": private.dmp1,
        "dq": private.dmq1,
        "qi": private.iqmp,
    }
    return {"kty": "RSA"} | {name: number(every[name]) for name in ("n", "e", *parts)}


RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("parts", [(), ("d",), ("d", "p", "q"), ("d", "p", "q", "dp", "dq", "qi")])
def test_rsa_web_keys(parts):
    (facts,) = opened(19, json.dumps(rsa_jwk(RSA, parts)).encode())
    assert facts.public_key == public_pem(RSA.public_key())
    check_private(facts, RSA if parts else None)


@pytest.mark.parametrize(
    ("name", "curve", "length"),
    [
        ("P-256", ec.SECP256R1, 32),
        ("P-384", ec.SECP384R1, 48),
        ("P-521", ec.SECP521R1, 66),
        ("secp256k1", ec.SECP256K1, 32),
    ],
)
def test_ec_web_keys(name, curve, length):
    key = ec.generate_private_key(curve())
    point = key.public_key().public_numbers()
    stated = {"kty": "EC", "crv": name, "x": number(point.x, length), "y": number(point.y, length)}
    (public,) = opened(19, json.dumps(stated).encode())
    assert public.public_key == public_pem(key.public_key())
    check_private(public, None)
    stated["d"] = number(key.private_numbers().private_value, length)
    check_private(opened(99, json.dumps(stated).encode())[0], key)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Ed25519", ed25519.Ed25519PrivateKey),
        ("Ed448", ed448.Ed448PrivateKey),
        ("X25519", x25519.X25519PrivateKey),
    ],
)
def test_okp_web_keys(name, kind):
    key = kind.generate()
    stated = {"kty": "OKP", "crv": name, "x": octets(key.public_key().public_bytes_raw())}
    check_private(opened(19, json.dumps(stated).encode())[0], None)
    stated["d"] = octets(key.private_bytes_raw())
    (facts,) = opened(19, json.dumps(stated).encode())
    check_private(facts, key)
    assert facts.public_key_algorithm == name
    stated["x"] = octets(kind.generate().public_key().public_bytes_raw())
    refused(19, json.dumps(stated).encode())


def test_a_set_of_web_keys_with_a_certificate(made):
    certificate = x509.load_pem_x509_certificate((made / "rsa.pem").read_bytes())
    key = load_pem_private_key((made / "rsa.key").read_bytes(), None)
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    keys = [rsa_jwk(RSA, ("d",)), rsa_jwk(key, ("d", "p", "q")) | {"x5c": [der]}]
    path = made.parent / "set.jwk"
    path.write_text(json.dumps({"keys": keys}))
    for one in (opened(18, path), opened(99, path)):
        assert [facts.subject != "" for facts in one] == [False, True]
        check_private(one[0], RSA)
        check_private(one[1], key)


def test_web_keys_that_are_none():
    whole = rsa_jwk(RSA, ("d",))
    other = rsa_jwk(rsa.generate_private_key(65537, 2048), ("d",))
    for wrong in (
        {},
        {"keys": []},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "RSA", "n": "AA"},
        whole | {"n": "!!"},
        whole | {"d": other["d"]},
        whole | {"n": number(1 << 20_000)},
        [],
        "kty",
    ):
        assert refused(19, json.dumps(wrong).encode()) in {
            "is empty",
            "is no readable JSON web key",
        }


# ---- XML ----


def test_xml_keys(made):
    names = {
        "n": "Modulus",
        "e": "Exponent",
        "d": "D",
        "p": "P",
        "q": "Q",
        "dp": "DP",
        "dq": "DQ",
        "qi": "InverseQ",
    }
    stated = rsa_jwk(RSA, ("p", "q", "dp", "dq", "qi", "d"))
    del stated["kty"]

    def document(parts):
        body = "".join(
            f"<{names[name]}>{base64.b64encode(raw(stated[name])).decode()}</{names[name]}>"
            for name in parts
        )
        return f"<RSAKeyValue>{body}</RSAKeyValue>".encode()

    check_private(opened(17, document(stated))[0], RSA)
    (public,) = opened(99, document(("n", "e")))
    check_private(public, None)
    assert public.public_key == public_pem(RSA.public_key())
    path = made.parent / "key.xml"
    path.write_bytes(b"\xef\xbb\xbf<?xml version='1.0'?><!-- x -->" + document(("n", "e", "d")))
    for number_ in (16, 99):
        check_private(opened(number_, path)[0], RSA)


def test_xml_certificates(made):
    der = base64.encodebytes((made / "rsa.der").read_bytes()).decode()
    document = f"""<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
        <X509Certificate>{der}</X509Certificate></X509Data></KeyInfo>"""
    (facts,) = opened(17, document.encode())
    assert facts.encoded == (made / "rsa.pem").read_text()


def test_xml_with_entities_is_refused_before_it_is_parsed():
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><RSAKeyValue><Modulus>&b;</Modulus></RSAKeyValue>'
    for document in (bomb, bomb.decode().encode("utf-16"), b"<a/>", b"<a", b"<RSAKeyValue/>"):
        assert refused(17, document) in {"is empty", "is no readable XML key"}


# ---- Java key stores, made by keytool ----


def test_a_java_key_store_and_its_two_passwords():
    entries = opened(4, VECTORS / "two.jks", "store-pass", "key-pass")
    own, shared = entries
    assert own.subject == "CN=own password, O=Acme"
    assert own.thumbprint_sha1 == "B8:2E:3C:B0:E0:01:FB:6F:DE:6E:9B:3D:D6:8D:60:5B:EE:C4:CE:62"
    assert matches(own)
    assert shared.subject == "CN=store password"
    assert shared.thumbprint_sha1 == "E4:63:E3:8B:73:B9:1A:D9:75:5F:59:C4:A9:57:2B:B3:90:75:71:4B"
    assert (shared.private_key_available, shared.private_key.reveal()) == (True, "")
    own, shared = opened(99, (VECTORS / "two.jks").read_bytes(), "store-pass")
    assert own.private_key.reveal() == ""
    assert matches(shared)


def test_a_java_key_store_is_held_against_its_sum(tmp_path):
    with pytest.raises(PassphraseError, match="this password, or is damaged"):
        opened(4, VECTORS / "two.jks", "wrong")
    data = bytearray((VECTORS / "trusted.jks").read_bytes())
    data[40] ^= 1  # in the date of the entry, which nothing else would notice
    with pytest.raises(PassphraseError, match="damaged"):
        opened(5, bytes(data), "store-pass")


def test_a_java_key_store_without_a_password_shows_its_certificates():
    (trusted,) = opened(4, VECTORS / "trusted.jks")
    assert (trusted.subject, trusted.private_key_available) == ("CN=store password", False)
    assert [facts.private_key.reveal() for facts in opened(4, VECTORS / "two.jks")] == ["", ""]


def test_other_stores_of_java():
    (facts,) = opened(4, VECTORS / "pkcs12.jks", "store-pass")
    assert facts.subject == "CN=pkcs12"
    assert matches(facts)
    with pytest.raises(UnsupportedError, match=r"JCEKS.*keytool -importkeystore"):
        opened(4, VECTORS / "one.jceks", "store-pass")


# ---- PuTTY ----


@pytest.mark.parametrize(
    ("name", "password", "argon2"),
    [
        ("ed25519-3", "", None),
        ("rsa-2", "", None),
        ("rsa-2-protected", "pass word", None),
        ("ed25519-3-protected", "pass word", "Argon2id"),
        ("ecdsa-3-protected", "pass word", "Argon2id"),
        ("ed25519-3-argon2d", "pass word", "Argon2d"),
    ],
)
def test_putty_keys(name, password, argon2):
    path = VECTORS / f"{name}.ppk"
    if argon2 and not has_argon2(argon2):
        with pytest.raises(UnsupportedError, match=r"gpgmail\[certificates\]"):
            opened(14, path, password)
        return
    public = (VECTORS / f"{name.partition('-')[0]}.pub").read_bytes()
    (stated,) = opened(10, public)
    ways = [(14, path), (99, path), (15, path.read_bytes())]
    ways.append((15, path.read_bytes().replace(b"\n", b"\r\n")))
    for number_, store in ways:
        (facts,) = opened(number_, store, "not this", password)
        assert facts.public_key == stated.public_key
        assert facts.fingerprint == stated.fingerprint
        assert matches(facts)
        if password:
            for wrong in ("", "other"):
                with pytest.raises(PassphraseError):
                    opened(number_, store, wrong)


def has_argon2(name):
    """Whether the library has this function: older ones have none, or one of the three."""
    if ARGON2 is None:
        return False
    from cryptography.hazmat.primitives.kdf import argon2

    return hasattr(argon2, name)


def test_a_putty_key_is_checked_by_its_mac():
    text = (VECTORS / "ed25519-3.ppk").read_bytes()
    refused(15, text.replace(b"a vector", b"a factor"))
    refused(15, text.replace(b"File-3", b"File-1"))
    refused(15, text.replace(b"none", b"rot13"))


def test_absurd_work_is_refused():
    text = (VECTORS / "ed25519-3-protected.ppk").read_bytes()
    for right, wrong in (
        (b"Memory: 512", b"Memory: 99999999"),
        (b"Passes: 2", b"Passes: 4000000000"),
    ):
        why = refused(15, text.replace(right, wrong), "pass word")
        assert why == "asks for too much work before a password can be tried"
    why = refused(15, text.replace(b"Memory: 512", b"Memory: x"), "pass word")
    assert why == "is no readable PuTTY private key"


# ---- what an extra is needed for ----


def test_without_bcrypt_the_extra_is_named(tmp_path):
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", path], check=True)
    script = (
        "import sys; sys.modules['bcrypt'] = None\n"
        "from gpgmail.certificates import stores\n"
        "from gpgmail.core.secret import Secret\n"
        "try:\n"
        "    stores.open_store(6, sys.argv[1].encode(), store_password=Secret('secret'))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script, path], check=True, capture_output=True, text=True
    ).stdout
    assert shown.startswith("UnsupportedError an optional package is not installed:")
    assert "gpgmail[certificates]" in shown


# ---- helpers ----


def raw(text):
    """What unpadded Base64url stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def matches(facts):
    """Whether the private key in *facts* belongs to its public one."""
    key = load_pem_private_key(facts.private_key.reveal().encode(), None)
    return public_pem(key.public_key()) == facts.public_key


def check_private(facts, key):
    """Assert that *facts* have *key*, or none."""
    assert facts.private_key_available == (key is not None)
    if key is None:
        assert facts.private_key.reveal() == ""
    else:
        assert matches(facts)
        assert facts.public_key == public_pem(key.public_key())


def refused(number_, store, password=""):
    """Assert that a store does not open, with SSL 271; return why."""
    with pytest.raises(TlsError) as caught:
        opened(number_, store, password)
    assert caught.value.code.number == 271
    return caught.value.detail
