"""A mail as a script writes it: the standard library's email package, and some OpenPGP tool.

This is the way of the examples of python-gnupg and of many small scripts. The entity is serialised
once with CRLF line ends, and exactly those bytes are signed and put into the mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order

_POLICY = SMTP.clone(cte_type="7bit")


class Tool(Protocol):
    """A program that makes OpenPGP, armored. Each raises CannotWriteError where it does not."""

    def detached(self, data: bytes, order: Order, circle: Circle) -> bytes:
        """A detached signature over *data*."""

    def sealed(self, data: bytes, order: Order, circle: Circle) -> bytes:
        """*data* encrypted, and signed inside where the order says so."""

    def cleartext(self, data: bytes, order: Order, circle: Circle) -> bytes:
        """*data* with a cleartext signature."""

    def opaque(self, data: bytes, order: Order, circle: Circle) -> bytes:
        """*data* inside a signed message."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that uses the tool."""

    tool: Tool

    def write(self, order: Order, circle: Circle) -> bytes:
        """The mail that it writes."""
        if order.form != "pgpmime":
            return self._inline(order, circle)
        entity = _entity(order).as_bytes(policy=_POLICY)
        make = self._encrypted if order.encrypt else self._signed
        return _header(order) + make(entity, order, circle)

    def _inline(self, order: Order, circle: Circle) -> bytes:
        tool = self.tool
        ways = {(False, "inline"): tool.cleartext, (False, "opaque"): tool.opaque}
        make: Callable[[bytes, Order, Circle], bytes]
        make = tool.sealed if order.encrypt else ways[order.encrypt, order.form]
        message = EmailMessage()
        message.set_content(make(order.text.encode(), order, circle).decode(), cte="base64")
        return _header(order) + message.as_bytes(policy=_POLICY)

    def _signed(self, entity: bytes, order: Order, circle: Circle) -> bytes:
        # What ends before the line end belongs to the delimiter (RFC 3156 section 5).
        entity = entity.removesuffix(b"\r\n")
        signature = self.tool.detached(entity, order, circle).replace(b"\r\n", b"\n")
        head = (
            b'Content-Type: multipart/signed; micalg="pgp-sha512"; boundary="=-=";\r\n'
            b' protocol="application/pgp-signature"\r\n\r\n'
        )
        part = b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n"
        part += signature.replace(b"\n", b"\r\n")
        return b"".join([head, b"--=-=\r\n", entity, b"\r\n--=-=\r\n", part, b"\r\n--=-=--\r\n"])

    def _encrypted(self, entity: bytes, order: Order, circle: Circle) -> bytes:
        message = MIMEMultipart("encrypted", protocol="application/pgp-encrypted")
        message.attach(MIMEApplication(b"Version: 1\n", "pgp-encrypted", _as_it_is))
        sealed = MIMEApplication(self.tool.sealed(entity, order, circle), "octet-stream", _as_it_is)
        message.attach(sealed)
        return message.as_bytes(policy=SMTP)


def _as_it_is(part: MIMEApplication) -> None:
    """Armor and the control part are ASCII; they need no encoding."""
    payload = part.get_payload()
    part.set_payload(payload.decode("ascii") if isinstance(payload, bytes) else payload)


def _entity(order: Order) -> EmailMessage:
    entity = EmailMessage(policy=_POLICY)
    entity.set_content(order.text, cte="quoted-printable")
    for name, content in order.files.items():
        entity.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    del entity["MIME-Version"]
    return entity


def _header(order: Order) -> bytes:
    header = EmailMessage(policy=SMTP)
    header["From"], header["To"], header["Subject"] = order.sender, order.to, order.subject
    header["Date"], header["MIME-Version"] = "Mon, 5 Oct 2026 10:00:00 +0000", "1.0"
    return header.as_bytes(policy=SMTP).removesuffix(b"\r\n")
