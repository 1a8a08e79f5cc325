"""PLAIN: user and password in one response (RFC 4616)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Say all at once."""
    identity, password = credentials.identity.reveal(), credentials.password.reveal()
    yield f"{identity}\0{credentials.user}\0{password}".encode()
