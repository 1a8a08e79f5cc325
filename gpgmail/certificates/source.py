"""A store's bytes on their way into a reader, with what it is called and what unlocks it.

Passwords stay wrapped until they are an argument of the library: a traceback that shows variables
shows none.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from gpgmail.core.errors import GpgmailError
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable

# Far above stores in use: bundles of all public authorities have a quarter of a megabyte.
LIMIT = 4 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """A store as bytes; its name is for messages, and never the store itself."""

    name: str
    data: bytes = field(repr=False)
    store_password: Secret = field(default_factory=lambda: Secret(""))
    key_password: Secret = field(default_factory=lambda: Secret(""))

    def locked(self) -> GpgmailError:
        """Return the error for what a password would open, where none was given."""
        return Situation.STORE_PASSWORD.error("is protected by a password", subject=self.name)

    def wrong(self) -> GpgmailError:
        """Return the error for a password that does not open it; damage looks the same."""
        return Situation.STORE_PASSWORD.error(
            "does not open with this password, or is damaged", subject=self.name
        )

    def unlock(self, load: Callable[[bytes, bytes | None], T], data: bytes) -> T:
        """Return a private key, by one of the loaders of `cryptography`, protected or not.

        Raises:
            PassphraseError: If it is protected and the password is missing or wrong.
            UnsupportedError: If an extra is needed for the protection that it has.
        """
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            return load(data, None)
        except TypeError:  # what the library says of a key that is protected
            if not self.key_password:
                raise self.locked() from None
        try:
            return load(data, self.key_password.reveal().encode())
        except UnsupportedAlgorithm:
            raise missing_extra("the protection of this key", self.name) from None
        except (TypeError, ValueError):
            raise self.wrong() from None


def missing_extra(what: str, name: str) -> GpgmailError:
    """Return the error for *what* only an extra can read."""
    return Situation.MISSING_EXTRA.error(
        f"{what} needs an extra", subject=name, hint="pip install 'gpgmail[certificates]'"
    )


def unreadable(detail: str, name: str, hint: str = "") -> GpgmailError:
    """Return the error for a store that does not open."""
    return Situation.CERTIFICATE_STORE.error(detail, subject=name, hint=hint)


def checked_size(size: int, name: str) -> None:
    """Refuse what is too large to be a store.

    Raises:
        TlsError: With code 271.
    """
    if size > LIMIT:
        raise unreadable(f"has {size} bytes, a store has at most {LIMIT}", name)


def read_file(path: str) -> bytes:
    """Return the content of the store at *path*, which must be a plain file.

    Raises:
        TlsError: With code 271 if it cannot be read, is no plain file or is too large.
    """
    try:
        with open(path, "rb", opener=_opener) as file:
            return _read(file, path)
    except GpgmailError:  # an OSError too
        raise
    except OSError as error:
        raise unreadable(error.strerror or "cannot be read", path) from None
    except ValueError:  # NUL
        raise unreadable("is no file name", repr(path)) from None


def _opener(path: str, flags: int) -> int:
    """Open without waiting for somebody to write, should it be a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read(file: BinaryIO, path: str) -> bytes:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise unreadable("is no plain file", path)
    checked_size(status.st_size, path)
    data = file.read(LIMIT + 1)
    checked_size(len(data), path)
    return data
