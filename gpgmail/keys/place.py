"""What a place is that somebody gave as a keyring, decided by what is in it.

Nothing is read but names in a directory and the first bytes of a file; whether the keys are whole
is found when a value is wanted. A directory as gpg 1.4 left it is never given to a newer gpg as its
home, because that would write there.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.gpg.home import file_identity, open_to_read

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gpgmail.core.errors import GpgmailError


class Kind(StrEnum):
    """What a keyring is."""

    HOME = "home"  # of gpg 2.1 or newer: used in place
    LEGACY = "legacy"  # a directory with pubring.gpg or secring.gpg alone: only read
    FILE = "file"  # an export, a ring or a keybox, or its bytes: only read
    ABSENT = "absent"  # the user's home before it has any key


_MODERN = ("private-keys-v1.d", "pubring.kbx", ".gpg-v21-migrated", "public-keys.d")
_PUBLIC_RING, _KEYBOX, _SECRET_RING, _TRUST = (
    "pubring.gpg",
    "pubring.kbx",
    "secring.gpg",
    "trustdb.gpg",
)
# What changes in a home when its keys or their validity do.
_KEYBOXD = tuple(f"public-keys.d/pubring.db{part}" for part in ("", "-wal", "-journal"))
_CHANGING = (
    *(_PUBLIC_RING, _KEYBOX, _TRUST, "private-keys-v1.d", *_KEYBOXD),
    *("gpg.conf", "tofu.db"),  # what validity depends on besides
)
# What gpg opens by itself: a pipe there would hold it up for ever.
_OPENED = (
    *(_PUBLIC_RING, _KEYBOX, _SECRET_RING, _TRUST),
    *("gpg.conf", "gpg-agent.conf", "common.conf"),
)
_KEYBOX_FLAGS_AT, _HOLDS_OPENPGP = 7, 0x02
_HEAD = 4096  # bytes; armor may have words before it
_BYTES = "keys given as bytes"


class Place(NamedTuple):
    """A keyring's kind and where its parts are; `name` is what to call it in messages.

    A home has its public keys in `directory`, and in `public` the file that holds them now. What is
    `secret` may hold secret keys.
    """

    kind: Kind
    name: str
    directory: Path | None = None  # of a home
    public: tuple[Path | bytes, ...] = ()
    secret: tuple[Path | bytes, ...] = ()
    trustdb: Path | None = None

    def stamp(self) -> object:
        """Return a value that changes when a file of the keyring does."""
        directory = self.directory
        in_home = [directory / name for name in _CHANGING] if directory else []
        sources = (*self.public, *self.secret, self.trustdb, *in_home)
        return tuple(_identity(path) for path in sources if isinstance(path, Path))

    @property
    def lists_in_place(self) -> bool:
        """Whether gpg may list a home's keys where they are.

        It writes an old ring anew, to keep there what it found of signatures, whenever it checks
        the trust database; and where there is no file at all it would make one.
        """
        return any(isinstance(ring, Path) and ring.name == _KEYBOX for ring in self.public)

    @property
    def migration_pending(self) -> bool:
        """Whether gpg would begin by moving an old secret keyring into the new form."""
        return (
            self.directory is not None
            and _filled(self.directory / _SECRET_RING)
            and not (self.directory / ".gpg-v21-migrated").exists()
        )


def absolute(where: str | os.PathLike[str] | bytes | None) -> Path | bytes | None:
    """Return what was given as it goes on to mean the same thing: a whole path, bytes, or None.

    None and an empty text mean the user's own home. A leading `~` is the home directory.

    Raises:
        UsageError: If it is of another type.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        return bytes(where)
    if not isinstance(where, str | os.PathLike | None):
        raise Situation.BAD_VALUE.error(
            f"takes a path, or keys as bytes, not {type(where).__name__}", subject="keyring"
        )
    if where is None or not os.fspath(where) or where == Path():
        return None
    # Of a text, since Path makes `~x` of `./~x`; a user who does not exist is left as he is.
    return Path(os.path.expanduser(where)).absolute()  # noqa: PTH111


def locate(where: str | os.PathLike[str] | bytes | None) -> Place:
    """Return what *where* is; None and an empty text mean the user's own home.

    Raises:
        KeyringError: If there is nothing, nothing that could be a keyring, or somebody else's home.
        UsageError: If it is neither a path nor bytes.
    """
    place = absolute(where)
    if isinstance(place, bytes):
        return _file(place, place[:_HEAD], _BYTES)
    if place is None:
        return _own_home()
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            return _directory(place, _names(place))
        if not stat.S_ISREG(mode):
            raise Situation.KEYRING_UNREADABLE.error(
                "is neither a file nor a directory", subject=shown(place)
            )
        with open_to_read(place) as file:
            return _file(place, file.read(_HEAD), shown(place))
    except (OSError, ValueError) as failure:  # ValueError: a path with NUL
        raise _unreadable(place, failure) from failure


def active_ring(directory: Path) -> Path | None:
    """Return the file in which gpg keeps a home's public keys, or None where it has none.

    As gpg does: an old ring goes on being used until there is a keybox that says it holds OpenPGP
    keys (one of gpgsm alone does not).
    """
    keybox, ring = directory / _KEYBOX, directory / _PUBLIC_RING
    if keybox.is_file() and (not ring.is_file() or _holds_openpgp(keybox)):
        return keybox
    return ring if ring.is_file() else None


def _holds_openpgp(keybox: Path) -> bool:
    with keybox.open("rb") as file:
        flags = file.read(_KEYBOX_FLAGS_AT + 1)[_KEYBOX_FLAGS_AT:]
    return bool(flags) and bool(flags[0] & _HOLDS_OPENPGP)


def _names(directory: Path) -> frozenset[str]:
    return frozenset(path.name for path in directory.iterdir())


def _own_home() -> Place:
    try:
        path = Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg").absolute()
    except RuntimeError as failure:
        raise Situation.KEYRING_UNREADABLE.error(
            "this user has no home directory", subject="~/.gnupg", hint="set GNUPGHOME or HOME"
        ) from failure
    try:
        names = _names(path)
    except FileNotFoundError:
        names = frozenset()
    except (OSError, ValueError) as failure:
        raise _unreadable(path, failure) from failure
    if not names & {*_MODERN, _PUBLIC_RING, _SECRET_RING}:
        return Place(kind=Kind.ABSENT, name=shown(path), directory=path)
    return _directory(path, names)


def _unreadable(path: Path, failure: Exception) -> GpgmailError:
    hint = "let this user read it, or name another keyring"
    return Situation.KEYRING_UNREADABLE.error(
        reason(failure),
        subject=shown(path),
        hint=hint if isinstance(failure, PermissionError) else None,
    )


def _directory(path: Path, names: frozenset[str]) -> Place:
    public, secret, trust = (path / name for name in (_PUBLIC_RING, _SECRET_RING, _TRUST))
    _refuse_pipes(path, names)
    if names & frozenset(_MODERN):
        _refuse_strangers(path)
        ring = active_ring(path)
        return Place(
            kind=Kind.HOME,
            name=shown(path),
            directory=path,
            public=() if ring is None else (ring,),
            trustdb=trust if _filled(trust) else None,
        )
    if not (_filled(public) or _filled(secret)):
        raise Situation.KEYRING_UNREADABLE.error(
            "holds no keys: neither a home of gpg nor pubring.gpg or secring.gpg",
            subject=shown(path),
        )
    return Place(
        kind=Kind.LEGACY,
        name=shown(path),
        public=(public,) if _filled(public) else (secret,),
        secret=(secret,) if _filled(secret) else (),
        trustdb=trust if _filled(trust) else None,
    )


def _refuse_pipes(path: Path, names: frozenset[str]) -> None:
    for name in names.intersection(_OPENED):
        if not _can_be_read(path / name):
            raise Situation.KEYRING_UNREADABLE.error("is no file", subject=shown(path / name))


def _can_be_read(path: Path) -> bool:
    """Whether a file gives what it holds and ends; the null device does, and so does nothing."""
    try:
        found = path.stat()
    except OSError:
        return True
    return stat.S_ISREG(found.st_mode) or os.path.samestat(found, Path(os.devnull).stat())


def _refuse_strangers(path: Path) -> None:
    """Refuse a home of another user: gpg would leave files there that he cannot use any more."""
    owner, we = path.stat().st_uid, os.geteuid()
    if owner != we:
        raise Situation.KEYRING_UNREADABLE.error(
            f"is a home of {_user(owner)}, and this process runs as {_user(we)}: gpg works only "
            "in a home of one's own",
            subject=shown(path),
            hint=f"run it as {_user(owner)}, set GNUPGHOME, or give the keys as a file that gpg "
            "exported",
        )


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _filled(path: Path) -> bool:
    """Whether a file has content: gpg 1.4 makes an empty secring.gpg."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _file(content: Path | bytes, head: bytes, name: str) -> Place:
    if not head:
        raise Situation.KEY_UNREADABLE.error("is empty", subject=name)
    if not _holds_keys(head):
        raise Situation.KEY_UNREADABLE.error(
            "holds no keys: neither an export, armored or binary, nor a keyring of gpg",
            subject=name,
        )
    return Place(kind=Kind.FILE, name=name, public=(content,), secret=(content,))


def _holds_keys(head: bytes) -> bool:
    """Whether content that begins with *head* has keys."""
    from gpgmail.gpg.armor import KEY_ARMOR, unmarked
    from gpgmail.gpg.framing import PUBLIC_KEY, SECRET_KEY, first_tag, is_keybox

    head = unmarked(head)
    tag = first_tag(head)
    armored = tag is None and any(armor in head for armor in KEY_ARMOR)
    return is_keybox(head) or armored or tag in (SECRET_KEY, PUBLIC_KEY)


def _identity(path: Path) -> Hashable:
    try:
        return file_identity(path)
    except OSError:
        return None
