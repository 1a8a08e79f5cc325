from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpgmail.core.errors import UsageError
from gpgmail.message.charsets import of_name
from gpgmail.message.headers import (
    Style,
    decode,
    encode_field,
    encode_text,
    header_bytes,
    parameter,
    parameter_text,
    parse_fields,
    phrase,
)

TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
ENCODED_WORD = re.compile(rb"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")


def parsed(data):
    return message_from_bytes(data + b"\r\n", policy=policy.default)


def folded(name, value, width=78):
    return header_bytes([(name, value)], width)


@given(TEXT)
@example("=?utf-8?q?not_an_encoded_word?=")
@example(" blanks at both ends ")
@example("a  b   c\td")
@example("x" * 2000)
@example("word " * 500)
@example("Grüße aus München, " * 60)
@example("👩‍👩‍👧" * 40)
@example("line\u2028separator\x85and\x0bother\x1cbreaks")
@example('an "unclosed quote')
@example('"' + "quoted with blanks " * 60 + '"')
def test_a_subject_is_read_as_it_was_given_by_a_parser_that_is_not_ours(text):
    data = folded("Subject", encode_text("Subject", text))
    message = parsed(data)
    assert str(message["Subject"]) == text
    assert len(message.keys()) == 1


@given(TEXT)
def test_header_lines_are_ascii_folded_and_short(text):
    data = folded("Subject", encode_text("Subject", text))
    assert data.isascii()
    assert data.endswith(b"\r\n")
    for line in data[:-2].split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert line.strip()
        assert len(line) <= 998
        assert (
            len(line) <= 78 or b" " not in line.strip().removeprefix(b"Subject: ") or b'"' in line
        )


@given(st.text(st.characters(min_codepoint=0xA0, exclude_categories=["Cs"]), min_size=1))
def test_an_encoded_word_has_75_characters_and_splits_no_character(text):
    value = encode_text("Subject", text).encode()
    words = value.split(b" ")
    assert all(ENCODED_WORD.fullmatch(word) and len(word) <= 75 for word in words)
    assert "".join(decode(word.decode()) for word in words) == text


def test_the_width_is_the_callers():
    value = "word " * 40 + "end"
    assert max(map(len, folded("X", value, 40).split(b"\r\n"))) <= 40
    assert folded("X", value, 998).count(b"\r\n") == 1


def test_folding_adds_and_removes_no_blank():
    value = "one  two   three " * 20 + "end"
    assert folded("X", value).replace(b"\r\n", b"") == b"X: " + value.encode()


def test_quoted_strings_are_not_folded_inside():
    value = 'attachment; filename="' + "a long name " * 8 + '.pdf"'
    lines = folded("Content-Disposition", value).split(b"\r\n")
    assert lines[1] == b' filename="' + b"a long name " * 8 + b'.pdf"'


@pytest.mark.timeout(20)
@pytest.mark.parametrize("value", ['"' + '\\" ' * 40_000, '"' * 100_000 + " x", '\\" ' * 40_000])
def test_folding_a_value_full_of_quotes_takes_no_quadratic_time(value):
    try:
        assert folded("X", value).replace(b"\r\n", b"") == b"X: " + value.strip().encode()
    except UsageError as error:
        assert "no blank" in str(error)  # noqa: PT017 -- either outcome is right, late is not


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize(
    "build",
    [
        lambda text: encode_text("Subject", text),
        lambda text: encode_field("X-A", text),
        phrase,
        lambda text: parameter("filename", text),
        lambda text: header_bytes([("X-A", text)]),
        lambda text: header_bytes([(text, "value")]),
    ],
)
def test_controls_are_refused_wherever_text_comes_in(build, bad):
    with pytest.raises(UsageError) as caught:
        build(f"x{bad}Bcc: eve@example.org")
    assert caught.value.code.name == "INJECTION"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "x" * 77])
def test_what_is_no_field_name_is_refused(name):
    with pytest.raises(UsageError):
        header_bytes([(name, "value")])


def test_a_lone_surrogate_is_refused_and_named_without_failing_itself():
    with pytest.raises(UsageError, match="lone surrogate at 1"):
        encode_text("Subject", "a\ud800b")


def test_a_word_that_cannot_be_folded_is_refused():
    with pytest.raises(UsageError, match="no blank to fold at"):
        header_bytes([("X-A", "x" * 1000)])


def test_fields_of_the_caller_keep_encoded_words_and_get_new_ones_beyond_ascii():
    assert encode_field("X-A", "=?utf-8?q?ready?=") == "=?utf-8?q?ready?="
    assert decode(encode_field("X-A", "für")) == "für"


@given(TEXT)
@example('quoted "inside" and \\')
@example("Doe, Jane")
@example("John Q. Public")
@example(" padded ")
@example("=?utf-8?q?x?=")
def test_a_display_name_is_read_as_it_was_given(name):
    # The header classes of Python 3.11 put a blank between two encoded words of a name.
    data = folded("From", f"{phrase(name)} <a@example.org>")
    shown, address = parseaddr(data.replace(b"\r\n", b"").decode().removeprefix("From: "))
    assert address == "a@example.org"
    assert decode(shown) == name
    (box,) = parsed(data)["From"].addresses
    assert box.addr_spec == "a@example.org"
    assert "".join(box.display_name.split()) == "".join(name.split())


@given(TEXT.filter(lambda text: text == text.strip() and 0 < len(text.encode()) < 256))
@example('a "quoted" name\\with backslash.txt')
@example("semi;colon=equals.txt")
@example("with % percent 'and' stars*.txt")
@example("ä b.txt")
@example("<angle>")
@example('"quotes"')
@example("tab\there")
def test_a_file_name_is_read_as_it_was_given(name):
    value = "attachment" + parameter("filename", name)
    data = folded("Content-Disposition", value)
    assert parsed(data)["Content-Disposition"].params["filename"] == name
    old = message_from_bytes(data).get_param("filename", header="Content-Disposition")
    assert parameter_text(old) == name


def test_a_file_name_beyond_ascii_is_written_by_rfc_2231():
    assert parameter("filename", "ä b.txt") == "; filename*=utf-8''%C3%A4%20b.txt"


def test_header_lines_are_unfolded_before_they_are_encoded():
    style = Style(of_name("ISO-8859-1"))
    assert parse_fields("X-A: Grüße\n aus Köln\nX-B: ß", style) == (
        ("X-A", "=?ISO-8859-1?q?Gr=FC=DFe_aus_K=F6ln?="),
        ("X-B", "=?ISO-8859-1?q?=DF?="),
    )


def test_header_lines_are_taken_apart():
    text = "X-A: one\r\n two\nX-B:three\r\n\r\nX-C : für\n"
    assert parse_fields(text) == (
        ("X-A", "one two"),
        ("X-B", "three"),
        ("X-C", "=?utf-8?q?f=C3=BCr?="),
    )


@pytest.mark.parametrize(
    "text", [" starts with a fold", "no colon", "a b: c", "X: a\rY: b", "X: \0"]
)
def test_what_are_no_header_lines_is_refused(text):
    with pytest.raises(UsageError):
        parse_fields(text)


@given(st.text())
@example("=?utf-8?b?!!!?=")
@example("=?nosuch?q?x?=")
@example("=?utf-8?q?=FF?=")
def test_decoding_never_fails(value):
    assert isinstance(decode(value), str)
