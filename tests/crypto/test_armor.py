"""Header lines that are put into armor as it goes by, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, UsageError
from gpgmail.crypto.armor import ArmorWriter, header_lines, one_header
from gpgmail.crypto.engine import Algorithms

LINES = b"Version: 1\n"
MESSAGE = b"-----BEGIN PGP MESSAGE-----\n\nabcd\n=abcd\n-----END PGP MESSAGE-----\n"
SIGNED = (
    b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    b"- -----BEGIN PGP MESSAGE-----\n x-----BEGIN PGP SIGNATURE-----\n-----BEGIN PGP\n"
    b"-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n"
)
WANTED = {
    MESSAGE: MESSAGE.replace(b"MESSAGE-----\n", b"MESSAGE-----\n" + LINES, 1),
    SIGNED: SIGNED.replace(
        b"\n-----BEGIN PGP SIGNATURE-----\n", b"\n-----BEGIN PGP SIGNATURE-----\n" + LINES
    ),
}


def written(pieces, lines=LINES):
    got = []
    writer = ArmorWriter(got.append, lines)
    for piece in pieces:
        writer(piece)
    writer.end()
    return b"".join(got)


@pytest.mark.parametrize("armor", WANTED, ids=["message", "signed text"])
def test_whole_and_byte_by_byte(armor):
    assert written([armor]) == WANTED[armor]
    assert written([armor[at : at + 1] for at in range(len(armor))]) == WANTED[armor]


@given(st.sampled_from(list(WANTED)), st.lists(st.integers(0, len(SIGNED))))
def test_cut_anywhere(armor, cuts):
    edges = [0, *sorted(cuts), len(armor)]
    pieces = [armor[one:two] for one, two in pairwise(edges)]
    assert written(pieces) == WANTED[armor]


@given(st.lists(st.binary()))
def test_without_lines_everything_goes_by(pieces):
    assert written(pieces, b"") == b"".join(pieces)


def test_what_is_no_armor_is_an_error_and_nothing_waits_for_its_end():
    got = []
    writer = ArmorWriter(got.append, LINES)
    writer(b"x" * 100 + b"-----BEGIN PGP MESSAGE-----\nno line of its own")
    assert len(b"".join(got)) == 100 + 28 + 18
    with pytest.raises(CryptoError) as caught:
        writer.end()
    assert caught.value.code is ErrorCode.PLAN_BROKEN


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "\a", "\x7f", "\t", "ü", "x" * 901])
def test_what_cannot_be_a_line(value):
    with pytest.raises(UsageError) as caught:
        one_header("Comment")(value)
    assert caught.value.subject == "Comment"
    for name in ("comment", "version"):
        with pytest.raises(UsageError):
            header_lines(Algorithms(**{name: value}))


def test_no_lines_for_nothing():
    assert header_lines(Algorithms()) == b""
    assert header_lines(Algorithms(comment="c", version="v")) == b"Version: v\nComment: c\n"
