"""One ciphertext as several copies: gpg opens each with its own key alone, and sees no other."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.errors import CryptoError
from gpgmail.core.run import Run
from gpgmail.crypto.copies import encrypt
from gpgmail.crypto.engine import Algorithms
from gpgmail.crypto.packets import HIDDEN
from gpgmail.gpg import crc24
from tests.crypto.helpers import ALICE, BOB, CAROL, SENDER, TEXT, job

IDS = {key: key.subkey[-16:] for key in (ALICE, BOB, CAROL)}
LARGE = bytes(range(256)) * 4096


def made(crypto, gpg, *shares, source=(TEXT,), newline=b"\r\n", **facts):
    """The copies as bytes; the sizes that were told are right."""
    _, copies = encrypt(crypto, job(gpg, **facts), source, shares, Run(), newline=newline)
    rendered = [b"".join(copy.chunks()) for copy in copies]
    assert [copy.size for copy in copies] == [len(one) for one in rendered]
    return rendered


def checksum(armor):
    """The bytes in armor, and its checksum line."""
    lines = armor.split(b"\r\n\r\n", 1)[1].splitlines()
    body = b"".join(line for line in lines if not line.startswith((b"=", b"-")))
    return base64.b64decode(body), next(line for line in lines if line.startswith(b"="))


def test_each_copy_names_its_keys_alone_and_is_opened_by_them(crypto, modern, recipients):
    copies = made(crypto, modern, (ALICE,), (BOB, CAROL), (CAROL,), signers=(SENDER,))
    named = [set(modern.recipients(copy)) for copy in copies]
    assert named == [{IDS[ALICE]}, {IDS[BOB], IDS[CAROL]}, {IDS[CAROL]}]
    for copy in copies:
        told = recipients.run("--status-fd", "2", "--decrypt", stdin=copy)
        assert told.stdout == TEXT
        assert "GOODSIG" in told.stderr.decode()
        assert "GOODMDC" in told.stderr.decode()


@pytest.mark.parametrize("pieces", [1, 1000])
def test_a_large_content_is_the_same_in_all(crypto, modern, recipients, pieces):
    size = -(-len(LARGE) // pieces)
    source = [LARGE[start : start + size] for start in range(0, len(LARGE), size)]
    options = {"source": source, "algorithms": Algorithms(compression="none", comment="a: b")}
    copies = made(crypto, modern, (ALICE,), (BOB,), **options)
    assert all(b"\r\nComment: a: b\r\n\r\n" in copy for copy in copies)
    assert [recipients("--decrypt", stdin=copy) for copy in copies] == [LARGE] * 2


def test_the_source_is_read_once_and_one_signature_is_made(crypto, modern):
    read = []

    def source():
        read.append(1)
        yield TEXT

    work = job(modern, signers=(SENDER,))
    result, copies = encrypt(crypto, work, source(), [(key,) for key in IDS], Run())
    assert (len(read), len(result.signatures), len(copies)) == (1, 1, 3)


def test_who_is_hidden_in_one_copy_has_no_id_in_it(crypto, modern, recipients):
    hidden = replace(BOB, hidden=True)
    first, second, third = made(crypto, modern, (ALICE, hidden), (BOB,), (hidden, BOB))
    assert sorted(modern.recipients(first)) == sorted([IDS[ALICE], HIDDEN])
    assert modern.recipients(second) == modern.recipients(third) == (IDS[BOB],)
    bob = BOB.subkey[-16:].encode()
    assert bytes.fromhex(bob.decode()) not in checksum(first)[0]
    assert recipients("--try-secret-key", BOB.fingerprint, "--decrypt", stdin=first) == TEXT


def test_the_checksum_is_that_of_the_copy(crypto, modern):
    for copy in made(crypto, modern, (ALICE,), (BOB,), (CAROL, ALICE)):
        body, line = checksum(copy)
        assert base64.b64decode(line[1:]) == crc24.checksum(body).to_bytes(3, "big")


def test_line_ends_are_those_that_were_asked_for(crypto, modern):
    for shares in [((ALICE,),), ((ALICE,), (BOB,))]:
        for copy in made(crypto, modern, *shares, newline=b"\n"):
            assert b"\r" not in copy
            assert copy.endswith(b"-----END PGP MESSAGE-----\n")


def test_a_copy_for_one_key_twice_has_one_packet_for_it(crypto, modern):
    copies = made(crypto, modern, (ALICE, ALICE), (BOB,))
    assert modern.recipients(copies[0]) == (IDS[ALICE],)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda armor: armor[: len(armor) // 2],
        lambda armor: armor.replace(b"-----END", b"=AAAA\n-----END")[:-30],
        lambda _armor: b"",
        lambda _armor: b"no armor\n\nat all\n",
    ],
)
def test_a_result_that_is_not_whole_is_no_copy(gnupg, modern, spoil):
    class Spoiling:
        def encrypt(self, work, source, sink, run):
            armor = bytearray()
            result = gnupg.encrypt(work, source, armor.extend, run)
            sink(spoil(bytes(armor)))
            return result

    with pytest.raises(CryptoError):
        encrypt(Spoiling(), job(modern), (LARGE,), [(ALICE,), (BOB,)], Run())


@pytest.mark.parametrize("left_out", [0, 1])
def test_a_copy_that_lacks_a_key_is_refused(gnupg, modern, left_out):
    class Forgetful:
        def encrypt(self, work, source, sink, run):
            keys = work.recipients[:left_out] + work.recipients[left_out + 1 :]
            return gnupg.encrypt(replace(work, recipients=keys), source, sink, run)

    with pytest.raises(CryptoError, match="has one packet"):
        encrypt(Forgetful(), job(modern), (TEXT,), [(ALICE,), (BOB,)], Run())


def test_a_copy_for_nobody_is_refused(gnupg, modern):
    with pytest.raises(CryptoError, match="has one packet"):
        encrypt(gnupg, job(modern), (TEXT,), [(ALICE,), ()], Run())


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_a_checksum_follows_from_another_with_the_same_end(old, new, behind):
    whole = crc24.checksum(old + behind)
    assert crc24.with_head(whole, old, new, len(behind)) == crc24.checksum(new + behind)


def test_the_checksum_of_nothing_is_the_initial_value():
    """RFC 9580 section 6.1.1; and of the digits, as the catalogue of checksums has it."""
    assert crc24.checksum(b"") == 0xB704CE
    assert crc24.checksum(b"123456789") == 0x21CF02
