"""Header fields: text in, ASCII values out, folded only when they become bytes.

A field is `(name, value)`. Values here are one line, already encoded (RFC 2047, RFC 2231), without
CR, LF or NUL; only an address with a UTF-8 local part keeps them from being ASCII (RFC 6532).
Folding happens in `header_bytes`, the one place where fields become bytes.

The email package's header classes are not used for writing: they decode what looks like an encoded
word in the caller's text, and before Python 3.13.1 they drop quotes of display names when they
refold. Its `Charset` knows few charsets, and writes some by another name than the caller's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from email import base64mime, quoprimime
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.message.charsets import UTF8, Charset, utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Field = tuple[str, str]

WIDTH = 78  # RFC 5322 section 2.1.1: lines should not be longer
_LONGEST = 998  # and must not be longer than this
_WORD = 75  # RFC 2047 section 2: an encoded word
_LONGEST_QUOTED = 60  # characters of a display name, which stay on one line
_LONG_TOKEN = 900  # leaves room for the field name before `_LONGEST`

_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 section 3.6.8: printable without the colon
_PRINTABLE = re.compile(r"[\t -~]*")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_TOKEN = re.compile(r"[\w!#$&+.^`{|}~-]+", re.ASCII)  # RFC 2231 leaves out * ' %
_LONG_RUN = re.compile(rf"[^ \t]{{{_LONG_TOKEN}}}")
# A line is broken before blanks. First choice are blanks outside of quoted strings: not every
# reader of MIME parameters unfolds inside of them. Their length is bounded, so that a value full
# of quotes takes no quadratic time.
_CHUNKS = (
    re.compile(rb'[ \t]*(?:"(?:[^"\\]|\\.){0,300}"|[^ \t])+'),
    re.compile(rb"[ \t]*[^ \t]+"),
)


class Style(NamedTuple):
    """How fields are written: the charset of encoded words, and where lines are folded."""

    charset: Charset = UTF8
    width: int = WIDTH


STYLE = Style()


def check_name(name: str) -> str:
    """Return the name of a header field unchanged.

    Raises:
        UsageError: If it is not one by RFC 5322 section 3.6.8.
    """
    refuse_controls(name, "header name")
    if not _NAME.fullmatch(name):
        raise Situation.BAD_VALUE.error("is not the name of a header field", subject=repr(name))
    return name


def is_content(field: Field) -> bool:
    """Tell whether *field* is of the content and not of the message (RFC 2045 section 9)."""
    return field[0].lower().startswith("content-")


def encode_text(name: str, text: str, style: Style = STYLE) -> str:
    """Return *text* as the value of the unstructured field *name*; it decodes to exactly *text*.

    Raises:
        UsageError: If it holds CR, LF, NUL, or what the charset cannot express.
    """
    refuse_controls(text, name)
    as_it_is = (
        _PRINTABLE.fullmatch(text)
        and "=?" not in text
        and text == text.strip()
        and not _LONG_RUN.search(text)
    )
    return text if as_it_is else _encoded_words(name, text, style, beside=len(name) + 1)


def encode_field(name: str, value: str, style: Style = STYLE) -> str:
    """Return *value* for a field that the caller wrote himself; printable ASCII stays as it is.

    Raises:
        UsageError: If it holds CR, LF, NUL, or what the charset cannot express.
    """
    text = refuse_controls(value, name).strip(" \t")
    return text if _PRINTABLE.fullmatch(text) else encode_text(name, text, style)


def phrase(name: str, style: Style = STYLE, *, field: str = "display name") -> str:
    """Return a display name as RFC 5322 atoms, a quoted string, or encoded words.

    *field* names in an error where it stands.

    Raises:
        UsageError: If it holds CR, LF, NUL, or what the charset cannot express.
    """
    refuse_controls(name, field)
    if not _PRINTABLE.fullmatch(name) or "=?" in name or _LONG_RUN.search(name):
        return _encoded_words(field, name, style)
    if _ATOMS.fullmatch(name) or not name:
        return name
    if len(name) > _LONGEST_QUOTED:  # a quoted string is not folded
        return _encoded_words(field, name, style)
    return f'"{_escaped(name)}"'


def parameter(name: str, value: str) -> str:
    """Return a MIME parameter with its semicolon, by RFC 2231 where RFC 2045 has no way.

    A value with a quote, backslash or semicolon is written by RFC 2231 too, since readers differ
    about what these are in quoted strings.

    Raises:
        UsageError: If it holds CR, LF, NUL, or what UTF-8 cannot express.
    """
    refuse_controls(value, name)
    if _TOKEN.fullmatch(value):
        return f"; {name}={value}"
    if _PRINTABLE.fullmatch(value) and not set('"\\;\t') & set(value):
        return f'; {name}="{value}"'
    from urllib.parse import quote

    utf8(value, name)
    return f"; {name}*=utf-8''{quote(value, safe='')}"


def parameter_text(value: str | tuple[str | None, str | None, str]) -> str:
    """Return a parameter as `Message.get_params` gives it, as text.

    Only what came by RFC 2231 is collapsed: collapsing a string takes quotes and angle brackets
    off a second time.

    Raises:
        LookupError, ValueError: If the parameter's charset is none.
    """
    from email.utils import collapse_rfc2231_value

    return value if isinstance(value, str) else collapse_rfc2231_value(value)


def header_bytes(fields: Iterable[Field], width: int = WIDTH) -> bytes:
    """Return the lines of *fields*, folded at *width* where blanks allow it, with CRLF.

    The empty line that ends a header is not among them.

    Raises:
        UsageError: If a name or value cannot stand in a header, or has no blank in more than 998
            characters.
    """
    return b"".join(_field_bytes(name, value, width) for name, value in fields)


def parse_fields(text: str, style: Style = STYLE) -> tuple[Field, ...]:
    """Read header lines as RFC 5322 writes them, folded or not, with CRLF or LF.

    Raises:
        UsageError: If a line is neither a field nor the continuation of one.
    """
    fields: list[Field] = []
    for line in filter(None, text.replace("\r\n", "\n").split("\n")):
        if line[0] in " \t" and fields:
            name, value = fields.pop()
            fields.append((name, value + line))
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise Situation.BAD_VALUE.error("is not a header line", subject=repr(line[:60]))
        fields.append((check_name(name.rstrip(" \t")), value))
    return tuple((name, encode_field(name, value, style)) for name, value in fields)


def decode(value: str) -> str:
    """Return *value* with its encoded words as text, or as it is where they are broken."""
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _field_bytes(name: str, value: str, width: int) -> bytes:
    check_name(name)
    refuse_controls(value, name)
    head = name.encode() + b":"
    data = utf8(value.strip(" \t"), name)
    for pattern in _CHUNKS:
        lines = _folded(head, b" " + data if data else b"", pattern, width)
        if max(map(len, lines)) <= _LONGEST:
            return b"\r\n".join(lines) + b"\r\n"
    raise Situation.BAD_VALUE.error("has no blank to fold at in 998 characters", subject=name)


def _folded(head: bytes, data: bytes, pattern: re.Pattern[bytes], width: int) -> list[bytes]:
    """Return the lines of a field; the first chunk stays beside the name whatever its length."""
    first, *rest = pattern.findall(data) or [b""]
    lines = [head + first]
    for chunk in rest:
        if len(lines[-1]) + len(chunk) <= width:
            lines[-1] += chunk
        else:
            lines.append(chunk)
    return lines


def _encoded_words(name: str, text: str, style: Style, *, beside: int = 0) -> str:
    """Return *text* as encoded words, each of whole characters and decodable alone (RFC 2047).

    *beside* is the length of what stands before the first of them on its line.
    """
    word = _shorter(style.charset.encode(text, name))

    def encoded(start: int, length: int) -> str:
        data = text[start : start + length].encode(style.charset.codec)
        return word(data, style.charset.name)

    words: list[str] = []
    start = 0
    while start < len(text):
        room = _room(style.width - 1 - (0 if words else beside))
        lengths = range(1, min(_WORD, len(text) - start) + 1)
        fitting = bisect_right(lengths, room, key=lambda length: len(encoded(start, length)))
        words.append(encoded(start, max(fitting, 1)))
        start += max(fitting, 1)
    return " ".join(words)


def _shorter(data: bytes) -> Callable[[bytes, str], str]:
    """Return the encoding of RFC 2047 section 4 that makes less of *data*."""
    longer = base64mime.header_length(data) >= quoprimime.header_length(data)
    return quoprimime.header_encode if longer else base64mime.header_encode


def _room(width: int) -> int:
    """Return how long an encoded word may be; one that is too short would hold no character."""
    return max(min(width, _WORD), _WORD // 2)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
