from __future__ import annotations

import binascii
import quopri
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpgmail.message.bodies import (
    BLOCK,
    base64_lines,
    base64_size,
    canonical,
    crlf,
    encode_text,
    is_safe,
)

DECODERS = {
    "7bit": bytes,
    "base64": binascii.a2b_base64,
    "quoted-printable": quopri.decodestring,
}
PIECES = st.sampled_from(
    [
        b"",
        b"a",
        b"From ",
        b".",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"=",
        b"-- ",
        b"\xc3\xa4",
        b"x" * 73,
        b"x" * 80,
        b"y" * 990,
        b"y" * 991,
        b"\x1b",
        b">From ",
        b"=0D",
        b"\xff",
    ]
)
AWKWARD = st.lists(PIECES, max_size=12).map(b"".join)

BODIES = {
    "0 bytes": b"",
    "one line": b"hello\n",
    "no line end": b"hello",
    "1000 characters": b"x" * 1000 + b"\n",
    "lone CR": b"a\rb\n",
    "lone LF among CRLF": b"a\r\nb\nc\r\n",
    "only CR": b"\r",
    "only LF": b"\n",
    "dots": b".\n..\n.x\n",
    "From": b"From me\nFrom you\n",
    "signature delimiter": b"text\n-- \nname\n",
    "trailing blanks": b"a \nb\t\nc  ",
    "NUL": b"a\0b\n",
    "late From": b"x" * 73 + b"From here on\xc3\xa4\n",
    "late dot": b"\xc3\xa4" + b"." * 200 + b"\n",
    "Latin": "Grüße aus München\n".encode() * 3,
    "Cyrillic": "добрый день\n".encode() * 3,
    "all bytes": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_body_is_exact_after_decoding_by_the_standard_library(body):
    encoding, encoded = encode_text(canonical(body))
    assert DECODERS[encoding](encoded) == canonical(body)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", "7bit"),
        (b"hello\n", "7bit"),
        (b".\n", "7bit"),
        (b"x" * 990 + b"\n", "7bit"),
        (b"x" * 991 + b"\n", "quoted-printable"),
        (b"hello", "quoted-printable"),
        (b"From me\n", "quoted-printable"),
        (b"-- \n", "quoted-printable"),
        ("Grüße aus München\n".encode(), "quoted-printable"),
        ("добрый день\n".encode(), "base64"),
    ],
)
def test_the_plainest_encoding_that_is_exact_is_chosen(body, encoding):
    assert encode_text(canonical(body))[0] == encoding


def test_line_ends_that_are_all_alike_become_crlf_and_others_stay():
    assert canonical(b"a\nb\n") == b"a\r\nb\r\n"
    assert canonical(b"a\r\nb\r\n") == b"a\r\nb\r\n"
    assert canonical(b"a\r\nb\nc\r") == b"a\r\nb\nc\r"


@given(AWKWARD)
@example(b"x" * 73 + b"\xc3\xa4" * 3)
@example(b"x" * 72 + b"=From ")
@example(b"\xc3" + b"x" * 72 + b" ")
def test_what_is_encoded_survives_relays(body):
    data = canonical(body)
    encoding, encoded = encode_text(data)
    assert DECODERS[encoding](encoded) == data
    assert is_safe(encoded)
    assert encoded.isascii()
    assert encoded.replace(b"\r\n", b"").count(b"\r") == 0
    for line in encoded.split(b"\r\n"):
        assert not line.startswith(b"From ")
        assert not line.endswith((b" ", b"\t"))
        assert b"\n" not in line
        assert len(line) <= (990 if encoding == "7bit" else 76)
    assert not encoded or encoded.endswith(b"\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"a",
        b"a \r\n",
        b"a\t\r\n",
        b"From x\r\n",
        b"a\nFrom x\r\n",
        b"\xc3\r\n",
        b"\0\r\n",
        b"a\r\r\n",
        b"a\nb\r\n",
        b"\x7f\r\n",
        b"x" * 991 + b"\r\n",
        b"a\r\n ",
    ],
)
def test_what_is_not_safe_is_seen(body):
    assert not is_safe(body)


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 3))
def test_base64_is_the_same_however_the_data_comes(chunks, times):
    data = b"".join(chunks) * times
    lines = b"".join(base64_lines(chunks * times))
    assert binascii.a2b_base64(lines) == data
    assert len(lines) == base64_size(len(data))
    assert all(len(line) == 76 for line in lines.split(b"\r\n")[:-2])


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_base64_at_the_edges_of_blocks(size):
    data = bytes(range(256)) * (size // 256 + 1)
    lines = b"".join(base64_lines([data[:size]]))
    expected = binascii.b2a_base64(data[:size], newline=False)
    assert lines.replace(b"\r\n", b"") == (expected if size else b"")
    assert len(lines) == base64_size(size)


@given(AWKWARD, st.lists(st.integers(0, 60), max_size=6))
def test_line_ends_in_a_stream_do_not_depend_on_where_it_is_cut(data, cuts):
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in pairwise(edges)]
    result = b"".join(crlf(chunks))
    assert result == b"".join(crlf([data]))
    assert result.replace(b"\r\n", b"\n").count(b"\n") == data.count(b"\n")
    assert b"\n" not in result.replace(b"\r\n", b"")
