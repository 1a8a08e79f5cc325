"""What an entity of a received mail is, by its structure alone: pure, no gpg is asked.

Beside the shapes of RFC 3156 those that gateways make of them are known here, as seen in mails of
Exchange, Outlook and the bridge of Proton Mail: multipart/encrypted that became multipart/mixed,
behind a text with nothing in it, and a control part under another name
(draft-dkg-openpgp-pgpmime-message-mangling). None of this weighs anything by itself: what holds for
a part says gpg alone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError, MessageError
from gpgmail.crypto.packets import Container, HeadReader
from gpgmail.protect.armor import kind
from gpgmail.protect.markup import shows_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpgmail.message.walk import Entity

ENCRYPTED = "application/pgp-encrypted"
SIGNATURE = "application/pgp-signature"
_OCTETS = "application/octet-stream"
_ENDINGS = frozenset({"asc", "gpg", "pgp", "sig", "sign"})
_BINARY_ENDINGS = frozenset({"gpg", "pgp", "asc"})
_TEXT_TYPES = frozenset({"text/plain", "text/html", "application/pgp"})
_CONTROL_NAMES = re.compile(
    r"gpgol_mime_structure\.txt|pgp[ /_]?mime versions? identification(\.dat)?", re.IGNORECASE
)
_CONTROL = re.compile(rb"version: ?1", re.IGNORECASE)
_FILLER = frozenset({b"", b"Empty Message"})  # texts that stand in front of a mangled mail
# Names that programs give to a whole encrypted mail, so that there is MIME inside.
_WHOLE_MAIL = re.compile(
    r"(encrypted|message|msg|noname|mime|openpgp[ _-]encrypted[ _-]message|gpgolpgp)?"
    r"(\.(asc|pgp|gpg|dat|txt))*",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    rb"(?:(?!content-type)[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,20}"
    rb"content-type:[ \t]*(?:multipart/|text/|message/|application/)",
    re.IGNORECASE,
)
_LOOKED_AT = 64 * 1024
_PACKET = 0x80  # every binary packet begins with this bit (RFC 9580 section 4.2)
_SIGNATURE_PACKETS = frozenset({0x88, 0x89, 0x8A, 0xC2})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext that is a mail's content, and what stands beside it that somebody can see."""

    ciphertext: Entity
    others: tuple[Entity, ...]


def sealed(entity: Entity) -> Sealed | None:
    """Return the ciphertext of a multipart/encrypted, or of what a gateway made of one."""
    proper = is_encrypted(entity)
    if not proper and not (entity.content_type == "multipart/mixed" and _mangled(entity.children)):
        return None
    rest = [child for child in entity.children if not _is_control(child)]
    found = next((child for child in rest if not child.children and _is_message(child)), None)
    if found is None and proper:  # for gpg to say what is wrong with it
        found = next((child for child in rest if not child.children), None)
    if found is None:
        return None
    others = (child for child in rest if child is not found)
    return Sealed(found, tuple(one for one in others if not is_blank(one, _FILLER)))


def _mangled(children: Sequence[Entity]) -> bool:
    """Tell whether a control part stands right before a ciphertext, nothing but filler before."""
    at = next((at for at, child in enumerate(children) if _is_control(child)), None)
    if at is None or at + 1 >= len(children):
        return False
    before, behind = children[:at], children[at + 1]
    return all(is_blank(one, _FILLER) for one in before) and (
        not behind.children and _is_message(behind)
    )


def _is_control(entity: Entity) -> bool:
    if entity.children or not (
        entity.content_type == ENCRYPTED
        or (entity.content_type == _OCTETS and _CONTROL_NAMES.fullmatch(entity.name))
    ):
        return False
    content = _content(entity)
    # Some programs, this one too, give an encrypted file the type of the control part.
    return not _holds_message(content) and (
        entity.content_type == ENCRYPTED or bool(_CONTROL.match(content.strip()))
    )


def is_encrypted(entity: Entity) -> bool:
    """Tell whether this is a multipart/encrypted of OpenPGP, in whatever shape."""
    return entity.content_type == "multipart/encrypted" and (
        entity.params.get("protocol", "").lower() == ENCRYPTED
    )


def is_signed(entity: Entity) -> bool:
    """Tell whether this is a multipart/signed of OpenPGP, in whatever shape."""
    return entity.content_type == "multipart/signed" and (
        entity.params.get("protocol", "").lower() == SIGNATURE
    )


def is_text(entity: Entity) -> bool:
    """Tell whether armor in this part stands for the part's own text, and not for a file."""
    if entity.content_type not in _TEXT_TYPES:
        return False
    return not (entity.name and without_ending(entity.name) != entity.name)


def is_blank(entity: Entity, filler: frozenset[bytes] = frozenset({b""})) -> bool:
    """Tell whether a part is a text with nothing in it that a reader could see."""
    if entity.children or entity.name:
        return False
    return blank(entity.content_type, _content(entity), filler)


def blank(content_type: str, content: bytes, filler: frozenset[bytes] = frozenset({b""})) -> bool:
    """Tell whether a text of that type has nothing in it that a reader could see."""
    if content_type == "text/html":
        return shows_nothing(content.decode("latin-1"))
    return content_type == "text/plain" and content.strip() in filler


def paired(entity: Entity) -> Iterator[tuple[Entity, Entity | None, bool]]:
    """Yield the parts, each with its detached signature, and whether their names go together.

    The signature of `NAME` is called `NAME.sig` or so. One in a multipart/mixed that no name claims
    may be that of the part before it: then a gateway took its multipart/signed from around the two.
    Only a leaf has one by name: the header fields that say how to take a part apart are not signed.
    """
    children = entity.children
    signatures = [child for child in children if _is_signature(child)]
    marks = {one.start for one in signatures}
    files = {
        one.name: one
        for one in children
        if one.start not in marks and not one.children and one.name
    }
    by_name: dict[int, Entity] = {}
    for one in signatures:
        stem = without_ending(one.name)
        if stem != one.name and stem in files:
            by_name.setdefault(files[stem].start, one)
    claimed = {one.start for one in by_name.values()}
    behind = {
        first.start: second
        for first, second in pairwise(children)
        if entity.content_type == "multipart/mixed"
        and second.content_type == SIGNATURE
        and second.start not in claimed
        and first.start not in by_name
        and first.start not in marks
    }
    for child in children:
        if child.start in by_name:
            yield child, by_name[child.start], True
        elif child.start in behind:
            yield child, behind[child.start], False
        elif child.start not in claimed:
            yield child, None, False


def _is_signature(entity: Entity) -> bool:
    if entity.children:
        return False
    if entity.content_type == SIGNATURE:
        return True
    if without_ending(entity.name) == entity.name:
        return False
    content = _content(entity)
    return kind(content) == b"SIGNATURE" or content[:1] in _FIRST_OF_SIGNATURE


_FIRST_OF_SIGNATURE = frozenset(bytes((one,)) for one in _SIGNATURE_PACKETS)


def file_message(entity: Entity, content: bytes) -> bool:
    """Tell whether a file is an OpenPGP message, or signed text, to be opened; keys are not."""
    armored = kind(content)
    if armored:
        return armored != b"SIGNATURE"
    named = entity.name.rpartition(".")[2].lower() in _BINARY_ENDINGS
    return (named or entity.content_type == ENCRYPTED) and _holds_message(content)


def mail_inside(name: str, opened: bytes) -> bool:
    """Tell whether what came out of a file of that *name* is a mail's content with its header."""
    return bool(_WHOLE_MAIL.fullmatch(name) and _ENTITY.match(opened))


def without_ending(name: str) -> str:
    """Return a file name without the ending that says that it is OpenPGP data."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and ending.lower() in _ENDINGS else name


def _is_message(entity: Entity) -> bool:
    return _holds_message(_content(entity))


def _holds_message(content: bytes) -> bool:
    """Tell whether *content* begins as an OpenPGP message, armored or binary."""
    if content[:1] and content[0] & _PACKET:
        return _binary_message(content)
    return kind(content) == b"MESSAGE"


def _binary_message(content: bytes) -> bool:
    tag = content[0] & 0x3F if content[0] & 0x40 else content[0] >> 2 & 0x0F
    if tag in _SIGNED_DATA:
        return True
    reader = HeadReader()
    try:
        reader.feed(content)
        head = reader.result()
    except CryptoError:
        return False
    return head.container is not Container.OTHER


_SIGNED_DATA = frozenset({4, 8})  # one-pass signature, compressed data (RFC 9580 section 5)


def _content(entity: Entity) -> bytes:
    """Return the decoded body as far as its beginning tells what it is."""
    cut = entity.data.rfind(b"\n", entity.body_start, entity.body_start + _LOOKED_AT) + 1
    begun = entity
    if entity.end - entity.body_start > _LOOKED_AT and cut:
        begun = replace(entity, end=cut)
    for one in (begun, entity):
        with suppress(MessageError):
            return one.decoded()
    return begun.body
