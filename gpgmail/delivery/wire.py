"""`Wire`: what goes over the wire of a mail, kept in files beside, byte by byte."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason
from gpgmail.message.composed import Composed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.errors import GpgmailError
    from gpgmail.delivery.letter import Letter


class Wire:
    """A context manager: what `watching` returns tells the file *target* what is read of it.

    It is made with mode 0600 before anything is sent. What is sent once more is written once more;
    what an end in the middle leaves is what had gone out until then, and up to 64 KiB more.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = Path(target)
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def watching(self, letter: Letter) -> Letter:
        """Return *letter* with copies that are written when they are read.

        Raises:
            MessageError: If a file cannot be made, and later if one cannot be written.
        """
        named = (self._named(number) for number in range(len(letter.copies)))
        copies = zip(letter.copies, map(self._open, named), strict=True)
        return replace(letter, copies=tuple(_Watched.of(copy, file) for copy, file in copies))

    def _named(self, number: int) -> Path:
        name = self._target.name
        return self._target.with_name(f"{name}.{number + 1}") if number else self._target

    def _open(self, path: Path) -> BinaryIO:
        try:
            file = open(path, "wb", opener=_private)  # noqa: SIM115 - closed in __exit__
        except OSError as error:
            raise _failed(path, error) from error
        self._files.append(file)
        return file


class _Watched(Composed):
    """A mail that is written to a file as it is read."""

    __slots__ = ("_file",)
    _file: BinaryIO

    @classmethod
    def of(cls, copy: Composed, file: BinaryIO) -> Self:
        """Return *copy*, watched."""
        watched = cls(copy.headers, copy.content, copy.envelope, copy.width, copy.international)
        object.__setattr__(watched, "_file", file)
        return watched

    def render(self) -> Iterator[bytes]:
        """Yield the whole mail."""
        try:
            if self._file.seekable():
                self._file.seek(0)
                self._file.truncate()
            for chunk in super().render():
                self._file.write(chunk)
                self._file.flush()
                yield chunk
        except OSError as error:
            raise _failed(self._file.name, error) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _failed(path: str | Path, error: OSError) -> GpgmailError:
    code = ErrorCode.PGP_WRITE_FILE
    return Situation.WORKING_FILE.error(reason(error), subject=str(path), code=code)
