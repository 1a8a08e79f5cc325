"""Names of algorithms: every documented one, held against what gpg reports of its output."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.crypto import abilities, algorithms
from gpgmail.crypto.abilities import Abilities
from gpgmail.crypto.algorithms import CIPHER, COMPRESSION, DIGEST, MODES, choose
from gpgmail.crypto.engine import Algorithms, SignatureMode
from tests.crypto.helpers import ALICE, SENDER, TEXT, Gpg, job
from tests.support.algorithms import CIPHERS

NUMBERS = {**CIPHERS, "aes": 7, "camellia256": 13}  # gpg's own names too
DIGESTS = {  # of signing_algorithm, and section 9.5
    "MD5": 1,
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


@pytest.mark.parametrize(("name", "number"), NUMBERS.items())
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


def asked(gpg, **wanted):
    """What gpg is asked for in a job that signs and encrypts."""
    work = job(gpg, signers=(SENDER,), recipients=(ALICE,), algorithms=Algorithms(**wanted))
    return choose(work, Run(), encrypting=True)


def test_nothing_asked_for_is_nothing_passed_and_gpg_is_not_asked(modern, monkeypatch):
    monkeypatch.setattr(abilities, "execute", None)
    monkeypatch.setattr(abilities, "_KNOWN", {})
    assert asked(modern).arguments == ()
    only_lines = asked(modern, comment="x", version="y")
    assert (only_lines.arguments, only_lines.lines) == ((), b"Version: y\nComment: x\n")


def test_a_binary_is_asked_once(modern, monkeypatch):
    calls = []
    real = abilities.execute
    monkeypatch.setattr(abilities, "_KNOWN", {})
    monkeypatch.setattr(abilities, "execute", lambda *a, **k: calls.append(a[1]) or real(*a, **k))
    for _ in range(3):
        asked(modern, cipher="AES256")
    assert [arguments[-1] for arguments in calls] == ["--list-config", "--dump-options"]


def gpg_that_has(ciphers, *options, version="2.4.7"):
    return Abilities(version, {"cipher": frozenset(ciphers)}, frozenset(options))


def choose_with(monkeypatch, able, **wanted):
    monkeypatch.setattr(algorithms, "abilities", lambda *_: able)
    return asked(NOWHERE, **wanted)


NOWHERE = Gpg(Path("/nowhere"))
NEW = ("--allow-old-cipher-algos", "--force-ocb", "--force-aead", "--chunk-size")  # 2.4.7's


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


@pytest.mark.parametrize("name", ["sha3-256", "SHA3-512"])
def test_a_hash_that_no_gpg_has(modern, name):
    with pytest.raises(UnsupportedError) as caught:
        asked(modern, digest=name)
    assert caught.value.code is ErrorCode.PGP_HASH
    assert "no gpg" in str(caught.value)


@pytest.mark.parametrize("bits", ["128", "192", "256"])
@pytest.mark.parametrize(
    ("mode", "options", "who"),
    [
        ("OCB", (), "gpg 2.3 and newer"),
        ("ocb", (), "gpg 2.3 and newer"),
        ("GCM", NEW, "no gpg"),
        ("gcm", (), "no gpg"),
    ],
)
def test_a_mode_that_this_gpg_lacks_says_who_has_it(monkeypatch, bits, mode, options, who):
    able = gpg_that_has({7, 8, 9}, *options, version="2.2.40")
    with pytest.raises(UnsupportedError) as caught:
        choose_with(monkeypatch, able, cipher=f"AES{bits}-{mode}")
    assert caught.value.code is ErrorCode.PGP_CIPHER
    assert all(word in str(caught.value) for word in (f"AES{bits}-{mode}", "2.2.40", who))


@pytest.mark.parametrize(("bits", "name"), [("128", "AES"), ("192", "AES192"), ("256", "AES256")])
@pytest.mark.parametrize(("options", "option"), [(NEW, NEW[1]), (NEW[2:], NEW[2])])
def test_a_mode_is_asked_for_by_the_newest_option_that_gpg_knows(
    monkeypatch, bits, name, options, option
):
    choice = choose_with(monkeypatch, gpg_that_has({7, 8, 9}, *options), cipher=f"aes{bits}-Ocb")
    assert choice.arguments == ("--cipher-algo", name, option)
    assert (choice.cipher, choice.mode) == (name, "OCB")


@pytest.mark.parametrize("mode", MODES)
def test_with_a_passphrase_the_mode_is_left_out(gnupg, empty, mode):
    wanted = Algorithms(cipher=f"AES192-{mode}")
    result, message = made(gnupg, job(empty, symmetric=Secret("abcd"), algorithms=wanted))
    assert result.cipher == "AES192"
    assert ":symkey enc packet: version 4, cipher 8," in empty.packets(message)


def test_the_size_of_chunks_is_for_a_gpg_that_has_it(monkeypatch):
    newer = choose_with(monkeypatch, gpg_that_has({9}, *NEW), cipher="AES256-OCB", chunk_size=10)
    assert newer.arguments == ("--cipher-algo", "AES256", "--force-ocb", "--chunk-size", "10")
    with pytest.raises(UnsupportedError) as caught:
        choose_with(monkeypatch, gpg_that_has({9}, version="2.2.40"), chunk_size=10)
    assert caught.value.code is ErrorCode.PGP_UNSUPPORTED
    assert all(words in str(caught.value) for words in ("2.2.40", "gpg 2.3 and newer"))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"digest": "MD5"}, "MD5 can be forged"),
        ({"digest": "sha1"}, "SHA1 can be forged"),
        *(({"cipher": name}, "64 bits") for name in ("3DES", "CAST5", "BLOWFISH", "IDEA")),
        ({"digest": "SHA512", "cipher": "AES256", "compression": "zip"}, ""),
    ],
    ids=str,
)
def test_what_is_weak_is_said(modern, wanted, words):
    told = []
    work = job(modern, signers=(SENDER,), recipients=(ALICE,), algorithms=Algorithms(**wanted))
    choose(work, Run(emit=told.append), encrypting=True)
    warnings = [event.message for event in told if isinstance(event, Status) and event.level == 1]
    assert [words in warning for warning in warnings] == ([True] if words else [])


def test_every_name_is_numbered_once():
    for kind in (CIPHER, DIGEST, COMPRESSION):
        assert set(kind.others.values()) <= set(kind.names.values())
        assert not set(kind.others) & set(kind.names.values())
