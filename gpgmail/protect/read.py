"""Reading a received mail: decrypt, verify, and say exactly what that holds for.

The mail is walked on its exact bytes. What is inside a signature or a ciphertext is walked again with
that protection noted; what stands beside it has none, and a verdict never spreads to it (EFAIL,
footers of mailing lists, a signed part forwarded inside another mail). An embedded message/rfc822
is one piece of content: signatures inside it are about that mail, not about this one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gpgmail.core.errors import CryptoError, EngineError
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Engine, Job, Opened, SignatureSeen, SignatureStatus
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.keys.keyrings import Keyrings, Where
from gpgmail.message import walk
from gpgmail.message.part import guess_type
from gpgmail.message.walk import Entity
from gpgmail.protect.armor import find_blocks
from gpgmail.protect.rebuild import rebuild
from gpgmail.protect.verdict import Cover, ReadMail, ReadPart, Verdict

_ARMORED_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_ENCRYPTED = "application/pgp-encrypted"
_SIGNATURE = "application/pgp-signature"
_ENDINGS = frozenset({"asc", "gpg", "pgp", "sig"})


def read(
    source: bytes | str | os.PathLike[str] | BinaryIO,
    *,
    keyring: Where = None,
    more_keyrings: Sequence[Where] = (),
    passphrase: PassphraseSource = None,
    require_signature: bool = False,
    require_encryption: bool = False,
    engine: str = "gnupg",
    timeout: float = DEFAULT_TIMEOUT,
    run: Run | None = None,
) -> ReadMail:
    """Decrypt and verify a mail, given as bytes, a path or a binary stream.

    *keyring* has the secret keys and, with *more_keyrings*, the senders' public ones; *passphrase*
    is as for `Mailer`. With *require_signature* or *require_encryption* a mail of which not the
    whole content has it is an error. *timeout* is in seconds without any progress.

    Raises:
        CryptoError: If an encrypted mail does not open.
        PassphraseError: If a passphrase is missing or wrong.
        PolicyError: With code 142 or 143, if what was required does not hold.
        MessageError: If the source cannot be read or is no mail.
    """
    run = run or Run(timeout=timeout)
    root = walk.parse(_load(source))
    keyrings = Keyrings(keyring, more_keyrings)
    try:
        reader = _Reader(root, get_engine(engine), keyrings, Passphrases.of(passphrase), run)
        parts = tuple(reader.open(root, _Shelter()))
    finally:
        keyrings.close()
    mail = _assemble(root, parts, reader)
    _require(mail.verdict, signature=require_signature, encryption=require_encryption)
    return mail


@dataclass(frozen=True, slots=True)
class _Shelter:
    """The protection around what is being walked."""

    encrypted: bool = False
    signatures: tuple[SignatureSeen, ...] = ()

    def inside(self, opened: Opened) -> _Shelter:
        return _Shelter(
            self.encrypted or opened.decrypted, (*self.signatures, *opened.signatures)
        )


class _Reader:
    """Opens entities; collects what is true of the mail as a whole.

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

    def open(self, entity: Entity, shelter: _Shelter) -> Iterator[ReadPart]:
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

    def _several(self, children: Sequence[Entity], shelter: _Shelter) -> Iterator[ReadPart]:
        """The parts of a mail; a detached signature covers the attachment that its name names."""
        files = {_name(one): one for one in children if one.content_type != _SIGNATURE}
        signatures = {
            files[stem].start: one
            for one in children
            if one.content_type == _SIGNATURE and (stem := _without_ending(_name(one))) in files
        }
        used = {one.start for one in signatures.values()}
        for child in children:
            if child.start in used:
                continue
            signature = signatures.get(child.start)
            if signature is None:
                yield from self.open(child, shelter)
            else:
                opened = self._verify(child.decoded(), signature.decoded())
                yield from self.open(child, shelter.inside(opened))

    def _handler(
        self, entity: Entity
    ) -> Callable[[Entity, _Shelter], Iterator[ReadPart]] | None:
        protocol = entity.params.get("protocol", "").lower()
        known = {
            ("multipart/encrypted", _ENCRYPTED): self._encrypted,
            ("multipart/signed", _SIGNATURE): self._signed,
        }
        return known.get((entity.content_type, protocol))

    def _encrypted(self, entity: Entity, shelter: _Shelter) -> Iterator[ReadPart]:
        """RFC 3156 section 4: a control part, and one part with the OpenPGP message."""
        if len(entity.children) != 2 or entity.children[0].content_type != _ENCRYPTED:  # noqa: PLR2004 - the two
            raise Situation.BAD_MESSAGE.error(
                "is not a control part and a ciphertext", subject="multipart/encrypted"
            )
        opened, plain = self._decrypt(entity.children[1].decoded())
        inner = walk.parse(plain)
        self._enter(entity, inner)
        yield from self.open(inner, shelter.inside(opened))

    def _signed(self, entity: Entity, shelter: _Shelter) -> Iterator[ReadPart]:
        """RFC 3156 section 5: the signed part, exactly as it stands, and its signature."""
        if len(entity.children) != 2 or entity.children[1].content_type != _SIGNATURE:  # noqa: PLR2004 - the two
            raise Situation.BAD_MESSAGE.error(
                "is not a part and its signature", subject="multipart/signed"
            )
        signed, signature = entity.children
        opened = self._verify(_canonical(signed.raw), signature.decoded())
        self._enter(entity, signed)
        yield from self.open(signed, shelter.inside(opened))

    def _enter(self, around: Entity, inner: Entity) -> None:
        if around is self.core:
            self.core = inner

    def _text(self, entity: Entity, shelter: _Shelter) -> Iterator[ReadPart]:
        """A text, or inline OpenPGP in it; what stands around a block is a piece of its own."""
        content = entity.decoded()
        found = find_blocks(content)
        if not found.blocks:
            yield _part(entity, content, shelter)
            return
        self.changed = True
        for block in found.blocks:
            opened, inner = self._inline(block.data, cleartext=block.cleartext_signed)
            yield _part(entity, inner, shelter.inside(opened))
        if found.outside.strip():
            self.problems.append("text stands outside the OpenPGP block of the body")
            yield _part(entity, found.outside, shelter)

    def _file(self, entity: Entity, shelter: _Shelter) -> Iterator[ReadPart]:
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

    def _decrypt(self, ciphertext: bytes) -> tuple[Opened, bytes]:
        plain = bytearray()
        opened = self._engine.decrypt(self._job(), iter((ciphertext,)), plain.extend, self._run)
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

    def _inline(self, block: bytes, *, cleartext: bool) -> tuple[Opened, bytes]:
        if not cleartext:
            return self._decrypt(block)
        text = bytearray()
        opened = self._engine.verify_inline(
            self._job(), iter((block,)), text.extend, self._run
        )
        self.opened.append(opened)
        return opened, bytes(text)

    def _job(self) -> Job:
        home = self._keyrings.home(self._run, self._passphrases, secret=True)
        return Job(home=home, passphrases=self._passphrases)


def _part(entity: Entity, content: bytes, shelter: _Shelter) -> ReadPart:
    return ReadPart(
        content_type=entity.content_type,
        name=_name(entity),
        content=content,
        charset=entity.params.get("charset", ""),
        encrypted=shelter.encrypted,
        signatures=shelter.signatures,
    )


def _assemble(root: Entity, parts: tuple[ReadPart, ...], reader: _Reader) -> ReadMail:
    signatures = tuple(seen for opened in reader.opened for seen in opened.signatures)
    first = next((opened for opened in reader.opened if opened.decrypted), Opened())
    verdict = Verdict(
        signed=Cover.of([part.signed for part in parts]),
        encrypted=Cover.of([part.encrypted for part in parts]),
        signatures=signatures,
        recipients=first.recipients,
        decrypted_with=first.decrypted_with,
        cipher=first.cipher,
        problems=(*reader.problems, *map(_complaint, filter(_not_good, signatures))),
    )
    whole = Cover.WHOLE in (verdict.signed, verdict.encrypted)
    message = rebuild(root, reader.core if whole else root, parts if reader.changed else None)
    return ReadMail(message=message, parts=parts, verdict=verdict)


def _not_good(seen: SignatureSeen) -> bool:
    return seen.status is not SignatureStatus.GOOD


def _complaint(seen: SignatureSeen) -> str:
    who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
    return f"signature by {who}: {seen.status}"


def _require(verdict: Verdict, *, signature: bool, encryption: bool) -> None:
    wanted = (
        (signature, verdict.signed, Situation.NOT_SIGNED),
        (encryption, verdict.encrypted, Situation.NOT_ENCRYPTED),
    )
    for required, cover, situation in wanted:
        if required and cover is not Cover.WHOLE:
            why = "; ".join(verdict.problems)
            detail = f"it holds for {cover} of the content" + (f": {why}" if why else "")
            raise situation.error(detail, subject="received mail", hint="do not trust this mail")


def _canonical(raw: bytes) -> bytes:
    """Return the signed part with CRLF line ends (RFC 3156 section 5).

    A mail in a maildir or mbox has LF line ends throughout. One that holds CRLF is taken as exact.
    """
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _name(entity: Entity) -> str:
    from email.message import Message
    from email.utils import collapse_rfc2231_value

    message: Message[str, str] = Message()
    for field in ("Content-Type", "Content-Disposition"):
        if entity.get(field):
            message[field] = entity.get(field)
    name = message.get_filename()
    return collapse_rfc2231_value(name) if name else ""


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending.lower() in _ENDINGS else name


def _load(source: bytes | str | os.PathLike[str] | BinaryIO) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            return path.read_bytes()
        except OSError as error:
            raise Situation.ATTACHMENT.error(
                f"cannot be read: {error.strerror}", subject=str(path)
            ) from error
    return source.read()


