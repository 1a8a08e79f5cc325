"""Writing a finished mail to a file instead of delivering it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gpgmail.core.codes import ErrorCode
from gpgmail.core.envelope import RecipientType
from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.core.text import reason
from gpgmail.delivery.receipt import Receipt
from gpgmail.message.bodies import lf
from gpgmail.protect.source import watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from typing import Unpack

    from gpgmail.core.run import Run
    from gpgmail.delivery.letter import Letter
    from gpgmail.delivery.mailer import Mailer
    from gpgmail.delivery.wishes import Wished
    from gpgmail.message.draft import Draft
    from gpgmail.protect.variant import Variant

STDOUT = "-"


def write_mail(
    mailer: Mailer,
    message: EmailMessage | Draft,
    target: str,
    **wished: Unpack[Wished],
) -> Receipt:
    """Protect a mail and write it to the file *target*, or to standard output for `-`.

    The file is complete or not there, and only its owner may read it. A device or pipe is written
    to, never replaced. *wished* are arguments of `Mailer.send`; *variant* says too how lines end in
    the file.

    Raises:
        UsageError: If it has Bcc recipients: a file cannot say who they are.
        MessageError: If the file cannot be written.
    """
    size = 0

    def write_out(letter: Letter, run: Run) -> None:
        nonlocal size
        _refuse_blind(letter)
        mail = watched(letter.copies[0].render(), run)
        size = _write_out(_stored(mail, wished.get("variant")), target)

    try:
        letter = mailer.write(message, then=write_out, **wished)
    except GpgmailError:
        raise
    except (OSError, ValueError) as error:
        raise Situation.WORKING_FILE.error(
            reason(error),
            subject="standard output" if target == STDOUT else ascii(target),
            code=ErrorCode.PGP_WRITE_FILE,
        ) from error
    return _receipt(letter, size)


def _receipt(letter: Letter, size: int) -> Receipt:
    return Receipt(
        message_id=letter.message_id,
        sender=letter.copies[0].envelope.sender,
        accepted=(),
        signers=tuple(key.fingerprint for key in letter.plan.signers),
        keys=letter.plan.keys,
        encrypted_to=letter.plan.encrypted_to,
        encrypted=letter.plan.encrypts,
        size=size,
        remarks=letter.remarks,
    )


def _refuse_blind(letter: Letter) -> None:
    for copy in letter.copies:
        for recipient in copy.envelope.recipients:
            if recipient.recipient_type is RecipientType.BCC:
                raise Situation.BAD_VALUE.error(
                    "would be lost: a file holds no envelope",
                    subject=f"Bcc {recipient.address}",
                    hint="leave Bcc out, or send",
                )


def _stored(mail: Iterator[bytes], variant: Variant | None) -> Iterator[bytes]:
    """Return *mail* with the line ends that it is to have on disk."""
    if variant is None or variant.line_ends != "lf":
        return mail
    return lf(mail)


def _write_out(mail: Iterator[bytes], target: str) -> int:
    if target == STDOUT:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "is closed")
        return _copy(mail, sys.stdout.buffer)
    path = Path(os.path.realpath(target))  # renaming onto /dev/stdout would replace the link
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            return _copy(mail, device)
    return _write_whole(mail, path)


def _write_whole(mail: Iterator[bytes], path: Path) -> int:
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".gpgmail-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = _copy(mail, file)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size


def _copy(mail: Iterator[bytes], file: BinaryIO) -> int:
    size = 0
    for chunk in mail:
        file.write(chunk)
        size += len(chunk)
    file.flush()
    return size
