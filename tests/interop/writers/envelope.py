"""envelope, which makes the whole mail and sends it: what a server gets is what it writes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gpgmail.testing.sinks import Sink
from tests.interop.writers.order import CannotWriteError
from tests.servers.unpacked import ServerUnavailableError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order


@dataclass(frozen=True, slots=True)
class EnvelopeWriter:
    """envelope from PyPI with the circle's home."""

    def write(self, order: Order, circle: Circle) -> bytes:
        """The mail that it writes."""
        if order.form != "pgpmime" or order.passphrase:
            raise CannotWriteError("envelope writes PGP/MIME for keys only")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                envelope = import_module("envelope").Envelope()
            except ImportError as error:
                raise ServerUnavailableError(f"{error} (dependency group interop)") from error
            envelope = envelope.message(order.text).subject(order.subject)
            envelope = envelope.from_(order.sender).to(order.to).gpg(str(circle.home))
            for name, content in order.files.items():
                envelope = envelope.attach(content, name=name)
            if order.sign:
                envelope = envelope.signature(circle.addresses[order.sender])
            if order.encrypt:
                envelope = envelope.encryption()
            with Sink() as sink:
                if not envelope.smtp(host="127.0.0.1", port=sink.port).send():
                    raise CannotWriteError("envelope did not send it")
            (mail,) = sink.received
            return mail.data
