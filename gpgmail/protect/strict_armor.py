"""ASCII armor held against every word of RFC 9580 section 6: pure, no gpg is asked."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from gpgmail.gpg.crc24 import checksum
from gpgmail.protect.findings import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BEGIN = re.compile(rb"-----BEGIN PGP ([A-Z ]+)-----[ \t]*")
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*: ?.*")
_DATA = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_CHECKSUM = re.compile(rb"=([A-Za-z0-9+/]{4})")
_LONGEST_LINE = 76
_MOST_CHECKED = 16 * 1024 * 1024  # bytes whose checksum is counted, which takes seconds

Found = tuple[Rule, int, str]  # the line, counted from zero within the armor, and what more to say


def armor_findings(content: bytes, kind: str) -> Iterator[Found]:
    """Yield what is wrong with the armor of an OpenPGP `MESSAGE` or `SIGNATURE`."""
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    begin = next((at for at, line in enumerate(lines) if _BEGIN.fullmatch(line)), None)
    if begin is None:
        yield Rule.NOT_ARMORED, 0, ""
        return
    found = _BEGIN.fullmatch(lines[begin])
    named = found[1].decode() if found else ""
    if named != kind:
        yield Rule.ARMOR_KIND, begin, f"{named}, not {kind}"
    end = _end_of(lines, begin)
    if end is None:
        yield Rule.ARMOR_END, len(lines) - 1, ""
        return
    if lines[end].rstrip() != b"-----END PGP %s-----" % named.encode():
        yield Rule.ARMOR_END, end, ""
    if any(map(bytes.strip, (*lines[:begin], *lines[end + 1 :]))):
        yield Rule.ARMOR_AROUND, begin, ""
    yield from _inside(lines, begin + 1, end)


def _end_of(lines: Sequence[bytes], begin: int) -> int | None:
    places = range(begin + 1, len(lines))
    return next((at for at in places if lines[at].startswith(b"-----")), None)


def _inside(lines: Sequence[bytes], start: int, end: int) -> Iterator[Found]:
    """Look at header lines, data and checksum."""
    at = start
    while at < end and b":" in lines[at]:
        if not _HEADER.fullmatch(lines[at]):
            yield Rule.ARMOR_HEADER, at, repr(lines[at][:60].decode("latin-1"))
        at += 1
    if at < end and lines[at].strip():
        yield Rule.ARMOR_EMPTY_LINE, at, ""
    else:
        at += 1
    data = [line.rstrip() for line in lines[at:end]]
    stated = _CHECKSUM.fullmatch(data[-1]) if data else None
    if stated:
        data.pop()
    yield from _data(data, at, stated[1] if stated else None)


def _data(data: Sequence[bytes], at: int, stated: bytes | None) -> Iterator[Found]:
    for number, line in enumerate(data):
        if len(line) > _LONGEST_LINE:
            yield Rule.ARMOR_LONG_LINE, at + number, f"{len(line)}"
            break
    wrong = next((number for number, line in enumerate(data) if not _DATA.fullmatch(line)), None)
    if wrong is not None:
        yield Rule.ARMOR_DATA, at + wrong, ""
        return
    try:
        packets = base64.b64decode(b"".join(data), validate=True)
    except binascii.Error:
        yield Rule.ARMOR_DATA, at + len(data) - 1, ""
        return
    if not packets:
        yield Rule.ARMOR_DATA, at, "there is none"
    elif stated is not None and len(packets) <= _MOST_CHECKED:
        true = base64.b64encode(checksum(packets).to_bytes(3, "big"))
        if true != stated:
            yield Rule.ARMOR_CHECKSUM, at + len(data), f"{stated.decode()}, not {true.decode()}"
