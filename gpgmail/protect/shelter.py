"""What protection is around a piece of content while a mail is being walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.protect.limits import MOST_LAYERS, bad
from gpgmail.protect.verdict import ReadPart

if TYPE_CHECKING:
    from gpgmail.crypto.engine import Opened, SignatureSeen
    from gpgmail.message.walk import Entity


@dataclass(frozen=True, slots=True)
class Shelter:
    """The protection around what is being walked, and of how many layers it consists."""

    encrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()
    layers: int = 0

    def inside(self, opened: Opened) -> Shelter:
        """Return the shelter inside of what was *opened* here.

        Raises:
            MessageError: If there are too many layers.
        """
        if self.layers == MOST_LAYERS:
            raise bad(f"has more than {MOST_LAYERS} protections inside one another")
        return Shelter(
            self.encrypted or opened.decrypted,
            (*self.signatures, *opened.signatures),
            self.layers + 1,
        )

    def part(self, entity: Entity, content: bytes) -> ReadPart:
        """Return *content*, which is that of *entity*, with what holds for it here."""
        return ReadPart(
            content_type=entity.content_type,
            name=entity.name,
            content=content,
            charset=entity.params.get("charset", ""),
            encrypted=self.encrypted,
            signatures=self.signatures,
        )
