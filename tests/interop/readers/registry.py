"""The programs that read: a name for the table, and the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.interop.readers.gnupg import GnuPG
from tests.interop.readers.mutt import Mutt
from tests.interop.readers.notmuch import Notmuch
from tests.interop.readers.openpgpjs import OpenPGPjs
from tests.interop.readers.pgpy import PGPy
from tests.interop.readers.rnp import Rnp
from tests.interop.readers.sop import Sop
from tests.interop.readers.sq import Sq

if TYPE_CHECKING:
    from tests.interop.circle import Circle
    from tests.interop.seen import Seen


class Reader(Protocol):
    """Software that reads mail."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail.

        Raises:
            CannotReadError: If it does not read it.
            ServerUnavailableError: If the program is absent.
        """


READERS: dict[str, Reader] = {
    "gpg": GnuPG(),
    "notmuch": Notmuch(),
    "mutt": Mutt("mutt", gpgme=False),
    "mutt-gpgme": Mutt("mutt", gpgme=True),
    "neomutt": Mutt("neomutt", gpgme=False),
    "neomutt-gpgme": Mutt("neomutt", gpgme=True),
    "sq": Sq(),
    "sqop": Sop("sqop"),
    "gosop": Sop("gosop"),
    "rnp": Rnp(),
    "openpgpjs": OpenPGPjs(),
    "pgpy": PGPy(),
}
