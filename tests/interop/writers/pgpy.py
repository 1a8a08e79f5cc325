"""PGPy as a tool of a script."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.interop.pgpy import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class PGPy:
    """PGPy 0.6, or what continues it for newer Pythons."""

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        with _quietly() as library:
            return str(_key(library, circle.secret(order.sender)).sign(data)).encode()

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        with _quietly() as library:
            message = library.PGPMessage.new(data, format="b")
            if order.sign:
                message |= _key(library, circle.secret(order.sender)).sign(message)
            if order.passphrase:
                return str(message.encrypt(order.passphrase)).encode()
            (recipient,) = circle.public(order.to)
            return str(_key(library, recipient).encrypt(message)).encode()

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return _signed(data.decode(), order, circle, cleartext=True)

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return _signed(data, order, circle, format="b")


def _signed(data: str | bytes, order: Order, circle: Circle, **how: object) -> bytes:
    with _quietly() as library:
        message = library.PGPMessage.new(data, **how)
        message |= _key(library, circle.secret(order.sender)).sign(message)
        return str(message).encode()


@contextmanager
def _quietly() -> Iterator[Any]:
    library = load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says in warnings what it does not check yet
        yield library


def _key(library: Any, path: Path) -> Any:
    return library.PGPKey.from_file(str(path))[0]
