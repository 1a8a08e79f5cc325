"""The head of messages that gpg made, with `gpg --list-packets` as the judge; and anything else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError
from gpgmail.crypto.packets import HIDDEN, Container, Head, HeadReader, HeadWatcher
from tests.support.keyrings import fixture_key

NAMES = ("alice", "bob", "carol")
KEYS = {name: fixture_key("modern", name).subkeys[0].fingerprint for name in NAMES}
KEY_ID = "0123456789ABCDEF"
V3 = b"\x03" + bytes.fromhex(KEY_ID) + b"\x12rest"
DATA = b"\xd2\x01\x01"  # a SEIPD packet


def read(data, size=0):
    reader = HeadReader()
    for start in range(0, len(data), size or len(data) or 1):
        reader.feed(data[start : start + (size or len(data))])
    return reader.result()


def packet(tag, body):
    """A packet with a new-format header."""
    assert len(body) < 192
    return bytes([0xC0 | tag, len(body)]) + body


def armored(data, *, end="\n", headers="", before=""):
    lines = base64.encodebytes(data).decode().splitlines()
    text = [before, "-----BEGIN PGP MESSAGE-----", headers, *lines, "-----END PGP MESSAGE-----", ""]
    return end.join(text if headers else [*text[:2], "", *text[3:]]).encode()


def encrypted(gpg, *options):
    base = ("--trust-model", "always", "--no-auto-check-trustdb", "--encrypt")
    return gpg(*base, *options, stdin=b"some text\n" * 50)


def to(*names, option="--recipient"):
    return [word for name in names for word in (option, KEYS[name] + "!")]


CASES = {
    "one": to("alice"),
    "three": to(*NAMES),
    "hidden": [*to("alice"), *to("bob", option="--hidden-recipient")],
    "thrown": [*to(*NAMES), "--throw-keyids"],
    "armored": [*to(*NAMES), "--armor"],
    "armor comment": [*to("carol"), "--armor", "--comment", "a: b", "--emit-version"],
    "uncompressed": [*to("bob"), "--compress-algo", "none", "--armor"],
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_recipients_are_those_that_gpg_lists(modern, options):
    data = encrypted(modern, *options)
    head = read(data)
    assert head.recipients == modern.recipients(data) != ()
    assert head.passphrases == 0
    assert head.container is Container.SEIPD
    assert head.container.protected
    assert f"tag={18}" in modern.packets(data)


def test_a_named_recipient_is_the_end_of_the_subkeys_fingerprint(modern):
    data = encrypted(modern, *to("alice"), *to("bob", option="--hidden-recipient"))
    assert sorted(read(data).recipients) == sorted([KEYS["alice"][-16:], HIDDEN])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("armor", [(), ("--armor",)])
def test_the_size_of_the_pieces_does_not_matter(modern, size, armor):
    data = encrypted(modern, *to(*NAMES), *armor)
    assert read(data, size) == read(data)


def test_a_passphrase_is_counted(modern):
    symmetric = ("--symmetric", "--pinentry-mode", "loopback", "--passphrase", "x" * 8)
    data = modern(*symmetric, stdin=b"text")
    assert read(data) == Head((), 1, Container.SEIPD)
    assert modern.packets(data).count(":symkey enc packet:") == 1
    both = encrypted(modern, *to("alice"), *symmetric)
    assert read(both) == Head((KEYS["alice"][-16:],), 1, Container.SEIPD)


def test_what_is_not_encrypted_is_other(modern):
    signed = modern("--sign", "--armor", stdin=b"text")
    assert read(signed) == Head((), 0, Container.OTHER)
    assert not Container.OTHER.protected


def test_a_watcher_hands_everything_on(modern):
    data = encrypted(modern, *to(*NAMES), "--armor")
    seen = []
    watcher = HeadWatcher(seen.append)
    for start in range(0, len(data), 100):
        watcher(data[start : start + 100])
    assert b"".join(seen) == data
    assert watcher.result() == read(data)


def test_a_watcher_hands_on_what_it_cannot_read():
    seen = []
    watcher = HeadWatcher(seen.append)
    for piece in (b"\xc1\xff\xff\xff\xff\xff", b"more"):
        watcher(piece)
    assert b"".join(seen).endswith(b"more")
    with pytest.raises(CryptoError):
        watcher.result()


FINGERPRINT = bytes(range(20))
FINGERPRINT_V6 = bytes(range(32))
HEADS = {
    "version 3, new header": packet(1, V3),
    "version 3, old header, one octet": bytes([0x84, len(V3)]) + V3,
    "version 3, old header, two octets": bytes([0x85, 0, len(V3)]) + V3,
    "version 3, old header, four octets": bytes([0x86, 0, 0, 0, len(V3)]) + V3,
    "version 3, new header, two octets": b"\xc1\xc0\x08" + V3.ljust(200),
    "version 3, new header, five octets": b"\xc1\xff" + len(V3).to_bytes(4, "big") + V3,
    "version 2": packet(1, b"\x02" + V3[1:]),
    "behind a marker": packet(10, b"PGP") + packet(1, V3),
    "behind padding": packet(21, bytes(100)) + packet(1, V3),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_every_way_of_writing_a_recipient(head):
    assert read(head + DATA) == Head((KEY_ID,), 0, Container.SEIPD)
    assert read(head + DATA, 1) == read(head + DATA)


@pytest.mark.parametrize(
    ("named", "key_id"),
    [
        (b"\x00", HIDDEN),
        (b"\x15\x04" + FINGERPRINT, FINGERPRINT[-8:].hex().upper()),
        (b"\x21\x06" + FINGERPRINT_V6, FINGERPRINT_V6[:8].hex().upper()),
    ],
    ids=["hidden", "version 4 key", "version 6 key"],
)
def test_version_6(named, key_id):
    assert read(packet(1, b"\x06" + named + b"\x19rest") + DATA).recipients == (key_id,)


@pytest.mark.parametrize(
    ("tag", "container"),
    [(9, Container.SED), (18, Container.SEIPD), (20, Container.AEAD), (8, Container.OTHER)],
)
@pytest.mark.parametrize("length", [5, 0xE1], ids=["whole", "in parts"])
def test_containers(tag, container, length):
    data = packet(1, V3) + bytes([0xC0 | tag, length]) + b"data"
    assert read(data) == Head((KEY_ID,), 0, container)
    assert container.protected == (tag > 10)


def test_a_container_that_reaches_to_the_end():
    old_format = bytes([0x80 | 9 << 2 | 3]) + b"data"
    assert read(packet(1, V3) + old_format) == Head((KEY_ID,), 0, Container.SED)


def test_armor_of_other_hands():
    data = packet(1, V3) + packet(3, b"\x04\x09\x03") + DATA
    head = Head((KEY_ID,), 1, Container.SEIPD)
    assert read(armored(data)) == head
    assert read(armored(data, end="\r\n", headers="Comment: x\r\nHash: y\r\n")) == head
    assert read(armored(data, before="Hello,\n\n-- \n" + "x" * 10000 + "\n")) == head
    assert read(armored(data, before="Hello,\n"), 1) == head


BAD = {
    "nothing": (b"", ErrorCode.PGP_NO_INPUT),
    "text": (b"Hello\n", ErrorCode.PGP_NO_INPUT),
    "armor without content": (b"-----BEGIN PGP MESSAGE-----\n\n", ErrorCode.PGP_NO_INPUT),
    "armor of garbage": (b"-----BEGIN PGP MESSAGE-----\n\n!!!!\n", ErrorCode.PGP_BAD_ARMOR),
    "armor without lines": (
        b"-----BEGIN PGP MESSAGE-----\n\n" + b"A" * 9999,
        ErrorCode.PGP_BAD_ARMOR,
    ),
    "cut in a header": (b"\xc1", ErrorCode.PGP_DECODE_PACKET),
    "cut in a length": (b"\xc1\xff\0", ErrorCode.PGP_DECODE_PACKET),
    "cut in a packet": (packet(1, V3)[:-1], ErrorCode.PGP_DECODE_PACKET),
    "cut behind the recipients": (packet(1, V3), ErrorCode.PGP_DECODE_PACKET),
    "no packet": (packet(1, V3) + b"\x01", ErrorCode.PGP_DECODE_PACKET),
    "recipient in parts": (b"\xc1\xe1" + V3, ErrorCode.PGP_DECODE_PACKET),
    "recipient to the end": (b"\x87" + V3, ErrorCode.PGP_DECODE_PACKET),
    "recipient without end": (b"\xc1\xff\xff\0\0\0" + V3, ErrorCode.PGP_DECODE_PACKET),
    "empty recipient": (packet(1, b""), ErrorCode.PGP_DECODE_PACKET),
    "short recipient": (packet(1, V3[:8]), ErrorCode.PGP_DECODE_PACKET),
    "recipient of version 9": (packet(1, b"\x09" + V3[1:]), ErrorCode.PGP_DECODE_PACKET),
    "version 6 cut": (packet(1, b"\x06\x15\x04" + FINGERPRINT[:-1]), ErrorCode.PGP_DECODE_PACKET),
    "version 6 empty": (packet(1, b"\x06"), ErrorCode.PGP_DECODE_PACKET),
    "version 6, key of version 5": (
        packet(1, b"\x06\x21\x05" + FINGERPRINT_V6),
        ErrorCode.PGP_DECODE_PACKET,
    ),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("size", [0, 1])
def test_what_is_wrong_is_a_typed_error(data, code, size):
    with pytest.raises(CryptoError) as caught:
        read(data, size)
    assert caught.value.code is code


@given(st.binary(max_size=300), st.integers(1, 40))
def test_bytes_of_any_kind_give_a_head_or_a_typed_error(data, size):
    outcomes = []
    for step in (size, len(data) or 1):
        try:
            outcomes.append(read(data, step))
        except CryptoError as error:
            outcomes.append(error.code)
    assert outcomes[0] == outcomes[1]


MESSAGE = packet(1, V3) + packet(1, b"\x06\x15\x04" + FINGERPRINT) + packet(3, b"\x04\x09") + DATA


@given(
    st.sampled_from([MESSAGE, armored(MESSAGE)]),
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4),
    st.integers(0, 120),
)
def test_a_damaged_message_gives_a_head_or_a_typed_error(message, changes, end):
    damaged = bytearray(message)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        head = read(bytes(damaged[:end]), 5)
    except CryptoError:
        return
    assert all(len(bytes.fromhex(key_id)) == 8 for key_id in head.recipients)
