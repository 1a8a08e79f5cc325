"""`Variant`: what RFC 3156 and its readers leave open, chosen by who tests readers.

Only here belongs what makes the same mail in another form; what people want of a mail every day are
other rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from gpgmail.core.checks import one_of
from gpgmail.core.declare import Declared, prop
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.crypto.engine import Algorithms

Layout = Literal["combined", "nested"]
LAYOUTS: Sequence[Layout] = get_args(Layout)
Checksum = Literal["gpg", "with", "without"]
CHECKSUMS: Sequence[Checksum] = get_args(Checksum)
LineEnds = Literal["crlf", "lf"]
LINE_ENDS: Sequence[LineEnds] = get_args(LineEnds)
_HASHES = ("sha256", "sha384", "sha512", "sha224", "sha1", "ripemd160", "md5")
_MICALGS = tuple(f"pgp-{name}" for name in _HASHES)
_EARLIEST, _LATEST = 1971, 2105  # OpenPGP counts 32 bits of seconds from 1970 on


def _micalg(value: str) -> str:
    """Accept nothing, or the name of a hash that gpg has."""
    if value and value not in _MICALGS:
        raise ValueError(f"must be one of {', '.join(_MICALGS)}, not {value!r}")
    return value


def _time(value: str) -> str:
    """Accept nothing, or a time in ISO 8601."""
    if value:
        when = datetime.fromisoformat(value)
        if not _EARLIEST <= when.year <= _LATEST:
            raise ValueError(f"must be from {_EARLIEST} to {_LATEST}, not {when.year}")
    return value


class Variant(Declared):
    """How a mail is built where there is a choice; the defaults are what gpgmail sends."""

    layout: str = prop(
        default="combined",
        check=one_of(LAYOUTS),
        doc="How signing and encrypting go together in PGP/MIME: combined, one OpenPGP message "
        "(RFC 3156 section 6.2); or nested, a multipart/signed inside the encrypted part (6.1), "
        "for which the content is held in memory.",
    )
    micalg: str = prop(
        default="",
        check=_micalg,
        doc="Hash of signatures, by its name in the micalg parameter, as pgp-sha512.",
    )
    armor_checksum: str = prop(
        default="gpg",
        check=one_of(CHECKSUMS),
        doc="The CRC line of ASCII armor, which RFC 9580 section 6.1 calls optional: with it, "
        "without it, or as gpg writes it.",
    )
    line_ends: str = prop(
        default="crlf",
        check=one_of(LINE_ENDS),
        doc="Line ends of a mail that is written to a file: crlf, as it would be sent and is "
        "signed; or lf, as mailboxes on disk keep it.",
    )
    at: str = prop(
        default="",
        check=_time,
        doc="Time of the signatures and of Date, in ISO 8601 (UTC where no zone is named), in "
        "place of now. Keys are chosen as of today, and gpg refuses those made later than that.",
    )

    @property
    def nested(self) -> bool:
        """Whether a signed part is encrypted, not signed and encrypted in one."""
        return self.layout == LAYOUTS[1]

    @property
    def time(self) -> datetime | None:
        """The time to work at."""
        if not self.at:
            return None
        when = datetime.fromisoformat(self.at)
        return when if when.tzinfo else when.replace(tzinfo=UTC)

    def algorithms(self, usual: Algorithms) -> Algorithms:
        """Return *usual* with what is chosen here.

        Raises:
            UsageError: If another hash is chosen there.
        """
        digest = self.micalg.removeprefix("pgp-").upper()
        if digest and usual.digest and usual.digest.upper() != digest:
            raise Situation.BAD_VALUE.error(
                f"is another hash than that of the algorithms, {usual.digest}", subject="micalg"
            )
        checksum = {"with": True, "without": False}.get(self.armor_checksum, usual.checksum)
        return replace(usual, digest=digest or usual.digest, checksum=checksum, at=self.time)
