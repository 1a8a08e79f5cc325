"""What a login mechanism is: facts about it, and a generator of bytes with no socket (RFC 4422)."""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum, auto
from typing import NamedTuple

from gpgmail.core.secret import Secret

# Yields the initial response, None where the mechanism has none; is sent a challenge for each
# further response, and None once the server lets the user in: then it must be at its end.
Exchange = Generator[bytes | None, bytes | None, None]


_NONE = Secret("")


class NonsenseError(Exception):
    """A challenge does not follow the mechanism."""


class UnprovenError(Exception):
    """The server did not prove what the mechanism has it prove: it may be somebody else."""


class Takes(Enum):
    """What a mechanism logs in with."""

    PASSWORD = auto()
    TOKEN = auto()
    NOTHING = auto()  # what was shown elsewhere: a certificate, a ticket


class Mechanism(NamedTuple):
    """A row of the table of mechanisms.

    *file* has its `exchange`, *package* is what that imports beyond the standard library. One that
    `reveals` what it takes is for secured connections; one that is `bound` needs them, since it
    proves that both ends see the same one. One that `acts_for_others` carries an authorization
    identity. One that `waits` may ask a server of its own.
    """

    name: str
    file: str
    takes: Takes = Takes.PASSWORD
    reveals: bool = False
    bound: bool = False
    acts_for_others: bool = False
    waits: bool = False
    package: str = ""
    extra: str = "auth"


class Credentials(NamedTuple):
    """Who logs in with what, where, and by which mechanism.

    *identity* is whom to act for, or the token of those mechanisms that take one. *binding* names
    the TLS connection (tls-server-end-point, RFC 5929) to mechanisms that can be bound to it.
    """

    user: str
    password: Secret
    identity: Secret = _NONE
    host: str = ""
    port: int = 25
    mechanism: str = ""
    binding: bytes | None = None
    ntlm_v2: bool = True


def heard(challenge: bytes | None) -> bytes:
    """Return a challenge, where there has to be one.

    Raises:
        UnprovenError: If the server lets the user in instead.
    """
    if challenge is None:
        raise UnprovenError("it said welcome before it had shown who it is")
    return challenge
