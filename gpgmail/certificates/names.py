"""Names in certificates as text: distinguished names, alternative names, algorithms.

A distinguished name is written as the reference pages show it: the most exact part first, `, `
between parts, `S` for the state, `E` for the mail address, and quotes around a value that has a
comma. What the pages do not say is written as openssl prints it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import GeneralName, Name
    from cryptography.x509.oid import ObjectIdentifier

_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "S",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "E",
}
_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.3": "dsa-with-SHA1",
    "2.16.840.1.101.3.4.3.2": "dsa_with_SHA256",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
}
_GENERAL_NAMES = {
    "DNSName": "DNS",
    "RFC822Name": "email",
    "UniformResourceIdentifier": "URI",
    "IPAddress": "IP Address",
    "DirectoryName": "DirName",
    "RegisteredID": "Registered ID",
    "OtherName": "othername",
}
_IPV4 = 4
_QUOTED = re.compile(r'^\s|\s$|[,+="<>#;]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def distinguished(name: Name) -> str:
    """Return a distinguished name as `CN=mail.example, O="Example, Inc.", C=DE`."""
    return ", ".join(
        " + ".join(f"{_attribute(part.oid)}={_value(part.value)}" for part in rdn)
        for rdn in reversed(name.rdns)
    )


def signature_algorithm(oid: ObjectIdentifier) -> str:
    """Return what openssl calls a signature algorithm, or its OID."""
    return _SIGNATURES.get(oid.dotted_string, oid.dotted_string)


def alternatives(names: Iterable[GeneralName]) -> str:
    """Return alternative names as `DNS:a.example, IP Address:127.0.0.1`."""
    return ", ".join(f"{_GENERAL_NAMES[type(name).__name__]}:{_general(name)}" for name in names)


def _attribute(oid: ObjectIdentifier) -> str:
    return _ATTRIBUTES.get(oid.dotted_string, oid.dotted_string)


def _value(value: str | bytes) -> str:
    """Return a value, quoted where it has to be; nothing in it ends a line of a log."""
    if isinstance(value, bytes):
        return f"#{value.hex().upper()}"
    shown = _one_line(value)
    return '"' + shown.replace('"', '""') + '"' if _QUOTED.search(shown) else shown


def _general(name: GeneralName) -> str:
    kind = type(name).__name__
    value: Any = name.value
    if kind == "IPAddress":
        return _address(value)
    if kind == "DirectoryName":
        return distinguished(value)
    if kind in {"OtherName", "RegisteredID"}:
        oid: ObjectIdentifier = name.type_id if kind == "OtherName" else value  # type: ignore[attr-defined]
        return oid.dotted_string
    return _one_line(value)


def _address(value: Any) -> str:  # noqa: ANN401 - an address, or a network in an authority's
    if value.version == _IPV4 or not hasattr(value, "packed"):
        return str(value)
    groups = value.exploded.split(":")
    return ":".join(f"{int(group, 16):X}" for group in groups)


def _one_line(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\{ord(found[0]):02X}", text)
