"""notmuch: GMime takes the mail apart, and gpg is asked through gpgme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.seen import CannotReadError, Seen
from tests.servers.readers import Notmuch as Database
from tests.servers.readers import NotmuchVerdict, NotReadableError

if TYPE_CHECKING:
    from tests.interop.circle import Circle


@dataclass(frozen=True, slots=True)
class Notmuch:
    """notmuch in the circle's home; it cannot be given a passphrase."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        if passphrase:
            raise CannotReadError("takes no passphrase")
        try:
            verdict = Database(circle.home).read(mail, files=True)
        except NotReadableError as error:
            raise CannotReadError(str(error)) from error
        return _seen(verdict, circle)


def _seen(verdict: NotmuchVerdict, circle: Circle) -> Seen:
    if any(status != "good" for status, _ in verdict.signatures):
        raise CannotReadError(f"signatures are {verdict.signatures}")
    text = [
        part
        for part in verdict.parts
        if part.text and not part.filename and part.content_type == "text/plain"
    ]
    files = [part for part in verdict.parts if part not in text]
    return Seen(
        text="".join(part.text or "" for part in text),
        files={part.filename or part.content_type: part.content for part in files},
        decrypted=verdict.decrypted == "full",
        signers=frozenset(circle.primary(name) for _, name in verdict.signatures),
    )
