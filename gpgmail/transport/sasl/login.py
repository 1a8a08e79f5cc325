"""LOGIN: user and password one after the other, whatever the server's prompts say.

It has no RFC (draft-murchison-sasl-login): servers differ in their prompts, so their order decides.
"""

from __future__ import annotations

from gpgmail.transport.sasl.base import Credentials, Exchange, Mechanism


def _exchange(credentials: Credentials) -> Exchange:
    yield None
    yield credentials.user.encode()
    yield credentials.password.reveal().encode()


MECHANISM = Mechanism("LOGIN", reveals=True, exchange=_exchange)
