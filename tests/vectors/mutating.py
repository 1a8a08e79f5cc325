"""Changes to a mail: by where in it, in parts of a million, and what.

The same changes are drawn by hypothesis in the tests and at random by `fuzz.py`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

_BOUNDARY = re.compile(rb'boundary="?([^";\r\n]+)')
_ARMOR = re.compile(rb"-----BEGIN PGP ([A-Z ]+)-----")
_TYPES = (b"multipart/mixed", b"multipart/signed", b"multipart/encrypted", b"message/rfc822")
_TYPE = re.compile(rb"(?i)content-type: *([a-z]+/[a-z-]+)")
_ENCODING = re.compile(rb"(?i)content-transfer-encoding: *[a-z0-9-]+")


@dataclass(frozen=True)
class Change:
    """What is done (a name of `KINDS`), where, with which bytes, and how many."""

    kind: str
    where: int
    new: bytes
    size: int

    def __call__(self, data: bytes) -> bytes:
        return KINDS[self.kind](data, self.where * len(data) // 1_000_000, self) or b"\n"


def _flip(data, at, change):
    return data[:at] + bytes([data[at] ^ (1 << change.size % 8)]) + data[at + 1 :]


def _line(data, at, change):
    """Drop, double, swap or move lines."""
    rows = data.splitlines(keepends=True)
    one = data.count(b"\n", 0, at) % len(rows)
    other = (one + change.size) % len(rows)
    kinds = (
        lambda: rows[:one] + rows[one + 1 :],
        lambda: rows[:one] + rows[one : one + 1] * 2 + rows[one + 1 :],
        lambda: [rows[{one: other, other: one}.get(n, n)] for n in range(len(rows))],
        lambda: rows[:one] + rows[other:] + rows[one:other],
    )
    return b"".join(kinds[change.new[0] % len(kinds)]())


def _boundary(data, at, change):
    found = _BOUNDARY.findall(data)
    if not found:
        return data
    old = found[at % len(found)]
    new = found[change.size % len(found)] if change.new[0] % 2 else old[: change.size % len(old)]
    return data.replace(old, new, 1 + change.new[0] % 3)


def _parts(data, at, change):
    """Move, drop or repeat what stands between two delimiters."""
    found = _BOUNDARY.findall(data)
    if not found:
        return data
    delimiter = b"--" + found[at % len(found)]
    head, *parts = data.split(delimiter)
    if not parts:
        return data
    one = change.size % len(parts)
    kinds = (
        lambda: parts[:one] + parts[one + 1 :],
        lambda: [*parts[: one + 1], *parts[one:]],
        lambda: parts[::-1],
        lambda: parts[one:] + parts[:one],
    )
    return delimiter.join([head, *kinds[change.new[0] % len(kinds)]()])


def _replace(pattern, values):
    def change_one(data, at, change):
        found = list(pattern.finditer(data))
        if not found:
            return data
        one = found[at % len(found)]
        new = values[change.size % len(values)]
        return data[: one.start()] + new + data[one.end() :]

    return change_one


def _ends(data, at, change):
    ends = (b"\n", b"\r", b"\r\r\n", b"\n\n", b"\r\n\r\n", b"")
    new = ends[change.size % len(ends)]
    return data[:at] + data[at:].replace(b"\r\n", new, change.new[0] or -1)


def _nest(data, at, change):
    """The whole mail again inside of what stands at a place."""
    return data[:at] + b"\r\n\r\n" + data + data[at:]


def _encode(data, at, change):
    end = at + change.size * 20
    return data[:at] + base64.b64encode(data[at:end]) + data[end:]


KINDS = {
    "flip": _flip,
    "cut": lambda data, at, _: data[:at],
    "behead": lambda data, at, _: data[at:],
    "drop": lambda data, at, change: data[:at] + data[at + change.size :],
    "insert": lambda data, at, change: data[:at] + change.new + data[at:],
    "many": lambda data, at, change: data[:at] + change.new * 500 + data[at:],
    "repeat": lambda data, at, change: data[: at + change.size * 9] + data[at:],
    "line": _line,
    "boundary": _boundary,
    "parts": _parts,
    "type": _replace(
        _TYPE, [b"Content-Type: " + one for one in (*_TYPES, b"text/html", b"text/plain")]
    ),
    "encoding": _replace(
        _ENCODING,
        [
            b"Content-Transfer-Encoding: " + one
            for one in (b"base64", b"quoted-printable", b"x", b"8bit")
        ],
    ),
    "armor": _replace(
        _ARMOR,
        [
            b"-----BEGIN PGP " + one + b"-----"
            for one in (b"MESSAGE", b"SIGNED MESSAGE", b"SIGNATURE")
        ],
    ),
    "ends": _ends,
    "nest": _nest,
    "encode": _encode,
}
