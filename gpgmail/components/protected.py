"""What became of a component's message: what was composed, what was done, who gets what of it.

An encrypted message is there in versions: one for To and Cc, which `message_text` shows, and one
for each Bcc recipient who must not be seen by the others. All hold the same content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.delivery.sharing import is_blind
from gpgmail.keys.trust import comparable

if TYPE_CHECKING:
    from gpgmail.components.keychain import Work
    from gpgmail.core.envelope import Recipient
    from gpgmail.core.errors import GpgmailError
    from gpgmail.crypto.copies import Shares
    from gpgmail.message.content import Attachment
    from gpgmail.message.part import Part

OPEN = ""  # the version of those who are named in the header; others are called by their address


@dataclass(frozen=True, slots=True)
class Origin:
    """What was composed, before anything was protected."""

    text: str
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A message as some of its recipients get it: PGP/MIME's content, or inline text and files."""

    content: Part | None = None
    text: str = ""
    attachments: tuple[Attachment, ...] | None = None


Make = Callable[[Version, "Shares"], Sequence[Version]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done to the message so far; `owed` was asked for and came to nothing.

    The first of `versions` is shown. `visible` are addresses of keys that its ciphertext names;
    without `keyed` no ciphertext has a key in it.
    """

    origin: Origin | None = None
    signed: bool = False
    encrypted: bool = False
    keyed: bool = False
    versions: Mapping[str, Version] = field(default_factory=lambda: {OPEN: Version()})
    visible: frozenset[str] = frozenset()
    owed: frozenset[Situation] = frozenset()
    signers: tuple[object, ...] = ()  # what named the keys that were used
    recipients: tuple[object, ...] = ()

    @property
    def shown(self) -> Version:
        """The version that `message_text` shows."""
        return next(iter(self.versions.values()))

    @property
    def all(self) -> frozenset[Situation]:
        """What is missing when this is taken back."""
        asked = {Situation.NOT_SIGNED: self.signed, Situation.NOT_ENCRYPTED: self.encrypted}
        return self.owed.union(situation for situation, done in asked.items() if done)

    def worked_on(self, work: Work, make: Make) -> Done:
        """Return this with what *make* makes of every version.

        Raises:
            PolicyError: If there is a Bcc recipient for whom the last encryption made no version.
        """
        shares = work.shares
        if not work.job.encrypts and not shares:
            versions = {who: make(one, ((),))[0] for who, one in self.versions.items()}
        elif not self.keyed:
            made = make(self.shown, tuple(shares.values()))
            versions = dict(zip(shares, made, strict=True))
        else:
            late = [who for who in shares if who not in self.versions]
            if late:
                raise _late(late)
            keys = {who: shares.get(who, ()) for who in (shares if work.keyed else self.versions)}
            versions = {who: make(self.versions[who], (keys[who],))[0] for who in keys}
        return replace(
            self,
            versions=versions,
            visible=self.visible | work.visible,
            keyed=self.keyed or work.keyed,
        )

    def deal(
        self, recipients: Sequence[Recipient], policy: str
    ) -> list[tuple[Version, tuple[Recipient, ...]]]:
        """Return each version with those who get it, the shown one first.

        Raises:
            PolicyError: If somebody would get what he cannot read, or be seen by others.
        """
        if not self.encrypted:
            return [(self.shown, tuple(recipients))]
        blind = {of(one.address): one for one in recipients if is_blind(one)}
        if blind and policy == "forbid":
            raise Situation.POLICY.error(
                "an encrypted mail must not have Bcc recipients", subject=_named(blind)
            )
        if not self.keyed:
            return [(self.shown, tuple(recipients))]
        seen = [who for who in blind if who in self.visible and who not in self.versions]
        if seen:
            raise _late(seen, "the ciphertext shows everybody its key")
        strangers = [who for who in blind if who not in self.versions]
        if strangers and policy != "hidden":
            raise _late(strangers, "has no copy of its own")
        own = {who: one for who, one in blind.items() if who in self.versions}
        together = tuple(one for one in recipients if of(one.address) not in own)
        self._require_readers(together)
        dealt = {OPEN: together, **{who: (one,) for who, one in own.items()}}
        return [(one, dealt[who]) for who, one in self.versions.items() if dealt.get(who)]

    def _require_readers(self, together: Sequence[Recipient]) -> None:
        """Let nobody have the common version whose key was left out of it."""
        moved = [
            who
            for who in (of(one.address) for one in together)
            if (who in self.versions and who not in self.visible) or OPEN not in self.versions
        ]
        if moved:
            raise Situation.POLICY.error(
                "was not among To and Cc when the message was encrypted, and could not read it",
                subject=", ".join(moved),
                hint=_ANEW,
            )


_ANEW = "set the recipients first, then the text, then encrypt"


def of(address: str) -> str:
    """Return what the version of a Bcc recipient is called."""
    return comparable(address).lower()


def _named(addresses: Iterable[str]) -> str:
    return f"b_cc {', '.join(sorted(addresses))}"


def _late(addresses: Sequence[str], detail: str = "there is no copy for it") -> GpgmailError:
    return Situation.POLICY.error(
        f"was added after encryption, and {detail}", subject=_named(addresses), hint=_ANEW
    )
