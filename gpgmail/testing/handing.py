"""`Library`: keyrings of any situation, made once and given out as copies.

A keyring is made with the gpg that is in use when it is first asked for, in some tenths of a second
at most, and kept in memory; with another gpg it is made anew. A copy is a directory of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Self

from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find
from gpgmail.keys.keyring import Keyring
from gpgmail.testing.place import Place
from gpgmail.testing.rows import Notes
from gpgmail.testing.situations import SITUATIONS
from gpgmail.testing.workshop import Bench, fill, furnish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpgmail.testing.rows import SituationRow
    from gpgmail.testing.workshop import Files

_ROWS = {row.name: row for row in SITUATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestKey:
    """A key of a situation; `passphrase` is empty where it has none.

    `name` is what the situation calls it, `user_id` the first one that it got.
    """

    __test__ = False  # no tests here: pytest collects classes by their name

    name: str
    fingerprint: str
    user_id: str
    passphrase: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """The address of the user id."""
        return self.user_id.rpartition("<")[2].removesuffix(">")


@dataclass(frozen=True, slots=True)
class Made:
    """A situation as it was made: files, and what is known of its keys."""

    files: Files
    keys: Mapping[str, TestKey]


class KeyringCopy:
    """A context manager: inside, `path` is a directory with the keyring of a situation.

    It can be given wherever a path can, such as `Mailer(keyring=copy)`. `keys` has the keys by the
    names that the situation gives them. What is done to it is seen by nobody else; at the end an
    agent that runs there is stopped and the directory removed.
    """

    def __init__(self, row: SituationRow, made: Made) -> None:
        self.situation = row.name
        self.purpose = row.purpose
        self.keys = made.keys
        self._kind = row.kind
        self._files = made.files
        self._place = Place("KeyringCopy")

    @property
    def path(self) -> Path:
        """The directory: a home, or what the files lie in."""
        return self._place.path

    @property
    def key(self) -> TestKey:
        """The only key.

        Raises:
            UsageError: If there are several.
        """
        if len(self.keys) != 1:
            detail = f"has {', '.join(self.keys) or 'no keys'}: say which one"
            raise Situation.BAD_VALUE.error(detail, subject=self.situation)
        return next(iter(self.keys.values()))

    def __getitem__(self, name: str) -> TestKey:
        if name not in self.keys:
            detail = f"has no key {name!r}, only {', '.join(self.keys)}"
            raise Situation.BAD_VALUE.error(detail, subject=self.situation)
        return self.keys[name]

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"<keyring {self.situation}: {', '.join(self.keys)}>"

    def open(self) -> Keyring:
        """Return it as a `Keyring`, which is to be closed."""
        return Keyring.open(self.path)

    def __enter__(self) -> Self:
        write = furnish if self._kind == "home" else fill
        self._place.open(lambda directory: write(directory, self._files), Run())
        return self

    def __exit__(self, *_: object) -> None:
        self._place.close()


class Library:
    """The situations, made when they are first asked for and kept for as long as this is."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Made] = {}
        self._notes: dict[str, Notes] = {}
        self._user_ids: dict[str, str] = {}

    def copy(self, situation: str) -> KeyringCopy:
        """Return a copy of a situation's keyring.

        Raises:
            UsageError: If there is no such situation.
            EngineError: If there is no gpg, or it makes no such keys.
        """
        row = _row(situation)
        return KeyringCopy(row, self._of(row, find().path))

    def _of(self, row: SituationRow, gpg: str) -> Made:
        if (row.name, gpg) not in self._made:
            for needed in row.needs:
                self._of(_ROWS[needed], gpg)
            self._made[row.name, gpg] = self._make(row, gpg)
        return self._made[row.name, gpg]

    def _make(self, row: SituationRow, gpg: str) -> Made:
        notes = self._notes.setdefault(gpg, Notes())
        notes.used.clear()

        def standing(name: str) -> Files:
            return self._of(_ROWS[name], gpg).files

        with Bench(standing=standing, user_ids=self._user_ids) as bench:
            files = row.make(bench, notes)
        if row.kind == "home":  # a home that another was copied from has its keys too
            copied = (self._made[name, gpg].keys.values() for name in row.needs)
            notes.used.update(key.fingerprint for keys in copied for key in keys)
        found = [self._key(one, notes) for one in notes if one in notes.used]
        return Made(files, {key.name: key for key in found})

    def _key(self, fingerprint: str, notes: Notes) -> TestKey:
        name, passphrase = notes[fingerprint]
        return TestKey(
            name=name,
            fingerprint=fingerprint,
            user_id=self._user_ids[fingerprint],
            passphrase=passphrase,
        )


def _row(situation: str) -> SituationRow:
    if situation in _ROWS:
        return _ROWS[situation]
    near = get_close_matches(situation, _ROWS, 1)
    hint = f"is {near[0]!r} meant?" if near else f"there is {', '.join(_ROWS)}"
    raise Situation.BAD_VALUE.error("is no situation", subject=repr(situation), hint=hint)
