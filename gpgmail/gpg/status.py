"""What gpg says on its status descriptor, as values, and the tables that give its numbers names.

Pure: nothing here starts or reads anything. Fields have names, which `keywords.py` gives them;
keywords that are not known pass through untouched, since every release adds some. What a failed run
means is decided in `judge.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from gpgmail.gpg.keywords import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PREFIX = b"[GNUPG:] "
_LONGEST = 20  # digits: a number of 64 bits; Python refuses to convert very long ones
_ID, _LONG_FINGERPRINT = 16, 64  # hexadecimal digits
_CODE_MASK = 0xFFFF  # libgpg-error: the upper half of a number names the reporting component


class StatusLine(NamedTuple):
    """One status line: its keyword and the blank-separated words after it."""

    keyword: str
    args: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Everything after the keyword, with gpg's percent escapes undone."""
        return unescape(" ".join(self.args))

    def get(self, field: str) -> str:
        """Return a field by its name, with gpg's escapes undone where it is the rest of the line.

        Empty where gpg wrote fewer.

        Raises:
            ValueError: If the keyword has no such field.
        """
        names = KEYWORDS[self.keyword].fields if self.keyword in KEYWORDS else ()
        if names and names[-1] == f"{field}...":
            return unescape(" ".join(self.args[len(names) - 1 :]))
        if field not in names:
            raise ValueError(f"{self.keyword} has no field {field}")
        index = names.index(field)
        return self.args[index] if index < len(self.args) else ""

    def number(self, field: str) -> int:
        """Return a field as a number, or 0 where there is none."""
        return as_number(self.get(field))

    def time(self, field: str) -> datetime | None:
        """Return a field as a time."""
        return as_time(self.get(field))

    @property
    def error(self) -> int:
        """The number of libgpg-error that the line reports, or 0."""
        return error_number(self.get("number"))


class StatusParser:
    """Cuts bytes as they arrive into status lines; what is not a status line is dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[StatusLine]:
        """Take what was read and return the lines that it completed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line for line in map(parse_line, lines) if line is not None]


def parse_line(line: bytes) -> StatusLine | None:
    """Return one line as a value, or None when it is no status line."""
    if not line.startswith(_PREFIX):
        return None
    keyword, *args = decoded(line[len(_PREFIX) :]).rstrip("\r").split(" ")
    return StatusLine(keyword, tuple(args)) if keyword else None


def parse(data: bytes) -> tuple[StatusLine, ...]:
    """Return every status line of a whole stream."""
    return tuple(StatusParser().feed(data + b"\n"))


def select(lines: Iterable[StatusLine], *keywords: str) -> Iterator[StatusLine]:
    """Give the lines with one of *keywords*, in their order."""
    return (line for line in lines if line.keyword in keywords)


def unescape(text: str) -> str:
    """Undo the percent escapes that gpg puts in user ids."""
    return decoded(unquote_to_bytes(text)) if "%" in text else text


def decoded(raw: bytes) -> str:
    """Return what gpg wrote as text: UTF-8, or Latin-1 as user ids of old programs have it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def as_number(word: str) -> int:
    """Return a word of decimal digits as a number, and 0 for any other, also for an absurd one."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _LONGEST else 0


def as_time(word: str) -> datetime | None:
    """Return gpg's seconds since 1970, or `yyyymmddThhmmss`, as a time.

    None where there is none, or none that Python can hold.
    """
    try:
        if "T" in word:
            return datetime.strptime(word, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return datetime.fromtimestamp(as_number(word), UTC) if as_number(word) else None
    except (OverflowError, ValueError, OSError):
        return None


def error_number(word: str) -> int:
    """Return libgpg-error's own number, without component and without `_NAME` after it."""
    return as_number(word.partition("_")[0]) & _CODE_MASK


def key_id(word: str) -> str:
    """Return the key id that a fingerprint ends with, or begins with from version 5 on.

    A key id comes back as it is. Source: RFC 9580 section 5.5.4.
    """
    return word[:_ID] if len(word) == _LONG_FINGERPRINT else word[-_ID:]


# RFC 9580 sections 9.1, 9.3 and 9.5, with the names that gpg prints.
PUBLIC_KEY_ALGORITHMS = {
    1: "RSA",
    2: "RSA",
    3: "RSA",
    16: "ELG",
    17: "DSA",
    18: "ECDH",
    19: "ECDSA",
    20: "ELG",
    22: "EDDSA",
    25: "X25519",
    26: "X448",
    27: "ED25519",
    28: "ED448",
}
CIPHERS = {
    1: "IDEA",
    2: "3DES",
    3: "CAST5",
    4: "BLOWFISH",
    7: "AES",
    8: "AES192",
    9: "AES256",
    10: "TWOFISH",
    11: "CAMELLIA128",
    12: "CAMELLIA192",
    13: "CAMELLIA256",
}
HASHES = {
    1: "MD5",
    2: "SHA1",
    3: "RIPEMD160",
    8: "SHA256",
    9: "SHA384",
    10: "SHA512",
    11: "SHA224",
    12: "SHA3-256",
    14: "SHA3-512",
}


def algorithm(table: dict[int, str], word: str) -> str:
    """Return the name of an algorithm number, or `algorithm N` for one that the table lacks."""
    return table.get(as_number(word)) or f"algorithm {word}"
