"""CRAM-MD5: a keyed hash of what the server asks (RFC 2195)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from gpgmail.transport.sasl.base import heard

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Answer the one challenge."""
    challenge = heard((yield None))
    digest = hmac.new(credentials.password.reveal().encode(), challenge, "md5").hexdigest()
    yield f"{credentials.user} {digest}".encode()
