"""Inline OpenPGP: the blocks of a text, and what stands around them as a piece of its own.

A text in clear signs nothing but itself: content type and charset come from the mail. From HTML
only the text of its armor is taken, and what comes out of it is plain text; text that is signed in
clear is not verified there, since what a reader sees of it depends on the markup.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError, KeySelectionError
from gpgmail.crypto.engine import Opened
from gpgmail.protect import forms
from gpgmail.protect.armor import Blocks, find_blocks, is_encrypted
from gpgmail.protect.markup import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.walk import Entity
    from gpgmail.protect.armor import Block
    from gpgmail.protect.desk import Desk
    from gpgmail.protect.shelter import Shelter
    from gpgmail.protect.verdict import ReadPart

_ASCII = frozenset({"us-ascii", "ascii"})
_HTML = "text/html"
_MARKER = b"-----BEGIN PGP "


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, with the protection around it, and whether it was just decrypted."""

    part: ReadPart
    shelter: Shelter
    decrypted: bool


def pieces(entity: Entity, content: bytes, shelter: Shelter, desk: Desk) -> Iterator[Piece] | None:
    """Return the pieces of a text with OpenPGP blocks in it, None where there are none.

    Raises:
        EngineError: When iterated, if the text is one encrypted block and nothing else, and that
            does not open.
    """
    if _MARKER not in content:
        return None
    text = _text(entity, content)
    found = find_blocks(text)
    if found.unfinished:
        desk.problems.append("an OpenPGP block of a text has no end")
    if not found.blocks:
        return None
    if entity.content_type == _HTML and any(block.cleartext_signed for block in found.blocks):
        desk.problems.append("text that is signed in clear is not verified in HTML")
        return None
    return _opened(entity, found, shelter, desk)


def _text(entity: Entity, content: bytes) -> bytes:
    if entity.content_type != _HTML:
        return content
    charset = entity.params.get("charset", "") or "utf-8"
    try:
        html = content.decode(charset, "replace")
    except (LookupError, ValueError):
        html = content.decode("latin-1")
    return text_of(html).encode("utf-8", "replace")


def _opened(entity: Entity, found: Blocks, shelter: Shelter, desk: Desk) -> Iterator[Piece]:
    around = any(map(_said, found.outside))
    if len(found.blocks) > 1:
        desk.problems.append("a text has several OpenPGP blocks: nothing ties them together")
    if around:
        desk.problems.append("text stands outside the OpenPGP block of the body")
    alone = len(found.blocks) == 1 and not around
    params = {"charset": "utf-8"} if entity.content_type == _HTML else entity.params
    entity = replace(entity, content_type="text/plain", params=params)
    for block, before in zip_longest(found.blocks, found.outside):
        if _said(before):
            yield Piece(shelter.part(entity, before), shelter, decrypted=False)
        if block is None:
            break
        opened, inner = _block(entity, block, desk, alone=alone)
        inside = shelter.inside(opened)
        part = inside.part(entity, inner)
        charset = block.charset or _charset_within(part, opened)
        yield Piece(replace(part, charset=charset), inside, decrypted=opened.decrypted)


def _said(text: bytes) -> bool:
    """Tell whether a text is more than blanks, those that do not break among them."""
    return bool(text.replace(b"\xc2\xa0", b" ").strip())


def _block(entity: Entity, block: Block, desk: Desk, *, alone: bool) -> tuple[Opened, bytes]:
    """Open a block; one that is not validly signed text stays as it is, without a verdict."""
    if not block.cleartext_signed and is_encrypted(block.data):
        try:
            return desk.decrypt(block.data)
        except (CryptoError, KeySelectionError) as error:
            if alone:
                raise
            desk.problems.append(f"an OpenPGP block of a text: {error}")
            return Opened(), block.data
    data = forms.of_cleartext(block.data, entity) if block.cleartext_signed else (block.data,)
    try:
        return desk.signed_text(data)
    except CryptoError as error:
        desk.problems.append(str(error))
        return Opened(), block.data


def _charset_within(part: ReadPart, opened: Opened) -> str:
    """Return the charset of an opened text: armor is ASCII, whatever is inside."""
    return "" if opened.decrypted and part.charset.lower() in _ASCII else part.charset
