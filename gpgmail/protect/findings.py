"""What `verify` can find wrong with a mail: one row for each rule, with where it is written.

A *error* breaks a MUST: some reader refuses such a mail, or shows it as not protected. A *warning*
is what readers take in different ways, or what a mail server may break on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


_E, _W = Severity


class Rule(Enum):
    """The rules: severity, where it is written, and what does not hold."""

    # The mail
    LINE_ENDS = _E, "RFC 5322 section 2.3", "lines end in CRLF here and in something else there"
    STORED_LF = _W, "RFC 5322 section 2.3", "all lines end in LF: stored so, never sent so"
    LONG_LINE = _E, "RFC 5322 section 2.1.1", "a line is longer than 998 bytes"
    NUL = _E, "RFC 5322 section 2.2", "there is a NUL byte"
    HEADER_8BIT = _W, "RFC 5322 section 2.2", "the header has bytes above 127, which need SMTPUTF8"
    FIELD_MISSING = _E, "RFC 5322 section 3.6", "a header field is missing"
    FIELD_TWICE = _E, "RFC 5322 section 3.6", "a header field stands there twice"
    MIME_VERSION = _E, "RFC 2045 section 4", "MIME-Version: 1.0 is missing"
    NOT_ENDED = _E, "RFC 2046 section 5.1.1", "a multipart has no closing delimiter"
    ENCODED_MULTIPART = _E, "RFC 2045 section 6.4", "a multipart has a transfer encoding"
    UNPROTECTED = _E, "RFC 3156", "nothing in the mail is signed or encrypted with OpenPGP"
    INLINE = _W, "RFC 3156 section 1", "OpenPGP stands in a text instead of parts of its own"

    # multipart/signed
    SIGNED_PARTS = _E, "RFC 1847 section 2.1", "multipart/signed has not exactly two parts"
    SIGNED_PROTOCOL = _E, "RFC 3156 section 5", "protocol is not application/pgp-signature"
    SIGNATURE_TYPE = _E, "RFC 3156 section 5", "the second part is no application/pgp-signature"
    SIGNATURE_ENCODED = _W, "RFC 3156 section 5", "the signature part has a transfer encoding"
    MICALG_MISSING = _E, "RFC 3156 section 5", "micalg is missing"
    MICALG_FORM = _E, "RFC 3156 section 5", "micalg is not of the form pgp-hash, in lower case"
    MICALG_UNTRUE = _E, "RFC 3156 section 5", "micalg names another hash than the signature has"
    SIGNED_8BIT = _E, "RFC 3156 section 3", "the signed part has bytes above 127"
    SIGNED_BLANKS = _E, "RFC 3156 section 3", "lines of the signed part end in blanks"
    SIGNED_FROM = _W, "RFC 3156 section 3", "a line of the signed part begins with `From `"
    SIGNED_FORM = _E, "RFC 3156 section 5", "the signature is over other bytes than those there"
    SIGNATURE = _E, "RFC 3156 section 5", "a signature is not good"
    HASH_WEAK = _W, "RFC 9580 section 9.5", "a signature has a hash that can be forged"

    # multipart/encrypted
    ENCRYPTED_PARTS = _E, "RFC 3156 section 4", "multipart/encrypted has not exactly two parts"
    ENCRYPTED_PROTOCOL = _E, "RFC 3156 section 4", "protocol is not application/pgp-encrypted"
    CONTROL_TYPE = _E, "RFC 3156 section 4", "the first part is no application/pgp-encrypted"
    CONTROL_VERSION = _E, "RFC 3156 section 4", "the first part does not say Version: 1"
    DATA_TYPE = _E, "RFC 3156 section 4", "the second part is no application/octet-stream"
    DATA_ENCODED = _W, "RFC 3156 section 3", "the ciphertext has a transfer encoding"
    INSIDE_LINE_ENDS = _E, "RFC 3156 section 4", "inside the encryption lines do not end in CRLF"
    NOT_OPENED = _E, "RFC 3156 section 4", "the ciphertext does not open"

    # ASCII armor
    NOT_ARMORED = _E, "RFC 3156 section 2", "the OpenPGP data is not in ASCII armor"
    ARMOR_KIND = _E, "RFC 9580 section 6.2.1", "the armor is of another kind"
    ARMOR_AROUND = _W, "RFC 3156 section 2", "there is text around the armor"
    ARMOR_HEADER = _E, "RFC 9580 section 6.2.2", "a header line of the armor is none"
    ARMOR_EMPTY_LINE = _E, "RFC 9580 section 6.2", "no empty line stands before the armor's data"
    ARMOR_LONG_LINE = _E, "RFC 9580 section 6", "a line of the armor is longer than 76 characters"
    ARMOR_DATA = _E, "RFC 9580 section 6", "the armor's data is no base64"
    ARMOR_CHECKSUM = _E, "RFC 9580 section 6.1", "the armor's checksum is wrong"
    ARMOR_END = _E, "RFC 9580 section 6.2.3", "the armor has no last line, or that of another"

    def __init__(self, severity: Severity, section: str, text: str) -> None:
        self.severity = severity
        self.section = section
        self.text = text

    @property
    def word(self) -> str:
        """The rule's name as reports show it."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that does not hold.

    `line` is that of the mail where it shows, counted from one; 0 where it shows in what was
    decrypted, or in none. `part` is the part's place, such as `2.1`; empty for the mail itself,
    and behind `inside ` for one within the encryption. `detail` says more than the rule's text.
    """

    rule: Rule
    part: str = ""
    line: int = 0
    detail: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.rule.severity

    @property
    def section(self) -> str:
        """Where the rule is written."""
        return self.rule.section

    @property
    def text(self) -> str:
        """What does not hold."""
        return f"{self.rule.text}: {self.detail}" if self.detail else self.rule.text

    def __str__(self) -> str:
        places = (
            f"line {self.line}" if self.line else "",
            f"part {self.part}" if self.part else "",
        )
        place = ", ".join(filter(None, places))
        where = f" ({place})" if place else ""
        return f"{self.severity}: {self.text}{where} [{self.rule.word}, {self.section}]"
