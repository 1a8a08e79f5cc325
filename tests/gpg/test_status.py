"""Status lines as values: cutting, unknown keywords, escapes, names of algorithms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gpgmail.gpg.status import (
    CIPHERS,
    HASHES,
    PUBLIC_KEY_ALGORITHMS,
    StatusParser,
    algorithm,
    error_number,
    key_id,
    parse,
    parse_line,
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


def test_fields_have_names():
    hint = next(select(parse(STREAM), "USERID_HINT"))
    assert hint.get("key_id") == "0123456789ABCDEF"
    assert hint.get("user_id") == "Zoë 100% <zoe@example.org>"
    considered = next(select(parse(STREAM), "KEY_CONSIDERED"))
    assert (considered.get("fingerprint"), considered.number("flags")) == ("ABCD", 2)
    assert considered.number("fingerprint") == 0
    assert parse_line(b"[GNUPG:] KEY_CONSIDERED ABCD").get("flags") == ""


def test_a_field_that_a_keyword_does_not_have_is_a_mistake():
    considered = parse_line(b"[GNUPG:] KEY_CONSIDERED ABCD 2")
    with pytest.raises(ValueError, match="user_id"):
        considered.get("user_id")
    with pytest.raises(ValueError, match="fingerprint"):
        parse_line(b"[GNUPG:] FROM_THE_FUTURE 1").get("fingerprint")


@pytest.mark.parametrize(
    ("word", "time"),
    [
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("20231114T221320", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("0", None),
        ("", None),
        ("T", None),
        ("-1", None),
        ("9" * 20, None),
        ("9" * 5000, None),
    ],
)
def test_times(word, time):
    line = parse_line(b"[GNUPG:] SIG_CREATED D 22 10 00 " + word.encode() + b" ABCD")
    assert line.time("created") == time


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("67108875", 11),
        ("67108949", 85),
        ("11", 11),
        ("33554531", 99),
        ("67108949_No_pinentry", 85),  # as doc/DETAILS allows
        ("", 0),
        ("x", 0),
        ("9" * 5000, 0),
    ],
)
def test_error_numbers_are_masked(word, number):
    assert error_number(word) == number
    assert parse_line(f"[GNUPG:] FAILURE sign {word}".encode()).error == number


def test_key_ids_of_fingerprints():
    assert key_id("0123456789ABCDEF") == "0123456789ABCDEF"
    assert key_id("F" * 24 + "0123456789ABCDEF") == "0123456789ABCDEF"
    assert key_id("0123456789ABCDEF" + "F" * 48) == "0123456789ABCDEF"  # of version 5


def test_algorithm_names():
    assert algorithm(HASHES, "10") == "SHA512"
    assert algorithm(CIPHERS, "9") == "AES256"
    assert algorithm(PUBLIC_KEY_ALGORITHMS, "22") == "EDDSA"
    assert algorithm(HASHES, "77") == "algorithm 77"
    assert algorithm(HASHES, "") == "algorithm "
    assert algorithm(HASHES, "9" * 5000).startswith("algorithm 9")
