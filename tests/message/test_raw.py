"""What a raw mail is known to be before it goes out, however large its header is."""

from __future__ import annotations

import io

import pytest

from gpgmail.core.errors import UsageError
from gpgmail.message.raw import look

FROM = b"From: a@example.org\r\n"
BLIND = b"Bcc: eve@example.org\r\n"
MEBIBYTE = 1 << 20


class Drops(io.RawIOBase):
    """A stream that gives *size* bytes at a time."""

    def __init__(self, data, size):
        self._data = io.BytesIO(data)
        self._size = size

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = self._data.read(min(self._size, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def padding(size):
    """Header fields of *size* bytes together."""
    lines, rest = divmod(size, 64)
    return b"X: " + b"y" * (59 + rest) + b"\r\n" + (b"X: " + b"y" * 59 + b"\r\n") * (lines - 1)


@pytest.mark.parametrize("more", [0, 1, 2, 30, 64])
@pytest.mark.parametrize("size", [28 * 1024, 29184, MEBIBYTE, 2 * MEBIBYTE])
def test_a_blind_copy_is_seen_behind_a_header_of_any_size(size, more):
    head = FROM + padding(size - len(FROM) - more)
    assert len(head) == size - more
    for end in (b"", b"\r\n", b"\r\n\r\nbody\r\n"):
        with pytest.raises(UsageError, match="Bcc"):
            look(head + BLIND.rstrip() + end)
        assert look(head.rstrip() + end).names == {"from", "x"}


@pytest.mark.parametrize("at", ["before", "behind"])
def test_one_field_larger_than_anything_hides_none(at):
    large = b"X: " + b"y" * 2 * MEBIBYTE + b"\r\n z\r\n"
    head = FROM + large + BLIND if at == "behind" else large + BLIND + FROM
    with pytest.raises(UsageError, match="Bcc"):
        look(head + b"\r\n")


@pytest.mark.parametrize("size", range(1, 40))
def test_pieces_change_nothing(size):
    data = FROM + b"X-Y :  a\r\n\tb: c\r\n" + b"\r\nBcc: words of the body\r\n"
    raw = look(Drops(data, size))
    assert raw.names == {"from", "x-y"}
    assert b"".join(raw.chunks()) == data
    with pytest.raises(UsageError, match="Bcc"):
        look(Drops(FROM + BLIND + b"\r\nbody", size))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n" + FROM + b"\r\n",  # begins with an empty line
        b" folded\r\n" + FROM,
        FROM + b"no field\r\n",
        FROM + b": no name\r\n",
        FROM + b"a line without end",
        b"12:00:01 a log\r\n" * 100_000,
        b"=" * 2 * MEBIBYTE,
    ],
)
def test_what_is_no_header_is_a_body(body):
    assert not look(body).whole


@pytest.mark.parametrize(
    ("data", "head", "body"),
    [
        (FROM + b"\r\nbody\r\n", True, True),
        (FROM + "Subject: Zoë\r\n\r\nbody\r\n".encode(), False, True),
        (FROM + "\r\nZoë\r\n".encode(), True, False),
    ],
)
def test_what_is_not_ascii_is_known_of_header_and_body_apart(data, head, body):
    raw = look(data)
    assert (raw.ascii_head, raw.ascii_body) == (head, body)


def test_a_body_that_is_not_ascii_says_so_wherever_that_is():
    for data in (FROM + "Zoë: 1\r\n".encode(), "a\r\nZoë".encode()):
        with pytest.raises(UsageError, match="bytes above 127"):
            look(data).body(())
