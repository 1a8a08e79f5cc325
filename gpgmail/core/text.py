"""Text at the edges: what may go into headers, addresses and commands, and how errors show it."""

from __future__ import annotations

import os

from gpgmail.core.situations import Situation

_NAMES = {"\r": "CR", "\n": "LF", "\0": "NUL"}


def refuse_controls(value: str, subject: str) -> str:
    """Return *value* unchanged when it holds no CR, LF or NUL; *subject* names it in the error.

    Raises:
        UsageError: If it does; nothing after such a character may reach a header or a command.
    """
    found = next((name for char, name in _NAMES.items() if char in value), None)
    if found is not None:
        raise Situation.INJECTION.error(f"holds {found}", subject=subject)
    return value


def shown(text: str | os.PathLike[str]) -> str:
    """Return a name or a path for people: as it is, or in ASCII where not all of it prints."""
    plain = os.fspath(text)
    return plain if plain.isprintable() else ascii(plain)


def reason(error: Exception) -> str:
    """Return why something failed: the system's words for an OSError, without number and path."""
    return getattr(error, "strerror", None) or str(error)


def quoted(word: str) -> str:
    """Return a word as a shell reads it; what does not print as bash and zsh read it."""
    import shlex  # for errors alone

    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(char: str) -> str:
    if char.isprintable():
        return f"\\{char}" if char in "\\'" else char
    return "".join(f"\\x{byte:02x}" for byte in char.encode())
