"""Settings of OpenPGP, each by its effect: on the packets, on what gpg then reads, on events.

Every documented name is tried. What the gpg at hand cannot do must be an error before anything is
sent, and before gpg is given the message.
"""

from __future__ import annotations

import re
import zlib
from itertools import product

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import UsageError
from tests.components.openpgp import HAS_OCB, opaque, refused, started
from tests.components.support import ALICE, SENDER, TEXT, Ears, failing, parsed, psmtp, text_of
from tests.crypto.helpers import Gpg
from tests.support.algorithms import CIPHERS
from tests.support.keyrings import empty_home

__all__ = ["started"]


def cases(name):
    """A documented name as it stands, in lower case and in upper case."""
    return dict.fromkeys((name, name.lower(), name.upper()))


def in_all_cases(names):
    return [(written, number) for name, number in names.items() for written in cases(name)]


# ------------------------------------------------------------------------------------ algorithms

SHORT_BLOCKS = {"CAST5", "3DES", "TRIPLEDES", "BLOWFISH", "IDEA"}


@pytest.mark.proves("encrypting_algorithm")
@pytest.mark.parametrize(("name", "number"), in_all_cases(CIPHERS))
def test_ciphers(sink, mailer, reader, name, number):
    ears = Ears(mailer, "status")
    mailer.encrypting_algorithm = name
    mailer.keys.clear()
    mailer.encrypt()
    mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert verdict.content.decode() == TEXT
    assert re.search(rf"DECRYPTION_INFO \d+ {number}\b", "\n".join(verdict.status))
    warned = [event for event in ears.status if "64 bits" in event.message]
    assert [event.level for event in warned] == [1] * (name.upper() in SHORT_BLOCKS)


@pytest.mark.proves("encrypting_algorithm", "OpenPGP 125")
@pytest.mark.parametrize("written", list(product([128, 192, 256], ["OCB", "GCM", "ocb", "gcm"])))
def test_ciphers_with_a_mode(sink, mailer, recipients, started, written):
    bits, mode = written
    mailer.encrypting_algorithm = f"aes{bits}-{mode}"
    assert mailer.encrypting_algorithm == f"AES{bits}-{mode.upper()}"
    if mode.upper() == "OCB" and HAS_OCB:
        mailer.encrypt()
        packets = Gpg(recipients).packets(mailer.message_text.encode())
        assert (
            f":aead encrypted packet: cipher={({128: 7, 192: 8, 256: 9})[bits]} aead=2" in packets
        )
        return
    said = refused(mailer, sink, 125)
    who = {"OCB": "gpg 2.3 and newer", "GCM": "no gpg"}[mode.upper()]
    assert all(words in said for words in (f"AES{bits}-{mode.upper()}", who))
    assert not any("--encrypt" in line for line in started)


DIGESTS = {  # section 9.5
    "SHA1": 2,
    "MD5": 1,
    "SHA256": 8,
    "SHA384": 9,
    "SHA512": 10,
    "SHA224": 11,
    "RIPEMD160": 3,
}


@pytest.mark.proves("signing_algorithm")
@pytest.mark.parametrize(("name", "number"), in_all_cases(DIGESTS))
def test_hashes(sink, mailer, recipients, name, number):
    ears = Ears(mailer, "status")
    mailer.recipient_keys.clear()
    mailer.signing_algorithm = name
    clear = name.upper() != "MD5"
    mailer.config(f"ClearSignature={clear}")
    mailer.sign()
    mailer.send()
    mail = text_of(sink.received[0]).encode()
    status = Gpg(recipients).status("--allow-weak-digest-algos", "--verify", stdin=mail)
    kind = f"0{int(clear)}"
    assert re.search(rf"VALIDSIG {SENDER.fingerprint} \S+ \d+ 0 4 0 22 {number} {kind} ", status)
    warned = [event for event in ears.status if "can be forged" in event.message]
    assert [event.level for event in warned] == [1] * (name.upper() in {"MD5", "SHA1"})


@pytest.mark.proves("signing_algorithm", "OpenPGP 126")
def test_text_in_clear_with_md5_is_refused_because_no_gpg_reads_it(sink, mailer):
    mailer.signing_algorithm = "MD5"
    assert "PGP/MIME" in refused(mailer, sink, 126, "sign")
    mailer.message_text = TEXT
    mailer.config("MessageFormat=PGPMIME")
    mailer.recipient_keys.clear()
    mailer.sign()
    mailer.send()
    assert parsed(sink.received[0])["Content-Type"].params["micalg"] == "pgp-md5"


@pytest.mark.proves("signing_algorithm", "OpenPGP 126")
@pytest.mark.parametrize("name", [*cases("SHA3-256"), *cases("SHA3-512")])
@pytest.mark.parametrize("method", ["sign", "sign_and_encrypt"])
def test_hashes_that_no_gpg_has(sink, mailer, started, name, method):
    mailer.signing_algorithm = name
    said = refused(mailer, sink, 126, method)
    assert all(words in said for words in (name.upper(), "no gpg"))
    assert not any("sign" in line.partition("{")[0] for line in started)


def test_a_hash_does_not_matter_where_nothing_is_signed(mailer):
    mailer.signing_algorithm = "SHA3-256"
    ears = Ears(mailer, "status")
    mailer.encrypt()
    mailer.message_text, mailer.signing_algorithm = "again", "MD5"
    mailer.encrypt()
    assert "PGP MESSAGE" in mailer.message_text
    assert not [event for event in ears.status if "MD5" in event.message]


METHODS = {  # section 9.4, levels, window of zlib
    "zip": (1, range(1, 7), -13),
    "zlib": (2, range(1, 7), 15),
    "bzip2": (3, range(1, 10), None),
}
COMBINATIONS = [(method, level) for method in METHODS for level in METHODS[method][1]]


@pytest.mark.proves("compression_method", "CompressionLevel")
@pytest.mark.parametrize(("method", "level"), COMBINATIONS)
@pytest.mark.parametrize("written", [str.lower, str.upper])
def test_compression_and_level_are_in_the_packets(mailer, method, level, written):
    number, _, window = METHODS[method]
    mailer.compression_method = written(method)
    mailer.config(f"CompressionLevel={level}")
    packet = opaque(mailer)
    assert packet[:2] == bytes((0x80 | 8 << 2 | 3, number))  # old format, to the end of the data
    if window is None:
        assert packet[2:6] == f"BZh{level}".encode()
        return
    unpacked = zlib.decompressobj(window)
    content = unpacked.decompress(packet[2:])
    compressed = packet[2 : len(packet) - len(unpacked.unused_data)]
    made = {}
    for tried in METHODS[method][1]:
        packer = zlib.compressobj(tried, zlib.DEFLATED, window)
        made[tried] = packer.compress(content) + packer.flush()
    assert [tried for tried in made if made[tried] == compressed] == [level]


@pytest.mark.proves("CompressionLevel")
def test_the_level_is_four_by_default(mailer):
    mailer.compression_method = "bzip2"
    assert opaque(mailer)[2:6] == b"BZh4"


@pytest.mark.proves("compression_method")
@pytest.mark.parametrize("method", [*cases("none"), *cases("uncompressed")])
def test_no_compression(mailer, method):
    mailer.compression_method = method
    packet = opaque(mailer)
    assert packet[0] >> 2 & 0x0F == 4  # a one-pass signature comes first
    assert b"4999 24990001\n" in packet


@pytest.mark.proves("CompressionLevel")
@pytest.mark.parametrize("level", [-1, 0, 10])
def test_a_level_that_no_method_has_is_refused_when_it_is_set(mailer, level):
    with failing(2, UsageError):
        mailer.config(f"CompressionLevel={level}")
    assert mailer.config("CompressionLevel") == "4"


@pytest.mark.proves("CompressionLevel")
@pytest.mark.parametrize(("method", "level"), list(product(["zip", "zlib"], [7, 8, 9])))
def test_a_level_that_the_method_has_not_is_refused_when_it_is_used(sink, mailer, method, level):
    mailer.compression_method = method
    mailer.config(f"CompressionLevel={level}")
    assert "CompressionLevel" in refused(mailer, sink, 2)


# ------------------------------------------------------------------------------- DSA and ECDSA

FITTING = {  # the reference's table, and the kinds of keys
    "dsa1024": ("MD5", "SHA1"),
    "dsa2048": ("SHA1", "SHA256"),
    "dsa3072": ("SHA224", "SHA256"),
    "nistp256": ("SHA1", "SHA256"),
    "nistp384": ("SHA256", "SHA384"),
    "nistp521": ("SHA256", "SHA512"),
    "secp256k1": ("RIPEMD160", "SHA256"),
}


@pytest.fixture(scope="module")
def zoo():
    """A home with a signing key of each kind."""
    with empty_home() as path:
        gpg = Gpg(path)
        for kind in FITTING:
            gpg.new_key(kind, kind)
        yield gpg


@pytest.mark.proves("EnsureValidDSASignatureHashAlgorithm", "signing_algorithm")
@pytest.mark.parametrize(("kind", "digests"), FITTING.items())
def test_a_hash_that_fits_no_dsa_key_is_replaced_or_refused(sink, zoo, kind, digests):
    short, fitting = digests
    with psmtp(sink, signing_algorithm=short) as mailer:
        mailer.keys.append(Key(zoo.home, f"{kind}@example.org"))
        ears = Ears(mailer, "status")
        mailer.sign()
        status = zoo.status("--verify", stdin=mailer.message_text.encode())
        number = DIGESTS[fitting]
        assert re.search(rf"VALIDSIG \S+ \S+ \d+ 0 4 0 (17|19) {number} 01 ", status)
        (said,) = [event.message for event in ears.status if "too short" in event.message]
        assert all(words in said for words in (short, fitting, mailer.keys[0].fingerprint))
        mailer.message_text = TEXT
        mailer.config("EnsureValidDSASignatureHashAlgorithm=False")
        assert short in refused(mailer, sink, 126, "sign")
        mailer.message_text = TEXT
        mailer.signing_algorithm = "SHA512"
        mailer.sign()
        status = zoo.status("--verify", stdin=mailer.message_text.encode())
        assert re.search(r"VALIDSIG \S+ \S+ \d+ 0 4 0 (17|19) 10 01 ", status)


@pytest.mark.proves("AEADChunkSizeExp", "OpenPGP 112")
def test_the_size_of_chunks(sink, mailer, recipients, started):
    assert mailer.config("AEADChunkSizeExp") == "22"
    for wrong in (5, 23):
        with failing(2, UsageError):
            mailer.config(f"AEADChunkSizeExp={wrong}")
    mailer.config("AEADChunkSizeExp=10")
    if HAS_OCB:
        mailer.encrypting_algorithm = "AES256-OCB"
        mailer.encrypt()
        assert " cb=4" in Gpg(recipients).packets(mailer.message_text.encode())  # 2 ** (4 + 6)
        return
    assert "gpg 2.3 and newer" in refused(mailer, sink, 112, "encrypt")
    assert not any("--encrypt" in line for line in started)


# --------------------------------------------------------------------------- what is told, shown


@pytest.mark.proves("LogLevel", "on_status")
@pytest.mark.parametrize("level", range(4))
def test_each_level_tells_what_the_one_before_does_not(sink, mailer, own, level):
    mailer.config(f"LogLevel={level}")
    ears = Ears(mailer, "status")
    mailer.sign_and_encrypt()
    told = [event.message for event in ears.status]
    assert {event.level for event in ears.status} == set(range(1, level + 1))
    wanted = {
        1: (rf"^signed by Sender .*{SENDER.fingerprint} with SHA256$",
            rf"^encrypted to Alice .*{ALICE.fingerprint} with AES$"),
        2: (rf"^gpg \d+\.\d+\.\d+ in {own}$", rf"^gpg took {len(TEXT.encode())} bytes$"),
        3: (r"--sign", r"^gpg says SIG_CREATED S 22 8 00 ", r"^gpg says END_ENCRYPTION"),
    }  # fmt: skip
    for of_level, patterns in wanted.items():
        for pattern in patterns:
            found = [text for text in told if re.search(pattern, text)]
            assert bool(found) == (of_level <= level), pattern


@pytest.mark.proves("LogLevel")
@pytest.mark.parametrize("level", [-1, 4])
def test_there_is_no_other_level(mailer, level):
    with failing(2, UsageError):
        mailer.config(f"LogLevel={level}")
    assert mailer.config("LogLevel") == "1"


@pytest.mark.proves("KeyIdLength", "Key.id", "on_key_passphrase")
@pytest.mark.parametrize(("length", "digits"), [(None, 16), (8, 16), (4, 8)])
def test_how_much_of_a_key_id_is_shown(sink, home, length, digits):
    place = home("protected")
    with psmtp(sink) as mailer:
        before = Key(place)
        mailer.keys.append(before)
        if length is not None:
            mailer.config(f"KeyIdLength={length}")
        mailer.recipient_keys = [Key(place)]
        asked = []
        mailer.on_key_passphrase = asked.append
        wanted = before.fingerprint[-digits:]
        assert [key.id for key in (before, mailer.keys[0], mailer.recipient_keys[0])] == [
            wanted
        ] * 3
        with failing(122):
            mailer.sign()
        assert [event.key_id for event in asked] == [wanted]
        for shown in (before.fingerprint[-16:], before.fingerprint[-8:]):
            before.id = shown
            assert (before.id, before.fingerprint[-16:].endswith(before.id)) == (wanted, True)


@pytest.mark.proves("KeyIdLength")
@pytest.mark.parametrize("length", [0, 3, 5, 16])
def test_a_key_id_has_no_other_length(mailer, length):
    with failing(2, UsageError):
        mailer.config(f"KeyIdLength={length}")
    assert mailer.config("KeyIdLength") == "8"


def test_the_packets_of_a_test_are_what_gpg_makes_of_the_armor(mailer, recipients):
    assert opaque(mailer) == Gpg(recipients)("--dearmor", stdin=mailer.message_text.encode())
