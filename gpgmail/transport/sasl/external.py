"""EXTERNAL: who logs in was shown by other means, by a client certificate (RFC 4422 appendix A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Say whom to act for; empty for the one that the certificate names."""
    yield credentials.identity.reveal().encode()
