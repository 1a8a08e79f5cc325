"""`Mailbox`: what arrived at a server of the tests, opened as its recipient would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.protect.read import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.passphrases import PassphraseSource
    from gpgmail.keys.keyrings import Where
    from gpgmail.protect.verdict import ReadMail
    from gpgmail.testing.conversation import Received
    from gpgmail.testing.smtp import SmtpSink

PATIENCE = 10.0  # seconds in which a program that sends behind one's back may do so


class Mailbox:
    """The mails that *sink* took; all that ask for a mail wait for it for some seconds."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    @property
    def mails(self) -> tuple[Received, ...]:
        """What is there now, in the order in which it came."""
        return self._sink.mails

    def __len__(self) -> int:
        return len(self.mails)

    def wait(self, count: int = 1, timeout: float = PATIENCE) -> tuple[Received, ...]:
        """Return the mails once there are *count*.

        Raises:
            TimeoutError: If there are fewer after *timeout* seconds.
        """
        return self._sink.wait_for(count, timeout)

    def received(self, to: str = "", timeout: float = PATIENCE) -> Received:
        """Return the only mail, or the only one whose envelope has the recipient *to*.

        Raises:
            UsageError: If there are several, or after *timeout* seconds some for others alone.
            TimeoutError: If none comes.
        """
        try:
            found = self._sink.wait_for(1, timeout, to=to)
        except TimeoutError:
            if not self.mails:
                raise
            found = ()
        if len(found) != 1:
            who = "; ".join(f"from {mail.sender} to {', '.join(mail.recipients)}" for mail in found)
            raise Situation.BAD_VALUE.error(
                f"{len(found)} mails{f' to {to}' if to else ''}, not one: {who or self._seen()}",
                subject="mailbox",
                hint="name the recipient with to=",
            )
        return found[0]

    def read(
        self,
        keyring: Where,
        *,
        to: str = "",
        passphrase: PassphraseSource = None,
        more_keyrings: Sequence[Where] = (),
        require_signature: bool = False,
        require_encryption: bool = False,
    ) -> ReadMail:
        """Decrypt and verify the mail that `received` returns, with *keyring*.

        The other arguments, and what is raised, are those of `gpgmail.read`.
        """
        return read(
            self.received(to).data,
            keyring=keyring,
            more_keyrings=more_keyrings,
            passphrase=passphrase,
            require_signature=require_signature,
            require_encryption=require_encryption,
        )

    def _seen(self) -> str:
        return "there are some to " + ", ".join(
            address for mail in self.mails for address in mail.recipients
        )
