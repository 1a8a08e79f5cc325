"""Status lines as values: cutting, unknown keywords, escapes, names of algorithms."""

from __future__ import annotations

import pytest

from gpgmail.gpg.status import (
    CIPHERS,
    HASHES,
    PUBLIC_KEY_ALGORITHMS,
    StatusLine,
    StatusParser,
    algorithm,
    error_number,
    parse,
    select,
)

STREAM = (
    b"[GNUPG:] KEY_CONSIDERED ABCD 2\n"
    b"gpg: words for people\n"
    b"[GNUPG:] FROM_THE_FUTURE 1 2 3\n"
    b"[GNUPG:] USERID_HINT 0123456789ABCDEF Zo\xc3\xab 100%25 <zoe@example.org>\n"
    b"[GNUPG:] END_ENCRYPTION\n"
)


def test_unknown_keywords_pass_and_other_text_is_dropped():
    keywords = [line.keyword for line in parse(STREAM)]
    assert keywords == ["KEY_CONSIDERED", "FROM_THE_FUTURE", "USERID_HINT", "END_ENCRYPTION"]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_any_cutting_gives_the_same_lines(size):
    parser = StatusParser()
    lines = []
    for start in range(0, len(STREAM), size):
        lines += parser.feed(STREAM[start : start + size])
    assert tuple(lines) == parse(STREAM)


def test_words_numbers_and_text():
    hint = next(select(parse(STREAM), "USERID_HINT"))
    assert hint.arg(0) == "0123456789ABCDEF"
    assert StatusLine("", hint.args[1:]).text == "Zoë 100% <zoe@example.org>"
    assert hint.arg(99) == ""
    considered = next(select(parse(STREAM), "KEY_CONSIDERED"))
    assert (considered.number(1), considered.number(0), considered.number(9)) == (2, 0, 0)


@pytest.mark.parametrize(
    ("word", "number"),
    [("67108875", 11), ("67108949", 85), ("11", 11), ("33554531", 99), ("", 0), ("x", 0)],
)
def test_error_numbers_are_masked(word, number):
    assert error_number(word) == number


def test_algorithm_names():
    assert algorithm(HASHES, "10") == "SHA512"
    assert algorithm(CIPHERS, "9") == "AES256"
    assert algorithm(PUBLIC_KEY_ALGORITHMS, "22") == "EDDSA"
    assert algorithm(HASHES, "77") == "algorithm 77"
    assert algorithm(HASHES, "") == "algorithm "
