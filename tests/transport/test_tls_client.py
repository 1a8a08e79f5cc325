"""Client certificates: the server says whose it got, and no key lies about anywhere."""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from gpgmail.core.config import configure
from gpgmail.core.errors import GpgmailError, PassphraseError, ServerError, TlsError
from gpgmail.core.run import Run
from gpgmail.testing.script import Drop, Phase, Reply
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from gpgmail.transport.tls import client
from gpgmail.transport.tls.resume import Resumption
from tests.servers.hostile import Hostile
from tests.servers.pki import KEYS, Issued
from tests.transport.support import MAIL, failing, options_for, send

PASSWORD = "opens-the-store"
PFX, PFX_BLOB, PEM, PEM_BLOB, PUBLIC, AUTO = 2, 3, 6, 7, 8, 99


class Witness(ssl.SSLSocket):
    """A server's socket that remembers which certificates it was shown."""

    shown: list[list[bytes]]  # of each handshake

    def do_handshake(self, *arguments, **more):
        super().do_handshake(*arguments, **more)
        chain = [one for one in self._sslobj.get_unverified_chain() or [] if one is not None]
        self.shown.append([one.public_bytes(ssl._ssl.ENCODING_DER) for one in chain])


class Demanding:
    """A server that asks for a certificate by the authority, and what it was shown."""

    def __init__(self, root, certificates, *, version=None, mode=ssl.CERT_REQUIRED):
        self.shown = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sslsocket_class = type("Witness", (Witness,), {"shown": self.shown})
        self.context.verify_mode = mode
        self.context.load_verify_locations(cadata=root.pem.decode())
        if version is not None:
            self.context.minimum_version = self.context.maximum_version = version
        certificates.chains["good"].configure_cert(self.context)

    @property
    def subjects(self):
        """The chains that were shown, by the common names in them."""
        parsed = [map(x509.load_der_x509_certificate, chain) for chain in self.shown]
        return [[name(certificate) for certificate in chain] for chain in parsed]


def name(certificate):
    return certificate.subject.rfc4514_string().removeprefix("CN=")


@pytest.fixture(scope="module")
def root():
    return Issued.root()


@pytest.fixture(scope="module")
def someone(root):
    return root.client("Someone")


@pytest.fixture
def demanding(root, certificates):
    """Makes a server that demands a certificate: its witness and itself."""
    opened = []

    def make(*, implicit=True, **more):
        witness = Demanding(root, certificates, **more)
        opened.append(Hostile(tls=witness.context, implicit_tls=implicit))
        return witness, opened[-1]

    yield make
    for server in opened:
        server.close()


@pytest.fixture
def rows(ca_file):
    def of(server, **more):
        more = {"ssl_start_mode": 1, "openssl_ca_file": ca_file, **more}
        return options_for(server, "localhost", **more)

    return of


def pfx(issued, password=PASSWORD):
    return pkcs12.serialize_key_and_certificates(
        b"one",
        issued.key,
        issued.certificate,
        [one.certificate for one in issued.issuers],
        BestAvailableEncryption(password.encode()),
    )


@pytest.fixture(scope="module")
def stores(root, tmp_path_factory):
    """A file with a client's certificate and key, of each kind of key."""
    place = tmp_path_factory.mktemp("stores")
    return {kind: root.client(f"Of {kind}", kind).write(place / kind) for kind in KEYS}


@pytest.mark.proves("ssl_cert_store", "ssl_cert_store_type")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("kind", KEYS)
def test_a_server_gets_the_certificate(*, demanding, rows, stores, version, implicit, kind):
    store = stores[kind]
    witness, server = demanding(implicit=implicit, version=version)
    more = {"ssl_cert_store_type": PEM, "ssl_cert_store": os.fsencode(store)}
    send(rows(server, ssl_start_mode=1 if implicit else 2, **more))
    assert witness.subjects == [[f"Of {kind}"]]
    (connection,) = server.settled()
    assert connection.contents == [MAIL]


@pytest.mark.proves("ssl_cert_store_password", "ssl_cert_subject")
def test_one_of_a_protected_store_is_chosen(demanding, rows, someone, tmp_path):
    witness, server = demanding()
    options = rows(server, ssl_cert_store_type=PFX_BLOB, ssl_cert_store=pfx(someone))
    for wrong in ("", "wrong"):
        options.ssl_cert_store_password = wrong
        with failing(PassphraseError, 271) as caught:
            send(options)
        assert "PASSWORD" not in str(caught.value)
    options.ssl_cert_store_password = PASSWORD
    options.ssl_cert_subject = "Nobody"
    with failing(TlsError, 272):
        send(options)
    options.ssl_cert_subject = "some"
    send(options)
    assert witness.subjects == [["Someone"]]
    assert [one.through_tls == b"" for one in server.settled()] == [True, True, True, False]


@pytest.mark.proves("ssl_cert_encoded")
def test_an_encoded_certificate_finds_its_key(demanding, rows, someone, root):
    witness, server = demanding()
    keys = root.client("Other").key_pem + someone.key_pem
    send(rows(server, ssl_cert_encoded=someone.pem + someone.key_pem))
    send(
        rows(
            server,
            ssl_cert_store_type=PEM_BLOB,
            ssl_cert_store=keys,
            ssl_cert_encoded=someone.pem,
        )
    )
    assert witness.subjects == [["Someone"], ["Someone"]]


@pytest.mark.proves("SSLCertKeyPassword")
def test_a_key_has_a_password_of_its_own(demanding, rows, someone):
    witness, server = demanding()
    protected = client._encrypted(someone.key, PASSWORD)
    options = rows(server, ssl_cert_store_type=AUTO, ssl_cert_store=someone.pem + protected)
    with failing(PassphraseError, 271):
        send(options)
    configure(options, f"SSLCertKeyPassword={PASSWORD}")
    send(options)
    assert witness.subjects == [["Someone"]]


@pytest.mark.proves("SSLCACerts")
def test_the_intermediates_go_along(demanding, rows, root):
    middle = root.authority("Middle")
    lower = middle.authority("Lower")
    deep = lower.client("Deep")
    witness, server = demanding()
    options = rows(server, ssl_cert_encoded=deep.pem + deep.key_pem)
    with failing(GpgmailError):  # the server cannot tell whose it is
        send(options)
    configure(options, f"SSLCACerts={lower.pem.decode()}\r\n{middle.pem.decode()}")
    send(options)
    assert witness.subjects == [["Deep", "Lower", "Middle"]]


def test_what_the_store_has_of_its_issuers_goes_along(demanding, rows, root, someone):
    deep = root.authority("Middle").authority("Lower").client("Deep")
    store = b"".join((someone.pem, root.pem, *(one.pem for one in deep.issuers[::-1])))
    witness, server = demanding()
    send(
        rows(
            server,
            ssl_cert_store_type=PEM_BLOB,
            ssl_cert_store=store + deep.pem + deep.key_pem,
            ssl_cert_subject="CN=Deep",
        )
    )
    assert witness.subjects == [["Deep", "Lower", "Middle"]]


@pytest.mark.proves("SSLCACerts", "SSL 271")
def test_what_is_no_certificate_is_not_sent(demanding, rows, someone):
    _, server = demanding()
    options = rows(server, ssl_cert_encoded=someone.pem + someone.key_pem)
    options.ssl_ca_certs = "no certificate"
    with failing(TlsError, 271) as caught:
        send(options)
    assert caught.value.subject == "SSLCACerts"
    assert not any(one.encrypted for one in server.settled())


@pytest.mark.proves("SSL 281")
@pytest.mark.parametrize("part", ["pem", "key_pem"])
def test_half_a_pair_is_no_client_certificate(demanding, rows, someone, part):
    _, server = demanding()
    half = getattr(someone, part)
    with failing(TlsError, 281) as caught:
        send(rows(server, ssl_cert_store_type=AUTO, ssl_cert_store=half))
    assert "without" in caught.value.detail
    assert not any(one.encrypted for one in server.settled())


@pytest.mark.proves("SSL 281")
def test_a_key_that_tls_has_no_use_for(demanding, rows, tmp_path):
    short = ["req", "-x509", "-nodes", "-newkey", "rsa:512", "-sha1", "-subj", "/CN=Short"]
    out = subprocess.run(
        ["openssl", *short, "-keyout", "-"], check=True, capture_output=True, cwd=tmp_path
    )
    _, server = demanding()
    with failing(TlsError, 281):
        send(rows(server, ssl_cert_store_type=PEM_BLOB, ssl_cert_store=out.stdout))


# ---- a server that wants one and gets none ----


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_demand_that_is_not_met_says_what_to_set(demanding, rows, version, implicit):
    _, server = demanding(implicit=implicit, version=version)
    with failing(GpgmailError) as caught:
        send(rows(server, ssl_start_mode=1 if implicit else 2))
    assert "ssl_cert" in caught.value.hint
    assert "ssl_cert" in str(caught.value)
    for connection in server.settled():
        assert "MAIL" not in connection.verbs


@pytest.mark.parametrize("cert", [True, False])
@pytest.mark.parametrize(
    "action", [Drop(), Reply(b"421 4.7.1 No client certificate presented\r\n", close=True)]
)
def test_a_server_that_ends_behind_the_handshake(certificates, rows, someone, action, cert):
    tls = certificates.contexts["good"]
    with Hostile({Phase.BANNER: action}, tls=tls, implicit_tls=True) as server:
        options = rows(server)
        if cert:
            options.ssl_cert_encoded = someone.pem + someone.key_pem
        with failing(GpgmailError) as caught:
            send(options)
    assert ("may not take" if cert else "set ssl_cert") in caught.value.hint
    assert caught.value.hint in str(caught.value)


@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.EHLO])
def test_other_ends_are_not_blamed_on_a_certificate(certificates, rows, phase):
    """In clear, behind the greeting, or with other words."""
    tls = certificates.contexts["good"]
    busy = Reply(b"421 4.3.2 Too busy\r\n", close=True)
    cases = ({phase: busy}, True), ({phase: Drop()}, False), ({Phase.MAIL: Drop()}, True)
    for script, implicit in cases:
        with Hostile(script, tls=tls, implicit_tls=implicit) as server:
            with failing(GpgmailError) as caught:
                send(rows(server, ssl_start_mode=1 if implicit else 2))
            assert "ssl_cert" not in str(caught.value)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_that_the_server_does_not_take_is_what_failed(demanding, rows, version):
    stranger = Issued.root("Other").client("Stranger")
    _, server = demanding(version=version)
    with failing(GpgmailError) as caught:
        send(rows(server, ssl_cert_encoded=stranger.pem + stranger.key_pem))
    assert "client certificate" in caught.value.hint


# ---- where the key is ----


def test_the_key_is_in_no_file(demanding, rows, someone, tmp_path, monkeypatch):
    """What ssl reads is in memory, encrypted, and gone when the connection is made."""
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    seen = watched(monkeypatch)
    before = set(Path("/proc/self/fd").iterdir())
    _, server = demanding()
    with Session.open(rows(server, ssl_cert_encoded=someone.pem + someone.key_pem), Run(timeout=5)):
        (path, content) = seen.pop()
        assert path.startswith("/proc/self/fd/")
        assert b"ENCRYPTED PRIVATE KEY" in content
        assert b"BEGIN PRIVATE KEY" not in content
        descriptors = set(Path("/proc/self/fd").iterdir()) - before
        assert not [one for one in descriptors if "memfd" in target(one)]
    assert not list((tmp_path / "temp").iterdir())


def test_elsewhere_it_is_in_a_file_that_nobody_can_read(
    demanding, rows, someone, tmp_path, monkeypatch
):
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    monkeypatch.delattr(os, "memfd_create")
    seen = watched(monkeypatch)
    witness, server = demanding()
    send(rows(server, ssl_cert_encoded=someone.pem + someone.key_pem))
    (path, content) = seen.pop()
    assert Path(path).parent == tmp_path / "temp"
    assert b"ENCRYPTED PRIVATE KEY" in content
    assert b"BEGIN PRIVATE KEY" not in content
    assert not list((tmp_path / "temp").iterdir())
    assert witness.subjects == [["Someone"]]


def target(descriptor):
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def watched(monkeypatch):
    """What OpenSSL is given to read."""
    seen = []
    load = ssl.SSLContext.load_cert_chain

    def noting(self, certfile, *arguments, **more):
        assert oct(Path(certfile).stat().st_mode)[-2:] in {"00", "77"}  # a memfd has no other users
        seen.append((certfile, Path(certfile).read_bytes()))
        return load(self, certfile, *arguments, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", noting)
    return seen


def test_neither_store_nor_password_is_shown(rows, demanding, someone):
    _, server = demanding()
    options = rows(
        server,
        ssl_cert_store=pfx(someone),
        ssl_cert_store_password=PASSWORD,
        ssl_cert_key_password=PASSWORD,
        ssl_cert_encoded=someone.key_pem,
    )
    assert PASSWORD not in repr(options)
    assert "PRIVATE" not in repr(options)
    assert "\\x" not in repr(options)


# ---- sessions ----


def other_certificate(options, root, _):
    other = root.client("Other")
    options.ssl_cert_store = other.pem + other.key_pem


def no_certificate(options, *_):
    options.ssl_cert_store = b""
    options.ssl_cert_store_type = 0


def changed_file(options, root, path):
    other = root.client("Other")
    other.write(path, other.key_pem, other.pem, b"\n" * 2000)
    options.ssl_cert_store = os.fsencode(path)


@pytest.mark.proves("ReuseSSLSession")
@pytest.mark.parametrize("change", [other_certificate, no_certificate, changed_file])
def test_a_session_is_resumed_under_the_same_certificate_only(
    demanding, rows, someone, tmp_path, change
):
    witness, server = demanding(mode=ssl.CERT_OPTIONAL)
    store = os.fsencode(someone.write(tmp_path / "client.pem"))
    options = rows(server, reuse_ssl_session=True, ssl_cert_store_type=AUTO, ssl_cert_store=store)
    resumption = Resumption()

    def mail():
        with Session.open(options, Run(timeout=5), resumption):
            return witness.context.session_stats()["hits"]

    assert [mail(), mail()] == [0, 1]
    change(options, someone.issuer, tmp_path / "client.pem")
    assert mail() == 1
    assert witness.subjects[0] == ["Someone"]
    assert witness.subjects[-1] != ["Someone"]


# ---- a real server ----


@pytest.mark.servers
@pytest.mark.proves("ssl_cert_store", "ssl_cert_store_type")
@pytest.mark.parametrize(("face", "mode"), [("", 2), ("_implicit", 1)])
def test_postfix_knows_whose_mail_it_is(postfix, face, mode):
    issued = postfix.certificates.authority.issue_cert("r@example.org", common_name="Mail Robot")
    options = TransportOptions(
        mail_server="localhost",
        mail_port=postfix.port(f"client_certificate{face}"),
        ssl_start_mode=mode,
        openssl_ca_file=str(postfix.ca_file),
    )
    with failing(ServerError, 161) as caught:
        send(options)
    assert "421 4.7.1" in caught.value.detail
    assert "set ssl_cert" in caught.value.hint
    options.ssl_cert_store_type = PEM_BLOB
    options.ssl_cert_store = issued.private_key_and_cert_chain_pem.bytes()
    send(options)
    for address in ("b@example.org", "c@example.org"):
        (mail,) = postfix.mail_for(address)
        assert b'(Client CN "Mail Robot", Issuer "trustme' in mail
        assert b"(verified OK)" in mail
