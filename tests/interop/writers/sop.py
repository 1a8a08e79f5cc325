"""sqop and gosop as tools of a script."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.running import run
from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class Sop:
    """A program with the Stateless OpenPGP interface."""

    program: str

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("sign", circle.secret(order.sender), data=data)

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        if order.passphrase:
            with tempfile.TemporaryDirectory(prefix="gm-") as directory:
                password = Path(directory, "password")
                password.write_text(order.passphrase)
                return self._answer("encrypt", "--with-password", password, data=data)
        sign = ("--sign-with", circle.secret(order.sender)) if order.sign else ()
        return self._answer("encrypt", *sign, "--", *circle.public(order.to), data=data)

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        words = ("inline-sign", "--as=clearsigned", circle.secret(order.sender))
        return self._answer(*words, data=data)

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        return self._answer("inline-sign", circle.secret(order.sender), data=data)

    def _answer(self, *arguments: str | Path, data: bytes) -> bytes:
        done = run(self.program, *arguments, data=data)
        if done.returncode:
            words = (done.stderr or done.stdout).decode(errors="replace")
            raise CannotWriteError(f"{self.program} {arguments[0]}: {words[:500]}")
        return done.stdout
