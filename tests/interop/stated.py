"""What programs cannot do, with the reason: each line is tested, also that it is still so.

A line holds for the programs named and for every case whose name the pattern matches somewhere.
What no line names is read whole. A program that can more than stated fails its test as one that can
less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MUTT = ("mutt", "mutt-gpgme")
_NEOMUTT = ("neomutt", "neomutt-gpgme")
_SEQUOIA = ("sq", "sqop")


@dataclass(frozen=True, slots=True)
class Limit:
    """What these programs lack in the cases that match: shortcomings as `seen.py` names them."""

    programs: tuple[str, ...]
    cases: str
    lacks: frozenset[str]
    reason: str

    def holds(self, program: str, case: str) -> bool:
        """Whether this line is about the program and the case."""
        return program in self.programs and re.search(self.cases, case) is not None


def _limits(*rows: tuple[tuple[str, ...], str, str, str]) -> tuple[Limit, ...]:
    return tuple(
        Limit(programs, cases, frozenset(lacks.split()), reason)
        for programs, cases, lacks, reason in rows
    )


READING = _limits(
    # ------------------------------------------------------------------------- readers of mail
    (
        ("notmuch",),
        r"^(inline|PSMTP INLINE): (?!a passphrase)|^(key|engine) \w+: inline",
        "unopened",
        "opens PGP/MIME only and shows inline OpenPGP as it stands",
    ),
    (
        ("notmuch",),
        "with a mail attached",
        "text",
        "shows the words of the attached mail behind the others",
    ),
    (
        ("notmuch", *_MUTT, *_NEOMUTT),
        "a passphrase for all",
        "unreadable",
        "leaves the question for a passphrase to gpg-agent, and nobody answers here",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        "text and HTML",
        "files",
        "shows one of two alternatives, the plain text",
    ),
    (
        _MUTT,
        r"^(pgpmime|PSMTP PGPMIME): .*, files|^inline: signed, files|INLINE: sign\(\), files",
        "files",
        "saves a text file with the line ends of the system",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        r"^inline: .*encrypted, files|INLINE: (encrypt|sign_and_encrypt)\(\), files",
        "files",
        "saves a file that is encrypted by itself as it is",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        r"INLINE: sign\(\) then encrypt\(\)",
        "unopened",
        "opens one of two layers of inline OpenPGP",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        "opaque signature",
        "decrypted",
        "announces an opaque signature in the words that it has for an encrypted text",
    ),
    # -------------------------------------------------------------------------------- Sequoia
    (("sq",), "a passphrase for all", "unreadable", "asks for a passphrase on a terminal only"),
    (
        ("sq",),
        r"^key (rsa1024|dsa1024): ",
        "unreadable",
        "refuses keys of 1024 bits by its policy",
    ),
    (
        ("sqop",),
        r"^key (rsa1024|dsa1024): (inline|.*encrypted)",
        "unreadable",
        "refuses keys of 1024 bits by its policy",
    ),
    (
        ("sqop",),
        r"^key (rsa1024|dsa1024): pgpmime, signed$",
        "signer",
        "refuses keys of 1024 bits by its policy",
    ),
    (
        _SEQUOIA,
        r"^key dsa2048: .*encrypted",
        "unreadable",
        "has no ElGamal",
    ),
    (
        ("sq",),
        r"^key (secp256k1|brainpool\w+): ",
        "unreadable",
        "is built on Nettle, which has none of these curves",
    ),
    (
        ("sqop",),
        r"^key (secp256k1|brainpool\w+): (inline|.*encrypted)",
        "unreadable",
        "is built on Nettle, which has none of these curves",
    ),
    (
        ("sqop",),
        r"^key (secp256k1|brainpool\w+): pgpmime, signed$",
        "signer",
        "is built on Nettle, which has none of these curves",
    ),
    # ------------------------------------------------------------------------------- GopenPGP
    (
        ("gosop",),
        r"^inline: signed(,| by)|INLINE: (sign\(\)|opaque)|^(key|engine) \w+: inline,? signed$",
        "unreadable",
        "this version has no subcommand for signatures within the text",
    ),
    (
        ("gosop",),
        r"^inline: .*encrypted, files|INLINE: (encrypt|sign_and_encrypt)\(\), files",
        "files",
        "writes decrypted text with the line ends of the system",
    ),
    (("gosop",), "TWOFISH", "unreadable", "has no Twofish"),
    (
        ("gosop",),
        r"^key dsa1024: (pgpmime|.*encrypted)",
        "signer",
        "takes no SHA-1, and gpg by itself makes no other signature with a DSA key of 1024 bits",
    ),
    # ------------------------------------------------------------------------------------ RNP
    (
        ("rnp",),
        "hidden recipient",
        "unreadable",
        "this version does not try its keys on a message that names none",
    ),
    (
        ("rnp",),
        r"^key dsa1024: \w+, signed$",
        "unreadable",
        "takes no SHA-1, and gpg by itself makes no other signature with a DSA key of 1024 bits",
    ),
    (
        ("rnp",),
        r"^key dsa1024: .*encrypted",
        "signer",
        "takes no SHA-1, and gpg by itself makes no other signature with a DSA key of 1024 bits",
    ),
    # ----------------------------------------------------------------------------- OpenPGP.js
    (("openpgpjs",), "TWOFISH", "unreadable", "takes ciphers only that the key prefers"),
    (
        ("openpgpjs",),
        r"^key dsa1024: ",
        "unreadable",
        "takes no SHA-1, and gpg by itself makes no other signature with a DSA key of 1024 bits",
    ),
    # ----------------------------------------------------------------------------------- PGPy
    (
        ("pgpy",),
        r"^inline: signed(,| by)|INLINE: sign\(\)|^(key|engine) \w+: inline,? signed$",
        "unreadable",
        "takes a text with a signature only where it is ASCII",
    ),
    (("pgpy",), "pgpmime: signed by two", "signer", "reads the first of several signatures"),
    (
        ("pgpy",),
        "hidden recipient",
        "unreadable",
        "does not try its keys on a message that names none",
    ),
    (("pgpy",), "TWOFISH", "unreadable", "names Twofish, and has it not"),
    (("pgpy",), r"^key dsa\w+: .*encrypted", "unreadable", "has no ElGamal"),
    (
        ("pgpy",),
        r"^key brainpool\w+: (pgpmime|.*encrypted)",
        "unreadable",
        "does not find these curves in the library that it uses",
    ),
)
"""Of what we write: where a program does not see all of it."""

WRITING = _limits(
    (
        ("mutt-gpgme", "neomutt-gpgme"),
        r"^inline: (signed|encrypted)",
        "unwritten",
        "writes inline OpenPGP only where it calls gpg",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        "passphrase|opaque",
        "unwritten",
        "has nothing that asks for it",
    ),
    (
        (*_MUTT, *_NEOMUTT),
        "^pgpmime: signed, files",
        "files",
        "sends a text file as text, whose line ends are CRLF (RFC 2046 section 4.1.1)",
    ),
    (("envelope",), "inline|passphrase", "unwritten", "writes PGP/MIME for keys only"),
    (("nodemailer",), "pgpmime: a passphrase", "unwritten", "encrypts for keys only"),
    (("sq",), "passphrase", "unwritten", "asks for a passphrase on a terminal only"),
    (
        ("gosop",),
        r"^inline: (signed(,|$)|opaque)",
        "unwritten",
        "this version has no subcommand for signatures within the text",
    ),
    (
        ("pgpy",),
        "inline: signed, difficult text",
        "signer",
        "signs blanks at line ends, against RFC 9580 section 7.2: others too call it bad",
    ),
)
"""Of what we ask others to write: what they do not write, or write in a way that is not right."""


def limits(table: tuple[Limit, ...], program: str, case: str) -> Iterator[Limit]:
    """The lines of the table about this program and case."""
    return (limit for limit in table if limit.holds(program, case))


def lacks(table: tuple[Limit, ...], program: str, case: str) -> frozenset[str]:
    """What the program is stated to lack there; at most one line says it.

    Raises:
        ValueError: If several lines do.
    """
    found = [limit.lacks for limit in limits(table, program, case)]
    if len(found) > 1:
        raise ValueError(f"{program}, {case}: several lines")
    return found[0] if found else frozenset()
