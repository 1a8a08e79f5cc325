"""JSON Web Keys (RFC 7517, 7518 section 6, 8037) and sets of them: RSA, EC and OKP."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from gpgmail.certificates import numbers
from gpgmail.certificates.entry import Entry, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.certificates.source import Source

_CURVES = {
    "P-256": "SECP256R1",
    "P-384": "SECP384R1",
    "P-521": "SECP521R1",
    "secp256k1": "SECP256K1",
}
_PAIRS = {"Ed25519": "ed25519", "Ed448": "ed448", "X25519": "x25519", "X448": "x448"}


def read(source: Source) -> list[Entry]:
    """Return the entries of a key or of a set; `x5c` (RFC 7517 section 4.7) has certificates."""
    stated = json.loads(source.data)
    keys = stated.get("keys", [stated])
    return [entry for key in keys for entry in _entries(key)]


def _entries(key: dict[str, Any]) -> list[Entry]:
    from cryptography.x509 import load_der_x509_certificate

    chain = [load_der_x509_certificate(base64.b64decode(der)) for der in key.get("x5c", ())]
    public, private = _KINDS[key["kty"]](key)
    if not chain:
        return [Entry(private_key=private) if private is not None else Entry(bare_key=public)]
    return joined(chain, [private] if private is not None else [])


def _octets(text: str) -> bytes:
    """Return what unpadded Base64url stands for (RFC 7515 section 2)."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _rsa(key: dict[str, Any]) -> tuple[Any, Any]:
    names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    return numbers.rsa(
        **{name: int.from_bytes(_octets(key[name])) for name in names if name in key}
    )


def _ec(key: dict[str, Any]) -> tuple[Any, Any]:
    names = ("x", "y", "d")
    stated = {name: int.from_bytes(_octets(key[name])) for name in names if name in key}
    return numbers.ec(_CURVES[key["crv"]], **stated)


def _okp(key: dict[str, Any]) -> tuple[Any, Any]:
    secret = _octets(key["d"]) if "d" in key else None
    return numbers.okp(_PAIRS[key["crv"]], _octets(key["x"]), secret)


_KINDS: dict[str, Callable[[dict[str, Any]], tuple[Any, Any]]] = {
    "RSA": _rsa,
    "EC": _ec,
    "OKP": _okp,
}
