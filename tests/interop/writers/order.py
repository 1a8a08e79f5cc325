"""What a foreign program is asked to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class CannotWriteError(Exception):
    """A program does not write that; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A mail and its protection; *form* is pgpmime, inline or opaque."""

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    sign: bool = False
    encrypt: bool = False
    form: str = "pgpmime"
    sender: str = "sender@example.org"
    to: str = "alice@example.org"
    subject: str = "Grüße"
    passphrase: str = ""
