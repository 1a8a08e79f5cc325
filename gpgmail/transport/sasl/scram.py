"""SCRAM: both sides prove that they know the password, neither says it (RFC 5802, RFC 7677).

scramp does the computing, and prepares user and password (SASLprep, RFC 4013).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.transport.sasl.base import NonsenseError, UnprovenError, heard

if TYPE_CHECKING:
    from scramp import ScramClient

    from gpgmail.transport.sasl.base import Credentials, Exchange

# A second or so of computing; a server that asks for more wants to keep us busy.
_MOST_ITERATIONS = 1_000_000


def exchange(credentials: Credentials) -> Exchange:
    """Prove that we know the password, and have the server prove that it does."""
    from scramp import ScramException

    client = _client(credentials)
    challenge = heard((yield client.get_client_first().encode()))
    try:
        client.set_server_first(_text(challenge))
    except ScramException as error:
        raise NonsenseError(str(error)) from None
    if int(client.iterations) > _MOST_ITERATIONS:
        raise NonsenseError(f"the server asks for {int(client.iterations)} iterations")
    proof = heard((yield client.get_client_final().encode()))
    if not proof.startswith(b"e="):  # the reason of a refusal that follows
        try:
            client.set_server_final(_text(proof))
        except ScramException as error:
            raise UnprovenError(str(error)) from None
        yield b""
    else:
        heard((yield b""))


def _client(credentials: Credentials) -> ScramClient:
    from scramp import ScramClient, ScramException

    # With a binding and a mechanism that is not bound, scramp says that we could have been: the
    # server then sees whether somebody took the better mechanism out of its offer.
    binding = credentials.binding and ("tls-server-end-point", credentials.binding)
    try:
        return ScramClient(
            [credentials.mechanism],
            credentials.user,
            credentials.password.reveal(),
            channel_binding=binding,
        )
    except ScramException as error:
        raise Situation.BAD_VALUE.error(str(error), subject="user or password") from None


def _text(challenge: bytes) -> str:
    try:
        return challenge.decode()
    except UnicodeDecodeError:
        raise NonsenseError("not UTF-8") from None
