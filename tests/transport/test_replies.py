"""Reply lines, and what of them may reach a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.transport.replies import ReplyLine, decoded, parse_line, printable


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"250 Ok", ReplyLine(250, more=False, text=b"Ok")),
        (b"250-Ok  ", ReplyLine(250, more=True, text=b"Ok")),
        (b"250", ReplyLine(250, more=False, text=b"")),
        (b"250 ", ReplyLine(250, more=False, text=b"")),
        (b"250-", ReplyLine(250, more=True, text=b"")),
        (b"354 \xff", ReplyLine(354, more=False, text=b"\xff")),
    ],
)
def test_a_reply_line(line, expected):
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    "line",
    [b"", b"25", b"2500 x", b"250x", b" 250 x", b"abc", b"150 x", b"650 x", b"-1 x", b"25\xb2 x"],
)
def test_anything_else_is_none(line):
    assert parse_line(line) is None


@given(st.binary(max_size=40))
def test_nothing_that_acts_on_a_terminal_is_left(data):
    assert decoded(data).isprintable()


def test_text_stays_readable():
    assert printable("grüße 日本") == "grüße 日本"
    assert decoded(b"\x1b[31mred\x07\xff") == r"\x1b[31mred\x07\xff"
