"""What a login mechanism is: a name and a generator of bytes, with no socket (RFC 4422)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.core.secret import Secret

# Yields the initial response, None where the mechanism has none; is sent a challenge for each
# further response.
Exchange = Generator[bytes | None, bytes, None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in, and with what."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism; one that `reveals` the password is for secured connections."""

    name: str
    reveals: bool
    exchange: Callable[[Credentials], Exchange]
