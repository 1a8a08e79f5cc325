"""Checks that rows of several rooms share: each returns the value or raises ValueError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def port(value: int) -> int:
    """Accept a TCP port."""
    return between(0, 65535)(value)


def between(low: int, high: int) -> Callable[[int], int]:
    """Return a check that accepts *low* to *high*, both included."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}, not {value}")
        return value

    return check


def seconds(value: int) -> int:
    """Accept a time limit in seconds, 0 for none."""
    if value < 0:
        raise ValueError(f"must be 0 or more, not {value}")
    return value


class OneOf:
    """A check that accepts *choices* in any case, and stores them as written here."""

    def __init__(self, choices: Collection[str]) -> None:
        self.choices = tuple(choices)
        self._by_lower = {choice.lower(): choice for choice in choices}

    def __call__(self, value: str) -> str:
        """Return the choice that *value* is."""
        try:
            return self._by_lower[value.strip().lower()]
        except KeyError:
            listed = ", ".join(self.choices)
            raise ValueError(f"must be one of {listed}, not {value!r}") from None


def one_of(choices: Collection[str]) -> OneOf:
    """Return a check that accepts *choices*."""
    return OneOf(choices)


def one_line(subject: str) -> Callable[[str], str]:
    """Return a check that refuses CR, LF and NUL."""
    return lambda value: refuse_controls(value, subject)


def text(value: object, subject: str) -> str:
    """Return *value*, an argument that has to be text.

    Raises:
        UsageError: If it is something else.
    """
    if not isinstance(value, str):
        raise Situation.BAD_VALUE.error(f"takes str, not {type(value).__name__}", subject=subject)
    return value
