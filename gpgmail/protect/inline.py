"""Inline OpenPGP: armor in the text itself, each attachment protected by itself.

Made for readers that know no PGP/MIME. Header fields and attachment names are not protected, and
nothing ties text and attachments together: PGP/MIME does both. HTML is refused, because no two
readers agree on armor inside it.
"""

from __future__ import annotations

import string
from dataclasses import replace
from email.message import EmailMessage, Message
from typing import TYPE_CHECKING, NamedTuple, cast

from gpgmail.core.situations import Situation
from gpgmail.crypto.copies import encrypt as copies_of
from gpgmail.crypto.engine import Engine, Job, Made, SignatureMode
from gpgmail.message.charsets import UTF8, Charset
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, body
from gpgmail.message.headers import is_content
from gpgmail.message.sources import look_at
from gpgmail.message.storage import Spooled
from gpgmail.protect.source import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.crypto.copies import Ciphertext, Shares
    from gpgmail.message.part import Part

    Attachments = tuple[Attachment, ...]

_ENCRYPTED = "application/pgp-encrypted"
_SIGNATURE = "application/pgp-signature"
_ARMOR = "-----BEGIN PGP MESSAGE-----\r\n: " + string.ascii_letters + string.digits + "+/="


class ProtectedText(NamedTuple):
    """A protected text, and what the engine says that it did."""

    text: str
    made: Made


def sign_text(
    text: str,
    mode: SignatureMode,
    engine: Engine,
    job: Job,
    run: Run,
    *,
    charset: Charset = UTF8,
) -> ProtectedText:
    """Return *text* with a cleartext or opaque signature over its bytes in *charset*.

    Raises:
        UsageError: With code 434 if it is not the same bytes once it stands in such a text.
    """
    job, source = _sized(job, _encoded(text, charset))
    armored = bytearray()
    made = engine.sign(job, source, armored.extend, mode, run)
    return ProtectedText(_as_text(armored, charset), made)


def encrypt_text(
    text: str, engine: Engine, job: Job, shares: Shares, run: Run, *, charset: Charset = UTF8
) -> tuple[ProtectedText, ...]:
    """Return *text* encrypted in *charset* for the keys of each of *shares*, and signed inside.

    It is signed when the job has signers.

    Raises:
        UsageError: With code 434 if armor is other bytes in a text of that charset.
    """
    job, source = _sized(job, _encoded(text, charset))
    made, copies = copies_of(engine, job, source, shares, run, newline=b"\n")
    armored = (b"".join(copy.chunks()) for copy in copies)
    return tuple(ProtectedText(_as_text(one, charset), made) for one in armored)


def encrypt_attachments(
    given: Attachments, engine: Engine, job: Job, shares: Shares, run: Run
) -> tuple[Attachments, ...]:
    """Return *given* encrypted as `NAME.asc`, for the keys of each of *shares*."""
    made = [_encrypted(one, engine, job, shares, run) for one in given]
    return tuple(zip(*made, strict=True)) if made else ((),) * len(shares)


def sign_attachments(given: Attachments, engine: Engine, job: Job, run: Run) -> Attachments:
    """Return each of *given* with its signature, `NAME.sig`, beside it."""
    return tuple(made for one in given for made in _with_signature(one, engine, job, run))


def sign(draft: Draft, engine: Engine, job: Job, run: Run) -> Draft:
    """Return *draft* with its text signed in clear, and a signature beside every attachment.

    Raises:
        UnsupportedError: If it has an HTML text, or a text in an encoding of its own.
    """
    mode, charset = SignatureMode.CLEARTEXT, draft.text_charset
    done = sign_text(_text(draft), mode, engine, job, run, charset=charset)
    signed = sign_attachments(draft.attachments, engine, job, run)
    return replace(draft, text=done.text, attachments=signed)


def encrypt(draft: Draft, engine: Engine, job: Job, shares: Shares, run: Run) -> tuple[Draft, ...]:
    """Return *draft* for the keys of each of *shares*, its text and every attachment encrypted.

    Raises:
        UnsupportedError: As `sign` does.
    """
    done = encrypt_text(_text(draft), engine, job, shares, run, charset=draft.text_charset)
    attached = encrypt_attachments(draft.attachments, engine, job, shares, run)
    return tuple(
        replace(draft, text=one.text, attachments=files)
        for one, files in zip(done, attached, strict=True)
    )


def contents(draft: Draft, engine: Engine, job: Job, shares: Shares, run: Run) -> list[Part]:
    """Return the protected content of *draft*, encrypted where there are keys or a passphrase."""
    if job.encrypts or any(shares):
        drafts = encrypt(draft, engine, job, shares, run)
    else:
        drafts = (sign(draft, engine, job, run),)
    return [body(one, run) for one in drafts]


def _text(draft: Draft) -> str:
    """Return the text, where there is nothing that only PGP/MIME can protect."""
    if draft.html is not None:
        raise _only_pgpmime("an HTML text cannot be protected inline")
    if draft.own_headers or any(map(is_content, draft.headers)):
        raise _only_pgpmime("a text with MIME fields of its own cannot be protected inline")
    return draft.text or ""


def draft_of(message: EmailMessage) -> Draft:
    """Return the text and the attachments of a standard message as a draft.

    Raises:
        UnsupportedError: If it has another shape than a text and attachments.
    """
    if not isinstance(message, EmailMessage):
        raise _only_pgpmime("a Message of another policy cannot be protected inline")
    text = message.get_body(preferencelist=("plain",))
    others = [part for part in message.walk() if not part.is_multipart() and part is not text]
    attached = list(message.iter_attachments()) if message.is_multipart() else []
    if any(part not in attached for part in others):
        raise _only_pgpmime("only a text with attachments can be protected inline")
    try:
        words = str(text.get_content()) if text is not None else ""
    except LookupError as error:
        raise Situation.BAD_MESSAGE.error(str(error), subject="text") from error
    return Draft(text=words, attachments=tuple(map(_attachment, attached)))


def _attachment(part: Message) -> Attachment:
    charset = part.get_content_charset()
    kind = part.get_content_type() + (f'; charset="{charset}"' if charset else "")
    return Attachment(
        source=cast("bytes", part.get_payload(decode=True)),
        name=part.get_filename(),
        content_type=kind,
    )


def _only_pgpmime(detail: str) -> GpgmailError:
    return Situation.UNSUPPORTED_HERE.error(detail, subject="format", hint="use pgpmime")


def _encoded(text: str, charset: Charset) -> bytes:
    if charset.encode(_ARMOR, "armor") != _ARMOR.encode():
        raise _not_in(charset, "armor is other bytes")
    return charset.encode(text, "text")


def _as_text(armored: bytes | bytearray, charset: Charset) -> str:
    """Return what becomes exactly *armored* when the mail is composed."""
    try:
        text = armored.decode(charset.codec)
        same = text.encode(charset.codec) == armored
    except UnicodeError:
        same = False
    if not same:
        raise _not_in(charset, "the signed text would be other bytes")
    return text


def _not_in(charset: Charset, detail: str) -> GpgmailError:
    return Situation.CODE_PAGE.error(
        f"{detail} in {charset.name}",
        subject="inline OpenPGP",
        hint="use PGP/MIME (config MessageFormat=PGPMIME), or UTF-8 (CodePage=65001)",
    )


def _sized(job: Job, data: bytes) -> tuple[Job, Iterator[bytes]]:
    return replace(job, size=len(data)), iter((data,))


def _encrypted(
    given: Attachment, engine: Engine, job: Job, shares: Shares, run: Run
) -> tuple[Attachment, ...]:
    readable = look_at(given.source, run)
    job = replace(job, size=readable.size)
    source = watched(readable.chunks(), run)
    _, copies = copies_of(engine, job, source, shares, run, newline=b"\n")
    name = given.name if given.name is not None else readable.name
    return tuple(
        Attachment(
            source=_kept(copy).reader(), name=f"{name or 'attachment'}.asc", content_type=_ENCRYPTED
        )
        for copy in copies
    )


def _kept(copy: Ciphertext) -> Spooled:
    spool = Spooled()
    for chunk in copy.chunks():
        spool.write(chunk)
    return spool


def _with_signature(given: Attachment, engine: Engine, job: Job, run: Run) -> Iterator[Attachment]:
    readable = look_at(given.source, run)
    content = Spooled()
    for chunk in watched(readable.chunks(), run):  # kept, so that what is sent is what was signed
        content.write(chunk)
    signature = bytearray()
    job = replace(job, size=content.size)
    engine.sign(job, content.chunks(), signature.extend, SignatureMode.DETACHED, run)
    name = given.name if given.name is not None else readable.name
    yield replace(given, source=content.reader(), name=name)
    yield Attachment(
        source=bytes(signature), name=f"{name or 'attachment'}.sig", content_type=_SIGNATURE
    )
