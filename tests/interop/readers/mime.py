"""The way of a mail through a program that knows OpenPGP but no mail.

Signed parts are cut out exactly as they stand; leaves are decoded by the standard library. Nothing
of the package under test is used. A signature counts for what it covers, here too: signers are
those who signed every leaf.
"""

from __future__ import annotations

import email
import email.policy
from base64 import b64decode
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Protocol

from tests.interop.seen import NOTHING, CannotReadError, Seen
from tests.servers.readers import NotReadableError, canonical, content_of, encrypted_part, parts
from tests.servers.readers import signed_parts as both_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from tests.interop.circle import Circle

_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_CLEARTEXT = b"-----BEGIN PGP SIGNED MESSAGE-----"
_ENCRYPTED = {1, 3}  # session keys for public keys and passphrases stand before the ciphertext
_ENDINGS = (".asc", ".pgp", ".gpg")


@dataclass(frozen=True, slots=True)
class Opened:
    """An OpenPGP message as a program opened it; `signers` as the program names them."""

    content: bytes
    signers: tuple[str, ...] = ()
    decrypted: bool = False


class Tool(Protocol):
    """A program that knows OpenPGP: signers are those with a good signature.

    Each raises CannotReadError when the program fails.
    """

    def verify(self, data: bytes, signature: bytes) -> tuple[str, ...]:
        """The signers of a detached signature over *data*."""

    def decrypt(self, message: bytes) -> Opened:
        """An encrypted message, armored."""

    def signed(self, message: bytes) -> Opened:
        """A signed message, armored or with a cleartext signature."""


@dataclass(frozen=True, slots=True)
class _Shelter:
    signers: frozenset[str] = NOTHING
    decrypted: bool = False

    def inside(self, signers: frozenset[str], *, decrypted: bool = False) -> _Shelter:
        return _Shelter(self.signers | signers, self.decrypted or decrypted)


@dataclass(frozen=True, slots=True)
class _Leaf:
    name: str
    content_type: str
    content: bytes
    charset: str
    shelter: _Shelter

    @property
    def is_text(self) -> bool:
        return self.content_type == "text/plain" and not self.name

    @property
    def text(self) -> str:
        return self.content.decode(self.charset or "utf-8")


def read_with(tool: Tool, mail: bytes, circle: Circle) -> Seen:
    """What a person sees who opens a mail with this program.

    Raises:
        CannotReadError: If the program fails, or the mail is none.
    """
    try:
        leaves = list(_Way(tool, circle).through(canonical(mail), _Shelter()))
    except NotReadableError as error:
        raise CannotReadError(str(error)) from error
    texts = [leaf for leaf in leaves if leaf.is_text]
    return Seen(
        text="".join(leaf.text for leaf in texts),
        files={
            leaf.name or leaf.content_type: leaf.content for leaf in leaves if leaf not in texts
        },
        decrypted=all(leaf.shelter.decrypted for leaf in leaves),
        signers=reduce(frozenset.__and__, (leaf.shelter.signers for leaf in leaves)),
    )


class _Way:
    def __init__(self, tool: Tool, circle: Circle) -> None:
        self._tool = tool
        self._circle = circle

    def through(self, entity: bytes, shelter: _Shelter) -> Iterator[_Leaf]:
        """Yield the leaves of an entity, header and body."""
        kind = _header(entity).get_content_type()
        ways: dict[str, Callable[[bytes, _Shelter], Iterator[_Leaf]]] = {
            "multipart/signed": self._signed,
            "multipart/encrypted": self._encrypted,
        }
        if kind.startswith("multipart/"):
            yield from ways.get(kind, self._several)(entity, shelter)
        else:
            yield from self._leaf(entity, shelter)

    def _signed(self, entity: bytes, shelter: _Shelter) -> Iterator[_Leaf]:
        signed, signature = both_parts(entity)
        signers = self._named(self._tool.verify(signed, signature))
        yield from self.through(signed, shelter.inside(signers))

    def _encrypted(self, entity: bytes, shelter: _Shelter) -> Iterator[_Leaf]:
        opened = self._tool.decrypt(encrypted_part(entity))
        inside = shelter.inside(self._named(opened.signers), decrypted=opened.decrypted)
        yield from self.through(canonical(opened.content), inside)

    def _several(self, entity: bytes, shelter: _Shelter) -> Iterator[_Leaf]:
        leaves = [leaf for part in parts(entity) for leaf in self.through(part, shelter)]
        signatures = {
            leaf.name.removesuffix(".sig"): leaf for leaf in leaves if leaf.name.endswith(".sig")
        }
        for leaf in leaves:
            if leaf in signatures.values():
                continue
            signature = signatures.get(leaf.name)
            if signature is None:
                yield leaf
                continue
            signers = self._named(self._tool.verify(leaf.content, signature.content))
            sheltered = leaf.shelter.inside(signers)
            yield _Leaf(leaf.name, leaf.content_type, leaf.content, leaf.charset, sheltered)

    def _leaf(self, entity: bytes, shelter: _Shelter) -> Iterator[_Leaf]:
        header = _header(entity)
        part = email.message_from_bytes(entity, policy=email.policy.default)
        # A mail within the mail is a file; its bytes are those that stand there.
        content = content_of(entity) if part.is_multipart() else part.get_payload(decode=True)
        name = header.get_filename() or ""
        while (opened := self._opened(content)) is not None:
            shelter = shelter.inside(self._named(opened.signers), decrypted=opened.decrypted)
            content = opened.content
            name = name.removesuffix(next((end for end in _ENDINGS if name.endswith(end)), ""))
        charset = header.get_content_charset() or ""
        charset = "" if charset == "us-ascii" else charset
        yield _Leaf(name, header.get_content_type(), content, charset, shelter)

    def _opened(self, content: bytes) -> Opened | None:
        """What is inside of a text or file that is an OpenPGP message, None where it is none."""
        armored = content.lstrip()
        if armored.startswith(_CLEARTEXT):
            return self._tool.signed(armored)
        return self._message(armored) if armored.startswith(_MESSAGE) else None

    def _message(self, armored: bytes) -> Opened:
        first = b64decode(canonical(armored).partition(b"\r\n\r\n")[2][:4])[0]
        tag = first & 0x3F if first & 0x40 else (first & 0x3C) >> 2  # RFC 9580 section 4.2
        return (self._tool.decrypt if tag in _ENCRYPTED else self._tool.signed)(armored)

    def _named(self, signers: tuple[str, ...]) -> frozenset[str]:
        return frozenset(map(self._circle.primary, signers))


def _header(entity: bytes) -> EmailMessage:
    return email.message_from_bytes(entity.partition(b"\r\n\r\n")[0], policy=email.policy.default)
