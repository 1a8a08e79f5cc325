"""LOGIN: user and password one after the other, whatever the server's prompts say.

It has no RFC (draft-murchison-sasl-login): servers differ in their prompts, so their order decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Answer the first prompt with the user, the second with the password."""
    yield None
    yield credentials.user.encode()
    yield credentials.password.reveal().encode()
