"""The rows that say what a TLS handshake may agree on.

Where they are at their defaults OpenSSL chooses, by the rules of the system and of Python's `ssl`.
"""

from __future__ import annotations

from gpgmail.core.checks import between, one_line
from gpgmail.core.declare import Declared, inert, setting
from gpgmail.transport.tls import groups, signatures, suites, versions


class AgreementOptions(Declared):
    """Versions, cipher suites, groups, signatures."""

    ssl_enabled_protocols: int = setting(
        default=versions.DEFAULT,
        key="SSLEnabledProtocols",
        check=versions.supported,
        doc="Protocol versions, added: 12288 TLS 1.3, 3072 TLS 1.2, 768 TLS 1.1, 192 TLS 1.0, as "
        "far as OpenSSL has them. With the last two the security level of OpenSSL is 0.",
    )
    ssl_enabled_cipher_suites: str = setting(
        default=suites.ANY,
        key="SSLEnabledCipherSuites",
        check=suites.listed,
        doc="Cipher suites by OpenSSL's or the IANA's names, separated by semicolons; * for those "
        "of OpenSSLCipherList. Before Python 3.15 those of TLS 1.3 are all offered, and a "
        "connection with one that is not listed is left before anything is written.",
    )
    ssl_cipher_strength: int = setting(
        default=0,
        key="SSLCipherStrength",
        check=between(0, 256),
        doc="Bits that the key of the cipher must have at least; 0 for OpenSSL's choice. What is "
        "said of TLS 1.3 for SSLEnabledCipherSuites holds here.",
    )
    openssl_cipher_list: str = setting(
        default=suites.DEFAULT,
        key="OpenSSLCipherList",
        check=one_line("OpenSSLCipherList"),
        doc="Cipher suites before TLS 1.3 as OpenSSL's cipher string; those without encryption or "
        "certificate are never among them.",
    )
    tls12_supported_groups: str = setting(
        default=groups.DEFAULT_1_2,
        key="TLS12SupportedGroups",
        check=groups.listed("TLS12SupportedGroups", groups.DEFAULT_1_2),
        doc="Group to offer in TLS 1.2, one of the default's; from Python 3.15 on several, "
        "separated by commas. The default is OpenSSL's choice. OpenSSL has one list of groups: "
        "where TLS 1.3 is enabled too, TLS13SupportedGroups must be the same.",
    )
    tls13_supported_groups: str = setting(
        default=groups.DEFAULT_1_3,
        key="TLS13SupportedGroups",
        check=groups.listed("TLS13SupportedGroups", groups.DEFAULT_1_3),
        doc="Group to offer in TLS 1.3, one of the default's; see TLS12SupportedGroups.",
    )
    tls13_key_share_groups: str = inert(
        default="ecdhe_x25519,ecdhe_secp256r1,ecdhe_secp384r1,ffdhe_2048,ffdhe_3072",
        key="TLS13KeyShareGroups",
        why="OpenSSL makes the key share of the group that it prefers; a group set by "
        "TLS13SupportedGroups is the one that it makes",
    )
    tls12_signature_algorithms: str = setting(
        default=signatures.DEFAULT_1_2,
        key="TLS12SignatureAlgorithms",
        check=signatures.listed(signatures.KNOWN_1_2),
        doc="What the server's certificate may be signed with in TLS 1.2: hashes and keys such as "
        "sha256-rsa, separated by commas. The default and the empty text leave it to OpenSSL.",
    )
    tls13_signature_algorithms: str = setting(
        default=signatures.DEFAULT_1_3,
        key="TLS13SignatureAlgorithms",
        check=signatures.listed(signatures.KNOWN_1_3),
        doc="What the server's certificate may be signed with in TLS 1.3: names such as "
        "rsa_pkcs1_sha256, separated by commas. The default and the empty text leave it to "
        "OpenSSL.",
    )
    ssl_enable_renegotiation: bool = setting(
        default=True,
        key="SSLEnableRenegotiation",
        doc="Agree when a server of TLS 1.2 wants to negotiate anew. The extension that makes that "
        "safe (RFC 5746) is sent in any case.",
    )
