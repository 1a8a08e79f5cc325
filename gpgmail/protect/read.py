"""Reading a received mail: open it, judge what was found, refuse what was required and is not so.

How a mail is taken apart stands in `opening.py`, what a verdict is in `verdict.py`.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Opened, SignatureStatus
from gpgmail.crypto.engines import AUTO
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.keys.keyrings import Keyrings, Where
from gpgmail.message import walk
from gpgmail.message.addresses import one_mailbox
from gpgmail.message.sources import look_at
from gpgmail.protect.armor import find_blocks
from gpgmail.protect.desk import Desk
from gpgmail.protect.headers import ProtectedHeaders, protected, shown_fields
from gpgmail.protect.limits import MOST_BYTES, Budget
from gpgmail.protect.opening import Opener
from gpgmail.protect.rebuild import rebuild
from gpgmail.protect.shelter import Shelter
from gpgmail.protect.verdict import (
    Cover,
    ReadMail,
    ReadPart,
    Verdict,
    complaints,
    counted,
    signers_of,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from email.message import EmailMessage

    from gpgmail.crypto.engine import SignatureSeen
    from gpgmail.keys.key import Validity
    from gpgmail.message.walk import Entity

_LONGEST_FROM = 4096


def read(
    source: bytes | str | os.PathLike[str] | BinaryIO,
    *,
    keyring: Where = None,
    more_keyrings: Sequence[Where] = (),
    passphrase: PassphraseSource = None,
    require_signature: bool = False,
    require_encryption: bool = False,
    most_bytes: int = MOST_BYTES,
    engine: str = AUTO,
    timeout: float = DEFAULT_TIMEOUT,
    run: Run | None = None,
) -> ReadMail:
    """Decrypt and verify a mail, given as bytes, a path or a binary stream.

    *keyring* has the secret keys and, with *more_keyrings*, the senders' public ones; *passphrase*
    and *engine* are as for `Mailer`. With *require_signature* or *require_encryption* a mail of
    which not the whole content has it is an error; whose signature it is says the verdict.
    *timeout* is in seconds without any progress. The mail and what opens of it are held in memory:
    *most_bytes*, by default 256 MiB, limits their sum, decompressed, and stops gpg where there is
    more.

    Raises:
        CryptoError: If an encrypted mail does not open.
        KeySelectionError: If it is encrypted for keys that are not here.
        PassphraseError: If a passphrase is missing or wrong.
        UnsupportedError: If the engine's package is not installed.
        PolicyError: With code 142 or 143, if what was required does not hold.
        MessageError: If the source cannot be read or is no mail, or has more bytes, levels, parts
            or protections inside one another than are allowed.
    """
    run = run or Run(timeout=timeout)
    budget = Budget(most_bytes)
    root = walk.parse(walk.arrived(load(source, budget, run)))
    if not root.fields and not find_blocks(root.body).blocks:
        raise Situation.BAD_MESSAGE.error(
            "has neither a header nor an OpenPGP message in it", subject="the mail"
        )
    with ExitStack() as held:
        doing = held.enter_context(closing(get_engine(engine)))
        keyrings = held.enter_context(closing(Keyrings(keyring, more_keyrings)))
        desk = Desk(doing, keyrings, Passphrases.of(passphrase), budget, run)
        opener = Opener(root, desk)
        parts = tuple(opener.open(root, Shelter()))
        authors = _Authors(_author(root), keyrings, run)
        parts = _marked(parts, authors)
        verdict = _judge(root, parts, opener, desk, authors)
    _require(verdict, signature=require_signature, encryption=require_encryption)
    return ReadMail(message=_message(root, parts, opener, verdict), parts=parts, verdict=verdict)


class _Authors:
    """Tells of keys whether the author's address is theirs; each key is looked up once.

    gpg's own verdict has the validity of the key's best user id, and From may name another one.
    """

    def __init__(self, author: str, keyrings: Keyrings, run: Run) -> None:
        self.author = author
        self._keyrings = keyrings
        self._run = run
        self._found: dict[str, Validity | None] = {}

    def validity(self, seen: SignatureSeen) -> Validity | None:
        """Return how sure gpg is of it, None where the key has no such user id."""
        if not self.author:
            return None
        if seen.primary not in self._found:
            found = self._keyrings.validity(seen.primary, self.author, self._run)
            self._found[seen.primary] = found
        return self._found[seen.primary]


def _marked(parts: Sequence[ReadPart], authors: _Authors) -> tuple[ReadPart, ...]:
    """Return *parts*, each with what follows from the others, and from whose mail it is."""
    signed = any(one.signed for one in parts)
    encrypted = any(one.encrypted for one in parts)
    return tuple(
        replace(
            part,
            outside=(signed and not part.signed) or (encrypted and not part.encrypted),
            by_author=any(authors.validity(seen) is not None for seen in part.good),
        )
        for part in parts
    )


def _judge(
    root: Entity, parts: tuple[ReadPart, ...], opener: Opener, desk: Desk, authors: _Authors
) -> Verdict:
    said = counted(parts)
    signatures = tuple(seen for opened in desk.opened for seen in opened.signatures)
    first = next((opened for opened in desk.opened if opened.decrypted), Opened())
    author, signers = authors.author, signers_of(said)
    his = (seen for seen in signers if authors.validity(seen) is not None)
    signer = next(his, next(iter(signers), None))
    known = authors.validity(signer) if signer else None
    headers = _headers(root, opener)
    problems = [*desk.problems, *complaints(said, signatures)]
    problems += headers.complaints() if headers else ()
    if signer and known is None:
        problems.append(
            f"the key {signer.primary} that signed has no user id for {author}"
            if author
            else "From does not name one author, whose key could have signed"
        )
    signed = Cover.of([part.signed for part in said])
    return Verdict(
        signed=Cover.PART if signed is Cover.WHOLE and signer is None else signed,
        encrypted=Cover.of([part.encrypted for part in said]),
        signer=signer,
        author=author,
        author_validity=known or "",
        signatures=signatures,
        recipients=first.recipients,
        decrypted_with=first.decrypted_with,
        cipher=first.cipher,
        problems=tuple(dict.fromkeys(problems)),
        protected=headers,
    )


def _headers(root: Entity, opener: Opener) -> ProtectedHeaders | None:
    around = opener.shelter
    return protected(
        root,
        opener.core,
        encrypted=around.encrypted,
        signed=any(seen.status is SignatureStatus.GOOD for seen in around.signatures),
        same=lambda one, other: bool(_address(one)) and _address(one) == _address(other),
    )


def _message(
    root: Entity, parts: Sequence[ReadPart], opener: Opener, verdict: Verdict
) -> EmailMessage:
    if Cover.WHOLE not in {verdict.signed, verdict.encrypted}:
        return rebuild(root, root)
    shown = shown_fields(opener.core, verdict.protected)
    return rebuild(root, opener.core, parts if opener.changed else None, shown)


def _author(root: Entity) -> str:
    """Return the one address in the mail's one From field, empty where it is not so."""
    found = [value for name, value in root.fields if name.lower() == "from"]
    return _address(found[0]) if len(found) == 1 else ""


def _address(field: str) -> str:
    """Return the one address that a From field names, empty where it is not so."""
    if len(field) > _LONGEST_FROM:
        return ""
    try:
        return one_mailbox(field, "From").address
    except (UsageError, RecursionError):  # of the library's parser, over nested comments
        return ""


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


def load(source: bytes | str | os.PathLike[str] | BinaryIO, budget: Budget, run: Run) -> bytes:
    """Return the mail at *source*.

    Raises:
        MessageError: If it cannot be read, or has more bytes than are allowed.
    """
    try:
        return budget.load(look_at(source, run).chunks())
    except MessageError as error:
        if error.code is ErrorCode.MESSAGE_TOO_LARGE:
            raise
        raise Situation.NO_INPUT.error(
            error.detail, subject=error.subject, code=ErrorCode.PGP_READ_FILE
        ) from error
