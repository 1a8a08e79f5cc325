"""When TLS starts: the rows and the peer's address decide, and plaintext is never a fallback."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import PolicyError, UnsupportedError, UsageError
from gpgmail.transport.address import Peer, is_loopback
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.tls.start import Start, start_for
from tests.servers.hostile import Hostile
from tests.transport.support import failing, options_for, send

NEAR = Peer("localhost", "127.0.0.1", 25)
FAR = Peer("mx.example.org", "192.0.2.1", 25)
REFUSED = None


@pytest.mark.parametrize(
    ("rows", "far", "near"),
    [
        ({"ssl_start_mode": 1}, Start.IMPLICIT, Start.IMPLICIT),
        ({"ssl_start_mode": 2}, Start.STARTTLS, Start.STARTTLS),
        ({"ssl_start_mode": 2, "plain_on_loopback": True}, Start.STARTTLS, Start.PLAIN),
        ({"ssl_start_mode": 1, "plain_on_loopback": True}, Start.IMPLICIT, Start.IMPLICIT),
        ({"ssl_start_mode": 3}, Start.PLAIN, Start.PLAIN),
        ({}, REFUSED, Start.PLAIN),
        ({"plain_on_loopback": True}, REFUSED, Start.PLAIN),
        ({"ssl_enabled": False}, Start.PLAIN, Start.PLAIN),
        ({"ssl_enabled": True}, Start.STARTTLS, Start.STARTTLS),
        ({"ssl_enabled": True, "mail_port": 465}, Start.IMPLICIT, Start.IMPLICIT),
        ({"ssl_start_mode": 1, "ssl_enabled": True}, Start.IMPLICIT, Start.IMPLICIT),
        ({"ssl_start_mode": 2, "ssl_enabled": False}, Start.PLAIN, Start.PLAIN),
        ({"ssl_start_mode": 0}, Start.STARTTLS, Start.STARTTLS),
        ({"ssl_start_mode": 0, "mail_port": 587}, Start.STARTTLS, Start.STARTTLS),
        ({"ssl_start_mode": 0, "mail_port": 465}, Start.IMPLICIT, Start.IMPLICIT),
        ({"ssl_start_mode": 0, "mail_port": 2465}, Start.IMPLICIT, Start.IMPLICIT),
    ],
)
def test_how_a_connection_begins(rows, far, near):
    options = TransportOptions(**rows)
    assert start_for(options, NEAR) is near
    if far is REFUSED:
        with pytest.raises(PolicyError, match="in clear"):
            start_for(options, FAR)
    else:
        assert start_for(options, FAR) is far


@pytest.mark.proves("ssl_enabled", "ssl_start_mode")
@pytest.mark.parametrize(
    ("before", "name", "value", "after"),
    [
        ((3, False), "ssl_start_mode", 0, (0, True)),
        ((3, False), "ssl_start_mode", 1, (1, True)),
        ((3, False), "ssl_start_mode", 2, (2, True)),
        ((3, False), "ssl_enabled", True, (0, True)),
        ((3, False), "ssl_enabled", False, (3, False)),
        ((1, True), "ssl_enabled", True, (1, True)),
        ((2, True), "ssl_enabled", False, (3, False)),
        ((2, True), "ssl_start_mode", 3, (3, False)),
    ],
)
def test_one_follows_the_other(before, name, value, after):
    options = TransportOptions()
    if before != (3, False):
        options.ssl_start_mode = before[0]
    assert (options.ssl_start_mode, options.ssl_enabled) == before
    setattr(options, name, value)
    assert (options.ssl_start_mode, options.ssl_enabled) == after


@pytest.mark.proves("ssl_enabled", "ssl_start_mode")
@pytest.mark.parametrize(
    ("rows", "secured"),
    [
        ({}, False),
        ({"ssl_start_mode": 3}, False),
        ({"ssl_start_mode": 2}, True),
        ({"ssl_enabled": False}, False),
    ],
)
def test_what_the_server_sees_of_it(certificates, ca_file, rows, secured):
    with Hostile(tls=certificates.contexts["good"]) as server:
        send(options_for(server, "localhost", openssl_ca_file=ca_file, **rows))
        (connection,) = server.settled()
    assert connection.encrypted is secured
    assert (b"MAIL FROM" in connection.through_tls) is secured
    assert (b"MAIL FROM" in connection.clear) is not secured


@pytest.mark.proves("ssl_enabled", "ssl_start_mode")
@pytest.mark.parametrize(
    "rows", [{"ssl_start_mode": 1}, {"ssl_start_mode": 0}, {"ssl_enabled": True}]
)
def test_tls_from_the_first_byte(certificates, ca_file, rows):
    """Mode 0 does so at ports that are not those of SMTP."""
    with Hostile(tls=certificates.contexts["good"], implicit_tls=True) as server:
        send(options_for(server, "localhost", openssl_ca_file=ca_file, **rows))
        (connection,) = server.settled()
    assert connection.encrypted
    assert connection.clear == b""


@pytest.mark.proves("ssl_provider")
@pytest.mark.parametrize("provider", [0, 1])
def test_both_names_of_the_systems_tls_are_it(certificates, ca_file, provider):
    with Hostile(tls=certificates.contexts["good"]) as server:
        rows = {"ssl_start_mode": 2, "openssl_ca_file": ca_file, "ssl_provider": provider}
        send(options_for(server, "localhost", **rows))
        (connection,) = server.settled()
    assert connection.encrypted


@pytest.mark.parametrize(
    ("name", "value"),
    [("ssl_provider", 2), ("ssl_provider_name", "Conscrypt"), ("openssl_prng_seed_data", "dice")],
)
def test_another_tls_is_refused(name, value):
    options = TransportOptions()
    before = getattr(options, name)
    with failing(UnsupportedError, 1):
        setattr(options, name, value)
    assert getattr(options, name) == before
    setattr(options, name, before)


def test_a_provider_that_there_is_not():
    with failing(UsageError, 2):
        TransportOptions(ssl_provider=3)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("128.0.0.1", False),
        ("192.0.2.127", False),
        ("7f00::1", False),
        ("fe80::1%lo", False),
        ("::", False),
        ("0.0.0.0", False),  # noqa: S104 - compared, not bound
        ("localhost", False),
        ("127.0.0.1.example.org", False),
        ("127.1\0", False),
        ("", False),
    ],
)
def test_which_addresses_are_this_machine(address, expected):
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (FAR, "mx.example.org[192.0.2.1]:25"),
        (Peer("192.0.2.1", "192.0.2.1", 587), "192.0.2.1:587"),
        (Peer("::1", "::1", 25), "[::1]:25"),
        (Peer("mx", "", 25), "mx:25"),
    ],
)
def test_a_peer_says_who_it_is(peer, text):
    assert str(peer) == text
