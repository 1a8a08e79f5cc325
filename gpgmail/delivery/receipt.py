"""What became of a mail, as a value that a caller can keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.core.replies import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was sent, to whom, and what the server said.

    `refused` has the server's words for each address that it did not take. `signers` are primary
    fingerprints, `keys` gives the primary fingerprint of each address that was encrypted to;
    `encrypted_to` has all keys, those of nobody among the recipients too.
    `replies` are the server's final replies, one a copy. `account` is the one whose server took it,
    empty where no configuration file names one, and `passed_over` says why others before it did
    not. `remarks` tell what a person should know besides.
    """

    message_id: str
    sender: str
    accepted: tuple[str, ...]
    refused: Mapping[str, Reply] = field(default_factory=dict)
    signers: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    encrypted_to: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()
    encrypted: bool = False
    tls: str = ""
    size: int = 0
    account: str = ""
    passed_over: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def reply(self) -> Reply | None:
        """The server's final reply for the first copy; None where nothing was delivered."""
        return self.replies[0] if self.replies else None
