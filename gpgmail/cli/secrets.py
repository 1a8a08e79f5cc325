"""Where the command line takes passphrases and passwords from: never from its arguments.

Fetched before anything else is done, because standard input may hold a passphrase and the text of
the mail behind it; but not from a keyring, which has an entry for each key.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from gpgmail.core.passphrases import ANY_KEY
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.sources import (
    Passphrase,
    SourceError,
    read_command,
    read_descriptor,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gpgmail.core.passphrases import Stored
    from gpgmail.core.secret import Secret

_FOR_KEY = re.compile(r"((?:0[xX])?[0-9A-Fa-f]{16,64})=(.*)", re.DOTALL)


def take_secret(name: str, given: Mapping[str, Any]) -> str | None:
    """Return the secret from the one option of `secret_options` that was given, or None.

    Raises:
        UsageError: If more than one was given, or what was given does not answer.
    """
    taken = list(_given(name, given))
    _require_one(name, [option for option, _, _ in taken])
    for option, kind, value in taken:
        return _read(option, kind, value).reveal()
    return None


def take_passphrases(given: Mapping[str, Any]) -> dict[str, Secret | Stored] | None:
    """Return the passphrase of each key, `ANY_KEY` where an option names none, or None.

    Raises:
        UsageError: If a key has more than one, or what was given does not answer.
    """
    stated: dict[str, list[tuple[str, str, str]]] = {}
    for option, kind, value in _given("passphrase", given):
        key, place = _for_key(value)
        stated.setdefault(key, []).append((option, kind, place))
    for sources in stated.values():
        _require_one("passphrase", [option for option, _, _ in sources])
    taken: dict[str, Secret | Stored] = {}
    for key, ((option, kind, place),) in stated.items():
        taken[key] = _entry(place) if kind == "keyring" else _read(option, kind, place)
    return taken or None


def _given(name: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield option, kind of source and value for all that was given."""
    for kind in (*_READERS, "keyring"):
        found = given.get(f"{name}_{kind}")
        for value in (found,) if isinstance(found, str) else found or ():
            yield f"--{name}-{kind}", kind, value


def _require_one(name: str, options: Sequence[str]) -> None:
    if len(options) > 1:
        listed = ", ".join(dict.fromkeys(options))
        raise Situation.BAD_VALUE.error(f"give only one of {listed}", subject=name)


def _for_key(value: str) -> tuple[str, str]:
    """Take KEY=SOURCE apart; the key is a fingerprint or a key id."""
    found = _FOR_KEY.fullmatch(value)
    return (found[1], found[2]) if found else (ANY_KEY, value)


def _entry(place: str) -> Passphrase:
    service, _, name = place.partition("/")
    return Passphrase.from_keyring(service, name or None)


def _read(option: str, kind: str, value: str) -> Secret:
    try:
        return _READERS[kind](value, Run())
    except SourceError as failure:
        raise Situation.BAD_VALUE.error(
            f"gives nothing: {failure.why}", subject=option, hint=failure.hint
        ) from None


def _descriptor(value: str, run: Run) -> Secret:
    if not (value.isascii() and value.isdigit()):
        raise SourceError("it is not the number of a descriptor")
    return read_descriptor(int(value), run)


def _command(value: str, run: Run) -> Secret:
    try:
        words = shlex.split(value)
    except ValueError:
        words = []
    if not words:
        raise SourceError("the command cannot be taken apart into words")
    return read_command(words, run)


_READERS: dict[str, Callable[[str, Run], Secret]] = {
    "file": read_file,
    "command": _command,
    "fd": _descriptor,
}
