"""Where finished bytes wait: memory first, an anonymous file when there are more.

Only what may lie on a disk in clear is spooled here: ciphertext, and content that is signed or sent
as it is. Content that is to be encrypted goes to gpg as a stream. The file has no name and mode
0600; nothing is left when the process ends, however it ends.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation
from gpgmail.core.text import reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

    from _typeshed import WriteableBuffer

    from gpgmail.core.errors import GpgmailError

IN_MEMORY = 256 * 1024
_CHUNK = 64 * 1024


class Spooled:
    """Bytes that are appended and then read as often as wanted, also side by side."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._head = bytearray()
        self._file: BinaryIO | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append *data*.

        Raises:
            MessageError: If the working file cannot be made or has no room.
        """
        if self._file is None and self.size + len(data) <= self._in_memory:
            self._head += data
        else:
            self._append(data)
        self.size += len(data)

    def chunks(self) -> Iterator[bytes]:
        """Yield what was appended so far, from its beginning.

        Raises:
            MessageError: If the working file cannot be read.
        """
        position, end = 0, self.size
        while position < end:
            data = self.read_at(position, min(_CHUNK, end - position))
            if not data:
                raise Situation.WORKING_FILE.error("the working file lost its end")
            position += len(data)
            yield data

    def reader(self) -> BinaryIO:
        """Return a seekable stream over the bytes, for what takes streams."""
        return cast("BinaryIO", _Reader(self))

    def read_at(self, position: int, size: int) -> bytes:
        """Return at most *size* bytes from *position* on.

        Raises:
            MessageError: If the working file cannot be read.
        """
        if self._file is None:
            return bytes(self._head[position : position + size])
        try:
            return os.pread(self._file.fileno(), size, position)
        except (OSError, ValueError) as error:
            raise _failed(error) from error

    def close(self) -> None:
        """Let go of the bytes."""
        self._head.clear()
        self.size = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.close()  # a finished mail is a value: whoever drops it last closes nothing himself

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = _anonymous_file()
                self._write_all(self._head)
                self._head.clear()
            self._write_all(data)
        except OSError as error:
            self.close()
            raise _failed(error) from error

    def _write_all(self, data: bytes | bytearray) -> None:
        """Write at the end; a full disk may take a part of it before it says so."""
        left = memoryview(data)
        while left and self._file is not None:
            left = left[self._file.write(left) :]


class _Reader(io.RawIOBase):
    """Reads a spool from its beginning; several do not disturb one another."""

    def __init__(self, spooled: Spooled) -> None:
        super().__init__()
        self._spooled = spooled
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {
            os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._spooled.size
        }  # fmt: skip
        self._position = max(0, origin[whence] + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._spooled.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _anonymous_file() -> BinaryIO:
    import tempfile

    return tempfile.TemporaryFile(prefix="gpgmail-", buffering=0)


def _failed(error: Exception) -> GpgmailError:
    return Situation.WORKING_FILE.error(
        reason(error),
        subject="working file",
        hint="make room, or set TMPDIR to a place that has some",
    )
