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


_BY_NAME = {mechanism.name: mechanism for mechanism in RANKED}


def listed(value: str) -> str:
    """Accept names of mechanisms separated by commas, in any case."""
    names = [name.strip().upper() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown:
        raise ValueError(f"must be of {', '.join(_BY_NAME)}, not {', '.join(unknown)}")
    return ",".join(dict.fromkeys(names))


def choose(offered: Collection[str], allowed: str = "") -> Mechanism | None:
    """Return the best mechanism that a server offers, or None where there is none in common.

    *allowed* is a list as `listed` returns it, the best first; empty for our own ranking.
    """
    names = {name.upper() for name in offered}
    ranked = [_BY_NAME[name] for name in allowed.split(",")] if allowed else RANKED
    return next((mechanism for mechanism in ranked if mechanism.name in names), None)
