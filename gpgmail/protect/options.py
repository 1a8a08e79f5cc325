"""The rows that decide how a message is protected."""

from __future__ import annotations

from gpgmail.core.checks import between, one_line, one_of
from gpgmail.core.declare import Declared, is_set, prop, setting
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Algorithms

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
)
DIGESTS = ("SHA256", "SHA384", "SHA512", "SHA224", "SHA1", "MD5", "RIPEMD160")
COMPRESSIONS = ("zip", "zlib", "bzip2", "none", "uncompressed")
_HIGHEST_LEVEL = {"bzip2": 9}
_LEVELS = 6


class ProtectOptions(Declared):
    """How to sign and encrypt."""

    encrypting_algorithm: str = prop(
        default="AES128", check=one_of(CIPHERS), doc="Cipher of the message."
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
        default="", key="Comment", check=one_line("Comment"), doc="Comment line of the armor."
    )
    clear_signature: bool = setting(
        default=True,
        key="ClearSignature",
        doc="sign() leaves the text readable (inline format only).",
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
    )
