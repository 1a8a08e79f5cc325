"""RNP as a tool of a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.readers.rnp import keyring
from tests.interop.running import run
from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class Rnp:
    """rnp 0.16, the one of Debian 12."""

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("--sign", "--detach", *_signer(order, circle), data=data, circle=circle)

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        if order.passphrase:
            words = ("--symmetric", "--password", order.passphrase)
            return self._answer(*words, data=data, circle=circle)
        sign = ("--sign", *_signer(order, circle)) if order.sign else ()
        words = ("--encrypt", "-r", circle.addresses[order.to], *sign)
        return self._answer(*words, data=data, circle=circle)

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("--clearsign", *_signer(order, circle), data=data, circle=circle)

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("--sign", *_signer(order, circle), data=data, circle=circle)

    def _answer(self, *arguments: str, data: bytes, circle: Circle) -> bytes:
        words = ("--homedir", keyring(circle), "--notty", "--armor", *arguments)
        done = run("rnp", *words, "-", "--output", "-", data=data)
        if done.returncode:
            raise CannotWriteError(f"rnp: {done.stderr.decode(errors='replace')[:500]}")
        return done.stdout


def _signer(order: Order, circle: Circle) -> tuple[str, str]:
    return "-u", circle.addresses[order.sender]
