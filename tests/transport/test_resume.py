"""Resumed TLS sessions: counted by the server, and only where everything is as it was verified."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from gpgmail.core.config import configure
from gpgmail.core.errors import TlsError
from gpgmail.core.run import Run
from gpgmail.transport.session import Session
from gpgmail.transport.tls.resume import Resumption
from tests.servers.hostile import Hostile
from tests.transport.support import ENVELOPE, MAIL, failing, options_for

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def context(certificates):
    """Makes a server's context of its own, which knows no earlier session."""

    def make(version=ssl.TLSVersion.TLSv1_3, name="good"):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = made.maximum_version = version
        certificates.chains[name].configure_cert(made)
        return made

    return make


def mail(options, resumption):
    with Session.open(options, Run(timeout=5), resumption) as session:
        session.deliver(ENVELOPE, [MAIL])


def resumed(context):
    return context.session_stats()["hits"]


def rows(ca_file, **more):
    return {"openssl_ca_file": ca_file, "ssl_start_mode": 1, "reuse_ssl_session": True, **more}


@pytest.mark.proves("ReuseSSLSession")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("implicit", [True, False])
def test_a_second_connection_resumes_the_first(context, ca_file, version, implicit):
    tls = context(version)
    with Hostile(tls=tls, implicit_tls=implicit) as server:
        mode = 1 if implicit else 2
        options = options_for(server, "localhost", openssl_ca_file=ca_file, ssl_start_mode=mode)
        configure(options, "ReuseSSLSession=True")
        resumption = Resumption()
        for hits in range(3):
            mail(options, resumption)
            assert resumed(tls) == hits
        connections = server.settled()
    assert [connection.contents for connection in connections] == [[MAIL]] * 3


@pytest.mark.proves("ReuseSSLSession")
@pytest.mark.parametrize("version", VERSIONS)
def test_none_is_resumed_unasked(context, ca_file, version):
    tls = context(version)
    with Hostile(tls=tls, implicit_tls=True) as server:
        options = options_for(server, "localhost", **rows(ca_file, reuse_ssl_session=False))
        resumption = Resumption()
        mail(options, resumption)
        mail(options, resumption)
        options.reuse_ssl_session = True
        mail(options, resumption)
        assert resumed(tls) == 0
        mail(options, resumption)
        assert resumed(tls) == 1
        options.reuse_ssl_session = False
        mail(options, resumption)
        assert resumed(tls) == 1


def other_name(options, _tmp_path):
    options.mail_server = "127.0.0.1"


def other_trust(options, tmp_path):
    copy = tmp_path / "other.pem"
    shutil.copy(options.openssl_ca_file, copy)
    options.openssl_ca_file = str(copy)


def changed_file(options, _tmp_path):
    with Path(options.openssl_ca_file).open("a") as authorities:
        authorities.write("\n")


def other_mode(options, _tmp_path):
    options.ssl_start_mode = 0


@pytest.mark.proves("ReuseSSLSession")
@pytest.mark.parametrize("change", [other_name, other_trust, changed_file, other_mode])
def test_nothing_is_resumed_once_something_changed(context, ca_file, tmp_path, change):
    tls = context()
    with Hostile(tls=tls, implicit_tls=True) as server:
        options = options_for(server, "localhost", **rows(ca_file))
        resumption = Resumption()
        mail(options, resumption)
        change(options, tmp_path)
        mail(options, resumption)
        assert resumed(tls) == 0
        mail(options, resumption)
        assert resumed(tls) == 1


@pytest.mark.proves("ReuseSSLSession")
def test_nothing_is_resumed_at_another_port(context, ca_file):
    """Both servers share their tickets, so that the second would know one of the first."""
    tls = context()
    with (
        Hostile(tls=tls, implicit_tls=True) as one,
        Hostile(tls=tls, implicit_tls=True) as other,
    ):
        resumption = Resumption()
        for server in (one, other, one):
            mail(options_for(server, "localhost", **rows(ca_file)), resumption)
        assert resumed(tls) == 0


def test_one_component_knows_nothing_of_another(context, ca_file):
    tls = context()
    with Hostile(tls=tls, implicit_tls=True) as server:
        options = options_for(server, "localhost", **rows(ca_file))
        mail(options, Resumption())
        mail(options, Resumption())
    assert resumed(tls) == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_forgot_the_session_is_verified_anew(context, ca_file, version):
    with Hostile(tls=context(version), implicit_tls=True) as server:
        options = options_for(server, "localhost", **rows(ca_file))
        resumption = Resumption()
        mail(options, resumption)
        server.tls = forgetful = context(version)
        mail(options, resumption)
        assert resumed(forgetful) == 0
        server.tls = context(version, "wrong_host")
        with failing(TlsError, 280):
            mail(options, resumption)
        server.tls = again = context(version)
        mail(options, resumption)
        mail(options, resumption)
    assert resumed(again) == 1


def test_a_session_that_was_never_verified_is_not_kept(context, ca_file):
    tls = context(name="untrusted")
    with Hostile(tls=tls, implicit_tls=True) as server:
        options = options_for(server, "localhost", **rows(ca_file))
        resumption = Resumption()
        for _ in range(2):
            with failing(TlsError, 280):
                mail(options, resumption)
        assert resumption.offer(options).session is None
    assert resumed(tls) == 0
