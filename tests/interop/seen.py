"""What must be seen in a mail, what a program saw, and where the two differ.

A program's shortcomings are words out of a fixed set, so that a table can state them beforehand:
`unreadable` (it failed), `unopened` (it shows the armor as it is), `text`, `files`, `decrypted`,
`signer`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARMOR = "-----BEGIN PGP "
NOTHING: frozenset[str] = frozenset()


class CannotReadError(Exception):
    """A program did not read a mail; the text has its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What somebody who may read a mail must see in it.

    `files` has every part beside the text by its name, or by its content type where it has none.
    `signers` are fingerprints of primary keys, each of which signed everything. A *cleartext*
    signature does not sign blanks at line ends, which readers drop, nor the last line end, which
    some programs keep and gpg always writes (RFC 9580 section 7.2).
    """

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    encrypted: bool = False
    signers: frozenset[str] = NOTHING
    cleartext: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a program saw. `text` is not `exact` when it is what a screen showed, with more around.

    `signers` signed everything, each with a good signature; `decrypted` says that all of it was
    encrypted.
    """

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    decrypted: bool = False
    signers: frozenset[str] = NOTHING
    exact: bool = True


def shortcomings(meant: Meant, seen: Seen) -> frozenset[str]:
    """What of *meant* is not so in *seen*; empty where all of it is."""
    if _ARMOR in seen.text:
        return frozenset({"unopened"})
    faults = {
        "text": not _same_text(meant, seen),
        "files": not all(_has(seen, name, content) for name, content in meant.files.items()),
        "decrypted": meant.encrypted is not seen.decrypted,
        "signer": meant.signers != seen.signers,
    }
    return frozenset(fault for fault, is_so in faults.items() if is_so)


def _same_text(meant: Meant, seen: Seen) -> bool:
    if not seen.exact:
        return "\n".join(_shown(meant.text)) in "\n".join(_shown(seen.text))
    if meant.cleartext:
        return "\n".join(_shown(meant.text)).rstrip("\n") == "\n".join(_shown(seen.text)).rstrip(
            "\n"
        )
    return _lines(meant.text) == _lines(seen.text)


def _has(seen: Seen, name: str, content: bytes) -> bool:
    """Whether the file is there, byte for byte; a part without a name is a text."""
    found = seen.files.get(name)
    if found is None or "/" not in name:
        return found == content
    return _lines(found.decode()) == _lines(content.decode())


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _shown(text: str) -> list[str]:
    """Lines as on a screen, where blanks at the end of one cannot be seen."""
    return [line.rstrip() for line in _lines(text)]
