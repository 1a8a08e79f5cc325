"""mutt and NeoMutt as writers: a person answers the questions and presses send."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.seen import CannotReadError
from tests.interop.terminal_mail import Window
from tests.interop.writers.order import CannotWriteError

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.writers.order import Order

_SEND = ((b"Compose", b"y"), (b"Mail not sent", b"qn"))  # otherwise leave, and keep no draft
ANSWERS = {"mutt": ((b"To: ", b"\r"), *_SEND), "neomutt": _SEND}


@dataclass(frozen=True, slots=True)
class Mutt:
    """One of both, by the name of its program."""

    program: str
    gpgme: bool

    def write(self, order: Order, circle: Circle) -> bytes:
        """The mail that it sends."""
        if order.passphrase or order.form == "opaque":
            raise CannotWriteError("nothing in it asks for that")
        with tempfile.TemporaryDirectory(prefix="gm-") as name:
            directory = Path(name)
            window = Window(self.program, circle.home, directory, gpgme=self.gpgme)
            window.set(
                realname="Sender",
                use_from="yes",
                pgp_sign_as=circle.addresses[order.sender],
                crypt_autosign=_word(order.sign),
                crypt_autoencrypt=_word(order.encrypt),
                pgp_autoinline=_word(order.form == "inline"),
                pgp_mime_auto="no",
                crypt_confirmhook="no",
                **{"from": order.sender},
            )
            (directory / "body").write_text(order.text)
            files = []
            for file, content in order.files.items():
                (directory / file).write_bytes(content)
                files += ["-a", str(directory / file)]
            words = ("-i", directory / "body", "-s", order.subject, *files, "--", order.to)
            try:
                return window.compose(*words, answers=ANSWERS[self.program])
            except CannotReadError as error:
                raise CannotWriteError(str(error)) from error


def _word(value: bool) -> str:
    return "yes" if value else "no"
