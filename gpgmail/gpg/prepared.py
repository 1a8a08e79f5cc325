"""Prepared homes: places of our own for keys that gpg must not work on where they are.

A legacy directory or a file of keys is copied into a home in memory, made once for an identity
(path, inode, size, time of change) and shared by all who ask for it; the last `close()` removes
it. What is in it decides `filling.py`, how it is owned and swept `owned.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.gpg import filling, linking, owned, packing
from gpgmail.gpg.home import Home, file_identity

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from gpgmail.core.run import Run

# No cache: an explicit passphrase is tried itself. The S2K count is the largest that OpenPGP can
# name; without one the agent spends a second on finding its own.
AGENT_OPTIONS = """\
ignore-invalid-option s2k-count disable-scdaemon allow-loopback-pinentry
s2k-count 65011712
default-cache-ttl 0
allow-loopback-pinentry
disable-scdaemon
"""

_LEAST_SPACE = 64 * 1024  # bytes
_TRIES = 5  # to read files that are replaced meanwhile
Fill = Callable[[Home], Home]


class Sources(NamedTuple):
    """What a home is prepared from: files, or their content as bytes.

    `public` files may be armored, binary, pubring.gpg or keybox; `secret` ones armored, binary or
    secring.gpg. `trustdb` is the trust database of a legacy directory.
    """

    public: tuple[Path | bytes, ...] = ()
    secret: tuple[Path | bytes, ...] = ()
    trustdb: Path | None = None


class PreparedHome:
    """A share in a prepared home; `home` is valid until `close()`, which may be called twice."""

    def __init__(self, shared: _Shared) -> None:
        self.home = shared.home
        self._shared: _Shared | None = shared

    def close(self) -> None:
        """Give the share back; the last one ends the home's agent and removes the directory."""
        shared, self._shared = self._shared, None
        if shared is not None:
            _registry.give_back(shared)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare(sources: Sources, run: Run) -> PreparedHome:
    """Return a home with the keys of *sources*, which are only read.

    What is replaced while it is read is read again, so that old and new files are never mixed.

    Raises:
        KeyringError: If a source cannot be read, is damaged, or holds no keys.
        CryptoError: If armor does not decode.
    """

    def fill(home: Home) -> Home:
        if sources.trustdb is not None:
            filling.add_ownertrust(home, sources.trustdb)
        keyrings = filling.add_public(home, sources.public, run)
        filling.add_secret(home, sources.secret, run)
        return Home(directory=home.directory, keyrings=keyrings, prepared=True)

    def identity() -> Hashable:
        trustdb = () if sources.trustdb is None else (_identity(sources.trustdb),)
        return (
            *map(_identity, sources.public),
            "|",
            *map(_identity, sources.secret),
            "|",
            *trustdb,
        )

    return _of_one_time(identity, fill, run, "keys in files")


def empty_home(run: Run) -> PreparedHome:
    """Return a home without keys, for work with passphrases only."""
    return prepare(Sources(), run)


def private_agent(home: Home, run: Run) -> PreparedHome | None:
    """Return a home with the keys of *home* behind an agent of our own that remembers nothing.

    A passphrase given to it is tried itself, whatever the user's agent has in its cache, and that
    agent never learns it. The user's gpg.conf goes along. A prepared home is its own.

    None where that cannot be: the public keys are with keyboxd, or a secret key is on a card (its
    PIN is the card's to judge). There a passphrase is only tried if the user's agent asks for it.
    """
    if home.prepared:
        return _registry.lend_again(home)
    try:
        if linking.has_cards(home):
            return None
    except OSError as failure:
        raise _unreadable(failure, home) from failure
    return linked(home, run)


def linked(home: Home, run: Run) -> PreparedHome | None:
    """Return a home that stands in for one in which gpg cannot work; None where keyboxd has keys.

    It has the keys of *home*, a copy of its trust database, and an agent of our own.
    """
    if linking.uses_keyboxd(home):
        return None

    def identity() -> Hashable:
        try:
            return "linked", home.keyrings, linking.identity(home)
        except OSError as failure:
            raise _unreadable(failure, home) from failure

    return _of_one_time(identity, lambda own: linking.fill(own, home), run, home.directory)


def merged(homes: Sequence[Home], keyrings: Sequence[Path], run: Run) -> PreparedHome:
    """Return a home with the secret keys of several *homes*, for one operation with all of them.

    Its public keys are those of *keyrings*. It has an agent of our own, so that a passphrase must
    be given for each key that has one.

    Raises:
        UnsupportedError: If a secret key is on a card, which belongs to one agent.
        KeyringError: If the keys cannot be read.
    """

    def identity() -> Hashable:
        try:
            return "merged", tuple(keyrings), tuple(map(linking.identity, homes))
        except OSError as failure:
            raise _unreadable(failure, homes[0]) from failure

    def fill(own: Home) -> Home:
        for home in homes:
            if linking.has_cards(home):
                raise Situation.UNSUPPORTED_HERE.error(
                    "has a secret key on a card, which cannot sign together with another keyring",
                    subject=shown(home.directory),
                    hint="sign with the keys of one keyring",
                )
        return linking.merge(own, homes, tuple(keyrings))

    return _of_one_time(identity, fill, run, "keyrings of several signers")


def _of_one_time(
    identity: Callable[[], Hashable], fill: Fill, run: Run, what: str | Path
) -> PreparedHome:
    """Return a home whose sources stayed the same while it was made."""
    for _ in range(_TRIES):
        key = identity()
        try:
            share = _registry.lend(key, fill, run)
        except GpgmailError:
            if identity() != key:
                continue  # what was half written is another file by now
            raise
        if identity() == key:
            return share
        share.close()
    raise Situation.KEYRING_UNREADABLE.error(
        "changes all the time", subject=shown(what), hint="try again when it does not"
    )


def _unreadable(failure: OSError, home: Home) -> GpgmailError:
    return Situation.KEYRING_UNREADABLE.error(
        reason(failure), subject=shown(failure.filename or home.directory)
    )


def _identity(content: Path | bytes) -> Hashable:
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    try:
        path = content.resolve(strict=True)
        return path, file_identity(path)
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(
            reason(failure), subject=shown(content)
        ) from failure


class _Shared:
    """A home, the directory that it is in, and how many hold a share."""

    def __init__(self, key: Hashable, directory: owned.OwnedDirectory, home: Home) -> None:
        self.key = key
        self.home = home
        self.shares = 0
        self._directory = directory
        self._packing = packing.start(directory.path) if home.prepared else None

    def settle(self) -> None:
        """Take over what was packed meanwhile."""
        if self._packing is not None and self._packing.settle():
            self._packing = None

    def remove(self) -> None:
        """Remove the directory."""
        if self._packing is not None:
            self._packing.stop()
        self._directory.remove()


class _Registry:
    """The prepared homes of this process; a forked child begins without any."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an event's handler may come back here
        self._shared: dict[Hashable, _Shared] = {}
        self._swept = False

    def lend(self, key: Hashable, fill: Fill, run: Run) -> PreparedHome:
        """Return a share in the home for *key*, which is made where there is none."""
        while not self._lock.acquire(timeout=run.slice()):  # another thread is filling a home
            run.check("preparing keys")
        try:
            self._sweep_once()
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = _make(key, fill, run)
            return self._share(shared)
        finally:
            self._lock.release()

    def lend_again(self, home: Home) -> PreparedHome | None:
        """Return another share in a home that is lent already, or None for a stranger's."""
        with self._lock:
            for shared in self._shared.values():
                if shared.home.directory == home.directory:
                    return self._share(shared)
        return None

    def give_back(self, shared: _Shared) -> None:
        """Take a share back, and remove the home that nobody has a share in."""
        with self._lock:
            shared.shares -= 1
            if shared.shares:
                return
            if self._shared.get(shared.key) is shared:
                del self._shared[shared.key]
        shared.remove()

    def remove_all(self) -> None:
        """Remove every home that this process made, at its end."""
        while self._shared:
            self._shared.popitem()[1].remove()

    def _share(self, shared: _Shared) -> PreparedHome:
        shared.shares += 1
        shared.settle()
        return PreparedHome(shared)

    def _sweep_once(self) -> None:
        if not self._swept:
            self._swept = True
            with contextlib.suppress(OSError):
                owned.sweep()


def _make(key: Hashable, fill: Fill, run: Run) -> _Shared:
    try:
        directory = owned.OwnedDirectory(run)
    except OSError as failure:
        raise _no_room(reason(failure), failure.filename) from failure
    try:
        options = directory.path / "gpg-agent.conf"
        options.write_text(AGENT_OPTIONS, encoding="ascii")
        return _Shared(key, directory, fill(Home(directory=directory.path, prepared=True)))
    except BaseException as failure:
        full = _is_full(directory.path)
        directory.remove()
        if full and isinstance(failure, (OSError, GpgmailError)):
            raise _no_room("there is no space left", directory.path.parent) from failure
        raise


def _is_full(directory: Path) -> bool:
    """Whether there is so little space that gpg, or we, may have failed for that."""
    with contextlib.suppress(OSError):
        found = os.statvfs(directory)
        return found.f_blocks > 0 and found.f_bavail * found.f_frsize < _LEAST_SPACE
    return False


def _no_room(detail: str, where: str | Path) -> GpgmailError:
    return Situation.WORKING_FILE.error(
        f"keys cannot be prepared: {detail}",
        subject=shown(where),
        hint="free some space there, or have XDG_RUNTIME_DIR name another directory of yours",
    )


def _start_anew() -> None:
    """Forget the parent's homes in a forked child: they are the parent's to end."""
    global _registry  # noqa: PLW0603 - a lock that another thread held at the fork is never freed
    _registry = _Registry()


def _end() -> None:
    _registry.remove_all()


_registry = _Registry()
atexit.register(_end)
os.register_at_fork(after_in_child=_start_anew)
