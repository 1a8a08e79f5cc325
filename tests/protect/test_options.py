"""The rows of protection: documented defaults, what is refused, and what the engine is told."""

from __future__ import annotations

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError, UsageError
from gpgmail.crypto.engine import Algorithms
from gpgmail.protect.options import ProtectOptions, algorithms


def test_the_documented_defaults():
    assert algorithms(ProtectOptions()) == Algorithms(
        cipher="AES128", digest="SHA256", compression="zip", level=4, fit_digest=True
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
        ("comment", "\a"),
        ("version_header", "a\rb"),
        ("version_header", "\x1b[1m"),
        ("version_header", "ü"),
        ("aead_chunk_size_exp", 5),
        ("aead_chunk_size_exp", 23),
        ("symmetric_passphrase", "a\nb"),
        ("symmetric_passphrase", "a\0b"),
        ("symmetric_passphrase", "\x04 means no to gpg"),
        ("symmetric_passphrase", "half \udc00"),
        ("symmetric_passphrase", "ü" * 128),
        ("message_format", "SMIME"),
    ],
)
def test_what_nobody_can_do_is_refused_when_it_is_set(name, value):
    options = ProtectOptions()
    before = getattr(options, name)
    with pytest.raises(UsageError) as caught:
        setattr(options, name, value)
    assert getattr(options, name) == before
    assert name != "symmetric_passphrase" or value not in str(caught.value)


def test_argon2_is_refused_by_saying_who_has_it():
    options = ProtectOptions(use_argon2=False)
    with pytest.raises(UnsupportedError) as caught:
        options.use_argon2 = True
    assert caught.value.code is ErrorCode.PGP_UNSUPPORTED
    assert "no gpg" in str(caught.value)
    assert not options.use_argon2


def test_the_size_of_chunks_is_gpgs_own_until_it_is_set():
    assert algorithms(ProtectOptions()).chunk_size is None
    assert algorithms(ProtectOptions(aead_chunk_size_exp=22)).chunk_size == 22


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
