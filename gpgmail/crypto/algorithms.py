"""Names of algorithms: what the reference pages and gpg call them, and which of them this gpg has.

Rows only. Whether a name can be used is asked of the gpg at hand, before anything is run with it.
What gpg still does and others may not accept is done, and said in a status event.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.crypto.abilities import abilities
from gpgmail.crypto.armor import header_lines
from gpgmail.crypto.hashes import fitting
from gpgmail.gpg import status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.crypto.abilities import Abilities
    from gpgmail.crypto.engine import Job


class Kind(NamedTuple):
    """A kind of algorithm: what to raise, gpg's option, its line in --list-config, and the names.

    *names* are numbers of RFC 9580 by gpg's name, *others* what else a caller may write.
    """

    situation: Situation
    word: str
    option: str
    listed: str
    names: Mapping[int, str]
    others: Mapping[str, str]

    def had_by(self, able: Abilities) -> str:
        """Return the names that a gpg lists, for people."""
        return ", ".join(
            name for number, name in self.names.items() if able.has(self.listed, number)
        )


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

# Who has what this gpg has not; any other name is in every gpg, unless it was built without.
_NOBODY = "no gpg has it"
_BUILT_WITHOUT = "gpg 2.2 and 2.4 have it unless they were built without"
_ELSEWHERE = {"SHA3-256": _NOBODY, "SHA3-512": _NOBODY}
_UNLISTED = {"MD5"}  # gpg 2 signs with it and lists it nowhere, because it takes no such signature
_SHORT_BLOCKS = {"IDEA", "3DES", "CAST5", "BLOWFISH"}  # blocks of 64 bits
_WEAK = {
    "MD5": "can be forged, and gpg 2.1 and newer do not accept it unless told to",
    "SHA1": "can be forged, and not everybody accepts it",
} | dict.fromkeys(_SHORT_BLOCKS, "has blocks of 64 bits, which is not enough for long messages")

# Options by version: of those in a row the first that gpg knows is taken.
_OLD_CIPHERS = ("--allow-old-cipher-algos",)  # gpg 2.4 wants it, 2.2 does not know it
_CHUNK_SIZE = ("--chunk-size",)
_CHUNKS = range(6, 23)  # what gpg does not change on its own; RFC 9580 section 5.13.2 has the same


class Mode(NamedTuple):
    """A mode of authenticated encryption: gpg's options for it, and which gpg has it."""

    options: tuple[str, ...]
    elsewhere: str


MODES = {
    "OCB": Mode(("--force-ocb", "--force-aead"), "gpg 2.3 and newer have it"),
    "GCM": Mode((), _NOBODY),
}
_MODE_OF = ("AES128", "AES192", "AES256")


class Choice(NamedTuple):
    """gpg's options for what was asked, and its names for it; empty where gpg chooses.

    `lines` are header lines for the armor; `mode` is set where authenticated encryption was asked.
    """

    arguments: tuple[str, ...] = ()
    cipher: str = ""
    digest: str = ""
    mode: str = ""
    lines: bytes = b""


def choose(job: Job, run: Run, *, encrypting: bool) -> Choice:
    """Return how to ask gpg for the algorithms of *job*, those that the operation uses.

    What this gpg can do matters only where something is named. With a passphrase in place of keys
    the mode of authenticated encryption is left out, as documented.

    Raises:
        UnsupportedError: If this gpg lacks a cipher, hash or compression (125, 126, 127), or cannot
            choose the size of chunks (112).
        UsageError: If a number is out of range, or a header line cannot be one.
    """
    wanted = job.algorithms
    lines, plain = header_lines(wanted), (*_level(wanted.level), *_clock(wanted.at))
    _require_chunks(wanted.chunk_size)
    cipher, mode = _mode(wanted.cipher) if encrypting else ("", "")
    digest = wanted.digest if job.signers else ""
    chunks = wanted.chunk_size if encrypting else None
    if not (cipher or digest or wanted.compression or chunks):
        return Choice(plain, lines=lines)
    able = abilities(job.home, run)
    cipher = _name(CIPHER, cipher, able, shown=wanted.cipher)
    modes = () if job.symmetric else _mode_options(mode, able, shown=wanted.cipher)
    digest = _name(DIGEST, digest, able)
    if digest and wanted.fit_digest:
        digest = fitting(digest, job.signers, run)
    compression = _name(COMPRESSION, wanted.compression, able)
    named = ((CIPHER, cipher), (DIGEST, digest), (COMPRESSION, compression))
    _warn(run, cipher, digest)
    return Choice(
        (
            *(word for kind, name in named if name for word in (kind.option, name)),
            *filter(None, (able.option(*_OLD_CIPHERS) if cipher in _SHORT_BLOCKS else "",)),
            *modes,
            *_chunk_options(chunks, able),
            *plain,
        ),
        cipher,
        digest,
        mode if modes else "",
        lines,
    )


def _mode(cipher: str) -> tuple[str, str]:
    """Split `AES256-OCB`; a name that is none of these stays whole."""
    base, _, mode = cipher.strip().upper().partition("-")
    return (base, mode) if base in _MODE_OF and mode in MODES else (cipher, "")


def _name(kind: Kind, wanted: str, able: Abilities, *, shown: str = "") -> str:
    """Return gpg's name for what a caller wrote."""
    upper = wanted.strip().upper()
    name = kind.others.get(upper, upper)
    number = next((number for number, own in kind.names.items() if own == name), None)
    if not name or name in _UNLISTED:
        return name
    if number is None or not able.has(kind.listed, number):
        known = _BUILT_WITHOUT if number is not None else ""
        raise _lacking(kind, able, shown or wanted, _ELSEWHERE.get(name, known))
    return name


def _mode_options(mode: str, able: Abilities, *, shown: str) -> tuple[str, ...]:
    if not mode:
        return ()
    option = able.option(*MODES[mode].options)
    if not option:
        raise _lacking(CIPHER, able, shown, MODES[mode].elsewhere)
    return (option,)


def _lacking(kind: Kind, able: Abilities, wanted: str, elsewhere: str) -> GpgmailError:
    return kind.situation.error(
        f"gpg {able.shown_version} has no such {kind.word}",
        subject=wanted,
        hint="; ".join(filter(None, (elsewhere, f"it has {kind.had_by(able)}"))),
    )


def _require_chunks(exponent: int | None) -> None:
    if exponent is not None and exponent not in _CHUNKS:
        raise Situation.BAD_VALUE.error(
            f"must be from {_CHUNKS[0]} to {_CHUNKS[-1]}, not {exponent}", subject="chunk size"
        )


def _chunk_options(exponent: int | None, able: Abilities) -> tuple[str, ...]:
    if exponent is None:
        return ()
    option = able.option(*_CHUNK_SIZE)
    if not option:
        raise Situation.ENGINE_CANNOT.error(
            f"gpg {able.shown_version} cannot choose it",
            subject="size of chunks",
            hint=MODES["OCB"].elsewhere,
        )
    return option, str(exponent)


def _warn(run: Run, *names: str) -> None:
    for name in names:
        if name in _WEAK:
            run.status(f"{name} {_WEAK[name]}")


def _clock(at: datetime | None) -> tuple[str, ...]:
    """Return what stops gpg's clock at that time."""
    return () if at is None else ("--faked-system-time", f"{at.astimezone(UTC):%Y%m%dT%H%M%S}!")


def _level(level: int | None) -> tuple[str, ...]:
    if level is None:
        return ()
    if level not in range(1, 10):
        raise Situation.BAD_VALUE.error(
            f"must be from 1 to 9, not {level}", subject="compression level"
        )
    return ("--compress-level", str(level), "--bzip2-compress-level", str(level))
