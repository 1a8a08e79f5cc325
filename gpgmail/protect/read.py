"""Reading a received mail: open it, judge what was found, refuse what was required and is not so.

How a mail is taken apart stands in `opening.py`, what a verdict is in `verdict.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Opened
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.keys.keyrings import Keyrings, Where
from gpgmail.message import walk
from gpgmail.message.addresses import one_mailbox
from gpgmail.message.sources import look_at
from gpgmail.protect.armor import find_blocks
from gpgmail.protect.opening import Opener, Shelter
from gpgmail.protect.rebuild import rebuild
from gpgmail.protect.verdict import Cover, ReadMail, ReadPart, Verdict, complaints, signer_of

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from gpgmail.message.walk import Entity


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
    whole content has it is an error; whose signature it is says the verdict. *timeout* is in
    seconds without any progress.

    Raises:
        CryptoError: If an encrypted mail does not open.
        KeySelectionError: If it is encrypted for keys that are not here.
        PassphraseError: If a passphrase is missing or wrong.
        PolicyError: With code 142 or 143, if what was required does not hold.
        MessageError: If the source cannot be read or is no mail.
    """
    run = run or Run(timeout=timeout)
    root = walk.parse(_load(source, run))
    if not root.fields and not find_blocks(root.body).blocks:
        raise Situation.BAD_MESSAGE.error(
            "has neither a header nor an OpenPGP message in it", subject="the mail"
        )
    keyrings = Keyrings(keyring, more_keyrings)
    try:
        opener = Opener(root, get_engine(engine), keyrings, Passphrases.of(passphrase), run)
        parts = tuple(opener.open(root, Shelter()))
        verdict = _judge(root, parts, opener, keyrings, run)
    finally:
        keyrings.close()
    _require(verdict, signature=require_signature, encryption=require_encryption)
    whole = Cover.WHOLE in {verdict.signed, verdict.encrypted}
    message = rebuild(root, opener.core, parts if opener.changed else None) if whole else None
    return ReadMail(message=message or rebuild(root, root), parts=parts, verdict=verdict)


def _judge(
    root: Entity, parts: tuple[ReadPart, ...], opener: Opener, keyrings: Keyrings, run: Run
) -> Verdict:
    signatures = tuple(seen for opened in opener.opened for seen in opened.signatures)
    first = next((opened for opened in opener.opened if opened.decrypted), Opened())
    signer, author = signer_of(parts), _author(root)
    # gpg's own verdict has the validity of the key's best user id, and From may name another one.
    known = keyrings.validity(signer.primary, author, run) if signer and author else None
    problems = [*opener.problems, *complaints(parts, signatures)]
    if signer and known is None:
        problems.append(
            f"the key {signer.primary} that signed has no user id for {author}"
            if author
            else "From does not name one author, whose key could have signed"
        )
    signed = Cover.of([part.signed for part in parts])
    return Verdict(
        signed=Cover.PART if signed is Cover.WHOLE and signer is None else signed,
        encrypted=Cover.of([part.encrypted for part in parts]),
        signer=signer,
        author=author,
        author_validity=known or "",
        signatures=signatures,
        recipients=first.recipients,
        decrypted_with=first.decrypted_with,
        cipher=first.cipher,
        problems=tuple(problems),
    )


def _author(root: Entity) -> str:
    """Return the one address in the mail's one From field, empty where it is not so."""
    found = [value for name, value in root.fields if name.lower() == "from"]
    try:
        return one_mailbox(found[0], "From").address if len(found) == 1 else ""
    except UsageError:
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


def _load(source: bytes | str | os.PathLike[str] | BinaryIO, run: Run) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return b"".join(look_at(source, run).chunks())
    except MessageError as error:
        raise Situation.NO_INPUT.error(
            error.detail, subject=error.subject, code=ErrorCode.PGP_READ_FILE
        ) from error
