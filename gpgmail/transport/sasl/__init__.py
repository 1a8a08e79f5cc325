"""The login mechanisms, and which of them is taken. A mechanism is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.transport.sasl import login, plain

if TYPE_CHECKING:
    from collections.abc import Collection

    from gpgmail.transport.sasl.base import Mechanism

# The first that the server offers is taken, and no other is tried when it fails: a second try with
# a weaker one would hand the password to whoever made the first fail.
RANKED: tuple[Mechanism, ...] = (
    plain.MECHANISM,  # a standard, one round trip, UTF-8 is defined
    login.MECHANISM,  # reveals as much, has no standard, and takes three round trips
)


def choose(offered: Collection[str]) -> Mechanism | None:
    """Return the best mechanism that a server offers, or None where there is none in common."""
    names = {name.upper() for name in offered}
    return next((mechanism for mechanism in RANKED if mechanism.name in names), None)
