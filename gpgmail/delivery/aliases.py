r"""Who gets the mail of a local name, as a file like /etc/aliases says (aliases(5)).

    root:      alice, "Bob"@example.org, \carol
    operators: :include:/etc/mail/operators
    nobody:    /dev/null

Names count in any case of letters. A line that begins with a blank goes on with the one before. A
name that stands for itself, or behind a backslash, is not looked up again. Commands and files get
no mail: what they are given would lie there in clear, or run with it.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError

_INCLUDE = ":include:"
_NOWHERE = "/dev/null"
_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\\.|[^",\\])+')
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^":#\s][^":]*?)\s*:(.*)', re.DOTALL)
_DEEPEST = 20  # aliases and included files within one another; sendmail has 10, Postfix 50
_LARGEST = 1 << 24


class Aliases:
    """The aliases of one file.

    Raises:
        UsageError: With code 24 if it cannot be read, or others could have written it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, list[str]] = {}
        for name, value in _entries(_text(path), path):
            self._members.setdefault(name, []).extend(_items(value))

    def resolve(self, name: str) -> tuple[str, ...]:
        """Return whom mail for the local *name* goes to: addresses, and names that have no alias.

        Nobody where it goes to /dev/null.

        Raises:
            UsageError: If it goes to a command or a file, or goes round in a circle.
        """
        return tuple(dict.fromkeys(self._followed(name, ())))

    def _followed(self, name: str, above: tuple[str, ...]) -> Iterator[str]:
        key = name.lower()
        if key not in self._members or (above and above[-1] == key):
            yield name
            return
        if key in above or len(above) > _DEEPEST:
            raise self._bad(name, f"goes round: {' to '.join((*above, key))}")
        for member in self._members[key]:
            yield from self._member(member, (*above, key))

    def _member(self, member: str, above: tuple[str, ...]) -> Iterator[str]:
        bare = _unquoted(member)
        if bare == _NOWHERE:
            return
        if bare.startswith("|"):
            raise self._bad(above[-1], "goes to a command, which gets no mail here")
        if bare.startswith("/"):
            raise self._bad(above[-1], "goes to a file, which gets no mail here")
        if bare.lower().startswith(_INCLUDE):
            yield from self._included(bare[len(_INCLUDE) :].strip(), above)
        elif member.startswith("\\"):
            yield member[1:]
        elif "@" in bare:
            yield member
        else:
            yield from self._followed(bare, above)

    def _included(self, place: str, above: tuple[str, ...]) -> Iterator[str]:
        if not place.startswith("/"):
            raise self._bad(above[-1], f"includes {place!a}, which is no absolute path")
        if len(above) > _DEEPEST or place in above:
            raise self._bad(above[-1], f"goes round by way of {place}")
        for line in _text(type(self._path)(place)).splitlines():
            if not line.lstrip().startswith("#"):
                for member in _items(line):
                    yield from self._member(member, (*above, place))

    def _bad(self, name: str, detail: str) -> GpgmailError:
        return Situation.BAD_ADDRESS.error(
            detail, subject=f"alias {name} of {self._path}", hint="name an address there"
        )


def _entries(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in _logical(text):
        found = _NAME.fullmatch(line)
        if found is None:
            detail = f"line {number} is no alias"
            raise Situation.BAD_CONFIG.error(detail, subject=str(path), hint="write NAME: ADDRESS")
        yield _unquoted(found[1]).lower(), found[2]


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with those that go on with them, each with its number."""
    begun: list[str] = []
    at = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and begun:
            begun.append(line)
            continue
        if begun:
            yield at, " ".join(begun)
        begun, at = [line], number
    if begun:
        yield at, " ".join(begun)


def _items(value: str) -> list[str]:
    return [item for found in _ITEM.findall(value) if (item := found.strip())]


def _unquoted(word: str) -> str:
    word = word.strip()
    quoted = len(word) > 1 and word[0] == word[-1] == '"'
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if quoted else word


def _text(path: Path) -> str:
    """Return a file that says whom mail goes to: nobody else may have written it."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            wrong = next((why for why, holds in _WRONG.items() if holds(found)), "")
            if wrong:
                raise Situation.BAD_CONFIG.error(wrong, subject=str(path))
            return file.read(_LARGEST).decode("utf-8", "surrogateescape")
    except OSError as failure:
        detail = failure.strerror or "cannot be read"
        raise Situation.BAD_CONFIG.error(detail, subject=str(path)) from failure


_WRONG: Mapping[str, Any] = {
    "is no file": lambda found: not stat.S_ISREG(found.st_mode),
    "belongs to another user, who could have all mail": lambda found: (
        found.st_uid not in {os.geteuid(), 0}
    ),
    "can be written by others, who could have all mail": lambda found: (
        found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ),
}
