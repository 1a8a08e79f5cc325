"""Where attachments come from: a path, bytes or a binary stream, looked at before anything is sent.

A file is attached with the size that it had when the mail was composed: what a log gains later
stays out, and a file that got shorter is an error. Streams that cannot seek, and pipes given by
path, can be read once, and whoever reads them waits as the Run of the call says; streams that can
seek are left where they stood. Devices are refused.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from weakref import WeakSet

from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason, shown
from gpgmail.message.bodies import BLOCK
from gpgmail.message.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.message.waiting import Reads

Source = str | os.PathLike[str] | bytes | BinaryIO


class Readable(NamedTuple):
    """A source that was found readable: its chunks, its size where known, its own file name."""

    chunks: Callable[[], Iterator[bytes]]
    size: int | None
    name: str


def look_at(source: Source, run: Run | None = None) -> Readable:
    """Return what can be read of *source*; who reads it waits as *run* says, by default 60 s.

    Raises:
        MessageError: If it is missing, a directory, not readable, or not binary; the path is named.
    """
    run = run or Run()
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return Readable(lambda: iter((data,)), len(data), "")
    if isinstance(source, (str, os.PathLike)):
        return _path(Path(source), run)
    return _stream(source, run)


def _path(path: Path, run: Run) -> Readable:
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
        raise _failed(path, reason(error)) from error
    if not stat.S_ISREG(status.st_mode):
        return Readable(_once(lambda: _pipe_chunks(path, run), path), None, name)
    size = status.st_size or None  # files of /proc say 0 and have content
    return Readable(lambda: _file_chunks(path, size), size, name)


def _stream(stream: BinaryIO, run: Run) -> Readable:
    given: object = getattr(stream, "name", None)  # a descriptor's number for some
    name = Path(given).name if isinstance(given, str) else ""
    label = given if isinstance(given, str) else "stream"
    if not hasattr(stream, "read"):
        raise _failed(label, "is neither a path, nor bytes, nor a stream")
    if hasattr(stream, "encoding"):
        raise _failed(label, "is a text stream: open it in binary mode")
    try:
        if not stream.seekable():
            return Readable(lambda: _read_once(stream, run, label), None, name)
        start = stream.tell()
        size = stream.seek(0, os.SEEK_END) - start
        stream.seek(start)
    except (AttributeError, OSError, ValueError) as error:
        raise _failed(label, reason(error)) from error

    def chunks() -> Iterator[bytes]:
        try:
            stream.seek(start)
        except (OSError, ValueError) as error:
            raise _failed(label, reason(error)) from error
        try:
            yield from _blocks(stream, size, label)
        finally:  # where the next mail looks at it again
            with suppress(OSError, ValueError):
                stream.seek(start)

    return Readable(chunks, size, name)


_READ: WeakSet[BinaryIO] = WeakSet()  # streams that cannot seek and were read: they are empty now


def _read_once(stream: BinaryIO, run: Run, label: str) -> Iterator[bytes]:
    if stream in _READ:
        raise _failed(label, "can be read only once, and was")
    _READ.add(stream)
    yield from _slow_chunks(stream, run, label)


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
    with _opened(path) as file:
        yield from _blocks(file, size, path)


def _pipe_chunks(path: Path, run: Run) -> Iterator[bytes]:
    with _opened(path, os.O_NONBLOCK) as pipe:  # else it waits for a writer
        yield from _slow_chunks(pipe, run, path)


def _opened(path: Path, flags: int = 0) -> FileIO:
    try:
        return FileIO(os.open(path, os.O_RDONLY | flags))
    except OSError as error:
        raise _failed(path, reason(error)) from error


def _slow_chunks(stream: Reads, run: Run, label: str | Path) -> Iterator[bytes]:
    try:
        watched = waiting(stream, run, shown(label))
    except (OSError, ValueError) as error:
        raise _failed(label, reason(error)) from error
    yield from _blocks(watched, None, label)


def _blocks(stream: Reads, size: int | None, label: str | Path) -> Iterator[bytes]:
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


def _filled(stream: Reads, wanted: int, label: str | Path) -> bytes:
    """Read until *wanted* bytes or the end: a pipe gives what it has."""
    pieces: list[bytes] = []
    while wanted > 0:
        try:
            piece = stream.read(wanted)
        except GpgmailError:  # a time limit is an OSError too
            raise
        except (OSError, ValueError) as error:
            raise _failed(label, reason(error)) from error
        if not isinstance(piece, bytes):
            raise _failed(label, f"gave {type(piece).__name__} and not bytes")
        if not piece:
            break
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _failed(label: str | Path, detail: str) -> GpgmailError:
    return Situation.ATTACHMENT.error(detail, subject=shown(label))
