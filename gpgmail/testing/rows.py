"""Rows of situations: what each is, and how one is added.

A maker gets an empty `Bench` and the `Notes`, and returns the files; it may copy or fetch from one
that stands above it. All user ids say "test" and lie under example.org, unless being odd is their
purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gpgmail.testing.workshop import Bench

Files = dict[str, bytes]
Kind = Literal["home", "legacy", "files", "damaged"]
NO_SUBKEYS: tuple[tuple[str, str], ...] = ()
LONG_AGO, ENDED = "20200101T000000", "20210101T000000"
CENTURY_END = "20990101T000000"


class Notes(dict[str, tuple[str, str]]):
    """What gpg cannot tell of a key: fingerprint -> (its name in the situation, its passphrase).

    `used` are those that were taken or called since it was last cleared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def take(self, fingerprint: str, name: str, passphrase: str = "") -> str:
        """Note a key and return its fingerprint."""
        self[fingerprint] = (name, passphrase)
        self.used.add(fingerprint)
        return fingerprint

    def called(self, name: str) -> str:
        """Return the fingerprint of the key noted last under this name."""
        found = [fingerprint for fingerprint, (own, _) in self.items() if own == name][-1]
        self.used.add(found)
        return found


Maker = Callable[[Bench, Notes], Files]


@dataclass(frozen=True, slots=True)
class SituationRow:
    """A row: its name, what kind of place it is, what it is for, its maker.

    *needs* are the situations whose files or keys the maker uses.
    """

    name: str
    kind: Kind
    purpose: str
    make: Maker
    needs: tuple[str, ...] = ()


class Rows(list[SituationRow]):
    """Situations in the order in which they are made."""

    def add(self, kind: Kind, *needs: str) -> Callable[[Maker], Maker]:
        """Make a row of a maker: its name is the situation's, its docstring the purpose."""

        def take(make: Maker) -> Maker:
            purpose = " ".join((make.__doc__ or "").split())
            name = getattr(make, "__name__", "").replace("_", "-")
            self.append(SituationRow(name, kind, purpose, make, needs))
            return make

        return take

    def without(self, *names: str) -> Rows:
        """Return these rows but for those of *names*."""
        return Rows(row for row in self if row.name not in names)


def uid(name: str, address: str = "") -> str:
    """Return a test user id; the address follows the name unless given."""
    return f"{name} (test) <{address or name.lower() + '@example.org'}>"
