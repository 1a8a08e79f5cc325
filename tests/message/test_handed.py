"""What programs hand over is taken as sendmail takes it, byte by byte but for the line ends."""

from __future__ import annotations

import io

import pytest

from gpgmail.core.errors import MessageError
from gpgmail.message.handed import field, take, taken_apart
from gpgmail.message.headers import decode


def parts(data, **how):
    handed = take(io.BytesIO(data), **how)
    return [one.lines for one in handed.fields], b"".join(handed.body)


@pytest.mark.parametrize(
    ("data", "fields", "body"),
    [
        (b"A: 1\nB: 2\n\ntext\n", [b"A: 1\r\n", b"B: 2\r\n"], b"text\r\n"),
        (b"A: 1\r\n\r\ntext\r\n", [b"A: 1\r\n"], b"text\r\n"),
        (b"A: 1\n folded\n\tmore\n\nx", [b"A: 1\r\n folded\r\n\tmore\r\n"], b"x\r\n"),
        (b"just text\nand more\n", [], b"just text\r\nand more\r\n"),
        (b"A: 1\nno field here\n\nx\n", [b"A: 1\r\n"], b"no field here\r\n\r\nx\r\n"),
        (b"From root Mon Jan  1\nA: 1\n\nx\n", [b"A: 1\r\n"], b"x\r\n"),
        (b">From root Mon\nA: 1\n\nFrom x\n", [b"A: 1\r\n"], b"From x\r\n"),
        (b"\nA: 1\n", [], b"A: 1\r\n"),
        (b"A : 1\n\n", [b"A : 1\r\n"], b""),
        (b"A: 1\n", [b"A: 1\r\n"], b""),
        (b"", [], b""),
        (
            b"A: 1\n\na\rb\n\r\nmixed\r\n\xff\x00",
            [b"A: 1\r\n"],
            b"a\rb\r\n\r\nmixed\r\n\xff\x00\r\n",
        ),
        (b"A: 1\n\nx\r", [b"A: 1\r\n"], b"x\r\n"),
    ],
)
def test_header_and_body(data, fields, body):
    assert parts(data) == (fields, body)


@pytest.mark.parametrize("ending", [b".\n", b".\r\n", b"."])
def test_a_dot_alone_ends_it_where_it_does(ending):
    data = b"A: 1\n\none\n..\n.x\n" + ending + b"behind\n" * ending.endswith(b"\n")

    assert parts(data, ends_at_dot=True) == ([b"A: 1\r\n"], b"one\r\n..\r\n.x\r\n")
    assert parts(data)[1].startswith(b"one\r\n..\r\n.x\r\n.")


def test_a_dot_at_the_end_of_a_long_piece_ends_nothing():
    long = b"x" * (1 << 16)

    assert parts(b"\n" + long + b".\nmore\n", ends_at_dot=True)[1] == long + b".\r\nmore\r\n"


def test_a_large_body_is_the_same_bytes_and_is_not_read_at_once():
    line = b"%076d\n" * 1000

    class Source(io.BytesIO):
        most = 0

        def readline(self, *size):
            self.most = max(self.most, self.tell())
            return super().readline(*size)

    source = Source(b"A: 1\n\n" + line * 50 % tuple(range(50_000)))
    handed = take(source)
    assert source.most < 100
    body = b"".join(handed.body)
    assert body.replace(b"\r\n", b"\n") == source.getvalue()[6:]


def test_a_header_without_end_is_refused():
    with pytest.raises(MessageError, match="mebibyte"):
        taken_apart(b"A: 1\n" + b" more\n" * 200_000)
    with pytest.raises(MessageError, match="64 kibibytes"):
        taken_apart(b"A: 1\nB: " + b"x" * 70_000)


def test_a_source_that_fails_is_no_short_mail():
    class Broken(io.BytesIO):
        def readline(self, *_):
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().readline()

    with pytest.raises(MessageError, match="Input/output error"):
        take(Broken(b"A: 1\n\nx\n"))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"Subject:  a b \r\n", "a b"),
        (b"Subject: a\r\n  b\r\n", "a  b"),
        ("Subject: Grüße\r\n".encode(), "Grüße"),
        ("Subject: Grüße\r\n".encode("latin-1"), "Grüße"),
    ],
)
def test_values(line, value):
    (one,) = taken_apart(line + b"\r\n").fields
    assert one.value == value


def test_fields_go_out_as_they_came_unless_no_server_takes_them():
    folded = b"X-Odd:   kept\r\n\tas it is \r\n"
    (one,) = taken_apart(folded + b"\r\n").fields
    assert one.rendered() == folded
    raw = "Subject: Grüße an alle\r\n".encode()
    (one,) = taken_apart(raw + b"\r\n").fields
    assert one.rendered().isascii()
    assert decode(one.rendered().decode().partition(": ")[2].strip()) == "Grüße an alle"
    (one,) = taken_apart(b"Subject: a\rb\0c\r\n\r\n").fields
    assert one.rendered() == b"Subject: a b c\r\n"
    assert field("To", "a@example.org").rendered() == b"To: a@example.org\r\n"
