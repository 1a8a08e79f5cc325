"""PEM (RFC 7468) and plain DER: certificates, private keys and public keys, in any order."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpgmail.certificates import work
from gpgmail.certificates.entry import Entry, joined
from gpgmail.certificates.formats import pkcs7
from gpgmail.core.errors import PassphraseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.certificates.source import Source

_OPENSSH_PLAIN = b"openssh-key-v1\0\0\0\0\x04none"  # the head of a key without a password
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"


def read(source: Source) -> list[Entry]:
    """Return what is in *source*: PEM with any text around it, or one DER value."""
    if _BEGIN not in source.data:
        return _read_der(source)
    found: dict[str, list[Any]] = {"certificate": [], "private": [], "public": [], "refusal": []}
    for label, block in _blocks(source.data):
        kind, load = _LOADERS.get(label, ("", None))
        if load is None:
            continue
        try:
            found[kind] += load(source, block)
        except PassphraseError as error:
            found["refusal"].append(error.with_traceback(None))
    return _entries(**found)


def _entries(
    certificate: list[Any], private: list[Any], public: list[Any], refusal: list[PassphraseError]
) -> list[Entry]:
    """Return what was found, joined; a key that does not open is the first certificate's own."""
    entries = joined(certificate, private)
    keyless = [at for at, entry in enumerate(entries) if entry.private_key is None]
    for error in refusal[:1]:
        if not keyless:
            raise error
        entries[keyless[0]] = replace(entries[keyless[0]], refusal=error)
    known = {entry.key_der for entry in entries}
    bare = [Entry(bare_key=key) for key in public]
    return entries + [entry for entry in bare if entry.key_der not in known]


def _blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the label of each block, and the block as a whole."""
    at = 0
    while (start := data.find(_BEGIN, at)) >= 0:
        label_end = data.find(_DASHES, start + len(_BEGIN))
        label = data[start + len(_BEGIN) : label_end]
        last = _END + label + _DASHES
        end = data.find(last, label_end)
        if label_end < 0 or end < 0:
            raise ValueError("a block of PEM has no end")
        at = end + len(last)
        yield label.decode("ascii", "replace"), data[start:at] + b"\n"


def _certificate(source: Source, block: bytes) -> list[Any]:  # noqa: ARG001 - loaders are alike
    from cryptography.x509 import load_pem_x509_certificate

    return [load_pem_x509_certificate(block)]


def _certificates(source: Source, block: bytes) -> list[Any]:  # noqa: ARG001 - loaders are alike
    return pkcs7.certificates(block)


def _private(source: Source, block: bytes) -> list[Any]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return [source.unlock(load_pem_private_key, block)]


def _pkcs8(source: Source, block: bytes) -> list[Any]:
    work.check_pkcs8(_body(block))
    return _private(source, block)


def _openssh(source: Source, block: bytes) -> list[Any]:
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    def load(data: bytes, password: bytes | None) -> Any:  # noqa: ANN401 - a key of any kind
        body = _body(data)
        if password is None and not body.startswith(_OPENSSH_PLAIN):
            raise TypeError  # as for keys of other formats; before 43 the library says ValueError
        return load_ssh_private_key(data, password)

    work.check_openssh(_body(block))
    return [source.unlock(load, block)]


def _body(block: bytes) -> bytes:
    return base64.b64decode(b"".join(block.splitlines()[1:-1]))


def _public(source: Source, block: bytes) -> list[Any]:  # noqa: ARG001 - loaders are alike
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return [load_pem_public_key(block)]


# Blocks of other labels, such as parameters and requests, hold nothing that is asked for here.
_LOADERS: dict[str, tuple[str, Callable[[Source, bytes], list[Any]]]] = {
    "CERTIFICATE": ("certificate", _certificate),
    "X509 CERTIFICATE": ("certificate", _certificate),
    "PKCS7": ("certificate", _certificates),
    "PRIVATE KEY": ("private", _private),
    "ENCRYPTED PRIVATE KEY": ("private", _pkcs8),
    "RSA PRIVATE KEY": ("private", _private),
    "EC PRIVATE KEY": ("private", _private),
    "DSA PRIVATE KEY": ("private", _private),
    "OPENSSH PRIVATE KEY": ("private", _openssh),
    "PUBLIC KEY": ("public", _public),
    "RSA PUBLIC KEY": ("public", _public),
}


def _read_der(source: Source) -> list[Entry]:
    from cryptography.hazmat.primitives.serialization import (
        load_der_private_key,
        load_der_public_key,
    )
    from cryptography.x509 import load_der_x509_certificate

    loaders: dict[str, Any] = {
        "certificate": load_der_x509_certificate,
        "bare_key": load_der_public_key,
    }
    for field, load in loaders.items():
        try:
            return [Entry(**{field: load(source.data)})]
        except ValueError:
            continue
    work.check_pkcs8(source.data)
    return [Entry(private_key=source.unlock(load_der_private_key, source.data))]
