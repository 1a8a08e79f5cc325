"""mutt and NeoMutt, with libgpgme or calling gpg, on a terminal as for a person.

What is said about signatures stands in what is shown, by user id.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.interop.seen import CannotReadError, Seen
from tests.interop.terminal_mail import Window

if TYPE_CHECKING:
    from tests.interop.circle import Circle

_GOOD = re.compile(r"^(?:gpg: )?Good signature from:? \"?.*<([^<>]+)>", re.MULTILINE)
_BAD = re.compile(r"^(?:gpg: |\*)?BAD signature", re.MULTILINE | re.IGNORECASE)
_FILE = re.compile(r"^\[-- Attachment #\d+: (.*) --\]$", re.MULTILINE)
_DECRYPTED = re.compile(
    r"^\[-- (?:The following data is .*encrypted|BEGIN PGP MESSAGE) ?--\]$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Mutt:
    """One of both, by the name of its program."""

    program: str
    gpgme: bool

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it shows of a mail, and the files that it saves."""
        if passphrase:
            raise CannotReadError("asks an agent for a passphrase")
        with tempfile.TemporaryDirectory(prefix="gm-") as directory:
            window = Window(self.program, circle.home, Path(directory), gpgme=self.gpgme)
            window.deliver(mail)
            window.push("<display-message><exit>")
            return self._seen(window, circle)

    def _seen(self, window: Window, circle: Circle) -> Seen:
        shown = window.shown()
        if _BAD.search(shown):
            raise CannotReadError(shown)
        return Seen(
            text=shown,
            files={name: window.save(name) for name in dict.fromkeys(_FILE.findall(shown))},
            decrypted=bool(_DECRYPTED.search(shown)),
            signers=frozenset(circle.addresses[who.lower()] for who in _GOOD.findall(shown)),
            exact=False,
        )
