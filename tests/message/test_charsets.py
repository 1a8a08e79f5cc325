from __future__ import annotations

import pytest

from gpgmail.core.errors import UnsupportedError, UsageError
from gpgmail.message.charsets import UTF8, of_name, of_page

# A text of each code page that Python can write, and the name that it has in a mail.
PAGES = {
    437: ("IBM437", "Größe ±½"),
    708: ("ISO-8859-6", "مرحبا"),
    720: ("cp720", "مرحبا"),
    737: ("cp737", "Καλημέρα"),
    775: ("IBM775", "Ačiū, žmogau"),
    850: ("IBM850", "déjà vu"),
    852: ("IBM852", "Příliš žluťoučký"),
    855: ("IBM855", "Привет"),
    857: ("IBM857", "Gülşen ğ"),
    858: ("IBM00858", "10 € à"),
    860: ("IBM860", "coração"),
    861: ("IBM861", "Þórður"),
    862: ("IBM862", "שלום"),
    863: ("IBM863", "Québec"),
    864: ("IBM864", "\ufe8d\ufedf"),
    865: ("IBM865", "Blåbær"),
    866: ("IBM866", "Привет"),
    869: ("IBM869", "Καλημέρα"),
    874: ("windows-874", "สวัสดี"),
    932: ("Windows-31J", "①日本語"),
    936: ("GBK", "中文測試"),
    949: ("KS_C_5601-1987", "똠방각하"),
    950: ("Big5", "中文測試"),
    1250: ("windows-1250", "Příliš"),
    1251: ("windows-1251", "Привет"),
    1252: ("windows-1252", "„Grüße“ €"),
    1253: ("windows-1253", "Καλημέρα"),
    1254: ("windows-1254", "Gülşen ğ"),
    1255: ("windows-1255", "שלום"),
    1256: ("windows-1256", "مرحبا"),
    1257: ("windows-1257", "Ačiū"),
    1258: ("windows-1258", "Đường"[:2]),
    1361: ("Johab", "한국어"),
    10000: ("macintosh", "déjà vu"),
    10004: ("x-mac-arabic", "مرحبا"),
    10006: ("x-mac-greek", "Καλημέρα"),
    10007: ("x-mac-cyrillic", "Привет"),
    10010: ("x-mac-romanian", "țară"),
    10017: ("x-mac-ukrainian", "Київ"),
    10029: ("x-mac-ce", "Příliš"),
    10079: ("x-mac-icelandic", "Þórður"),
    10081: ("x-mac-turkish", "Gülşen ğ"),
    10082: ("x-mac-croatian", "Čakovec"),
    20127: ("US-ASCII", "plain"),
    20866: ("KOI8-R", "Привет"),
    20932: ("EUC-JP", "日本語"),
    20936: ("GB2312", "中文"),
    21866: ("KOI8-U", "Київ"),
    28591: ("ISO-8859-1", "Grüße"),
    28592: ("ISO-8859-2", "Příliš"),
    28593: ("ISO-8859-3", "Ĉirkaŭ"),
    28594: ("ISO-8859-4", "Ačiū"),
    28595: ("ISO-8859-5", "Привет"),
    28596: ("ISO-8859-6", "مرحبا"),
    28597: ("ISO-8859-7", "Καλημέρα"),
    28598: ("ISO-8859-8", "שלום"),
    28599: ("ISO-8859-9", "Gülşen ğ"),
    28605: ("ISO-8859-15", "10 €"),
    38598: ("ISO-8859-8-I", "שלום"),
    50220: ("ISO-2022-JP", "日本語"),
    50221: ("ISO-2022-JP", "日本語"),
    50222: ("ISO-2022-JP", "日本語"),
    50225: ("ISO-2022-KR", "한국어"),
    51932: ("EUC-JP", "日本語"),
    51936: ("GB2312", "中文"),
    51949: ("EUC-KR", "한국어"),
    52936: ("HZ-GB-2312", "中文~"),
    54936: ("GB18030", "中文 ü €"),
    65000: ("UTF-7", "Grüße+-"),
    65001: ("utf-8", "everything: ü日🙂"),
}
# What those bytes are, as the standards have it and Python does not tell us.
WIRE = {
    850: bytes.fromhex("64826a852076 75"),
    932: bytes.fromhex("8740 93fa967b8cea"),
    949: bytes.fromhex("8c63 b9e6b0a2c7cf"),
    1251: bytes.fromhex("cff0e8e2e5f2"),
    1252: bytes.fromhex("84 4772fcdf65 93 20 80"),
    20866: bytes.fromhex("f0d2c9d7c5d4"),
    28605: b"10 \xa4",
    50220: b"\x1b$BF|K\\8l\x1b(B",
    52936: b"~{VPND~}~~",
    65000: b"Gr+APwA3w-e+--",
}


@pytest.mark.proves("CodePage")
@pytest.mark.parametrize(("page", "name", "text"), [(page, *row) for page, row in PAGES.items()])
def test_a_code_page_is_a_charset_in_which_a_text_keeps_its_line_ends(page, name, text):
    charset = of_page(page)
    assert charset.name == name
    data = charset.encode(f"{text}\r\n{text}", "text")
    first, second = data.split(b"\r\n")
    assert (first + b"\r\n" + second).decode(charset.codec) == f"{text}\r\n{text}"
    assert second == WIRE.get(page, second)


@pytest.mark.proves("CodePage")
@pytest.mark.parametrize("page", [709, 20261, 57002, 1, 4, -1, 99999])
def test_a_page_without_a_codec_is_refused(page):
    with pytest.raises(UnsupportedError, match=f"code page {page}: Python has no codec"):
        of_page(page)


@pytest.mark.proves("CodePage")
@pytest.mark.parametrize("page", [37, 500, 870, 1047, 1140, 1200, 1201, 12000, 20273, 50930])
def test_a_page_whose_line_end_no_mail_can_have_is_refused(page):
    with pytest.raises(UnsupportedError, match="line end"):
        of_page(page)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iso-8859-1", "ISO-8859-1"),
        ("latin1", "ISO-8859-1"),
        ("KOI8-R", "KOI8-R"),
        ("iso-2022-jp", "ISO-2022-JP"),
        ("ISO-8859-16", "ISO-8859-16"),
        ("shift_jis", "Shift_JIS"),
        ("cp1252", "windows-1252"),
        ("ascii", "US-ASCII"),
        ("UTF8", "utf-8"),
    ],
)
def test_a_charset_has_its_name_in_a_mail(name, expected):
    assert of_name(name).name == expected


@pytest.mark.parametrize("name", ["", "klingon", "utf-16", "cp037", "base64", "a\0b", "rot13", "ü"])
def test_what_is_no_charset_for_mail_is_refused(name):
    with pytest.raises(UsageError, match="no charset for mail"):
        of_name(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ISO-8859-1", "10 €"),
        ("KOI8-R", "ü"),
        ("US-ASCII", "é"),
        ("ISO-2022-JP", "ﾊﾝｶｸ"),
        ("Big5", "한"),
        ("windows-1252", "\x81"),
        ("ISO-2022-JP", "an \x1b$B escape"),
        ("ISO-2022-KR", "a \x0e shift"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_replaced(name, text):
    with pytest.raises(UsageError, match=name) as caught:
        of_name(name).encode(f"before {text}", "Subject")
    assert caught.value.code.number == 434
    assert caught.value.subject == "Subject"


@pytest.mark.parametrize("charset", [UTF8, of_name("UTF-7"), of_name("GB18030")])
def test_a_lone_surrogate_is_no_character_in_any_charset(charset):
    with pytest.raises(UsageError, match="lone surrogate at 1"):
        charset.encode("a\ud800", "text")
