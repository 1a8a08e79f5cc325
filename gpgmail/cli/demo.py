"""`gpgmail demo`: one protected mail from end to end, with nothing configured and nothing left."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gpgmail.core.events import Direction, PITrail
from gpgmail.core.situations import Situation
from gpgmail.delivery.mailer import Mailer
from gpgmail.message import walk
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft
from gpgmail.protect.read import read
from gpgmail.protect.verdict import Cover, ReadMail
from gpgmail.testing import Received, Sink, ThrowawayHome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.receipt import Receipt
    from gpgmail.keys.keyring import Keyring

_SENDER = "Sender (demo) <sender@demo.example>"
_RECIPIENT = "Empfängerin (demo) <recipient@demo.example>"
_SUBJECT = "Grüße — 12 volumes are safe ✓"
_TEXT = "The backup of last night is complete.\n\nMit freundlichen Grüßen\n"
_FILES = {
    "report.csv": b"volume,bytes\nroot,1048576\nhome,73400320\n",
    "übersicht.bin": bytes(range(256)) * 64,
}
_WHO = {Direction.CLIENT: ">", Direction.SERVER: "<", Direction.INFO: "."}


@click.command()
def command() -> None:
    """Send a signed and encrypted mail to a server of its own, and read it back.

    Needs the extra `demo`. Makes two keys in a throwaway home; nothing is left behind.
    """
    console = Console(highlight=False)
    clock = _Clock()
    with Sink() as sink, ThrowawayHome() as home:
        console.print(f"gpg home [dim]{home.path}[/], SMTP server [dim]{sink.url}[/]\n")
        with clock.time("making two keys"):
            signer = home.make_key(_SENDER)
            recipient = home.make_key(_RECIPIENT)
        with clock.time("signing, encrypting, sending"), home.keyring() as keyring:
            receipt = _send(sink.url, keyring, console)
        received = sink.received[0]
        with clock.time("decrypting, verifying"), home.keyring() as keyring:
            mail = read(received.data, keyring=keyring)
        _check(mail, receipt, signer=signer, recipient=recipient)
        console.print(_table(mail, receipt, received, clock))


def _send(url: str, keyring: Keyring, console: Console) -> Receipt:
    draft = Draft(
        from_=_SENDER,
        to=_RECIPIENT,
        subject=_SUBJECT,
        text=_TEXT,
        attachments=tuple(Attachment(source=data, name=name) for name, data in _FILES.items()),
    )
    with Mailer(url, keyring=keyring) as mailer:
        mailer.on(PITrail, lambda line: console.print(_line(line), markup=False))
        receipt = mailer.send(draft, sign=True, encrypt=True)
    console.print()
    return receipt


def _line(event: PITrail) -> str:
    return f"{_WHO[Direction(event.direction)]} {event.message}"


def _check(mail: ReadMail, receipt: Receipt, *, signer: str, recipient: str) -> None:
    """Hold what arrived against what was sent.

    Raises:
        CryptoError: If anything differs.
    """
    verdict = mail.verdict
    files = {part.name: part.content for part in mail.parts if part.name}
    found = {
        "signed as a whole": verdict.signed is Cover.WHOLE,
        "encrypted as a whole": verdict.encrypted is Cover.WHOLE,
        "signed by the sender's key": bool(verdict.signer and verdict.signer.primary == signer),
        "encrypted to the recipient's key": receipt.keys == {"recipient@demo.example": recipient},
        "the text": mail.parts[0].text == _TEXT.replace("\n", "\r\n"),
        "the attachments": files == _FILES,
        "the subject": mail.message["Subject"] == _SUBJECT,
        "encrypted to nobody else": len(verdict.recipients) == 1,
        "no problems": not verdict.problems,
    }
    wrong = [what for what, holds in found.items() if not holds]
    if wrong:
        raise Situation.PLAN_BROKEN.error(f"does not hold: {', '.join(wrong)}", subject="demo")


def _table(mail: ReadMail, receipt: Receipt, received: Received, clock: _Clock) -> Table:
    table = Table(title="What arrived", title_justify="left", show_header=False)
    outer = walk.parse(received.data)
    inside = ", ".join(part.name or part.content_type for part in mail.parts)
    verdict = mail.verdict
    signature = verdict.signatures[0]
    rows = {
        "structure": f"{outer.content_type} around {inside}",
        "subject": str(mail.message["Subject"]),
        "signer": f"{signature.user_id}\n{signature.primary}",
        "signature": f"{signature.status}, validity {signature.validity}, "
        f"{signature.key_algorithm} with {signature.digest}",
        "recipients": "\n".join(f"{who} {key}" for who, key in receipt.keys.items()),
        "cipher": verdict.cipher,
        "sizes": f"{sum(len(part.content) for part in mail.parts)} bytes of content, "
        f"{len(received.data)} bytes sent",
        "times": "\n".join(f"{what}: {seconds:.2f} s" for what, seconds in clock.times.items()),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


class _Clock:
    """How long each step took."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Time a block."""
        started = time.monotonic()
        yield
        self.times[what] = time.monotonic() - started
