"""Names of algorithms: every documented one, held against what gpg reports of its output."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError
from gpgmail.core.run import Run
from gpgmail.crypto import algorithms
from gpgmail.crypto.algorithms import CIPHER, COMPRESSION, DIGEST, Abilities, choose
from gpgmail.crypto.engine import Algorithms, SignatureMode
from gpgmail.gpg.home import Home
from tests.crypto.helpers import ALICE, SENDER, TEXT, job

CIPHERS = {  # the documented names of encrypting_algorithm, and RFC 9580 section 9.3
    "CAST5": 3,
    "3DES": 2,
    "TripleDES": 2,
    "AES256": 9,
    "AES192": 8,
    "AES128": 7,
    "BLOWFISH": 4,
    "TWOFISH": 10,
    "IDEA": 1,
    "aes": 7,
    "camellia256": 13,
}
DIGESTS = {  # of signing_algorithm, and section 9.5
    "SHA1": 2,
    "SHA256": 8,
    "SHA384": 9,
    "SHA512": 10,
    "SHA224": 11,
    "RIPEMD160": 3,
    "sha512": 10,
}
COMPRESSIONS = {"zip": 1, "zlib": 2, "bzip2": 3, "none": 0, "uncompressed": 0, "ZIP": 1}
LONG_TEXT = b"the same line again and again\r\n" * 2000


def made(engine, work, data=TEXT):
    pieces = []
    result = engine.encrypt(work, [data], pieces.append, Run(timeout=30))
    return result, b"".join(pieces)


@pytest.mark.parametrize(("name", "number"), CIPHERS.items())
def test_ciphers(gnupg, modern, recipients, name, number):
    work = job(modern, recipients=(ALICE,), algorithms=Algorithms(cipher=name))
    result, message = made(gnupg, work)
    info = re.search(r"DECRYPTION_INFO \d+ (\d+)", recipients.status("-d", stdin=message))
    assert int(info[1]) == number
    assert result.cipher == CIPHER.names[number]


@pytest.mark.parametrize(("name", "number"), DIGESTS.items())
def test_hashes(gnupg, modern, name, number):
    pieces = []
    work = job(modern, signers=(SENDER,), algorithms=Algorithms(digest=name))
    result = gnupg.sign(work, [TEXT], pieces.append, SignatureMode.DETACHED, Run(timeout=30))
    assert f"digest algo {number}," in modern.packets(b"".join(pieces))
    assert result.micalg == f"pgp-{name.lower()}"


@pytest.mark.parametrize(("name", "number"), COMPRESSIONS.items())
def test_compressions(gnupg, modern, recipients, name, number):
    work = job(modern, recipients=(ALICE,), algorithms=Algorithms(compression=name))
    _, message = made(gnupg, work, LONG_TEXT)
    listed = recipients("--list-packets", stdin=message).decode()
    if number == 0:
        assert ":compressed packet:" not in listed
    else:
        assert f":compressed packet: algo={number}" in listed


# Level 9 of bzip2 sees a repetition that lies further apart than the blocks of level 1.
LEVELS = {
    "zip": b"".join(b"%d %d\n" % (n, n * n) for n in range(40_000)),
    "bzip2": bytes(random.Random(0).randbytes(150_000)) * 3,  # noqa: S311 - repeatable on purpose
}


@pytest.mark.parametrize(("name", "data"), LEVELS.items(), ids=LEVELS)
def test_levels(gnupg, modern, name, data):
    sizes = []
    for level in (1, 9):
        wanted = Algorithms(compression=name, level=level)
        _, message = made(gnupg, job(modern, recipients=(ALICE,), algorithms=wanted), data)
        sizes.append(len(message))
    assert sizes[0] > sizes[1]


def test_nothing_asked_for_is_nothing_passed_and_gpg_is_not_asked(modern, monkeypatch):
    monkeypatch.setattr(algorithms, "execute", None)
    monkeypatch.setattr(algorithms, "_KNOWN", {})
    home = Home(directory=modern.home)
    assert choose(Algorithms(), home, Run()).arguments == ()
    assert choose(Algorithms(comment="x"), home, Run()).arguments == ("--comment", "x")


def test_a_binary_is_asked_once(modern, monkeypatch):
    calls = []
    real = algorithms.execute
    monkeypatch.setattr(algorithms, "_KNOWN", {})
    monkeypatch.setattr(algorithms, "execute", lambda *a, **k: calls.append(a[1]) or real(*a, **k))
    home = Home(directory=modern.home)
    for _ in range(3):
        choose(Algorithms(cipher="AES256"), home, Run())
    assert [arguments[-1] for arguments in calls] == ["--list-config", "--dump-options"]


def gpg_that_has(ciphers, *options, version="2.4.7"):
    return Abilities(version, {"cipher": frozenset(ciphers)}, frozenset(options))


def choose_with(monkeypatch, able, **wanted):
    monkeypatch.setattr(algorithms, "abilities", lambda *_: able)
    return choose(Algorithms(**wanted), Home(directory=Path("/nowhere")), Run())


@pytest.mark.parametrize("name", ["3DES", "CAST5", "BLOWFISH", "IDEA"])
def test_short_blocks_need_an_option_where_gpg_knows_it(monkeypatch, name):
    option = "--allow-old-cipher-algos"
    numbers = {1, 2, 3, 4, 9}
    newer = choose_with(monkeypatch, gpg_that_has(numbers, option), cipher=name)
    older = choose_with(monkeypatch, gpg_that_has(numbers, version="2.2.40"), cipher=name)
    assert newer.arguments == ("--cipher-algo", name, option)
    assert older.arguments == ("--cipher-algo", name)
    assert (
        option
        not in choose_with(monkeypatch, gpg_that_has(numbers, option), cipher="AES256").arguments
    )


def test_the_error_says_what_this_gpg_has(monkeypatch):
    with pytest.raises(UnsupportedError) as caught:
        choose_with(monkeypatch, gpg_that_has({7, 9}), cipher="TwoFish")
    assert caught.value.code is ErrorCode.PGP_CIPHER
    assert all(word in str(caught.value) for word in ("TwoFish", "2.4.7", "AES, AES256"))


def test_md5_says_which_gpg_has_it(modern):
    with pytest.raises(UnsupportedError) as caught:
        choose(Algorithms(digest="md5"), Home(directory=modern.home), Run())
    assert caught.value.code is ErrorCode.PGP_HASH
    assert "1.4" in str(caught.value)


def test_every_name_is_numbered_once():
    for kind in (CIPHER, DIGEST, COMPRESSION):
        assert set(kind.others.values()) <= set(kind.names.values())
        assert not set(kind.others) & set(kind.names.values())
