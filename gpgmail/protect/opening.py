"""Opening a received mail: its pieces of content, each with what holds for exactly that piece.

The mail is walked on its exact bytes. What is inside a signature or a ciphertext is walked again
with that protection noted; what stands beside it has none, and a verdict never spreads to it
(EFAIL, footers of mailing lists, a signed part forwarded inside another mail). An embedded
message/rfc822 is one piece of content: signatures inside it are about that mail, not about this.

What an entity is says `shapes.py`, texts are opened in `texts.py`, gpg is asked through `desk.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.core.errors import EngineError
from gpgmail.message import walk
from gpgmail.message.part import guess_type
from gpgmail.protect import forms, shapes, texts
from gpgmail.protect.limits import bad
from gpgmail.protect.shelter import Shelter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.walk import Entity
    from gpgmail.protect.desk import Desk
    from gpgmail.protect.verdict import ReadPart


class Opener:
    """Opens entities, and collects what is true of the mail as a whole.

    `core` is what stands inside the protections that are around the whole mail, and `shelter` what
    those are; `changed` says that something else than that was opened, so that no entity has the
    content as its bytes.
    """

    def __init__(self, root: Entity, desk: Desk) -> None:
        self.core = root
        self.shelter = Shelter()
        self.changed = False
        self._desk = desk

    def open(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """Yield the leaves of *entity*, each with what holds for it.

        Raises:
            EngineError: If a ciphertext that is the mail's content does not open.
            MessageError: If what is inside cannot be taken apart, or is beyond a limit.
        """
        if (sealed := shapes.sealed(entity)) is not None:
            yield from self._sealed(entity, sealed, shelter)
        elif shapes.is_encrypted(entity):
            raise bad("has a multipart/encrypted without a ciphertext")
        elif shapes.is_signed(entity):
            yield from self._signed(entity, shelter)
        elif entity.content_type.startswith("multipart/") and entity.children:
            yield from self._several(entity, shelter)
        else:
            yield from self._leaf(entity, shelter)

    def _sealed(
        self, entity: Entity, sealed: shapes.Sealed, shelter: Shelter
    ) -> Iterator[ReadPart]:
        """RFC 3156 section 4: what the ciphertext holds, and what stands beside it."""
        opened, plain = self._desk.decrypt(self._desk.content(sealed.ciphertext))
        inner = walk.parse(plain)
        inside = shelter.inside(opened)
        self._enter(entity, inner, inside, tied=shelter.encrypted, alone=not sealed.others)
        yield from self.open(inner, inside)
        for other in sealed.others:
            yield from self.open(other, shelter)

    def _signed(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """RFC 3156 section 5: the signed part, exactly as it stands, and its signature.

        In any other shape there is nothing that the signature would be about.
        """
        if len(entity.children) != 2 or entity.children[1].content_type != shapes.SIGNATURE:  # noqa: PLR2004 - the two
            self._desk.problems.append("a multipart/signed is not a part and its signature")
            for child in entity.children or ():
                yield from self.open(child, shelter)
            return
        signed, signature = entity.children
        yield from self._covered(entity, signed, signature, shelter)

    def _covered(
        self, entity: Entity, signed: Entity, signature: Entity, shelter: Shelter
    ) -> Iterator[ReadPart]:
        armor = self._desk.content(signature)
        opened, over = self._desk.detached(forms.of_entity(signed.raw), armor)
        inner = signed if over in (None, signed.raw) else walk.parse(over)
        inside = shelter.inside(opened)
        self._enter(entity, inner, inside, tied=bool(shelter.signatures))
        yield from self.open(inner, inside)

    def _enter(
        self, around: Entity, inner: Entity, inside: Shelter, *, tied: bool, alone: bool = True
    ) -> None:
        """Go on inside a protection, which is *tied* where one of its kind is around it."""
        if around is self.core and alone:
            self.core, self.shelter = inner, inside
        elif not tied:
            self._desk.problems.append(
                f"{around.content_type} is only a part: nothing ties it to what stands beside"
            )

    def _several(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """The parts of a mail, attachments with their detached signatures."""
        used: Entity | None = None
        for child, signature, named in shapes.paired(entity):
            if signature is None:
                if child is not used:
                    yield from self.open(child, shelter)
            elif named:
                armor = self._desk.content(signature)
                opened, _ = self._desk.detached((self._desk.content(child),), armor)
                yield from self.open(child, shelter.inside(opened))
            elif (found := self._beside(child, signature, shelter)) is not None:
                used = signature
                yield from self.open(*found)
            else:
                yield from self.open(child, shelter)

    def _beside(
        self, child: Entity, signature: Entity, shelter: Shelter
    ) -> tuple[Entity, Shelter] | None:
        """Return a part that is signed by what stands behind it, None if that is of another."""
        found = self._desk.covers(forms.of_entity(child.raw), self._desk.content(signature))
        if found is None:
            self._desk.problems.append("a signature beside the parts is of none of them")
            return None
        opened, over = found
        return walk.parse(over), shelter.inside(opened)

    def _leaf(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """A text or a file, with the OpenPGP messages in it opened."""
        content = self._desk.content(entity)
        if not shapes.is_text(entity):
            yield from self._file(entity, content, shelter)
            return
        pieces = texts.pieces(entity, content, shelter, self._desk)
        if pieces is None:
            yield shelter.part(entity, content)
            return
        self.changed = True
        for piece in pieces:
            yield from self._piece(entity, piece)

    def _piece(self, entity: Entity, piece: texts.Piece) -> Iterator[ReadPart]:
        """A piece of a text, in which what was decrypted may have been signed in clear before."""
        content = piece.part.content
        if piece.decrypted and shapes.mail_inside("", content):
            yield from self.open(walk.parse(content), piece.shelter)
            return
        inner = None
        if piece.decrypted:
            inner = texts.pieces(entity, content, piece.shelter, self._desk)
        if inner is None:
            yield piece.part
            return
        for one in inner:
            yield from self._piece(entity, one)

    def _file(self, entity: Entity, content: bytes, shelter: Shelter) -> Iterator[ReadPart]:
        """An attachment; one that is an OpenPGP message is opened, if that can be."""
        if not shapes.file_message(entity, content):
            yield shelter.part(entity, content)
            return
        try:
            opened, inner = self._desk.message(content)
        except EngineError as error:
            self._desk.problems.append(f"{entity.name or 'attachment'}: {error}")
            yield shelter.part(entity, content)
            return
        self.changed = True
        inside = shelter.inside(opened)
        if shapes.mail_inside(entity.name, inner):
            yield from self.open(walk.parse(inner), inside)
            return
        name = shapes.without_ending(entity.name)
        yield replace(inside.part(entity, inner), name=name, content_type=guess_type(name))
