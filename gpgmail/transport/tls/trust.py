"""The rows that say whose certificate is taken, and what is told of it."""

from __future__ import annotations

import base64
import binascii
import re
import ssl

from gpgmail.core.checks import between, one_line
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.core.situations import Situation

SYSTEM_FILES = (
    "/etc/ssl/ca-bundle.pem;/etc/pki/tls/certs/ca-bundle.crt;"
    "/etc/ssl/certs/ca-certificates.crt;/etc/pki/tls/cacert.pem"
)

IGNORE_TIME = 0x1
ALLOW_UNKNOWN_AUTHORITY = 0x10
IGNORE_NAME = 0x80000000
# Of trust lists (CTL), nested times and revocation that is not known nothing is asked, unless
# another setting asks for it: to ignore them changes nothing.
_NEVER_ASKED = 0x2 | 0x4 | 0x100 | 0x200 | 0x400 | 0x800
_CANNOT = {
    0x20: "OpenSSL is not to be told by Python's ssl to ignore what a certificate is for",
    0x4000: "there is no test root but on Windows",
    0x8000: "there is no test root but on Windows",
}
_FLAGS = IGNORE_TIME | ALLOW_UNKNOWN_AUTHORITY | IGNORE_NAME | _NEVER_ASKED | sum(_CANNOT)

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE = b"\x30"  # what a certificate begins with in DER


def flags(value: int) -> int:
    """Accept the flags of SSLSecurityFlags that mean something to OpenSSL.

    Raises:
        UnsupportedError: If one cannot be honoured.
    """
    between(0, 0xFFFFFFFF)(value)
    if value & ~_FLAGS:
        raise ValueError(f"has no flag {value & ~_FLAGS:#x}")
    for flag, why in _CANNOT.items():
        if value & flag:
            raise Situation.UNSUPPORTED_HERE.error(why, subject=f"SSLSecurityFlags {flag:#x}")
    return value


def certificate(value: bytes) -> bytes:
    """Accept a certificate in PEM, Base64 or DER, or nothing."""
    as_der(value)
    return value


def as_der(value: bytes) -> bytes:
    """Return the DER of a certificate, the first one of a chain in PEM.

    Raises:
        ValueError: If it is none.
    """
    if not value:
        return b""
    pem = _PEM.search(value)
    if pem is not None:
        return ssl.PEM_cert_to_DER_cert(pem[0].decode("ascii", "replace"))
    if not value.startswith(_SEQUENCE):
        try:
            value = base64.b64decode(b"".join(value.split()), validate=True)
        except binascii.Error:
            value = b""
    if not value.startswith(_SEQUENCE):
        raise ValueError("takes a certificate in PEM or DER")
    return value


def authorities(text: str) -> str:
    """Return the certificates in PEM text, without what stands around them."""
    return "\n".join(block.decode("ascii", "replace") for block in _PEM.findall(text.encode()))


class TrustOptions(Declared):
    """Authorities, exceptions, and the one certificate that is enough."""

    openssl_ca_file: str = setting(
        default="",
        key="OpenSSLCAFile",
        doc="PEM file of the authorities to trust, instead of the system's.",
    )
    openssl_ca_dir: str = setting(
        default="",
        key="OpenSSLCADir",
        doc="Hashed directory of the authorities to trust, instead of the system's.",
    )
    ssl_ca_cert_file_paths: str = setting(
        default=SYSTEM_FILES,
        key="SSLCACertFilePaths",
        doc="PEM files of authorities, separated by semicolons: once set, the first one that "
        "exists is trusted instead of what OpenSSL knows as the system's.",
    )
    ssl_server_ca_certs: str = setting(
        default="",
        key="SSLServerCACerts",
        doc="Authorities in PEM, one below the other, that are trusted besides the others.",
    )
    ssl_security_flags: int = setting(
        default=0,
        key="SSLSecurityFlags",
        check=flags,
        doc="What may be wrong with the server's certificate, added: 0x1 its dates, 0x10 an "
        "unknown authority, 0x80000000 its name. All else is verified still. 0x2, 0x4, 0x100, "
        "0x200, 0x400 and 0x800 are about what is not asked anyway.",
    )
    ssl_accept_server_cert_encoded: bytes = prop(
        default=b"",
        check=certificate,
        doc="The certificate, in PEM or DER, that the server must have: it is taken without being "
        "verified, and no other one is.",
    )
    ssl_include_cert_chain: bool = setting(
        default=False,
        key="SSLIncludeCertChain",
        doc="on_ssl_server_authentication gets all certificates that the server sent, its own "
        "first.",
    )
    ssl_key_log_file: str = setting(
        default="",
        key="SSLKeyLogFile",
        check=one_line("SSLKeyLogFile"),
        doc="File to which the secrets of each connection are added, for Wireshark: who has it "
        "can read what was sent, passwords too. It is made with mode 0600, and one that others "
        "can read is refused.",
    )
    log_ssl_packets: bool = setting(
        default=False,
        key="LogSSLPackets",
        doc="on_ssl_status tells the records and handshake messages of TLS: who sent them, their "
        "kind and their length, never what is in them.",
    )
