"""XOAUTH2: user and bearer token, as Google and Microsoft have it (it has no RFC)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.transport.sasl import bearer

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Say both; a challenge after that has the reason of a refusal, and wants an empty answer."""
    token = bearer.token(credentials.identity)
    if (yield f"user={credentials.user}\1auth=Bearer {token}\1\1".encode()) is not None:
        yield b""
