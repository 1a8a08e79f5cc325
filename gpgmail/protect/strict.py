"""The structure of a mail held against RFC 3156 and those that it stands on: pure, no gpg is asked.

`read` takes what others make of these rules; here nothing is forgiven, since it tells who writes
mails what readers will trip over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.errors import MessageError
from gpgmail.protect import shapes
from gpgmail.protect.armor import find_blocks
from gpgmail.protect.findings import Finding, Rule
from gpgmail.protect.strict_armor import armor_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.message.walk import Entity

_LONGEST_LINE = 998
_ONCE = (
    *("date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to"),
    *("references", "subject", "mime-version"),
    *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
)
_ALWAYS = ("date", "from")
_MICALG = re.compile(r"pgp-[a-z0-9-]+(,pgp-[a-z0-9-]+)*")
_VERSION = re.compile(rb"[ \t]*Version:[ \t]*1[ \t]*(\r?\n)*", re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t]+(?=\r?\n|\Z)")
_FROM = re.compile(rb"^From ", re.MULTILINE)
_HIGH = re.compile(rb"[\x80-\xff]")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")
_LONG_LINE = re.compile(rb"[^\n]{%d,}" % (_LONGEST_LINE + 1))
_TWO = 2


class Inspector:
    """Looks at a mail, or at what was inside the encryption of one when there is a *place*."""

    def __init__(self, root: Entity, place: str = "") -> None:
        self._root = root
        self._place = place

    def mail(self) -> Iterator[Finding]:
        """Yield what is wrong with the mail as a whole, and with each of its parts."""
        yield from self._bytes()
        yield from self._fields()
        yield from self.parts()
        if not any(_is_protection(entity) for entity in self._root.walk()):
            yield Finding(rule=Rule.UNPROTECTED)

    def parts(self) -> Iterator[Finding]:
        """Yield what is wrong with the root and all below it, that of other mails left out."""
        yield from self._entity(self._root, "")

    def finding(self, rule: Rule, part: str, at: int | None = None, detail: str = "") -> Finding:
        """Return a finding; *at* is a place in the data."""
        line = 0 if at is None or self._place else self._root.data.count(b"\n", 0, at) + 1
        named = " ".join(filter(None, (self._place, part)))
        return Finding(rule=rule, part=named, line=line, detail=detail)

    def _bytes(self) -> Iterator[Finding]:
        data = self._root.data
        lone, whole = _LONE_LF.search(data), b"\r\n" in data
        if lone and not whole and b"\r" not in data:
            yield self.finding(Rule.STORED_LF, "")
        elif wrong := lone or _LONE_CR.search(data):
            yield self.finding(Rule.LINE_ENDS, "", wrong.start())
        for found in _LONG_LINE.finditer(data):
            if len(found[0].removesuffix(b"\r")) > _LONGEST_LINE:
                yield self.finding(Rule.LONG_LINE, "", found.start())
                break
        if b"\0" in data:
            yield self.finding(Rule.NUL, "", data.index(b"\0"))
        if high := _HIGH.search(data, 0, self._root.body_start):
            yield self.finding(Rule.HEADER_8BIT, "", high.start())

    def _fields(self) -> Iterator[Finding]:
        names = [name.lower() for name, _ in self._root.fields]
        for name in _ALWAYS:
            if name not in names:
                yield self.finding(Rule.FIELD_MISSING, "", detail=name.title())
        for name in _ONCE:
            if names.count(name) > 1:
                yield self.finding(Rule.FIELD_TWICE, "", detail=name.title())
        if self._root.get("MIME-Version").partition("(")[0].strip() != "1.0":
            yield self.finding(Rule.MIME_VERSION, "")

    def _entity(self, entity: Entity, part: str) -> Iterator[Finding]:
        if entity.content_type.startswith("multipart/"):
            if not entity.terminated:
                yield self.finding(Rule.NOT_ENDED, part, entity.start)
            if _encoding(entity) not in _IDENTITY:
                yield self.finding(Rule.ENCODED_MULTIPART, part, entity.start)
        look = _LOOKS.get(entity.content_type)
        if look is not None:
            yield from look(self, entity, part)
        elif shapes.is_text(entity) and _decoded(entity, find_blocks):
            yield self.finding(Rule.INLINE, part, entity.body_start)
        if entity.content_type == "message/rfc822":
            return  # what is inside is about that mail
        for number, child in enumerate(entity.children, 1):
            yield from self._entity(child, f"{part}.{number}" if part else str(number))

    def _signed(self, entity: Entity, part: str) -> Iterator[Finding]:
        protocol = entity.params.get("protocol", "").lower()
        if protocol != shapes.SIGNATURE:
            if not protocol.startswith("application/pkcs7") and "x-pkcs7" not in protocol:
                yield self.finding(Rule.SIGNED_PROTOCOL, part, entity.start, protocol or "none")
            return
        micalg = entity.params.get("micalg", "")
        if not micalg:
            yield self.finding(Rule.MICALG_MISSING, part, entity.start)
        elif not _MICALG.fullmatch(micalg):
            yield self.finding(Rule.MICALG_FORM, part, entity.start, micalg)
        if len(entity.children) != _TWO:
            yield self.finding(Rule.SIGNED_PARTS, part, entity.start, str(len(entity.children)))
            return
        signed, signature = entity.children
        yield from self.signed_content(signed, f"{part}.1" if part else "1")
        place = f"{part}.2" if part else "2"
        if signature.content_type != shapes.SIGNATURE:
            yield self.finding(Rule.SIGNATURE_TYPE, place, signature.start, signature.content_type)
        if _encoding(signature) not in _IDENTITY:
            yield self.finding(Rule.SIGNATURE_ENCODED, place, signature.start, _encoding(signature))
        yield from self._armor(signature, place, "SIGNATURE")

    def signed_content(self, signed: Entity, part: str = "") -> Iterator[Finding]:
        """Yield what keeps a signed part from passing every mail server unchanged."""
        raw = signed.raw
        rules = (
            (_HIGH, Rule.SIGNED_8BIT),
            (_BLANKS, Rule.SIGNED_BLANKS),
            (_FROM, Rule.SIGNED_FROM),
        )
        for pattern, rule in rules:
            if found := pattern.search(raw):
                yield self.finding(rule, part, signed.start + found.start())

    def _encrypted(self, entity: Entity, part: str) -> Iterator[Finding]:
        protocol = entity.params.get("protocol", "").lower()
        if protocol != shapes.ENCRYPTED:
            yield self.finding(Rule.ENCRYPTED_PROTOCOL, part, entity.start, protocol or "none")
            return
        if len(entity.children) != _TWO:
            count = str(len(entity.children))
            yield self.finding(Rule.ENCRYPTED_PARTS, part, entity.start, count)
            return
        control, data = entity.children
        first, second = (f"{part}.{number}" if part else str(number) for number in (1, 2))
        if control.content_type != shapes.ENCRYPTED:
            yield self.finding(Rule.CONTROL_TYPE, first, control.start, control.content_type)
        if not _decoded(control, _VERSION.fullmatch):
            yield self.finding(Rule.CONTROL_VERSION, first, control.body_start)
        if data.content_type != "application/octet-stream":
            yield self.finding(Rule.DATA_TYPE, second, data.start, data.content_type)
        if _encoding(data) not in _IDENTITY:
            yield self.finding(Rule.DATA_ENCODED, second, data.start, _encoding(data))
        yield from self._armor(data, second, "MESSAGE")

    def _armor(self, entity: Entity, part: str, kind: str) -> Iterator[Finding]:
        try:
            content = entity.decoded()
        except MessageError as error:
            yield self.finding(Rule.NOT_ARMORED, part, entity.body_start, error.detail)
            return
        same = content == entity.body
        for rule, line, detail in armor_findings(content, kind):
            found = self.finding(rule, part, entity.body_start, detail)
            offset = line if same and found.line else 0
            yield Finding(rule=rule, part=found.part, line=found.line + offset, detail=detail)


_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
_LOOKS: dict[str, Callable[[Inspector, Entity, str], Iterator[Finding]]] = {
    "multipart/signed": Inspector._signed,  # noqa: SLF001 - the table of this class
    "multipart/encrypted": Inspector._encrypted,  # noqa: SLF001 - the table of this class
}


def _encoding(entity: Entity) -> str:
    return entity.get("Content-Transfer-Encoding").partition("(")[0].strip().lower()


def _decoded(entity: Entity, look: Callable[[bytes], object]) -> bool:
    """Tell whether *look* finds something in the part's content."""
    try:
        found = look(entity.decoded())
    except MessageError:
        return False
    return bool(getattr(found, "blocks", found))


def _is_protection(entity: Entity) -> bool:
    if shapes.is_signed(entity) or shapes.is_encrypted(entity):
        return True
    return shapes.is_text(entity) and _decoded(entity, find_blocks)
