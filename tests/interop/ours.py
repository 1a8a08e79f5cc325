"""`gpgmail.read`, in the shape in which all readers answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gpgmail
from tests.interop.seen import NOTHING, CannotReadError, Seen

if TYPE_CHECKING:
    from tests.interop.circle import Circle


def read(mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
    """What a person sees who reads a mail with gpgmail."""
    try:
        found = gpgmail.read(mail, keyring=circle.home, passphrase=passphrase or None)
    except gpgmail.GpgmailError as error:
        raise CannotReadError(str(error)) from error
    texts = [part for part in found.parts if part.content_type == "text/plain" and not part.name]
    common = [frozenset(seen.primary for seen in part.good) for part in found.parts]
    return Seen(
        text="".join(part.text for part in texts),
        files={
            part.name or part.content_type: part.content
            for part in found.parts
            if part not in texts
        },
        decrypted=found.verdict.encrypted is gpgmail.Cover.WHOLE,
        signers=frozenset.intersection(*common) if common else NOTHING,
    )
