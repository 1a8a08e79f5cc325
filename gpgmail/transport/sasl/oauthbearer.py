"""OAUTHBEARER: user and bearer token (RFC 7628)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.transport.sasl import bearer

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange

_ESCAPES = str.maketrans({"=": "=3D", ",": "=2C"})  # RFC 5801 section 4


def exchange(credentials: Credentials) -> Exchange:
    """Say both; a challenge after that has the reason of a refusal (section 3.2.3)."""
    token = bearer.token(credentials.identity)
    who = credentials.user.translate(_ESCAPES)
    where = f"host={credentials.host}\1port={credentials.port}"
    if (yield f"n,a={who},\1{where}\1auth=Bearer {token}\1\1".encode()) is not None:
        yield b"\1"
