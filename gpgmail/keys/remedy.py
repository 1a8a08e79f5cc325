"""The commands with which the owner of a keyring makes gpg hold a user id for valid.

Shown in errors and by `Keyring.why`, never run here. Asked for only once a key was refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gpgmail.core.text import quoted
from gpgmail.gpg.librarian import Librarian
from gpgmail.keys.key import Validity, key_from_record
from gpgmail.keys.place import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.run import Run
    from gpgmail.gpg.config import Additions
    from gpgmail.gpg.home import Home
    from gpgmail.keys.key import Key, UserId
    from gpgmail.keys.place import Place

_ULTIMATE = "6"  # gpg --export-ownertrust
_BY_MODEL = {
    "direct": ("--edit-key", "{key}", "trust"),
    "tofu": ("--tofu-policy", "good", "{key}"),
    "tofu+pgp": ("--tofu-policy", "good", "{key}"),
}


def _chosen(user_id: UserId) -> tuple[str, ...]:
    """Return what makes gpg sign that user id alone.

    Outside ASCII gpg compares bytes, which the user's locale may change: the address is then meant,
    and without one every user id.
    """
    if user_id.text.isascii():
        return (f"={user_id.text}",)
    return (f"*<{user_id.email}>",) if user_id.email.isascii() and user_id.email else ()


def command_line(place: Place, program: str, *words: str) -> str:
    """Return a line for a shell that has a program of GnuPG work on the keys of *place*."""
    rings = (path.parent for path in (*place.public, *place.secret) if isinstance(path, Path))
    directory = str(place.directory or next(rings))
    usual = os.path.expanduser("~/.gnupg")  # noqa: PTH111 - it never raises
    where = () if directory == usual else ("--homedir", directory)
    return " ".join(map(quoted, (program, *where, *words)))


class Source(Protocol):
    """What is asked about the place of the keys."""

    @property
    def place(self) -> Place:
        """Where they are."""
        ...

    def additions(self) -> Additions:
        """Return what gpg.conf says."""
        ...

    def secret_home(self, run: Run) -> Home:
        """Return a home in which gpg knows the owner's keys."""
        ...


class Remedy:
    """The commands for the keys of one keyring."""

    def __init__(self, source: Source, run: Run) -> None:
        self._source = source
        self._run = run
        self._own: str | None = None

    def certify(self, key: Key, user_id: UserId) -> str:
        """Return the command for *user_id* of *key*, empty where there is none.

        By its own signature the owner says that the user id is the key's, to this gpg alone. Where
        no key of his own is trusted ultimately such a signature says nothing, and the key itself is
        to be trusted.
        """
        kind = self._source.place.kind
        if kind is not Kind.HOME:
            words = ("gpg1", "--lsign-key", key.fingerprint)
            return self._line(*words) if kind is Kind.LEGACY else ""
        by_model = _BY_MODEL.get(self._source.additions().trust_model)
        if by_model is not None:
            return self._line("gpg", *(word.format(key=key.fingerprint) for word in by_model))
        own = self._own_key()
        if not own:
            return self._line("gpg", "--edit-key", key.fingerprint, "trust")
        sign = ("--local-user", own, "--quick-lsign-key", key.fingerprint)
        return self._line("gpg", *sign, *_chosen(user_id))

    def _line(self, program: str, *words: str) -> str:
        return command_line(self._source.place, program, *words)

    def _own_key(self) -> str:
        """Return the first key here whose signature on a user id makes it valid."""
        if self._own is None:
            self._own = next(self._certifying(), "")
        return self._own

    def _certifying(self) -> Iterator[str]:
        from gpgmail.gpg.runner import execute

        home = self._source.secret_home(self._run)
        output = execute(home, ["--export-ownertrust"], run=self._run).output.decode("ascii")
        levels = (line.split(":") for line in output.split("\n") if not line.startswith("#"))
        trusted = [f"0x{words[0]}" for words in levels if words[1:2] == [_ULTIMATE]]
        if trusted:
            records = Librarian(home, self._run).list_keys(*trusted, secret=True)
            for key in map(key_from_record, records):
                if key.primary.secret_here and key.validity is Validity.ULTIMATE:
                    yield key.fingerprint
