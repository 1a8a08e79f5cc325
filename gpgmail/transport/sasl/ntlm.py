"""NTLM, version 1 or 2, as [MS-NLMP] and [MS-SMTPNTLM] have it; pyspnego does the computing.

Its negotiation is the initial response: servers that are asked for a challenge before it answer
with words that are no base64.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from gpgmail.transport.sasl.base import NonsenseError, heard

if TYPE_CHECKING:
    from spnego import ContextProxy

    from gpgmail.transport.sasl.base import Credentials, Exchange


def exchange(credentials: Credentials) -> Exchange:
    """Negotiate, then answer the one challenge."""
    from spnego.exceptions import SpnegoError

    context = _context(credentials)
    challenge = heard((yield context.step()))
    try:
        response = context.step(challenge)
    except (SpnegoError, LookupError, ValueError, struct.error) as error:
        raise NonsenseError(f"no NTLM challenge: {error}") from None
    yield response


def _context(credentials: Credentials) -> ContextProxy:
    import spnego

    context = spnego.client(
        credentials.user,
        credentials.password.reveal(),
        protocol="ntlm",
        options=spnego.NegotiateOptions.use_ntlm,
    )
    # pyspnego takes the version from the environment, which is the whole process's, and keeps it
    # here; "wrapped" contexts do not log what they say.
    chosen = {
        "_lm": False,
        "_nt_v1": not credentials.ntlm_v2,
        "_nt_v2": credentials.ntlm_v2,
        "_is_wrapped": True,
    }
    for name, value in chosen.items():
        if not hasattr(context, name):
            raise AttributeError(f"this pyspnego has no {name}")
        setattr(context, name, value)
    return context
