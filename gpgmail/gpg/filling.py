"""Bringing keys from files into a prepared home, without ever changing the files.

Public keys are copied as they are, since importing costs 7 ms a key; only secret keys are imported.
Every step is judged by gpg's exit code and names the file: gpg says of a damaged file that fewer
keys were found, and nothing more.
"""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.gpg.armor import PUBLIC_ARMOR, SECRET_ARMOR, readable, unmarked
from gpgmail.gpg.framing import (
    PUBLIC_KEY,
    SECRET_KEY,
    FramingError,
    body,
    first_tag,
    is_keybox,
    packets,
)
from gpgmail.gpg.home import Home, file_identity, open_to_read
from gpgmail.gpg.runner import execute
from gpgmail.gpg.status import select

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.gpg.operation import Result

_BLOCK = 256 * 1024
_REPORTS = (" ", "/", "Total number", "key ", "keybox ")  # how a line begins that is no complaint
_NOBODY = "0" * 40
_NO_PUBLIC_KEY, _NOT_FOUND = 9, 27


class Origin(NamedTuple):
    """A file of keys, or its content as bytes, and what to call it in an error."""

    content: Path | bytes

    @property
    def name(self) -> str:
        """The path, or words for bytes."""
        return "keys given as bytes" if isinstance(self.content, bytes) else shown(self.content)

    def head(self) -> bytes:
        """Return the first bytes.

        Raises:
            KeyringError: If the file cannot be read or is empty.
        """
        head = next(self.blocks(), b"")
        if not head:
            raise Situation.KEY_UNREADABLE.error("is empty", subject=self.name)
        return head

    def blocks(self) -> Iterator[bytes]:
        """Give the content in blocks.

        Raises:
            KeyringError: If the file cannot be read.
        """
        if isinstance(self.content, bytes):
            yield self.content
            return
        try:
            with open_to_read(self.content) as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as failure:
            raise Situation.KEYRING_UNREADABLE.error(
                reason(failure), subject=self.name
            ) from failure

    def whole(self) -> bytes:
        """Return the content, without a mark that Windows put before its text.

        Raises:
            KeyringError: If the file cannot be read or is empty.
        """
        self.head()
        return unmarked(b"".join(self.blocks()))

    def copy(self, target: Path) -> None:
        """Copy the content, with no more rights than our own."""
        with target.open("xb") as file:
            target.chmod(0o600)
            for block in self.blocks():
                file.write(block)


def add_public(home: Home, origins: Sequence[Path | bytes], run: Run) -> tuple[Path, ...]:
    """Copy public keys to *home*, the first file as its own keyring; return the other keyrings.

    Of a file of secret keys only the public parts are taken.

    Raises:
        KeyringError: If a file cannot be read or holds no keys.
        CryptoError: If armor does not decode.
    """
    added = [
        _add_keyring(home, Origin(content), number, run) for number, content in enumerate(origins)
    ]
    if added:
        _look_up(home, added, " and ".join(Origin(content).name for content in origins), run)
    return tuple(added[1:])


def _add_keyring(home: Home, origin: Origin, number: int, run: Run) -> Path:
    stem = f"keyring{number}" if number else "pubring"
    if is_keybox(origin.head()):
        target = home.directory / f"{stem}.kbx"
        origin.copy(target)
        return target
    target = home.directory / f"{stem}.gpg"
    data = _unarmored(home, origin, run)
    if any(tag == SECRET_KEY for tag, _, _ in _framed(data, origin)):
        data = _public_parts(home, data, origin, run)
    Origin(data).copy(target)
    return target


def _unarmored(home: Home, origin: Origin, run: Run) -> bytes:
    data = origin.whole()
    if _is_armored(data):
        result = execute(home, ["--dearmor"], run=run, source=(readable(data),))
        if not result.ok or not result.output:
            raise unreadable(result, origin)
        data = result.output
    if first_tag(data) not in (SECRET_KEY, PUBLIC_KEY):
        raise Situation.KEY_UNREADABLE.error("does not begin with a key", subject=origin.name)
    return data


def _is_armored(data: bytes) -> bool:
    return first_tag(data) is None


def _framed(data: bytes, origin: Origin) -> Iterator[tuple[int, int, int]]:
    try:
        yield from packets(data)
    except FramingError as failure:
        raise Situation.KEY_UNREADABLE.error(str(failure), subject=origin.name) from failure


def _keys(data: bytes, origin: Origin, kind: int) -> Iterator[bytes]:
    """Give the keys of one kind, each with all that belongs to it."""
    found = [one for one in _framed(data, origin) if one[0] in (SECRET_KEY, PUBLIC_KEY)]
    ends = [*(start for _, start, _ in found[1:]), len(data)]
    for (tag, start, _), end in zip(found, ends, strict=True):
        if tag == kind:
            yield data[start:end]


def _public_parts(home: Home, data: bytes, origin: Origin, run: Run) -> bytes:
    """Return the public keys, and the public parts of those that are there in secret alone.

    The secret ones are stored nowhere. `import-export` gives the parts out and then fails, since
    the key is in no keyring: so one key a run, and what came out is held against what must come
    out.
    """
    scratch = home.directory / "scratch.kbx"  # not the default: the first keyring would be made
    command = ["--no-default-keyring", "--keyring", str(scratch)]
    command += ["--import-options", "import-export", "--import"]
    parts = list(_keys(data, origin, PUBLIC_KEY))
    public = tuple(map(_primary, parts))
    for key in _keys(data, origin, SECRET_KEY):
        if _primary(key).startswith(public):
            continue  # what is secret follows what is public (RFC 9580 section 5.5.3)
        result = execute(home, command, run=run, source=[key])
        if not result.output:
            raise unreadable(result, origin)
        parts.append(result.output)
    scratch.unlink(missing_ok=True)
    return b"".join(parts)


def _primary(key: bytes) -> bytes:
    """Return the body of the packet that a key begins with."""
    _, start, end = next(packets(key))
    return body(key[start:end])


def _look_up(home: Home, added: Sequence[Path], name: str, run: Run) -> None:
    """Let gpg look for a key that nobody has, so that it reads every keyring to its end.

    It makes the trust database on the way: two processes must not do that at once later.
    """
    arguments = [word for path in added[1:] for word in ("--keyring", str(path))]
    result = execute(home, [*arguments, "--list-keys", _NOBODY], run=run)
    numbers = {line.error for line in select(result.status, "ERROR")}
    if not numbers <= {_NO_PUBLIC_KEY, _NOT_FOUND}:
        raise Situation.KEY_UNREADABLE.error(_complaint(result), subject=name)


def holds_secret(content: Path | bytes) -> bool:
    """Whether there are secret keys among the keys of a file or in its content.

    Raises:
        KeyringError: If the file cannot be read.
    """
    if isinstance(content, bytes):
        return _holds_secret(content)
    try:
        return _file_holds_secret(content, file_identity(content))
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(
            reason(failure), subject=shown(content)
        ) from failure


@functools.lru_cache
def _file_holds_secret(path: Path, _identity: Hashable) -> bool:
    return _holds_secret(path)


def _holds_secret(content: Path | bytes) -> bool:
    data = Origin(content).whole()
    if _is_armored(data):
        return SECRET_ARMOR in data
    try:
        return any(tag == SECRET_KEY for tag, _, _ in packets(data))
    except FramingError:
        return False  # as a keybox; what is damaged is found where its public keys are wanted


def add_secret(home: Home, origins: Sequence[Path | bytes], run: Run) -> None:
    """Import secret keys to *home*; protected ones keep their passphrase, and none is asked for.

    Raises:
        KeyringError: If a file cannot be read, or holds no keys.
        CryptoError: If armor does not decode.
    """
    for content in origins:
        origin = Origin(content)
        result = execute(
            home,
            ["--no-auto-check-trustdb", "--import"],
            run=run,
            source=_secret_parts(home, origin, run),
        )
        # gpg passes over packets that it does not know, and calls that success.
        if not result.ok or not any(select(result.status, "IMPORT_OK")):
            raise unreadable(result, origin)


def _secret_parts(home: Home, origin: Origin, run: Run) -> Iterable[bytes]:
    """Return the secret keys alone: importing the public ones beside them costs 7 ms each."""
    data = origin.whole()
    if _is_armored(data) and PUBLIC_ARMOR not in data:
        return (readable(data),)
    return _keys(_unarmored(home, origin, run), origin, SECRET_KEY)


def add_ownertrust(home: Home, trustdb: Path) -> None:
    """Copy the trust database of a legacy directory, which has the ownertrust of its keys."""
    try:
        shutil.copyfile(trustdb, home.directory / "trustdb.gpg")
    except OSError as failure:
        raise Situation.KEYRING_UNREADABLE.error(
            reason(failure), subject=shown(trustdb)
        ) from failure


def unreadable(result: Result, origin: Origin) -> GpgmailError:
    """Return the error for a file of keys that gpg did not take."""
    data = origin.whole()
    armored = _is_armored(data) and b"-----BEGIN PGP" in data
    situation = Situation.BAD_ARMOR if armored else Situation.KEY_UNREADABLE
    return situation.error(_complaint(result), subject=origin.name)


def _complaint(result: Result) -> str:
    """Return the first thing that gpg says is wrong, without what it says it did."""
    lines = [line.removeprefix("gpg: ") for line in result.stderr.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_REPORTS)]
    return telling[0] if telling else f"gpg ended with code {result.returncode}"
