"""The programs that write, and what each is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.interop.writers.envelope import EnvelopeWriter
from tests.interop.writers.javascript import JavaScript
from tests.interop.writers.mutt import Mutt
from tests.interop.writers.order import Order
from tests.interop.writers.pgpy import PGPy
from tests.interop.writers.python_gnupg import PythonGnupg
from tests.interop.writers.rnp import Rnp
from tests.interop.writers.script import Script
from tests.interop.writers.sop import Sop
from tests.interop.writers.sq import Sq

if TYPE_CHECKING:
    from tests.interop.circle import Circle


class Writer(Protocol):
    """Software that writes mail."""

    def write(self, order: Order, circle: Circle) -> bytes:
        """The mail that it writes.

        Raises:
            CannotReadError: If it does not.
            CannotWriteError: If it does not.
            ServerUnavailableError: If the program is absent.
        """


WRITERS: dict[str, Writer] = {
    "mutt": Mutt("mutt", gpgme=False),
    "mutt-gpgme": Mutt("mutt", gpgme=True),
    "neomutt": Mutt("neomutt", gpgme=False),
    "neomutt-gpgme": Mutt("neomutt", gpgme=True),
    "envelope": EnvelopeWriter(),
    "nodemailer": JavaScript(),
    "python-gnupg": Script(PythonGnupg()),
    "sq": Script(Sq()),
    "sqop": Script(Sop("sqop")),
    "gosop": Script(Sop("gosop")),
    "rnp": Script(Rnp()),
    "pgpy": Script(PGPy()),
}

_TEXT = "Grüße an alle.\nEverything is safe.\n"
_HARD = (
    "blanks   \n\ttab\t\nFrom here on\n.\n.dot\n- dash\n-- \n\n\nÄ € é\n"
    + "long " * 300
    + "\nend\n"
)
_FILES = {"data.bin": bytes(range(256)) * 20, "notes.txt": b"eine Zeile\nzwei   \n"}
_PASSPHRASE = "correct horse battery"

ORDERS: dict[str, Order] = {
    "pgpmime: signed": Order(text=_TEXT, sign=True),
    "pgpmime: signed, difficult text": Order(text=_HARD, sign=True),
    "pgpmime: signed, files": Order(text=_TEXT, files=_FILES, sign=True),
    "pgpmime: encrypted": Order(text=_HARD, encrypt=True),
    "pgpmime: encrypted, files": Order(text=_TEXT, files=_FILES, encrypt=True),
    "pgpmime: signed and encrypted": Order(text=_HARD, sign=True, encrypt=True),
    "pgpmime: signed and encrypted, files": Order(
        text=_TEXT, files=_FILES, sign=True, encrypt=True
    ),
    "pgpmime: a passphrase": Order(text=_TEXT, encrypt=True, passphrase=_PASSPHRASE),
    "inline: signed": Order(text=_TEXT, sign=True, form="inline"),
    "inline: signed, difficult text": Order(text=_HARD, sign=True, form="inline"),
    "inline: encrypted": Order(text=_HARD, encrypt=True, form="inline"),
    "inline: signed and encrypted": Order(text=_HARD, sign=True, encrypt=True, form="inline"),
    "inline: a passphrase": Order(text=_TEXT, encrypt=True, form="inline", passphrase=_PASSPHRASE),
    "inline: opaque": Order(text=_TEXT, sign=True, form="opaque"),
}
