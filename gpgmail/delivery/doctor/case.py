"""What is examined: an account, its keyrings, and the limits of the examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.keys.place import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.delivery.accounts import Account
    from gpgmail.keys.keyring import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One examination; `run` has the time limit of the check that is made.

    `rings` are the keyrings that could be opened, `unopened` why the others could not. `trouble` is
    what kept the account itself from being read.
    """

    account: Account
    run: Run
    rings: tuple[Keyring, ...] = ()
    unopened: tuple[GpgmailError, ...] = ()
    trouble: GpgmailError | None = None

    @property
    def homes(self) -> tuple[Path, ...]:
        """The homes of GnuPG among the keyrings, those that exist."""
        places = (ring.place for ring in self.rings)
        found = (place.directory for place in places if place.kind is Kind.HOME)
        return tuple(dict.fromkeys(path for path in found if path is not None))

    @property
    def signers(self) -> tuple[str, ...]:
        """The keys that the account signs with, by the names that it has for them."""
        from gpgmail.delivery.watching import signers

        return signers(self.account)
