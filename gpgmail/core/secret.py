"""Secrets that do not print, and the redactor that every text meant for people passes through."""

from __future__ import annotations

from typing import NoReturn

MASK = "********"
_SHORTEST = 4  # shorter secrets would turn ordinary words into masks


class Secret:
    """A passphrase, password or token that shows as a mask in repr, str, logs and tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        self._value = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """Return the value itself, to be handed to gpg or a server and nowhere else."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")


class Redactor:
    """Replaces every known secret in a text by a mask."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def know(self, secret: Secret | str) -> None:
        """Add a secret; under four characters only the rules that mask whole fields help."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if len(value) >= _SHORTEST:
            self._secrets.add(value)

    def clean(self, text: str) -> str:
        """Return *text* with every known secret masked, the longest first."""
        if not self._secrets:
            return text
        for value in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text
