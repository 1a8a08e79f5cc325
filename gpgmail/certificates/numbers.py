"""Keys built from their numbers, each as (public key, private key or None).

The library checks that the numbers belong together; what it is given is bounded here, since a check
of absurd numbers would take for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

Pair = tuple["PublicKeyTypes", "PrivateKeyTypes | None"]

_MOST_BITS = 16384  # OpenSSL's own bound for RSA


def rsa(
    *,
    n: int,
    e: int,
    d: int | None = None,
    p: int | None = None,
    q: int | None = None,
    dp: int | None = None,
    dq: int | None = None,
    qi: int | None = None,
) -> Pair:
    """Return an RSA key; a private one needs `d`, and what else is missing follows from it."""
    from cryptography.hazmat.primitives.asymmetric import rsa as made

    if any(part is not None and part.bit_length() > _MOST_BITS for part in (n, e, d, p, q)):
        raise ValueError(f"has more than {_MOST_BITS} bits")
    public = made.RSAPublicNumbers(e=e, n=n)
    if d is None:
        return public.public_key(), None
    if p is None or q is None:
        if pow(2, e * d, n) != 2 % n:  # the search for factors would go on for long
            raise ValueError("the exponents do not belong together")
        p, q = made.rsa_recover_prime_factors(n, e, d)
    private = made.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=made.rsa_crt_dmp1(d, p) if dp is None else dp,
        dmq1=made.rsa_crt_dmq1(d, q) if dq is None else dq,
        iqmp=made.rsa_crt_iqmp(p, q) if qi is None else qi,
        public_numbers=public,
    ).private_key()
    return private.public_key(), private


def ec(curve: str, *, x: int, y: int, d: int | None = None) -> Pair:
    """Return a key on a curve that is named as the library names it."""
    from cryptography.hazmat.primitives.asymmetric import ec as made

    public = made.EllipticCurvePublicNumbers(x, y, getattr(made, curve)())
    if d is None:
        return public.public_key(), None
    private = made.EllipticCurvePrivateNumbers(d, public).private_key()
    return private.public_key(), private


def okp(module: str, public: bytes, secret: bytes | None = None) -> Pair:
    """Return a key of ed25519, ed448, x25519 or x448 from its octets.

    Raises:
        ValueError: If the two do not belong together.
    """
    from importlib import import_module

    made: Any = import_module(f"cryptography.hazmat.primitives.asymmetric.{module}")
    name = module.capitalize()
    public_key = getattr(made, f"{name}PublicKey").from_public_bytes(public)
    if secret is None:
        return public_key, None
    private_key = getattr(made, f"{name}PrivateKey").from_private_bytes(secret)
    if private_key.public_key() != public_key:
        raise ValueError("public and private part do not belong together")
    return public_key, private_key
