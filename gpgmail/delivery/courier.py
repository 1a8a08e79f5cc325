"""Taking a letter to the server: one transaction a copy, and an honest account of each.

A copy that failed after another one was accepted must not read as if nothing was sent: the error
names who has the mail already.
"""

from __future__ import annotations

from gpgmail.core.codes import Retry
from gpgmail.core.errors import DeliveryError, GpgmailError, ServerError
from gpgmail.core.replies import Reply
from gpgmail.delivery.letter import Letter
from gpgmail.delivery.receipt import Receipt
from gpgmail.transport.session import Session


def deliver(letter: Letter, session: Session) -> Receipt:
    """Hand every copy to the server and return what it said.

    Raises:
        ServerError: If the server took no recipient at all; `refused` has its words for each.
        DeliveryError: If the connection failed; `accepted` names who has the mail already.
    """
    accepted: list[str] = []
    refused: dict[str, Reply] = {}
    replies: list[Reply] = []
    refusal: ServerError | None = None
    for copy in letter.copies:
        try:
            delivery = session.deliver(
                copy.envelope,
                copy.render(),
                size=copy.size,
                needs_utf8=copy.needs_utf8,
                needs_8bit=copy.eight_bit,
            )
        except ServerError as error:
            refusal = refusal or error
            words = error.refused or dict.fromkeys(copy.envelope.addresses, error.reply)
            refused.update({address: reply for address, reply in words.items() if reply})
            if not session.connected:
                break
        except GpgmailError as error:
            _account(error, accepted)
            raise
        else:
            accepted += delivery.accepted
            refused.update(delivery.refused)
            replies.append(delivery.final)
    if refusal is not None and not accepted:
        refusal.refused = refused
        raise refusal
    return _receipt(letter, session, tuple(accepted), refused, tuple(replies))


def _account(error: GpgmailError, accepted: list[str]) -> None:
    if isinstance(error, DeliveryError) and accepted:
        error.accepted = tuple(accepted)
        error.retry = Retry.UNKNOWN
        error.add_note(f"the server had already accepted the mail for {', '.join(accepted)}")


def _receipt(
    letter: Letter,
    session: Session,
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
        replies=replies,
        encrypted=letter.plan.encrypts,
        tls=session.tls_version,
        size=sum(copy.size or 0 for copy in letter.copies),
    )
