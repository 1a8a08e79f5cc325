"""Opening a received mail: its pieces of content, each with what holds for exactly that piece.

The mail is walked on its exact bytes. What is inside a signature or a ciphertext is walked again
with that protection noted; what stands beside it has none, and a verdict never spreads to it
(EFAIL, footers of mailing lists, a signed part forwarded inside another mail). An embedded
message/rfc822 is one piece of content: signatures inside it are about that mail, not about this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError, EngineError
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Engine, Job, Opened, SignatureSeen
from gpgmail.message import walk
from gpgmail.message.part import guess_type
from gpgmail.protect.armor import Block, find_blocks, is_encrypted
from gpgmail.protect.verdict import ReadPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.message.walk import Entity

_ARMORED_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_ENCRYPTED = "application/pgp-encrypted"
_SIGNATURE = "application/pgp-signature"
_ENDINGS = frozenset({"asc", "gpg", "pgp", "sig"})
_ASCII = frozenset({"us-ascii", "ascii"})
# A stranger decides how a mail is built: neither the stack nor the time that gpg takes is his.
_MOST_LAYERS = 5  # protections inside one another; signed, encrypted and signed again are three
_MOST_RUNS = 500


@dataclass(frozen=True, slots=True)
class Shelter:
    """The protection around what is being walked, and of how many layers it consists."""

    encrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()
    layers: int = 0

    def inside(self, opened: Opened) -> Shelter:
        """Return the shelter inside of what was *opened* here."""
        if self.layers == _MOST_LAYERS:
            raise _bad(f"has more than {_MOST_LAYERS} protections inside one another")
        return Shelter(
            self.encrypted or opened.decrypted,
            (*self.signatures, *opened.signatures),
            self.layers + 1,
        )


class Opener:
    """Opens entities, and collects what is true of the mail as a whole.

    `core` is what stands inside the protections that are around the whole mail; `changed` says that
    inline OpenPGP was opened, so that no entity has the content as its bytes.
    """

    def __init__(
        self, root: Entity, engine: Engine, keyrings: Keyrings, passphrases: Passphrases, run: Run
    ) -> None:
        self.core = root
        self.changed = False
        self.opened: list[Opened] = []
        self.problems: list[str] = []
        self._engine = engine
        self._keyrings = keyrings
        self._passphrases = passphrases
        self._run = run
        self._runs = 0

    def open(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """Yield the leaves of *entity*, each with what holds for it."""
        handler = self._handler(entity)
        if handler is not None:
            yield from handler(entity, shelter)
        elif entity.content_type.startswith("multipart/") and entity.children:
            yield from self._several(entity.children, shelter)
        elif entity.content_type == "text/plain":
            yield from self._text(entity, shelter)
        else:
            yield from self._file(entity, shelter)

    def _handler(self, entity: Entity) -> Callable[[Entity, Shelter], Iterator[ReadPart]] | None:
        protocol = entity.params.get("protocol", "").lower()
        known = {
            ("multipart/encrypted", _ENCRYPTED): self._encrypted,
            ("multipart/signed", _SIGNATURE): self._signed,
        }
        return known.get((entity.content_type, protocol))

    def _encrypted(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """RFC 3156 section 4: a control part, and one part with the OpenPGP message."""
        if len(entity.children) != 2 or entity.children[0].content_type != _ENCRYPTED:  # noqa: PLR2004 - the two
            raise _bad("has a multipart/encrypted that is not a control part and a ciphertext")
        opened, plain = self._decrypt(entity.children[1].decoded())
        inner = walk.parse(plain)
        self._enter(entity, inner, loose=not shelter.encrypted)
        yield from self.open(inner, shelter.inside(opened))

    def _signed(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """RFC 3156 section 5: the signed part, exactly as it stands, and its signature.

        In any other shape there is nothing that the signature would be about.
        """
        if len(entity.children) != 2 or entity.children[1].content_type != _SIGNATURE:  # noqa: PLR2004 - the two
            self.problems.append("a multipart/signed is not a part and its signature")
            for child in entity.children:
                yield from self.open(child, shelter)
            return
        signed, signature = entity.children
        opened = self._verify(_canonical(signed.raw), signature.decoded())
        self._enter(entity, signed, loose=not shelter.signatures)
        yield from self.open(signed, shelter.inside(opened))

    def _enter(self, around: Entity, inner: Entity, *, loose: bool) -> None:
        """Go on inside a protection, which is *loose* where no other one of its kind is around."""
        if around is self.core:
            self.core = inner
        elif loose:
            self.problems.append(
                f"{around.content_type} is only a part: nothing ties it to what stands beside"
            )

    def _several(self, children: Sequence[Entity], shelter: Shelter) -> Iterator[ReadPart]:
        """The parts of a mail, attachments with their detached signatures."""
        for child, signature in _with_signatures(children):
            if signature is None:
                yield from self.open(child, shelter)
            else:
                opened = self._verify(child.decoded(), signature.decoded())
                yield from self.open(child, shelter.inside(opened))

    def _text(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """A text, or inline OpenPGP in it; what stands around a block is a piece of its own."""
        content = entity.decoded()
        found = find_blocks(content)
        if not found.blocks:
            yield _part(entity, content, shelter)
            return
        self.changed = True
        if len(found.blocks) > 1:
            self.problems.append("a text has several OpenPGP blocks: nothing ties them together")
        for block in found.blocks:
            opened, inner = self._inline(block)
            part = _part(entity, inner, shelter.inside(opened))
            yield replace(part, charset=_charset_within(part, opened))
        if found.outside.strip():
            self.problems.append("text stands outside the OpenPGP block of the body")
            yield _part(entity, found.outside, shelter)

    def _file(self, entity: Entity, shelter: Shelter) -> Iterator[ReadPart]:
        """An attachment; one that is an armored message is decrypted, if that can be."""
        content = entity.decoded()
        if not content.lstrip().startswith(_ARMORED_MESSAGE):
            yield _part(entity, content, shelter)
            return
        try:
            opened, inner = self._decrypt(content)
        except EngineError as error:
            self.problems.append(f"{_name(entity) or 'attachment'}: {error}")
            yield _part(entity, content, shelter)
        else:
            self.changed = True
            part = _part(entity, inner, shelter.inside(opened))
            name = _without_ending(part.name)
            yield replace(part, name=name, content_type=guess_type(name))

    def _inline(self, block: Block) -> tuple[Opened, bytes]:
        """Open a block; one that is not validly signed text stays as it is, without a verdict."""
        if not block.cleartext_signed and is_encrypted(block.data):
            return self._decrypt(block.data)
        text = bytearray()
        source = iter((block.data,))
        try:
            opened = self._engine.verify_inline(self._job(), source, text.extend, self._run)
        except CryptoError as error:
            self.problems.append(str(error))
            return Opened(), block.data
        self.opened.append(opened)
        return opened, bytes(text)

    def _decrypt(self, ciphertext: bytes) -> tuple[Opened, bytes]:
        plain = bytearray()
        job = self._job(secret=True)
        opened = self._engine.decrypt(job, iter((ciphertext,)), plain.extend, self._run)
        self.opened.append(opened)
        return opened, bytes(plain)

    def _verify(self, signed: bytes, signature: bytes) -> Opened:
        try:
            opened = self._engine.verify(self._job(), iter((signed,)), signature, self._run)
        except CryptoError as error:
            self.problems.append(str(error))
            return Opened()
        self.opened.append(opened)
        return opened

    def _job(self, *, secret: bool = False) -> Job:
        self._runs += 1
        if self._runs > _MOST_RUNS:
            raise _bad(f"has more than {_MOST_RUNS} signatures and ciphertexts")
        home = self._keyrings.home(self._run, self._passphrases, secret=secret)
        return Job(home=home, passphrases=self._passphrases)


def _with_signatures(children: Sequence[Entity]) -> Iterator[tuple[Entity, Entity | None]]:
    """Yield the parts, each with its detached signature: that of `NAME` is called `NAME.sig`.

    Only a leaf has one: the header fields that say how to take a part apart are not signed.
    """
    files = {
        _name(one): one
        for one in children
        if one.content_type != _SIGNATURE and not one.children and _name(one)
    }
    signatures = {
        files[stem].start: one
        for one in children
        if one.content_type == _SIGNATURE and (stem := _without_ending(_name(one))) in files
    }
    used = {one.start for one in signatures.values()}
    for child in children:
        if child.start not in used:
            yield child, signatures.get(child.start)


def _part(entity: Entity, content: bytes, shelter: Shelter) -> ReadPart:
    return ReadPart(
        content_type=entity.content_type,
        name=_name(entity),
        content=content,
        charset=entity.params.get("charset", ""),
        encrypted=shelter.encrypted,
        signatures=shelter.signatures,
    )


def _charset_within(part: ReadPart, opened: Opened) -> str:
    """Return the charset of an opened text: armor is ASCII, whatever is inside."""
    return "" if opened.decrypted and part.charset.lower() in _ASCII else part.charset


def _canonical(raw: bytes) -> bytes:
    """Return the signed part with CRLF line ends (RFC 3156 section 5).

    A mail in a maildir or mbox has LF line ends throughout. One that holds CRLF is taken as exact.
    """
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _name(entity: Entity) -> str:
    """Return a part's file name, without what would change the line that it is shown in."""
    from email.message import Message
    from email.utils import collapse_rfc2231_value

    message: Message[str, str] = Message()
    for field in ("Content-Type", "Content-Disposition"):
        if entity.get(field):
            message[field] = entity.get(field)
    name = message.get_filename()
    text = collapse_rfc2231_value(name) if name else ""
    return "".join(char if char.isprintable() else "_" for char in text)


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending.lower() in _ENDINGS else name


def _bad(detail: str) -> Exception:
    return Situation.BAD_MESSAGE.error(detail, subject="the mail")
