"""The rows that decide how a message is protected."""

from __future__ import annotations

import unicodedata

from gpgmail.core.checks import between, one_of
from gpgmail.core.declare import Declared, is_set, prop, setting
from gpgmail.core.passphrases import LONGEST
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.crypto.armor import one_header
from gpgmail.crypto.engine import Algorithms
from gpgmail.crypto.engines import AUTO, NAMES

CIPHERS = (
    "AES128",
    "AES192",
    "AES256",
    "3DES",
    "TripleDES",
    "CAST5",
    "BLOWFISH",
    "TWOFISH",
    "IDEA",
    "AES128-OCB",
    "AES192-OCB",
    "AES256-OCB",
    "AES128-GCM",
    "AES192-GCM",
    "AES256-GCM",
)
DIGESTS = (
    "SHA256",
    "SHA384",
    "SHA512",
    "SHA224",
    "SHA1",
    "MD5",
    "RIPEMD160",
    "SHA3-256",
    "SHA3-512",
)
COMPRESSIONS = ("zip", "zlib", "bzip2", "none", "uncompressed")
_HIGHEST_LEVEL = {"bzip2": 9}
_LEVELS = 6


def _passphrase(value: str) -> str:
    """Accept what gpg takes whole: a line of text; the value is never quoted."""
    refuse_controls(value, "SymmetricPassphrase")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
        raise ValueError("holds a control character or half a character")
    if len(value.encode()) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes, which gpg does not take")
    return value


def _no_argon2(value: bool) -> bool:  # noqa: FBT001 - a row's check
    if value:
        raise Situation.ENGINE_CANNOT.error(
            "no gpg derives keys from passphrases with Argon2, up to and with 2.4",
            subject="UseArgon2",
            hint="leave it False: gpg iterates a salted hash",
        )
    return value


class ProtectOptions(Declared):
    """How to sign and encrypt."""

    encrypting_algorithm: str = prop(
        default="AES128",
        check=one_of(CIPHERS),
        doc="Cipher of the message, with -OCB or -GCM for authenticated encryption.",
    )
    signing_algorithm: str = prop(
        default="SHA256", check=one_of(DIGESTS), doc="Hash of the signature."
    )
    compression_method: str = prop(
        default="zip", check=one_of(COMPRESSIONS), doc="Compression inside the message."
    )
    compression_level: int = setting(
        default=4,
        key="CompressionLevel",
        check=between(1, 9),
        doc="How hard to compress: zip and zlib 1 to 6, bzip2 1 to 9.",
    )
    comment: str = setting(
        default="", key="Comment", check=one_header("Comment"), doc="Comment line of the armor."
    )
    version_header: str = setting(
        default="",
        key="VersionHeader",
        check=one_header("VersionHeader"),
        doc="Version line of the armor; none by default, where the reference names its product.",
    )
    ensure_valid_dsa_signature_hash_algorithm: bool = setting(
        default=True,
        key="EnsureValidDSASignatureHashAlgorithm",
        doc="A hash that is too short for a DSA or ECDSA key that signs gives way to the shortest "
        "one that is not, and a status event says so; otherwise that is an error.",
    )
    symmetric_passphrase: str = setting(
        default="",
        key="SymmetricPassphrase",
        check=_passphrase,
        secret=True,
        doc="encrypt() uses this passphrase and no key; signing is not possible then.",
    )
    use_argon2: bool = setting(
        default=False,
        key="UseArgon2",
        check=_no_argon2,
        doc="Derive keys from passphrases with Argon2, which no gpg does.",
    )
    aead_chunk_size_exp: int = setting(
        default=22,
        key="AEADChunkSizeExp",
        check=between(6, 22),
        doc="Size of chunks in authenticated encryption, as an exponent of two; gpg 2.3 and newer.",
    )
    clear_signature: bool = setting(
        default=True,
        key="ClearSignature",
        doc="sign() leaves the text readable (inline format only).",
    )
    engine: str = setting(
        default=AUTO,
        key="Engine",
        check=one_of(NAMES),
        doc="What has gpg do its work: gnupg starts it, gpgme has libgpgme start it; auto is what "
        "the environment's GPGMAIL_ENGINE names, otherwise gnupg. Ours.",
    )
    message_format: str = setting(
        default="INLINE",
        key="MessageFormat",
        check=one_of(("INLINE", "PGPMIME")),
        doc="INLINE puts OpenPGP into the text; PGPMIME builds RFC 3156 parts. Ours.",
    )
    process_attachments: bool = setting(
        default=False,
        key="ProcessAttachments",
        doc="Inline format: sign and encrypt the attachments too, each by itself.",
    )


def algorithms(options: ProtectOptions) -> Algorithms:
    """Return what the component's rows say, documented defaults included.

    Raises:
        UsageError: If the level does not fit the compression.
    """
    method = options.compression_method
    highest = _HIGHEST_LEVEL.get(method, _LEVELS)
    if is_set(options, "compression_level") and options.compression_level > highest:
        raise Situation.BAD_VALUE.error(
            f"{method} takes 1 to {highest}, not {options.compression_level}",
            subject="CompressionLevel",
        )
    return Algorithms(
        cipher=options.encrypting_algorithm,
        digest=options.signing_algorithm,
        compression=method,
        level=options.compression_level,
        comment=options.comment,
        version=options.version_header,
        chunk_size=(
            options.aead_chunk_size_exp if is_set(options, "aead_chunk_size_exp") else None
        ),
        fit_digest=options.ensure_valid_dsa_signature_hash_algorithm,
    )
