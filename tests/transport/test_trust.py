"""Whose certificates are trusted: authorities in a file or in a directory, and no others then."""

from __future__ import annotations

import hashlib

import pytest
import trustme
from cryptography import x509

from gpgmail.core.config import configure
from gpgmail.core.errors import TlsError
from tests.servers.hostile import Hostile
from tests.transport.support import MAIL, failing, options_for, send
from tests.transport.tls import ServerContext, configured, serving

_ATTRIBUTES = b"\x55\x04"  # 2.5.4, of which all that stand in these subjects are


def der(tag, *parts):
    content = b"".join(parts)
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


def name_in_directory(pem):
    """The name that OpenSSL looks an authority up by: the hash of its subject in small letters."""
    subject = x509.load_pem_x509_certificate(pem).subject
    canonical = b"".join(
        der(
            0x31,
            der(
                0x30,
                der(0x06, _ATTRIBUTES, bytes([int(one.oid.dotted_string.rpartition(".")[2])])),
                der(0x0C, " ".join(str(one.value).lower().split()).encode()),
            ),
        )
        for one in subject
    )
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}.0"


@pytest.fixture
def authorities(certificates, tmp_path):
    """The authority of the good certificates as a directory, and one where nobody finds it."""
    pem = certificates.authority.cert_pem.bytes()
    places = {}
    for place, name in (("right", name_in_directory(pem)), ("wrong", "00000000.0")):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_bytes(pem)
        places[place] = tmp_path / place
    return places


@pytest.fixture
def server(certificates):
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        yield server


@pytest.mark.proves("OpenSSLCADir")
def test_authorities_in_a_directory_are_trusted(server, authorities):
    options = options_for(server, "localhost", ssl_start_mode=1)
    configure(options, f"OpenSSLCADir={authorities['right']}")
    send(options)
    options.openssl_ca_dir = str(authorities["wrong"])
    with failing(TlsError, 280):
        send(options)
    first, second = server.settled()
    assert first.contents == [MAIL]
    assert second.through_tls == b""


@pytest.mark.proves("OpenSSLCAFile", "SSL 271")
def test_a_file_that_cannot_be_read_is_named(server, tmp_path):
    for path in (tmp_path / "none.pem", tmp_path):
        with failing(TlsError, 271) as caught:
            send(configured(server, str(path)))
        assert str(path) in str(caught.value)
    assert not any(connection.through_tls for connection in server.settled())


@pytest.mark.proves("OpenSSLCAFile", "SSL 280")
def test_authorities_in_a_file_are_trusted(server, ca_file):
    options = options_for(server, "localhost", ssl_start_mode=1)
    with failing(TlsError, 280):
        send(options)
    configure(options, f"OpenSSLCAFile={ca_file}")
    send(options)
    first, second = server.settled()
    assert first.through_tls == b""
    assert second.contents == [MAIL]


@pytest.mark.proves("OpenSSLCADir", "SSL 271")
def test_a_directory_that_is_none_is_no_wish_to_trust_the_system(server, tmp_path):
    options = options_for(server, "localhost", ssl_start_mode=1, openssl_ca_dir=f"{tmp_path}/x")
    with failing(TlsError, 271):
        send(options)


@pytest.mark.proves("SSLServerCACerts")
def test_authorities_given_as_text_are_trusted_besides_the_others(certificates, ca_file):
    texts = [trustme.CA().cert_pem.bytes().decode()]
    stranger = trustme.CA()
    texts.append(stranger.cert_pem.bytes().decode())
    both = "SSLServerCACerts=Müller:\r\n" + "\r\n \r\n".join(texts)
    foreign = ServerContext(stranger.issue_cert("localhost"))
    with serving(foreign) as server:
        with failing(TlsError, 280):
            send(configured(server, ca_file))
        send(configured(server, ca_file, both))
        server.tls = ServerContext(certificates.chains["good"])
        send(configured(server, ca_file, both))
        with failing(TlsError, 280):
            send(configured(server, "", both))
        for none in ("none", texts[0].replace("M", "ü"), texts[0][:60] + texts[0][80:]):
            with failing(TlsError, 271):
                send(configured(server, ca_file, f"SSLServerCACerts={none}"))
        first, second, third, *others = server.settled()
    assert second.contents == third.contents == [MAIL]
    assert not any(connection.through_tls for connection in (first, *others))


@pytest.mark.proves("SSLCACertFilePaths")
def test_the_first_file_that_is_there_has_the_authorities(server, ca_file, tmp_path):
    wrong, junk = tmp_path / "wrong.pem", tmp_path / "junk.pem"
    trustme.CA().cert_pem.write_to_path(str(wrong))
    junk.write_text("junk")
    cases = (
        (f"{wrong};{ca_file}", 280),
        (f"{junk};{ca_file}", 271),
        (f"{tmp_path}/none.pem;", 271),
    )
    send(configured(server, "", f"SSLCACertFilePaths={tmp_path}/none.pem;{ca_file};{wrong}"))
    for paths, number in cases:
        with failing(TlsError, number):
            send(configured(server, "", f"SSLCACertFilePaths={paths}"))
    send(configured(server, str(wrong), f"SSLCACertFilePaths={ca_file}"))
    first, *others, last = server.settled()
    assert first.contents == last.contents == [MAIL]
    assert not any(connection.through_tls for connection in others)
