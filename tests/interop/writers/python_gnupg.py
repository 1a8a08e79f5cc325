"""python-gnupg as a tool of a script, as its documentation calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gnupg

from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class PythonGnupg:
    """python-gnupg with the circle's home."""

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        gpg = gnupg.GPG(gnupghome=str(circle.home))
        return _made(gpg.sign(data, keyid=circle.addresses[order.sender], detach=True))

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        gpg = gnupg.GPG(gnupghome=str(circle.home))
        if order.passphrase:
            return _made(gpg.encrypt(data, None, symmetric=True, passphrase=order.passphrase))
        sign = circle.addresses[order.sender] if order.sign else None
        return _made(gpg.encrypt(data, [order.to], sign=sign))

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        gpg = gnupg.GPG(gnupghome=str(circle.home))
        return _made(gpg.sign(data, keyid=circle.addresses[order.sender]))

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        gpg = gnupg.GPG(gnupghome=str(circle.home))
        return _made(gpg.sign(data, keyid=circle.addresses[order.sender], clearsign=False))


def _made(result: gnupg.Sign | gnupg.Crypt) -> bytes:
    if not result.data:
        raise CannotWriteError(result.stderr)
    return result.data
