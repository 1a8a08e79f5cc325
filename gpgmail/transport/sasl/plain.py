"""PLAIN: user and password in one response (RFC 4616)."""

from __future__ import annotations

from gpgmail.transport.sasl.base import Credentials, Exchange, Mechanism


def _exchange(credentials: Credentials) -> Exchange:
    yield f"\0{credentials.user}\0{credentials.password.reveal()}".encode()


MECHANISM = Mechanism("PLAIN", reveals=True, exchange=_exchange)
