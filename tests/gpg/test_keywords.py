"""The table of status keywords, held against the keywords and error texts that gpg itself holds."""

from __future__ import annotations

import ctypes
import re
from itertools import pairwise
from pathlib import Path

import pytest

from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find
from gpgmail.gpg.judge import judge
from gpgmail.gpg.keywords import CARD_FAILURES, CARDS, KEYWORDS, NUMBERS
from gpgmail.gpg.runner import Result
from gpgmail.gpg.status import parse
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail

_NAME = re.compile(rb"(?<=\0)[A-Z][A-Z0-9_]{3,39}(?=\0)")


def keywords_in(binary):
    """The names that stand side by side in a gpg, as its table of status codes does."""
    found = list(_NAME.finditer(Path(binary).resolve().read_bytes()))
    runs = [[found[0]]]
    for before, name in pairwise(found):
        if name.start() > before.end() + 1:
            runs.append([])
        runs[-1].append(name)
    tables = [{name[0].decode() for name in run} for run in runs]
    return next(table for table in tables if {"NEWSIG", "GOODSIG", "ENC_TO"} <= table)


def test_the_table_knows_every_keyword_of_this_gpg():
    names = keywords_in(find().path)
    assert len(names) > 80
    assert names - set(KEYWORDS) == set()


@pytest.mark.interop
@pytest.mark.parametrize("path", ["gnupg24/bin/gpg", "usr/bin/gpg1"])
def test_the_table_knows_every_keyword_of_other_versions(path):
    try:
        binary = program(path)
    except ServerUnavailableError as absent:
        skip_or_fail(absent)
    assert keywords_in(binary) - set(KEYWORDS) == set()


def test_only_the_last_field_takes_the_rest_and_names_are_used_once():
    for row in KEYWORDS.values():
        assert not any(field.endswith("...") for field in row.fields[:-1])
        assert len(set(row.fields)) == len(row.fields)
        assert row.reasons is None or "reason" in row.fields
        names = {field.removesuffix("...") for field in row.fields}
        assert row.subject in names | {""}


# Words of libgpg-error that say the same as our row.
SAME = {
    4: "public key algorithm",
    5: "digest algorithm",
    9: "no public key",
    10: "checksum error",
    11: "bad passphrase",
    12: "cipher algorithm",
    17: "no secret key",
    20: "compression algorithm",
    53: "unusable public key",
    54: "unusable secret key",
    58: "no data",
    77: "no agent",
    85: "no pinentry",
    87: "bad pin",
    91: "wrong card",
    94: "revoked",
    99: "cancelled",
    110: "card removed",
    112: "card not present",
    119: "no smartcard daemon",
    125: "key usage",
    130: "pin blocked",
    151: "not trusted",
    153: "key expired",
    177: "no passphrase",
    188: "elliptic curve",
    198: "fully cancelled",
    217: "subkeys are expired or revoked",
    218: "database is corrupted",
}


@pytest.mark.parametrize("number", sorted(SAME))
def test_numbers_are_those_of_libgpg_error(number):
    try:
        library = ctypes.CDLL("libgpg-error.so.0")
    except OSError:
        pytest.skip("libgpg-error.so.0 is not here")
    library.gpg_strerror.restype = ctypes.c_char_p
    assert number in NUMBERS
    assert SAME[number] in library.gpg_strerror(number).decode().lower()


def ended(*lines):
    return Result(2, parse("\n".join(f"[GNUPG:] {line}" for line in lines).encode()), "")


def judged(*lines):
    return judge(ended(*lines), Situation.SIGN_FAILED)


@pytest.mark.parametrize("reason", sorted(CARDS))
def test_a_card_that_is_wanted_is_named(reason):
    error = judged(f"CARDCTRL {reason} D2760001240102000005000011112222")
    assert error.code is CARDS[reason].situation.code
    assert error.subject == "D2760001240102000005000011112222"


def test_a_card_that_was_found_is_no_failure():
    assert judged("CARDCTRL 3 D2760001").code is Situation.SIGN_FAILED.code


@pytest.mark.parametrize("reason", [*sorted(CARD_FAILURES), 9, ""])
def test_a_card_that_fails(reason):
    expected = CARD_FAILURES.get(reason, CARD_FAILURES[0])
    assert judged(f"SC_OP_FAILURE {reason}").code is expected.situation.code


def test_what_the_number_says_outweighs_a_card_that_just_failed():
    assert judged("SC_OP_FAILURE", "FAILURE sign 100663408").code is Situation.KEY_NOT_FOUND.code


@pytest.mark.parametrize(
    ("hint", "situation"),
    [
        ("KEYEXPIRED 1700000000", Situation.KEY_UNUSABLE),
        ("KEYREVOKED", Situation.KEY_UNUSABLE),
        ("NO_PUBKEY 0123456789ABCDEF", Situation.KEY_NOT_FOUND),
        ("ERRMDC", Situation.DECRYPT_FAILED),
        ("KEY_NOT_CREATED", Situation.KEY_CREATE),
    ],
)
def test_hints_decide_only_where_nothing_else_does(hint, situation):
    assert judged(hint).code is situation.code
    assert judged(hint, "BADARMOR").code is Situation.BAD_ARMOR.code
    assert judged(hint, "FAILURE decrypt 33554490").code is Situation.NO_OPENPGP_DATA.code


def test_a_question_that_a_person_cancelled():
    assert judged("PINENTRY_LAUNCHED 4711:gtk2", "CANCELED_BY_USER").code is (
        Situation.PASSPHRASE.code
    )


@pytest.mark.parametrize(
    "keyword", sorted(name for name, row in KEYWORDS.items() if not row.verdict and not row.reasons)
)
def test_what_is_no_failure_explains_none(keyword):
    row = KEYWORDS[keyword]
    words = " ".join("1" for _ in row.fields)
    error = judged(f"{keyword} {words}".strip())
    expected = NUMBERS[1] if 1 in NUMBERS and "number" in row.fields else Situation.SIGN_FAILED
    assert error.code is expected.code
