"""nodemailer and OpenPGP.js, which make the whole mail (`tests/interop/node/write.mjs`)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.javascript import FailedError, script
from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class JavaScript:
    """nodemailer on the machine's Node."""

    def write(self, order: Order, circle: Circle) -> bytes:
        """The mail that it writes."""
        if order.form == "pgpmime" and order.passphrase:
            raise CannotWriteError("nodemailer-openpgp encrypts for keys only")
        (recipient,) = circle.public(order.to)
        given = {
            "text": order.text,
            "files": {name: b64encode(data).decode() for name, data in order.files.items()},
            "sign": order.sign,
            "encrypt": order.encrypt,
            "form": order.form,
            "passphrase": order.passphrase,
            "sender": order.sender,
            "to": order.to,
            "subject": order.subject,
            "signer": circle.secret(order.sender).read_text(),
            "recipient": recipient.read_text(),
        }
        try:
            return script("write.mjs", given)
        except FailedError as error:
            raise CannotWriteError(str(error)) from error
