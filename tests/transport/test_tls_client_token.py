"""A key that does not leave its device: why type 23 is refused, held against a real token.

OpenSSL uses the key through its engine. Python's `ssl`, in a process where that engine is loaded,
has no way to name it. Once it has one, this test fails, and type 23 can be had.
"""

from __future__ import annotations

import sys

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from gpgmail.core.errors import UnsupportedError
from gpgmail.transport.options import TransportOptions
from tests.servers.pki import Issued
from tests.servers.softhsm import URI, Token
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail

PKCS11 = 23
LOADING = """
import ssl, sys
try:
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(sys.argv[1], sys.argv[2])
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.proves("ssl_cert_store_type")
def test_the_type_is_refused_with_the_reason():
    with pytest.raises(UnsupportedError) as caught:
        TransportOptions(ssl_cert_store_type=PKCS11)
    assert "from files alone" in caught.value.detail


@pytest.mark.servers
def test_openssl_signs_with_the_key_and_ssl_cannot_name_it(tmp_path):
    issued = Issued.root().client("In a token", "rsa")
    try:
        token = Token.make(tmp_path, issued)
    except ServerUnavailableError as error:
        skip_or_fail(error)
    signing = ("openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine")
    signature = token.run(*signing, "-sign", URI, data=b"text")
    issued.certificate.public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    certificate = issued.write(tmp_path / "client.pem", issued.pem)
    for name in (URI, f"org.openssl.engine:pkcs11:{URI}"):
        assert token.run(sys.executable, "-c", LOADING, certificate, name) == b"FileNotFoundError\n"
