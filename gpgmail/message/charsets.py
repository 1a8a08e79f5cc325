"""Charsets that a text or a header may have, and the Windows code pages that stand for them.

One table: a code page is a charset by its MIME name, and Python's codec has that name too unless
`_CODECS` says otherwise. Charsets whose line end is not CR LF are not here: no text of a mail may
have one (RFC 2046 section 4.1.1).
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

from gpgmail.core.situations import Situation

_PAGES = {
    **{page: f"IBM{page}" for page in (437, 775, 850, 852, 855, 857, 860, 861, 862, 863, 864, 865)},
    **{page: f"IBM{page}" for page in (866, 869)},
    **{page: f"windows-{page}" for page in range(1250, 1259)},
    **{28590 + part: f"ISO-8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    708: "ISO-8859-6",  # ASMO 708 is the standard that it came from
    720: "cp720",
    737: "cp737",
    858: "IBM00858",
    874: "windows-874",
    932: "Windows-31J",
    936: "GBK",
    949: "KS_C_5601-1987",
    950: "Big5",
    1361: "Johab",
    10000: "macintosh",
    10004: "x-mac-arabic",
    10006: "x-mac-greek",
    10007: "x-mac-cyrillic",
    10010: "x-mac-romanian",
    10017: "x-mac-ukrainian",
    10029: "x-mac-ce",
    10079: "x-mac-icelandic",
    10081: "x-mac-turkish",
    10082: "x-mac-croatian",
    20127: "US-ASCII",
    20866: "KOI8-R",
    20932: "EUC-JP",
    20936: "GB2312",
    21866: "KOI8-U",
    38598: "ISO-8859-8-I",
    # Half-width katakana is in no ISO-2022-JP (RFC 1468): a text that has it does not fit.
    50220: "ISO-2022-JP",
    50221: "ISO-2022-JP",
    50222: "ISO-2022-JP",
    50225: "ISO-2022-KR",
    51932: "EUC-JP",
    51936: "GB2312",
    51949: "EUC-KR",
    52936: "HZ-GB-2312",
    54936: "GB18030",
    65000: "UTF-7",
    65001: "utf-8",
}
# What no code page stands for; a header may have it all the same.
_OTHERS = (*(f"ISO-8859-{part}" for part in (10, 13, 14, 16)), "TIS-620", "Shift_JIS", "KOI8-T")
_CODECS = {
    "Big5": "cp950",
    "IBM00858": "cp858",
    "ISO-8859-8-I": "iso8859-8",  # the same bytes, written in the order in which they are read
    "KS_C_5601-1987": "cp949",  # by this name Windows sends it
    "Windows-31J": "cp932",
    "windows-874": "cp874",
    "x-mac-arabic": "mac_arabic",
    "x-mac-ce": "mac_latin2",
    "x-mac-croatian": "mac_croatian",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-greek": "mac_greek",
    "x-mac-icelandic": "mac_iceland",
    "x-mac-romanian": "mac_romanian",
    "x-mac-turkish": "mac_turkish",
    "x-mac-ukrainian": "mac_cyrillic",
}
_EBCDIC = {
    *(37, 500, 870, 875, 1026, 1047, *range(1140, 1150), 20273, 20277, 20278, 20280, 20284, 20285),
    *(20290, 20297, 20420, 20423, 20424, 20833, 20838, 20871, 20880, 20905, 20924, 21025),
    *(50930, 50931, 50933, 50935, 50937, 50939),
}
_WIDE = {1200, 1201, 12000, 12001}  # Unicode in units of two and of four bytes


class Charset(NamedTuple):
    """A charset: its name in a mail, and Python's codec for it."""

    name: str
    codec: str

    def encode(self, text: str, subject: str) -> bytes:
        """Return *text* in this charset; *subject* names it in the error.

        Raises:
            UsageError: If it holds a lone surrogate; with code 434 if it does not fit the charset.
        """
        data = utf8(text, subject)
        if self == UTF8:
            return data
        try:
            data = text.encode(self.codec)
        except UnicodeEncodeError as error:
            detail = f"{text[error.start]!a} at {error.start} is not in {self.name}"
            raise Situation.CODE_PAGE.error(detail, subject=subject) from None
        if not _is_read_as(data, self.codec, text):  # ESC and the like, where they switch
            raise Situation.CODE_PAGE.error(
                f"reads as another text in {self.name}", subject=subject
            )
        return data


UTF8 = Charset("utf-8", "utf-8")


def utf8(text: str, subject: str) -> bytes:
    """Return *text* as UTF-8; *subject* names it in the error.

    Raises:
        UsageError: If it holds a lone surrogate.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        detail = f"holds a lone surrogate at {error.start}, which is no character"
        raise Situation.BAD_VALUE.error(detail, subject=subject) from None


def of_name(name: str) -> Charset:
    """Return the charset that *name* stands for, by its MIME name or one that Python knows.

    Raises:
        UsageError: If there is none that a mail can have.
    """
    known = {one.lower(): one for one in (*_OTHERS, *_PAGES.values())}
    if name.lower() in known:
        return _charset(known[name.lower()])
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    found = next((one for one in known.values() if _codec(one) == codec), None)
    if found is None:
        raise Situation.BAD_VALUE.error(f"is no charset for mail: {name!a}", subject="Charset")
    return _charset(found)


def of_page(page: int) -> Charset:
    """Return the charset that the Windows code page *page* stands for.

    Raises:
        UnsupportedError: If there is none that Python can write and a mail can have.
    """
    if page in _PAGES:
        return _charset(_PAGES[page])
    why = "Python has no codec for it"
    if page in _EBCDIC | _WIDE:
        why = "its line end is not CR LF, which no text of a mail may have (RFC 2046)"
    raise Situation.UNSUPPORTED_HERE.error(
        why, subject=f"code page {page}", hint="use 65001, which is UTF-8"
    )


def _charset(name: str) -> Charset:
    return UTF8 if name == UTF8.name else Charset(name, _CODECS.get(name, name))


def _codec(name: str) -> str:
    return codecs.lookup(_CODECS.get(name, name)).name


def _is_read_as(data: bytes, codec: str, text: str) -> bool:
    try:
        return data.decode(codec) == text
    except UnicodeDecodeError:
        return False
