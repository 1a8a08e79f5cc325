"""PGPy: OpenPGP in Python, without gpg and without a library of C but for the ciphers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.interop.pgpy import load
from tests.interop.readers.mime import Opened, read_with
from tests.interop.seen import CannotReadError, Seen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.circle import Circle


@dataclass(frozen=True, slots=True)
class PGPy:
    """PGPy 0.6, or what continues it for newer Pythons."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        library = load()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says in warnings what it does not check yet
            return read_with(_Run(library, circle, passphrase), mail, circle)


class _Run:
    def __init__(self, library: Any, circle: Circle, passphrase: str) -> None:
        self._library = library
        self._circle = circle
        self._passphrase = passphrase

    @cached_property
    def _publics(self) -> list[Any]:
        return self._keys(self._circle.publics)

    def _keys(self, paths: list[Path]) -> list[Any]:
        return [self._library.PGPKey.from_file(str(path))[0] for path in paths]

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        return self._signers(data, self._library.PGPSignature.from_blob(signature))

    def signed(self, message: bytes) -> Opened:
        opened = self._load(message)
        return Opened(_content(opened), self._signers(opened))

    def decrypt(self, message: bytes) -> Opened:
        sealed = self._load(message)
        opened = self._plain(sealed)
        signers = self._signers(opened) if opened.is_signed else ()
        return Opened(_content(opened), signers, decrypted=True)

    def _plain(self, sealed: Any) -> Any:
        errors = []
        if self._passphrase:
            return sealed.decrypt(self._passphrase)
        for key in self._keys(self._circle.secrets):
            try:
                return key.decrypt(sealed)
            except Exception as error:  # noqa: BLE001 - whatever it raises for a key that is not meant
                errors.append(repr(error))
        raise CannotReadError("; ".join(errors))

    def _load(self, message: bytes) -> Any:
        try:
            return self._library.PGPMessage.from_blob(message)
        except Exception as error:
            raise CannotReadError(repr(error)) from error

    def _signers(self, *what: Any) -> tuple[str, ...]:
        found, errors = [], []
        for key in self._publics:
            try:
                if key.verify(*what):
                    found.append(str(key.fingerprint))
            except Exception as error:  # noqa: BLE001 - whatever it raises for a key that is not meant
                errors.append(repr(error))
        if not found:
            raise CannotReadError("; ".join(errors))
        return tuple(found)


def _content(message: Any) -> bytes:
    content = message.message
    return bytes(content) if isinstance(content, (bytes, bytearray)) else content.encode()
