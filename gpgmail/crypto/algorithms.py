"""Names of algorithms: what the reference pages and gpg call them, and which of them this gpg has.

Rows only. Whether a name can be used is asked of the gpg at hand (`--list-config`), once a binary
and before anything is run with it: gpg itself takes some names (MD5) and makes what nobody accepts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.gpg import status
from gpgmail.gpg.binary import Binary, find
from gpgmail.gpg.runner import execute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import Algorithms
    from gpgmail.gpg.home import Home

_LONGEST_COMMENT = 900  # it becomes one line of a mail, and those end at 998 (RFC 5322 2.1.1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of algorithm: what to raise, gpg's option, its line in --list-config, and the names.

    *names* are numbers of RFC 9580 by gpg's name, *others* what else a caller may write.
    """

    situation: Situation
    word: str
    option: str
    listed: str
    names: Mapping[int, str]
    others: Mapping[str, str]


CIPHER = Kind(
    Situation.CIPHER,
    "cipher",
    "--cipher-algo",
    "cipher",
    status.CIPHERS,
    {"AES128": "AES", "TRIPLEDES": "3DES"},
)
DIGEST = Kind(Situation.HASH, "hash", "--digest-algo", "digest", status.HASHES, {})
COMPRESSION = Kind(
    Situation.COMPRESSION,
    "compression",
    "--compress-algo",
    "compress",
    {0: "UNCOMPRESSED", 1: "ZIP", 2: "ZLIB", 3: "BZIP2"},  # RFC 9580 section 9.4
    {"NONE": "UNCOMPRESSED"},
)

_ELSEWHERE = {"MD5": "gpg 1.4 makes such signatures, 2.1 and newer do not accept them"}
_SHORT_BLOCKS = {"IDEA", "3DES", "CAST5", "BLOWFISH"}  # blocks of 64 bits
_SHORT_BLOCKS_OPTION = "--allow-old-cipher-algos"  # gpg 2.4 wants it, 2.2 does not know it


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a gpg can do: numbers by the word of --list-config, and the options that it knows."""

    shown_version: str
    numbers: Mapping[str, frozenset[int]]
    options: frozenset[str]

    def names(self, kind: Kind) -> str:
        """The names that this gpg has, for people."""
        return ", ".join(name for number, name in kind.names.items() if self.has(kind, number))

    def has(self, kind: Kind, number: int) -> bool:
        """Whether this gpg has an algorithm."""
        return number in self.numbers.get(kind.listed, ())


@dataclass(frozen=True, slots=True)
class Choice:
    """gpg's options for what was asked, and its names for it; empty where gpg chooses."""

    arguments: tuple[str, ...] = ()
    cipher: str = ""
    digest: str = ""


def choose(wanted: Algorithms, home: Home, run: Run) -> Choice:
    """Return how to ask gpg for *wanted*; its abilities matter only where names are given.

    Raises:
        UnsupportedError: If this gpg lacks a cipher, hash or compression (125, 126, 127).
        UsageError: If the level or the comment cannot be.
    """
    plain = _comment(wanted.comment) + _level(wanted.level)
    if not (wanted.cipher or wanted.digest or wanted.compression):
        return Choice(plain)
    return _named(wanted, plain, abilities(home, run))


def _named(wanted: Algorithms, plain: tuple[str, ...], able: Abilities) -> Choice:
    cipher = _name(CIPHER, wanted.cipher, able)
    digest = _name(DIGEST, wanted.digest, able)
    compression = _name(COMPRESSION, wanted.compression, able)
    chosen = ((CIPHER, cipher), (DIGEST, digest), (COMPRESSION, compression))
    arguments = [word for kind, name in chosen if name for word in (kind.option, name)]
    if cipher in _SHORT_BLOCKS and _SHORT_BLOCKS_OPTION in able.options:
        arguments.append(_SHORT_BLOCKS_OPTION)
    return Choice((*arguments, *plain), cipher, digest)


def _name(kind: Kind, wanted: str, able: Abilities) -> str:
    """Return gpg's name for what a caller wrote."""
    upper = wanted.strip().upper()
    name = kind.others.get(upper, upper)
    number = next((number for number, own in kind.names.items() if own == name), None)
    if name and (number is None or not able.has(kind, number)):
        raise kind.situation.error(
            f"gpg {able.shown_version} has no such {kind.word}",
            subject=wanted,
            hint="; ".join(filter(None, (_ELSEWHERE.get(name), f"it has {able.names(kind)}"))),
        )
    return name


def _comment(comment: str) -> tuple[str, ...]:
    refuse_controls(comment, "comment")
    if not comment.isascii() or len(comment) > _LONGEST_COMMENT:
        raise Situation.BAD_VALUE.error(
            f"must be ASCII of at most {_LONGEST_COMMENT} characters", subject="comment"
        )
    return ("--comment", comment) if comment else ()


def _level(level: int | None) -> tuple[str, ...]:
    if level is None:
        return ()
    if level not in range(1, 10):
        raise Situation.BAD_VALUE.error(
            f"must be from 1 to 9, not {level}", subject="compression level"
        )
    return ("--compress-level", str(level), "--bzip2-compress-level", str(level))


def abilities(home: Home, run: Run) -> Abilities:
    """Return what the gpg at hand can do; each binary is asked once.

    Raises:
        EngineError: If there is no gpg, or it does not answer.
    """
    binary = find()
    known = _KNOWN.get(binary)
    if known is None:
        bare = replace(home, keyrings=(), options_file=None)
        config = _output(bare, ("--no-options", "--with-colons", "--list-config"), run)
        options = _output(bare, ("--no-options", "--dump-options"), run)
        known = _KNOWN[binary] = _read(binary.shown_version, config, options)
    return known


_KNOWN: dict[Binary, Abilities] = {}


def _output(home: Home, arguments: tuple[str, ...], run: Run) -> str:
    return execute(home, arguments, run=run).output.decode("ascii", "replace")


def _read(shown_version: str, config: str, options: str) -> Abilities:
    """Read `cfg:cipher:1;2;3` (GnuPG's doc/DETAILS, "Format of the --list-config output")."""
    numbers = {}
    for line in config.splitlines():
        cfg, _, rest = line.partition(":")
        word, _, values = rest.partition(":")
        if cfg == "cfg" and values.replace(";", "").isdigit():
            numbers[word] = frozenset(map(int, values.split(";")))
    return Abilities(shown_version, numbers, frozenset(options.split()))
