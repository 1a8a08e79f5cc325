"""Taking a letter to the server: one transaction a copy, and an honest account of each.

A copy that failed after another one was accepted must not read as if nothing was sent: the error
names who has the mail already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.codes import Retry
from gpgmail.core.errors import DeliveryError, GpgmailError, ServerError
from gpgmail.delivery.receipt import Receipt
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpgmail.core.replies import Reply
    from gpgmail.delivery.letter import Letter
    from gpgmail.message.draft import Composed
    from gpgmail.transport.session import Session


def deliver(letter: Letter, session: Session) -> Receipt:
    """Hand every copy to the server and return what it said.

    Raises:
        ServerError: If the server took no recipient at all; `refused` has its words for each.
        DeliveryError: If the connection failed; `accepted` names who has the mail already.
    """
    tls = session.tls_version
    accepted: list[str] = []
    refused: dict[str, Reply] = {}
    replies: list[Reply] = []
    refusal: ServerError | None = None
    for number, copy in enumerate(letter.copies):
        try:
            delivery = session.deliver(
                copy.envelope,
                told(copy.render(), copy.size, session.run),
                size=copy.size,
                needs_utf8=copy.needs_utf8,
                needs_8bit=copy.eight_bit,
            )
        except ServerError as error:
            refusal = refusal or error
            refused.update(_words_for(letter.copies[number:], error, connected=session.connected))
            if not session.connected:
                break
        except BaseException as error:
            _account(error, accepted)
            raise
        else:
            accepted += delivery.accepted
            refused.update(delivery.refused)
            replies.append(delivery.final)
    if refusal is not None and not accepted:
        refusal.refused = refused
        raise refusal
    return _receipt(letter, tls, tuple(accepted), refused, tuple(replies))


def _words_for(
    copies: Sequence[Composed], error: ServerError, *, connected: bool
) -> Mapping[str, Reply]:
    """Return the server's words to the recipients of the first of *copies*.

    Where it ended the connection with them they are all that the others get.
    """
    without = copies[:1] if connected else copies
    addresses = [address for copy in without for address in copy.envelope.addresses]
    words = {} if error.reply is None else dict.fromkeys(addresses, error.reply)
    return {**words, **error.refused}


def _account(error: BaseException, accepted: list[str]) -> None:
    """Add to *error* who has the mail already, so that nobody sends it to them again."""
    if not accepted:
        return
    error.add_note(f"the server had already accepted the mail for {', '.join(accepted)}")
    if isinstance(error, GpgmailError):
        error.retry = Retry.UNKNOWN
    if isinstance(error, DeliveryError):
        error.accepted = (*accepted, *error.accepted)


def _receipt(
    letter: Letter,
    tls: str,
    accepted: tuple[str, ...],
    refused: dict[str, Reply],
    replies: tuple[Reply, ...],
) -> Receipt:
    return Receipt(
        message_id=letter.message_id,
        sender=letter.copies[0].envelope.sender,
        accepted=accepted,
        refused=refused,
        signers=tuple(key.fingerprint for key in letter.plan.signers),
        keys=letter.plan.keys,
        encrypted_to=letter.plan.encrypted_to,
        replies=replies,
        encrypted=letter.plan.encrypts,
        tls=tls,
        size=sum(copy.size or 0 for copy in letter.copies),
    )
