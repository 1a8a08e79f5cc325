"""What the rows of an account say of secrets becomes the secrets, or what fetches them.

What the caller gave himself is read at once: a mistake shows before anything else is done, and
standard input may hold a passphrase and the text of the mail behind it. What a file or the
environment names is fetched when a key or server wants it, and a token at each connection.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.delivery.options import for_key
from gpgmail.gpg.sources import (
    Passphrase,
    SourceError,
    read_command,
    read_descriptor,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpgmail.core.passphrases import Stored
    from gpgmail.delivery.accounts import Account

Fetch = Callable[[Run], Secret]

_KEYRING = "keyring"


class Source(NamedTuple):
    """A place that has a secret: how it was named, of which kind it is, and where."""

    called: str
    kind: str
    value: str
    given: bool = True  # by the caller himself

    def fetch(self, fingerprint: str, run: Run) -> Secret:  # noqa: ARG002 - one for all keys
        """Return the secret.

        Raises:
            UsageError: If it does not answer, with code 24 where a file or the environment says so.
        """
        try:
            return _READERS[self.kind](self.value, run)
        except SourceError as failure:
            situation = Situation.BAD_VALUE if self.given else Situation.BAD_CONFIG
            raise situation.error(
                f"gives nothing: {failure.why}", subject=self.called, hint=failure.hint
            ) from None


def password_of(account: Account) -> Fetch | None:
    """Return what gives the password, None where there is none.

    Raises:
        UsageError: If what the caller gave does not answer, or is more than one thing.
    """
    stated = account.options.password
    if stated:
        return lambda _: Secret(stated)
    source = only_one(list(_sources(account, "password")), "password")
    if source is None:
        return None
    if not source.given:
        return lambda run: source.fetch("", run)
    secret = source.fetch("", Run())
    return lambda _: secret


def token_of(account: Account) -> Fetch | None:
    """Return what gives a bearer token, anew at each call; None where there is none."""
    source = only_one(list(_sources(account, "token")), "token")
    return None if source is None else lambda run: source.fetch("", run)


def passphrases_of(account: Account) -> dict[str, Secret | Stored] | None:
    """Return the passphrase of each key, `ANY_KEY` where a row names none; None without any.

    Raises:
        UsageError: If a key has more than one, or what the caller gave does not answer.
    """
    stated: dict[str, list[Source]] = {}
    for source in _sources(account, "passphrase"):
        key, place = for_key(source.value)
        one = Source(source.called, source.kind, place, source.given)
        stated.setdefault(key.upper().removeprefix("0X"), []).append(one)
    taken: dict[str, Secret | Stored] = {}
    for key, sources in stated.items():
        only = only_one(sources, "passphrase")
        if only is not None:
            taken[key] = _passphrase(only)
    return taken or None


def only_one(sources: Sequence[Source], name: str) -> Source | None:
    """Return the one of *sources*, None where there is none.

    Raises:
        UsageError: If there are more.
    """
    if len(sources) > 1:
        listed = ", ".join(dict.fromkeys(source.called for source in sources))
        raise Situation.BAD_VALUE.error(f"give only one of {listed}", subject=name)
    return sources[0] if sources else None


def _passphrase(source: Source) -> Secret | Stored:
    if source.kind == _KEYRING:
        service, _, name = source.value.partition("/")
        return Passphrase.from_keyring(service, name or None)
    # A descriptor is read now: what is behind the passphrase is read next.
    return source.fetch("", Run()) if source.given or source.kind == "fd" else source


def _sources(account: Account, name: str) -> Iterator[Source]:
    for kind in (*_READERS, _KEYRING):
        row = f"{name}_{kind}"
        found = getattr(account.options, row, ())
        if isinstance(found, str):
            found = (found,) if row in account.found else ()
        for value in found:
            yield Source(account.called(row), kind, value, account.given(row))


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
