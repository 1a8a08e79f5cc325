"""What a store asks for before its password can be tried: as usual, ten times that, or too much."""

from __future__ import annotations

import base64
import re
import subprocess

import pytest

from gpgmail.certificates import stores, work
from gpgmail.core.errors import PassphraseError, TlsError
from gpgmail.core.secret import Secret
from tests.certificates.stores_of import VECTORS

PASSWORD = "Test-only 31"
AUTO = 99
PPK = VECTORS / "ed25519-3-protected.ppk"
REFUSED = "asks for too much work"


def opened(data, password=PASSWORD):
    return stores.open_store(AUTO, data, store_password=Secret(password))


def run(*command):
    subprocess.run(
        [*map(str, command)], check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A private key in clear and its certificate."""
    where = tmp_path_factory.mktemp("key")
    names = ("-keyout", where / "key.pem", "-out", where / "cert.pem")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    run("openssl", "req", "-x509", *curve, "-nodes", "-subj", "/CN=x", *names)
    return where


# ---- the iterations of PKCS #8 and PKCS #12 ----

TOPK8 = ("openssl", "pkcs8", "-topk8", "-passout", f"pass:{PASSWORD}", "-in")
ITERATIONS = 70_001
ITER = ("-iter", str(ITERATIONS))
ELDER = "PBE-SHA1-3DES"
KEYS = {
    "PBES2": (),
    "PBES2 in DER": ("-outform", "DER"),
    "PBES1": ("-v1", ELDER),
}
STORES = {
    "mac": ("-keypbe", "NONE", "-certpbe", "NONE"),
    "key": ("-nomac", "-certpbe", "NONE"),
    "certificate": ("-nomac", "-keypbe", "NONE"),
    "all of it": (),
    "elder": ("-certpbe", ELDER, "-keypbe", ELDER),
}


@pytest.fixture(params=[*KEYS, *STORES])
def store(request, key, tmp_path):
    """The content of a store that asks for ITERATIONS."""
    if request.param in KEYS:
        made = (*TOPK8, key / "key.pem", *KEYS[request.param])
    else:
        given = ("-inkey", key / "key.pem", "-in", key / "cert.pem", *STORES[request.param])
        made = ("openssl", "pkcs12", "-export", "-passout", f"pass:{PASSWORD}", *given)
    run(*made, *ITER, "-out", tmp_path / "store")
    return (tmp_path / "store").read_bytes()


def test_iterations_up_to_the_bound_are_done(store, monkeypatch):
    monkeypatch.setattr(work, "_MOST_ITERATIONS", ITERATIONS)
    assert opened(store)


def test_more_iterations_are_refused(store, monkeypatch):
    monkeypatch.setattr(work, "_MOST_ITERATIONS", ITERATIONS - 1)
    with pytest.raises(TlsError, match=REFUSED):
        opened(store)


def test_the_bound_is_ten_million(key, tmp_path):
    run(*TOPK8, key / "key.pem", "-outform", "DER", "-iter", "2048", "-out", tmp_path / "key")
    data = (tmp_path / "key").read_bytes()
    assert data.count(bytes.fromhex("02020800")) == 1
    for iterations, refused in ((10_000_000, False), (10_000_001, True)):
        changed = longer(data, bytes.fromhex("02020800"), b"\x02\x04" + iterations.to_bytes(4))
        if refused:
            with pytest.raises(work.TooMuchError, match=REFUSED):
                work.check_pkcs8(changed)
        else:
            work.check_pkcs8(changed)


def longer(data, old, new):
    """Put *new* for *old* within DER, and correct the lengths of what it stands in."""
    at, grown, ends = data.index(old), len(new) - len(old), []
    changed, start = bytearray(data), 0
    while start < at:
        head = 2 + (data[start + 1] & 0x7F if data[start + 1] & 0x80 else 0)
        end = start + head + length_at(data, start)
        if end <= at:
            start = end
            continue
        ends.append((start, head))
        start += head
    for start, head in ends:
        total = length_at(data, start) + grown
        assert head > 2 or total < 0x80
        place = slice(start + 2, start + head) if head > 2 else slice(start + 1, start + 2)
        changed[place] = total.to_bytes(place.stop - place.start)
    changed[at : at + len(old)] = new
    return bytes(changed)


def length_at(data, start):
    first = data[start + 1]
    return int.from_bytes(data[start + 2 : start + 2 + first - 0x80]) if first & 0x80 else first


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ((1 << 14, 8, 1), False),  # what openssl takes
        ((1 << 17, 8, 10), False),
        ((1 << 18, 8, 32), False),
        ((1 << 18, 8, 33), True),
        ((1 << 19, 8, 1), True),
    ],
)
def test_scrypt_has_bounds_for_memory_and_time(key, tmp_path, asked, refused):
    scrypt = ("-scrypt", "-scrypt_N", "16384", "-scrypt_r", "8", "-scrypt_p", "1")
    run(*TOPK8, key / "key.pem", "-outform", "DER", *scrypt, "-out", tmp_path / "key")
    data = (tmp_path / "key").read_bytes()
    assert opened(data)
    stated = bytes.fromhex("02024000 020108 020101")
    assert data.count(stated) == 1
    numbers = b"".join(b"\x02\x04" + number.to_bytes(4) for number in asked)
    changed = longer(data, stated, numbers)
    if refused:
        with pytest.raises(TlsError, match=REFUSED):
            opened(changed)
    else:
        work.check_pkcs8(changed)


# ---- bcrypt and Argon2 ----


@pytest.mark.parametrize("rounds", [16, 160])
def test_an_openssh_key_opens_with_ten_times_the_usual_rounds(tmp_path, rounds):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", PASSWORD, "-a", rounds, "-f", tmp_path / "key")
    assert opened((tmp_path / "key").read_bytes())


@pytest.mark.parametrize("rounds", [2001, 0xFFFFFFFF])
def test_more_rounds_are_refused(tmp_path, rounds):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", PASSWORD, "-a", 16, "-f", tmp_path / "key")
    first, *lines, last = (tmp_path / "key").read_bytes().splitlines()
    body = base64.b64decode(b"".join(lines))
    at = body.index(bytes([0, 0, 0, 16]), body.index(b"bcrypt") + 10 + 4 + 16)
    for number, works in ((16, True), (rounds, False)):
        changed = body[:at] + number.to_bytes(4) + body[at + 4 :]
        pem = b"\n".join((first, base64.encodebytes(changed).strip(), last, b""))
        if works:
            assert opened(pem)
        else:
            with pytest.raises(TlsError, match=REFUSED):
                opened(pem)


def argon2(data, **values):
    for name, value in values.items():
        data = re.sub(rb"(Argon2-%s): \d+" % name.encode(), rb"\1: %d" % value, data)
    return data


@pytest.mark.parametrize(
    "values",
    [
        {"Memory": 256 * 1024 + 1, "Passes": 1},
        {"Memory": 256 * 1024, "Passes": 33},
        {"Memory": 8192, "Passes": 1025},
        {"Memory": 8192, "Passes": 4_000_000_000},
        {"Memory": 8192, "Passes": 13, "Parallelism": 17},
    ],
)
def test_a_putty_key_that_asks_for_more_is_refused(values):
    with pytest.raises(TlsError, match=REFUSED):
        opened(argon2(PPK.read_bytes(), **values))


@pytest.mark.parametrize("memory", [8192, 81920])
def test_a_putty_key_that_asks_for_the_usual_or_ten_times_that_is_tried(memory):
    pytest.importorskip("cryptography.hazmat.primitives.kdf.argon2")
    with pytest.raises(PassphraseError):  # another key comes of it: the work was done
        opened(argon2(PPK.read_bytes(), Memory=memory, Passes=21))


def test_the_bounds_of_argon2_are_allowed_themselves():
    work.check_argon2(256 * 1024, 32, 16)
    work.check_argon2(8192, 1024, 1)
