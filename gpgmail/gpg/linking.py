"""What a home of our own takes from the user's: links, and copies of what would be written.

It stands in for his where gpg must not learn from his agent, or cannot work in his home as it is.

The agent writes to a key file only once, when it first opens a key that came from an older GnuPG;
gpg writes to the trust database. Those are copied, so that the user's home stays as it is.
"""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.gpg.config import options_file
from gpgmail.gpg.home import Home, file_identity

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

_KEYS = "private-keys-v1.d"
_ON_CARD = b"shadowed-private-key"
_FROM_OLDER = b"openpgp-native"  # rewritten by the agent at its first use
_LOCKED = b"protected-private-key"
_WITHOUT = re.compile(rb"protection\s*(?:4:)?none")
_PUBLIC_SUFFIXES = (".gpg", ".kbx")
_NOT_LINKED = ("secring.gpg", "trustdb.gpg")
_OF_CARDS = re.compile(r"^[ \t]*(?:scdaemon-program\b.*|disable-scdaemon\b.*)$", re.MULTILINE)
_USE_KEYBOXD = re.compile(r"^\s*use-keyboxd\b", re.MULTILINE)


def has_cards(home: Home) -> bool:
    """Whether a secret key of the home is on a card."""
    return any(_ON_CARD in path.read_bytes() for path in _key_files(home))


def first_use_writes(home: Home) -> bool:
    """Whether the user's agent would write keys anew at their first use, and ours can do its work.

    It cannot where a key has a passphrase, which his agent may have in its cache, or ask for.
    """
    contents = [path.read_bytes() for path in _key_files(home)]
    unprotected = [bool(_FROM_OLDER in one and _WITHOUT.search(one)) for one in contents]
    locked = (_LOCKED in one for one, free in zip(contents, unprotected, strict=True) if not free)
    return any(unprotected) and not any(locked)


def uses_keyboxd(home: Home) -> bool:
    """Whether keyboxd (gpg >= 2.4.1) keeps the public keys, where `--keyring` is ignored."""
    if (home.directory / "public-keys.d").is_dir():
        return True
    options = home.directory / "common.conf"
    return options.is_file() and bool(_USE_KEYBOXD.search(options.read_text(errors="replace")))


def identity(home: Home) -> Hashable:
    """Return what changes when keys come, go, or get another passphrase."""
    found = [*_key_files(home), *_public_files(home), *_trustdb(home)]
    return home.directory.resolve(), tuple((path, file_identity(path)) for path in found)


def fill(own: Home, home: Home) -> Home:
    """Link and copy the keys of *home* into *own*, and return it with the user's options."""
    with _reading(home):
        _add_keys(own, home)
        for path in _public_files(home):
            (own.directory / path.name).symlink_to(path.resolve())
        for path in _trustdb(home):
            shutil.copyfile(path, own.directory / path.name)
        if has_cards(home):
            _let_use_cards(own, home)
    return Home(
        directory=own.directory,
        keyrings=home.keyrings,
        prepared=True,
        options_file=home.options_file or options_file(home.directory),
    )


def merge(own: Home, homes: Sequence[Home], keyrings: tuple[Path, ...]) -> Home:
    """Link the secret keys of all *homes* into *own*, and return it with these public keyrings.

    Of a key that is in two of them that of the first is taken; gpg.conf is the first one's.
    """
    for home in homes:
        with _reading(home):
            _add_keys(own, home)
    first = homes[0]
    options = None if first.prepared else options_file(first.directory)
    return Home(
        directory=own.directory,
        keyrings=keyrings,
        prepared=True,
        options_file=first.options_file or options,
    )


def _let_use_cards(own: Home, home: Home) -> None:
    """Let our agent talk to cards, by the daemon and the reader that the user's agent has."""
    agent, theirs = (one.directory / "gpg-agent.conf" for one in (own, home))
    lines = [line for line in agent.read_text().splitlines() if line != "disable-scdaemon"]
    lines[0] = lines[0].removesuffix(" disable-scdaemon")
    if theirs.is_file():
        lines += _OF_CARDS.findall(theirs.read_text(errors="replace"))
    agent.write_text("\n".join([*lines, ""]))
    if (home.directory / "scdaemon.conf").is_file():
        (own.directory / "scdaemon.conf").symlink_to(home.directory / "scdaemon.conf")


def _add_keys(own: Home, home: Home) -> None:
    keys = own.directory / _KEYS
    keys.mkdir(mode=0o700, exist_ok=True)
    for path in _key_files(home):
        target = keys / path.name
        if target.exists():
            continue
        if _FROM_OLDER in path.read_bytes():
            shutil.copyfile(path, target)
            target.chmod(0o600)
        else:
            target.symlink_to(path.resolve())


@contextmanager
def _reading(home: Home) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(
            reason(failure), subject=shown(failure.filename or home.directory)
        ) from failure


def _key_files(home: Home) -> Iterator[Path]:
    return (path for path in (home.directory / _KEYS).glob("*.key") if path.is_file())


def _public_files(home: Home) -> Iterator[Path]:
    for path in home.directory.iterdir():
        if path.suffix in _PUBLIC_SUFFIXES and path.name not in _NOT_LINKED and path.is_file():
            yield path


def _trustdb(home: Home) -> list[Path]:
    path = home.directory / "trustdb.gpg"
    return [path] if path.is_file() else []
