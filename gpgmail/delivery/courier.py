"""Taking a letter to the server: one transaction a copy, and an honest account of each.

A copy that failed after another one was accepted must not read as if nothing was sent: the error
names who has the mail already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpgmail.core.codes import Retry
from gpgmail.core.errors import DeliveryError, GpgmailError, ServerError
from gpgmail.delivery.receipt import Receipt
from gpgmail.transport.progress import told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gpgmail.core.envelope import RecipientType
    from gpgmail.core.replies import Reply
    from gpgmail.delivery.letter import Letter
    from gpgmail.message.composed import Composed
    from gpgmail.transport.session import Session
    from gpgmail.transport.transaction import Delivery


@dataclass(frozen=True, slots=True)
class Handed:
    """Who has the mail, the server's words for whom it refused, and its replies, one a copy."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, Reply] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)


def deliver(letter: Letter, session: Session) -> Receipt:
    """Hand every copy to the server and return what it said.

    Raises:
        ServerError: If the server took no recipient at all; `refused` has its words for each.
        DeliveryError: If the connection failed; `accepted` names who has the mail already.
    """
    tls = session.tls_version

    def give(copy: Composed) -> Delivery:
        return session.deliver(
            copy.envelope,
            told(copy.render(), copy.size, session.run),
            size=copy.size,
            needs_utf8=copy.needs_utf8,
            needs_8bit=copy.eight_bit,
        )

    return _receipt(letter, tls, each(letter.copies, give, session))


def each(
    copies: Sequence[Composed],
    give: Callable[[Composed], Delivery],
    session: Session,
    *,
    stop_on: Collection[RecipientType] = (),
) -> Handed:
    """Let *give* hand every copy to the server; one that it refuses does not keep the others.

    A refused copy that has a recipient of a type in *stop_on* stops the mail: those who have none
    yet get none. Where that is possible the copies that can stop it go first.

    Raises:
        ServerError: If the server took no recipient at all, or the mail was stopped.
        DeliveryError: If the connection failed.
    """
    handed = Handed()
    refusal: ServerError | None = None
    ordered = sorted(copies, key=lambda copy: not _stops(copy, stop_on))
    for number, copy in enumerate(ordered):
        try:
            delivery = give(copy)
        except ServerError as error:
            refusal = refusal or error
            handed.refused.update(_words_for(ordered[number:], error, connected=session.connected))
            if _stops(copy, stop_on):
                _account(error, handed.accepted)
                raise
            if not session.connected:
                break
        except BaseException as error:
            _account(error, handed.accepted)
            raise
        else:
            handed.accepted.extend(delivery.accepted)
            handed.refused.update(delivery.refused)
            handed.replies.append(delivery.final)
    if refusal is not None and not handed.accepted:
        refusal.refused = handed.refused
        raise refusal
    return handed


def _stops(copy: Composed, stop_on: Collection[RecipientType]) -> bool:
    return any(one.recipient_type in stop_on for one in copy.envelope.recipients)


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


def _receipt(letter: Letter, tls: str, handed: Handed) -> Receipt:
    return Receipt(
        message_id=letter.message_id,
        sender=letter.copies[0].envelope.sender,
        accepted=tuple(handed.accepted),
        refused=handed.refused,
        signers=tuple(key.fingerprint for key in letter.plan.signers),
        keys=letter.plan.keys,
        encrypted_to=letter.plan.encrypted_to,
        replies=tuple(handed.replies),
        encrypted=letter.plan.encrypts,
        tls=tls,
        size=sum(copy.size or 0 for copy in letter.copies),
        remarks=letter.remarks,
    )
