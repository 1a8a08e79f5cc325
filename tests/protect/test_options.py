"""The rows of protection: documented defaults, what is refused, and what the engine is told."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import UsageError
from gpgmail.crypto.engine import Algorithms
from gpgmail.protect.options import ProtectOptions, algorithms


def test_the_documented_defaults():
    assert algorithms(ProtectOptions()) == Algorithms(
        cipher="AES128", digest="SHA256", compression="zip", level=4, comment=""
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encrypting_algorithm", "ROT13"),
        ("signing_algorithm", "CRC32"),
        ("compression_method", "rar"),
        ("compression_level", 0),
        ("compression_level", 10),
        ("comment", "a\nb"),
        ("message_format", "SMIME"),
    ],
)
def test_what_nobody_can_do_is_refused_when_it_is_set(name, value):
    options = ProtectOptions()
    before = getattr(options, name)
    with pytest.raises(UsageError):
        setattr(options, name, value)
    assert getattr(options, name) == before


@pytest.mark.parametrize(
    ("method", "level", "fits"),
    [("zip", 6, True), ("zlib", 7, False), ("bzip2", 9, True), ("none", 7, False)],
)
def test_a_level_must_fit_its_compression(method, level, fits):
    options = ProtectOptions()
    options.compression_method, options.compression_level = method, level
    if fits:
        assert algorithms(options).level == level
    else:
        with pytest.raises(UsageError, match="CompressionLevel"):
            algorithms(options)
