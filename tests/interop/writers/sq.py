"""sq as a tool of a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.running import run
from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class Sq:
    """sq 0.27, the one of Debian 12."""

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._sign("--detached", data=data, order=order, circle=circle)

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        if order.passphrase:
            raise CannotWriteError("sq asks for a passphrase on a terminal only")
        sign = ("--signer-key", circle.secret(order.sender)) if order.sign else ()
        (recipient,) = circle.public(order.to)
        return self._answer("encrypt", *sign, "--recipient-cert", recipient, data=data)

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._sign("--cleartext-signature", data=data, order=order, circle=circle)

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._sign(data=data, order=order, circle=circle)

    def _sign(self, *how: str, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("sign", *how, "--signer-key", circle.secret(order.sender), data=data)

    def _answer(self, *arguments: str | Path, data: bytes) -> bytes:
        done = run("sq", *arguments, data=data)
        if done.returncode:
            raise CannotWriteError(f"sq {arguments[0]}: {done.stderr.decode()[:500]}")
        return done.stdout
