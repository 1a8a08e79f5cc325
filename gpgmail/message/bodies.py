"""Transfer encodings: bytes in, canonical CRLF lines of 7-bit text out (RFC 2045 section 6).

What leaves here survives a relay unchanged, so that a signature over it holds (RFC 3156 section 3):
no byte beyond ASCII, no blank at the end of a line, no `From ` at its start, no line that a relay
splits. A body is empty or ends with CRLF, because the end of SMTP data would add one.

Text whose line ends are all alike, LF or CRLF, gets CRLF as every mail does. Any other body (a lone
CR, mixed line ends, a last line without an end) decodes to exactly the bytes that were given.
"""

from __future__ import annotations

import binascii
import re
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROW = 57  # bytes that make a line of 76 characters
_ROWS = 512  # lines that are cut apart at once, the fastest of 256 to 4096
BLOCK = _ROW * _ROWS  # reading in this size copies nothing twice
_CUT = Struct("76s" * _ROWS).unpack

_PLAIN = bytes([*b"\t\r\n", *range(0x20, 0x7F)])  # what 7bit text is made of here
_LONGEST = 990  # RFC 5321 allows 998, but sendmail splits lines at 990 by default
_FRAGILE = (b" \r\n", b"\t\r\n", b"\nFrom ")  # what relays strip, and what mailboxes mangle
_LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_LF_IN_TEXT = re.compile(r"(?<!\r)\n")
# A leading dot is escaped too: broken relays double or drop it.
_QP_UNSAFE = re.compile(rb"[^\t -<>-~]|[\t ]\Z|\A\.")
# Up to 73 characters that do not end within an escape; `From ` and `=` make them 76 at most.
_QP_ROW = re.compile(rb".{1,70}(?:=[0-9A-F]{2}|[^=]{1,3}|\Z)", re.DOTALL)
_QP_FROM = re.compile(rb"\AFrom ")


def canonical(data: bytes) -> bytes:
    """Return text with CRLF where its line ends are all LF, otherwise unchanged."""
    return data if b"\r" in data else data.replace(b"\n", b"\r\n")


def whole_lines(text: str) -> str:
    """Return text whose lines end in CRLF, the last one too; a lone CR ends none and stays."""
    lines = _LONE_LF_IN_TEXT.sub("\r\n", text)
    return lines if lines.endswith("\r\n") or not lines else lines + "\r\n"


def is_safe(data: bytes) -> bool:
    """Tell whether canonical *data* can be sent as it is."""
    if not data:
        return True
    lines = data.count(b"\r\n")
    return (
        data.endswith(b"\r\n")
        and not data.translate(None, _PLAIN)
        and data.count(b"\r") == data.count(b"\n") == lines
        and not data.startswith(b"From ")
        and not any(fragile in data for fragile in _FRAGILE)
        and max(map(len, data.split(b"\r\n"))) <= _LONGEST
    )


def encode_text(data: bytes) -> tuple[str, bytes]:
    """Return the transfer encoding chosen for canonical text, and the encoded body."""
    if is_safe(data):
        return "7bit", data
    escapes = len(_QP_UNSAFE.findall(data)) - 2 * data.count(b"\r\n")
    if escapes * 3 > len(data):  # nobody could read it, and it would be longer
        return "base64", b"".join(base64_lines([data]))
    return "quoted-printable", _quoted_printable(data)


def base64_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Encode a stream; every chunk that comes out is whole lines."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        whole = len(data) - len(data) % BLOCK
        for start in range(0, whole, BLOCK):
            encoded = binascii.b2a_base64(data[start : start + BLOCK], newline=False)
            yield b"\r\n".join(_CUT(encoded)) + b"\r\n"
        rest = data[whole:]
    if rest:
        encoded = binascii.b2a_base64(rest, newline=False)
        rows = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
        yield b"\r\n".join(rows) + b"\r\n"


def base64_size(size: int) -> int:
    """Return how many bytes `base64_lines` makes of *size* bytes."""
    return -(-size // 3) * 4 + -(-size // _ROW) * 2


def crlf(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn every LF that no CR precedes into CRLF, in a stream."""
    last = b""
    for chunk in filter(None, chunks):
        joined = last + chunk
        yield _LONE_LF.sub(b"\r\n", joined)[len(last) :]
        last = chunk[-1:] if chunk.endswith(b"\r") else b""


def lf(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn every CRLF into LF, in a stream."""
    held = b""
    for chunk in chunks:
        joined = held + chunk
        held = b"\r" if joined.endswith(b"\r") else b""
        yield joined.removesuffix(held).replace(b"\r\n", b"\n")
    if held:
        yield held


def _quoted_printable(data: bytes) -> bytes:
    *lines, last = data.split(b"\r\n")
    encoded = [_quoted_line(line) for line in lines]
    encoded.append(_quoted_line(last) + b"=\r\n" if last else b"")
    return b"\r\n".join(encoded)


def _quoted_line(line: bytes) -> bytes:
    escaped = _QP_UNSAFE.sub(_escape, line)
    return b"=\r\n".join(_QP_FROM.sub(b"=46rom ", row) for row in _QP_ROW.findall(escaped))


def _escape(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found[0][0]
