"""Sending a mail once: a key says which mail it is, and a record what became of it.

The record is of this user on this machine, for each account apart; it is written before the content
goes out and after the server's answer. What may have arrived is not sent again unless the caller
says so. The Message-ID is made from the key, so that whoever gets a mail twice can tell.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gpgmail.core.codes import Retry
from gpgmail.core.errors import DeliveryError, GpgmailError, MessageError, ServerError
from gpgmail.core.events import StartTransfer
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.delivery.options import UNCERTAIN, Uncertain
from gpgmail.message.addresses import domain_of, mailboxes, one_mailbox, same_mailbox
from gpgmail.spool.record import Entry, Fate, held, known, prune

if TYPE_CHECKING:
    from pathlib import Path

    from gpgmail.delivery.mailer import Mailer
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.message.draft import Draft
    from gpgmail.spool.record import Record

KEPT = 400 * 24 * 3600  # seconds: a key of last year's day is still known


@dataclass(frozen=True, slots=True)
class Once:
    """What a key stands for: *account* and *key* name one mail.

    *uncertain* says what to do with a mail that may have arrived: `fail`, `send` it again, or
    `skip` it. *domain* is the right side of its Message-ID, by default the sender's.

    Raises:
        UsageError: If the key is empty, or there is no such word.
    """

    key: str
    account: str = ""
    uncertain: Uncertain = UNCERTAIN[0]
    domain: str = ""

    def __post_init__(self) -> None:
        """Refuse what names no mail."""
        if not self.key.strip():
            raise Situation.BAD_VALUE.error("is empty", subject="idempotency key")
        if self.uncertain not in UNCERTAIN:
            raise Situation.BAD_VALUE.error(
                f"must be one of {', '.join(UNCERTAIN)}, not {self.uncertain!r}",
                subject="uncertain",
            )

    @property
    def name(self) -> str:
        """What the record's file is called."""
        return hashlib.sha256(f"{self.account}\0{self.key}".encode()).hexdigest()

    def before(self, draft: Draft) -> Entry | None:
        """Return what became of the mail, or None where it is to be sent now; nothing is changed.

        Raises:
            GpgmailError: As `send`, where it would be raised before anything is sent.
        """
        return self._settled(known(directory(), self.name), draft)

    def send(self, mailer: Mailer, draft: Draft, **wishes: Any) -> Receipt | Entry:  # noqa: ANN401 - those of Mailer.send
        """Send the mail, or return what became of it before.

        Raises:
            UsageError: If the key was used for a mail to others.
            ConnectError: With code 13 if the mail may have arrived before.
            ServerError: If the server took it for some recipients only, before.
            GpgmailError: As `Mailer.send`, and if the record cannot be written: then nothing is
                sent.
        """
        with held(directory(), self.name, Run()) as record:
            settled = self._settled(record.last, draft)
            if settled is not None:
                return settled
            receipt = self._sent(mailer, self.identified(draft), record, wishes)
        prune(directory(), KEPT)
        return receipt

    def identified(self, draft: Draft) -> Draft:
        """Return *draft* with the Message-ID of the key, which is the same at each call.

        Raises:
            UsageError: If it says nobody whom it is from.
        """
        domain = self.domain or domain_of(one_mailbox(draft.from_, "From").address)
        return replace(draft, message_id=f"<{self.name[:40]}@{domain}>")

    def _settled(self, last: Entry | None, draft: Draft) -> Entry | None:
        """Return the entry that makes sending needless, None where there is none."""
        if last is None or last.fate is Fate.FAILED:
            return None
        self._require_same(last, draft)
        if last.fate is Fate.PARTLY:
            raise Situation.SERVER_REFUSED.error(
                f"the mail of {_day(last)} was refused for some",
                subject=", ".join(last.refused),
                hint="send it to them with a key of its own",
                accepted=last.accepted,
                refused=last.refused,
            )
        if last.fate.certain or self.uncertain == "skip":
            return last
        if self.uncertain == "send":
            return None
        raise Situation.MAYBE_DELIVERED.error(
            f"the mail of {_day(last)}, {last.message_id}, may have arrived",
            subject=f"idempotency key {self.key}",
            hint="ask for it, then say whether to send it again or to skip it",
            accepted=last.accepted,
        )

    def _require_same(self, last: Entry, draft: Draft) -> None:
        before = {same_mailbox(address) for address in last.recipients}
        others = [one for one in _recipients(draft) if same_mailbox(one) not in before]
        if others:
            raise Situation.BAD_VALUE.error(
                f"was used on {_day(last)} for a mail that did not go to {', '.join(others)}",
                subject=f"idempotency key {self.key}",
                hint="give this mail a key of its own",
            )

    def _sent(
        self, mailer: Mailer, draft: Draft, record: Record, wishes: dict[str, Any]
    ) -> Receipt:
        blank = Entry(
            fate=Fate.BEGUN, message_id=draft.message_id, recipients=tuple(_recipients(draft))
        )
        begun = False

        def begin(_: StartTransfer) -> None:
            nonlocal begun
            if not begun:
                record.add(blank)
                begun = True

        forget = mailer.on(StartTransfer, begin)
        try:
            receipt = mailer.send(draft, **wishes)
        except GpgmailError as error:
            if begun:
                record.add(_after(error, blank))
            raise
        finally:
            forget()
        fate = Fate.PARTLY if receipt.refused else Fate.ACCEPTED
        return _noted(
            record,
            replace(blank, fate=fate, accepted=receipt.accepted, refused=receipt.refused),
            receipt,
        )


def directory() -> Path:
    """Return where the records are: in the state directory of this user."""
    from platformdirs import user_state_path

    return user_state_path("gpgmail") / "sent"


def _recipients(draft: Draft) -> list[str]:
    return [box.address for value in (draft.to, draft.cc, draft.bcc) for box in mailboxes(value)]


def _after(error: GpgmailError, blank: Entry) -> Entry:
    """Return what is known of a mail whose delivery failed."""
    accepted = error.accepted if isinstance(error, DeliveryError) else ()
    refused = error.refused if isinstance(error, ServerError) else {}
    unsure = error.retry is Retry.UNKNOWN
    fate = Fate.UNKNOWN if unsure else Fate.PARTLY if accepted else Fate.FAILED
    return replace(blank, fate=fate, accepted=tuple(accepted), refused=refused)


def _noted(record: Record, entry: Entry, receipt: Receipt) -> Receipt:
    """Write down that a mail was taken; it was, whether or not that succeeds."""
    try:
        record.add(entry)
    except MessageError as error:
        remark = f"sent, but the next time it counts as one that may have arrived: {error}"
        return replace(receipt, remarks=(*receipt.remarks, remark))
    return receipt


def _day(entry: Entry) -> str:
    return f"{entry.time:%Y-%m-%d %H:%M} UTC"
