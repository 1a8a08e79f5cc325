"""When TLS starts: the rows and the peer's address decide, and plaintext is never a fallback."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import PolicyError
from gpgmail.transport.address import Peer, is_loopback
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.tls.start import Start, start_for

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
