"""Content for DATA: regrouped without loss, dots doubled, nothing that could end it early."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.errors import MessageError
from gpgmail.transport.content import BLOCK, DotStuffer, blocks

LINES = st.lists(st.binary(max_size=6).map(lambda b: re.sub(rb"[\r\n]", b".", b)), max_size=8)


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def on_the_wire(chunks, *, eight_bit=True):
    stuffer = DotStuffer(eight_bit=eight_bit)
    return b"".join([*(stuffer.feed(chunk) for chunk in chunks if chunk), stuffer.end()])


def as_received(wire):
    """What a server makes of it (RFC 5321 section 4.5.2)."""
    *lines, dot, nothing = wire.split(b"\r\n")
    assert (dot, nothing) == (b".", b"")
    assert b"." not in lines
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


@given(LINES, st.lists(st.integers(min_value=0), max_size=6), st.booleans())
def test_a_server_gets_what_was_given_however_it_was_cut(lines, places, ended):
    content = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    expected = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert as_received(on_the_wire(cut(content, places))) == expected


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n..b\r\n", b"a\r\n..\r\n...b\r\n.\r\n"),
        (b"a.b", b"a.b\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_dots_at_line_starts_are_doubled(content, wire, size):
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    assert on_the_wire(chunks) == wire


@pytest.mark.parametrize(
    "content",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\n.\r\nMAIL",
        b"a\r\r\nb",
        b"\n",
        b"\r",
        b"a\r\n\n",
        b"\n\r",
        b"a\r",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_lone_cr_or_lf_is_refused(content, size):
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    with pytest.raises(MessageError, match="CRLF"):
        on_the_wire(chunks)


def test_a_lone_line_feed_is_refused_before_its_block_is_out():
    with pytest.raises(MessageError):
        DotStuffer(eight_bit=False).feed(b"text\n.\nMAIL FROM:<x>\r\n")


def test_bytes_above_127_must_be_announced():
    with pytest.raises(MessageError, match="127"):
        on_the_wire([b"gr\xc3\xbc\xc3\x9fe\r\n"], eight_bit=False)


@given(st.lists(st.binary(max_size=9), max_size=30))
def test_regrouping_loses_nothing(chunks):
    assert b"".join(blocks(chunks)) == b"".join(chunks)
    assert all(blocks(chunks))


def test_blocks_are_large_and_limited():
    sizes = [len(block) for block in blocks([b"x" * 76] * 3000)]
    assert max(sizes) <= BLOCK
    assert min(sizes[:-1]) > BLOCK - 76
    assert [len(b) for b in blocks([b"x" * (3 * BLOCK + 1)])] == [BLOCK, BLOCK, BLOCK, 1]
