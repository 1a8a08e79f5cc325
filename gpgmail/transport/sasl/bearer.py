"""What the mechanisms that take a bearer token share: the token, and what a server says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.core.secret import Secret

# RFC 6750 section 2.1; the word alone is no token.
_TOKEN = re.compile(r"(?:bearer +)?(?!bearer$)([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_WORDS = 500  # characters; what a server says may be of any length


def token(identity: Secret) -> str:
    """Return the token in *identity*, which may have the word Bearer before it.

    Raises:
        UsageError: If it is no token; it is not repeated.
    """
    match = _TOKEN.fullmatch(identity.reveal().strip())
    if match is None:
        raise Situation.BAD_VALUE.error(
            "is no bearer token", subject="AuthorizationIdentity", hint="give 'Bearer TOKEN'"
        )
    return match[1]


def words(challenge: bytes) -> str:
    """Return what a server says is wrong with a token (RFC 7628 section 3.2.2), empty for nothing.

    It says so in a challenge, as JSON, before it refuses.
    """
    import json

    try:
        facts = json.loads(challenge)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(facts, dict):
        return ""
    said = ", ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, str))
    return said[:_WORDS]
