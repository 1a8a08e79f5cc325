"""XML keys: RSAKeyValue (RFC 3275 section 4.4.2.2, with private parts) and X509Certificate."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from gpgmail.certificates import numbers
from gpgmail.certificates.entry import Entry, joined

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gpgmail.certificates.source import Source

_PARTS = {
    "Modulus": "n",
    "Exponent": "e",
    "D": "d",
    "P": "p",
    "Q": "q",
    "DP": "dp",
    "DQ": "dq",
    "InverseQ": "qi",
}


def read(source: Source) -> list[Entry]:
    """Return the certificates and RSA keys, wherever they stand in the document."""
    from cryptography.x509 import load_der_x509_certificate

    root = _parsed(source.data)
    certificates = [
        load_der_x509_certificate(base64.b64decode(element.text or ""))
        for element in root.iter()
        if _local(element) == "X509Certificate"
    ]
    keys = [_rsa(element) for element in root.iter() if _local(element) == "RSAKeyValue"]
    entries = joined(certificates, [private for _, private in keys if private is not None])
    known = {entry.key_der for entry in entries}
    bare = [Entry(bare_key=public) for public, private in keys if private is None]
    return entries + [entry for entry in bare if entry.key_der not in known]


def _parsed(data: bytes) -> Element:
    """Return the document; one that declares entities is refused, since none of these does."""
    from xml.etree.ElementTree import fromstring

    if b"<!" in data.replace(b"<!--", b""):
        raise ValueError("declares a document type")
    if b"\x00" in data:  # another encoding could hide a declaration
        raise ValueError("is not UTF-8")
    return fromstring(data)  # noqa: S314 - without a document type there are no entities


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _rsa(element: Element) -> tuple[Any, Any]:
    parts = {_PARTS[name]: child for child in element if (name := _local(child)) in _PARTS}
    return numbers.rsa(
        **{
            name: int.from_bytes(base64.b64decode(child.text or ""))
            for name, child in parts.items()
        }
    )
