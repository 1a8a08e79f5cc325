"""Where attachments come from: a path, bytes or a binary stream, looked at before anything is sent.

A file is attached with the size that it had when the mail was composed: what a log gains later
stays out, and a file that got shorter is an error. Streams that cannot seek, and pipes
given by path, can be read once; streams that can are left where they stood. Devices are refused.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gpgmail.core.situations import Situation
from gpgmail.message.bodies import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.core.errors import GpgmailError

_PATIENCE = 60  # seconds without a byte from a named pipe

Source = str | os.PathLike[str] | bytes | BinaryIO


class _Reads(Protocol):
    def read(self, size: int, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Readable:
    """A source that was found readable: its chunks, its size where known, its own file name."""

    chunks: Callable[[], Iterator[bytes]]
    size: int | None
    name: str


def look_at(source: Source) -> Readable:
    """Return what can be read of *source*.

    Raises:
        MessageError: If it is missing, a directory, not readable, or not binary; the path is named.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return Readable(lambda: iter((data,)), len(data), "")
    if isinstance(source, (str, os.PathLike)):
        return _path(Path(source))
    return _stream(source)


def _path(path: Path) -> Readable:
    name = os.fsencode(path.name).decode(errors="replace")
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _failed(path, "is a directory")
        if stat.S_ISREG(status.st_mode):
            path.open("rb").close()
        elif not stat.S_ISFIFO(status.st_mode):
            raise _failed(path, "is a device, which may never end")
        elif not os.access(path, os.R_OK):
            raise _failed(path, "cannot be read")
    except (OSError, ValueError) as error:
        raise _failed(path, _reason(error)) from error
    if not stat.S_ISREG(status.st_mode):
        return Readable(_once(lambda: _pipe_chunks(path), path), None, name)
    size = status.st_size or None  # files of /proc say 0 and have content
    return Readable(lambda: _file_chunks(path, size), size, name)


def _stream(stream: BinaryIO) -> Readable:
    given: object = getattr(stream, "name", None)  # a descriptor's number for some
    name = Path(given).name if isinstance(given, str) else ""
    label = given if isinstance(given, str) else "stream"
    if not hasattr(stream, "read"):
        raise _failed(label, "is neither a path, nor bytes, nor a stream")
    if hasattr(stream, "encoding"):
        raise _failed(label, "is a text stream: open it in binary mode")
    try:
        if not stream.seekable():
            return Readable(_once(lambda: _blocks(stream, None, label), label), None, name)
        start = stream.tell()
        size = stream.seek(0, os.SEEK_END) - start
        stream.seek(start)
    except (AttributeError, OSError, ValueError) as error:
        raise _failed(label, _reason(error)) from error

    def chunks() -> Iterator[bytes]:
        try:
            stream.seek(start)
        except (OSError, ValueError) as error:
            raise _failed(label, _reason(error)) from error
        try:
            yield from _blocks(stream, size, label)
        finally:  # where the next mail looks at it again
            with suppress(OSError, ValueError):
                stream.seek(start)

    return Readable(chunks, size, name)


def _once(
    chunks: Callable[[], Iterator[bytes]], label: str | Path
) -> Callable[[], Iterator[bytes]]:
    left = [chunks]

    def first() -> Iterator[bytes]:
        if not left:
            raise _failed(label, "can be read only once, and was")
        return left.pop()()

    return first


def _file_chunks(path: Path, size: int | None) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            yield from _blocks(file, size, path)
    except OSError as error:
        raise _failed(path, _reason(error)) from error


def _pipe_chunks(path: Path) -> Iterator[bytes]:
    """Yield what comes through a named pipe, with a limit on every wait."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else it waits for a writer
        try:
            yield from _blocks(_Pipe(descriptor), None, path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _failed(path, _reason(error)) from error


class _Pipe:
    """The reading end of a pipe: a read waits for data, the end, or the end of patience."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read(self, size: int, /) -> bytes:
        """Return at most *size* bytes, none at the end."""
        if not self._poll.poll(_PATIENCE * 1000):
            raise TimeoutError(errno.ETIMEDOUT, f"gave nothing for {_PATIENCE} s")
        return os.read(self._descriptor, size)


def _blocks(stream: _Reads, size: int | None, label: str | Path) -> Iterator[bytes]:
    """Yield *size* bytes, or all that come where it is not known, in full blocks."""
    left = size
    while left is None or left:
        block = _filled(stream, BLOCK if left is None else min(BLOCK, left), label)
        if not block:
            break
        if left is not None:
            left -= len(block)
        yield block
    if left:
        raise _failed(label, f"ended {left} bytes before its size of {size}: it was changed")


def _filled(stream: _Reads, wanted: int, label: str | Path) -> bytes:
    """Read until *wanted* bytes or the end: a pipe gives what it has."""
    pieces: list[bytes] = []
    while wanted > 0:
        try:
            piece = stream.read(wanted)
        except (OSError, ValueError) as error:
            raise _failed(label, _reason(error)) from error
        if not isinstance(piece, bytes):
            raise _failed(label, f"gave {type(piece).__name__} and not bytes")
        if not piece:
            break
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _failed(label: str | Path, detail: str) -> GpgmailError:
    text = str(label)
    shown = text if text.isprintable() else ascii(text)
    return Situation.ATTACHMENT.error(detail, subject=shown)
