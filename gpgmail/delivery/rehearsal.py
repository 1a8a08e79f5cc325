"""A rehearsal: all that happens before a mail is named to a server, and what would happen then.

Composing, keys, protection, connection, TLS and login are real, so that what goes wrong there goes
wrong here too. The server hears no MAIL: what it would say to sender and recipients is not known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpgmail.message.handed import taken_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from gpgmail.core.errors import KeySelectionError
    from gpgmail.crypto.engine import ChosenKey
    from gpgmail.delivery.letter import Letter
    from gpgmail.message.composed import Composed
    from gpgmail.message.headers import Field
    from gpgmail.transport.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """What a server showed; `fingerprint` is SHA-256, in hexadecimal."""

    subject: str
    issuer: str
    expires: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedCopy:
    """Who would get the same bytes, encrypted to which keys, and how many they are.

    `size` is None where that is known only when they are sent.
    """

    recipients: tuple[str, ...]
    keys: tuple[ChosenKey, ...]
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What would be sent, and what was seen of the server on the way.

    `headers` are those of the first copy as they would go out. `tls`, `cipher` and `certificate`
    are empty and None in clear, `mechanism` is empty where nobody logs in. `waits` says why the
    mail would go into the queue in place of a server; all that is told of one is empty then.
    """

    message_id: str
    sender: str
    headers: tuple[Field, ...]
    signers: tuple[ChosenKey, ...]
    copies: tuple[RehearsedCopy, ...]
    encrypted: bool
    server: str = ""
    extensions: tuple[str, ...] = ()
    tls: str = ""
    cipher: str = ""
    certificate: ServerCertificate | None = None
    user: str = ""
    mechanism: str = ""
    account: str = ""
    passed_over: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would become of a mail that was handed over, and of whom.

    `mail` is None where it would go to nobody now. `without_key` says why for those whose copies
    would be `held`, who would get one of the `notices`, or nothing since they are `dropped`.
    """

    mail: Rehearsal | None = None
    held: tuple[RehearsedCopy, ...] = ()
    notices: Mapping[str, Rehearsal] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    without_key: Mapping[str, KeySelectionError] = field(default_factory=dict)


def rehearse(letter: Letter, session: Session) -> Rehearsal:
    """Return what would happen to *letter* over *session*, which is connected and logged in.

    Raises:
        UnsupportedError: If the server lacks an extension that the mail needs, or would not take a
            mail of that size.
    """
    for copy in letter.copies:
        session.check(
            copy.envelope, size=copy.size, needs_utf8=copy.needs_utf8, needs_8bit=copy.eight_bit
        )
    agreed = session.negotiated
    return replace(
        planned(letter),
        server=str(session.peer),
        extensions=tuple(f"{name} {what}".strip() for name, what in session.extensions.items()),
        tls=session.tls_version,
        cipher=agreed.cipher,
        certificate=certificate_of(agreed.certificate) if agreed.certificate else None,
        user=session.options.user if session.mechanism else "",
        mechanism=session.mechanism,
    )


def planned(letter: Letter) -> Rehearsal:
    """Return what is known of *letter* without any server."""
    return Rehearsal(
        message_id=letter.message_id,
        sender=letter.copies[0].envelope.sender,
        headers=_fields(letter.copies[0]),
        signers=letter.plan.signers,
        copies=tuple(
            copy_of(copy, shared.keys)
            for copy, shared in zip(letter.copies, letter.plan.copies, strict=True)
        ),
        encrypted=letter.plan.encrypts,
        remarks=letter.remarks,
    )


def copy_of(copy: Composed, keys: tuple[ChosenKey, ...]) -> RehearsedCopy:
    """Return what is told of a copy that is encrypted to *keys*."""
    return RehearsedCopy(recipients=copy.envelope.addresses, keys=keys, size=copy.size)


def _fields(copy: Composed) -> tuple[Field, ...]:
    own = copy.content.headers
    if copy.content.verbatim:
        found = taken_apart(_head(copy.content.chunks())).fields
        own = tuple((one.name, one.value) for one in found)
    return (*copy.headers, *own)


def _head(chunks: Iterable[bytes]) -> bytes:
    """Return as much of *chunks* as holds the header."""
    begun = bytearray()
    for chunk in chunks:
        begun += chunk
        if b"\r\n\r\n" in begun:
            break
    return bytes(begun)


def certificate_of(encoded: bytes) -> ServerCertificate:
    """Return what a server's certificate says."""
    from cryptography.x509 import load_der_x509_certificate

    found = load_der_x509_certificate(encoded)
    return ServerCertificate(
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        expires=found.not_valid_after_utc,
        fingerprint=hashlib.sha256(encoded).hexdigest(),
    )
