"""Packet frames of RFC 9580 section 4.2: whole, cut off at any byte, or something else."""

from __future__ import annotations

import pytest

from gpgmail.gpg.framing import PUBLIC_KEY, SECRET_KEY, FramingError, packets
from tests.support.keyrings import KEYRINGS

EXPORT = (KEYRINGS / "exports" / "public.gpg").read_bytes()


def test_a_whole_export_is_cut_into_its_packets():
    found = list(packets(EXPORT))
    assert found[0][0] == PUBLIC_KEY
    assert [start for _, start, _ in found[1:]] == [end for _, _, end in found[:-1]]
    assert found[-1][2] == len(EXPORT)


def test_secret_keys_are_told_apart():
    secret = (KEYRINGS / "exports" / "secret.gpg").read_bytes()
    assert next(packets(secret))[0] == SECRET_KEY


def test_every_cut_but_between_packets_is_seen():
    ends = {end for _, _, end in packets(EXPORT)}
    missed = []
    for length in range(1, len(EXPORT)):
        try:
            list(packets(EXPORT[:length]))
        except FramingError:
            continue
        missed.append(length)
    assert set(missed) == ends - {len(EXPORT)}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"\xc6\x05", 5),  # new format, one octet
        (b"\xc6\xc0\x01", 193),  # new format, two octets
        (b"\xc6\xff\x00\x00\x01\x02", 258),  # new format, five octets
        (b"\x98\x05", 5),  # old format, one octet
        (b"\x99\x01\x02", 258),  # old format, two octets
        (b"\x9a\x00\x00\x01\x02", 258),  # old format, four octets
    ],
)
def test_every_kind_of_length(head, body):
    assert list(packets(head + b"x" * body)) == [(PUBLIC_KEY, 0, len(head) + body)]
    with pytest.raises(FramingError, match="cut off"):
        list(packets(head + b"x" * (body - 1)))
    with pytest.raises(FramingError, match="cut off"):
        list(packets(head[:-1]))


@pytest.mark.parametrize("data", [b"text", b"\xc6\xe1x", b"\x9b"])
def test_what_is_no_key_packet(data):
    with pytest.raises(FramingError):
        list(packets(data))
