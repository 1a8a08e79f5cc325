"""PuTTY private keys of versions 2 and 3 (PuTTY manual, appendix C).

The public part is in SSH's binary form; the private one is checked by its MAC before it is used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gpgmail.certificates import numbers, work
from gpgmail.certificates.entry import Entry
from gpgmail.certificates.source import missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.certificates.source import Source

MAGIC = b"PuTTY-User-Key-File-"
_ARGON2 = {b"Argon2id": "Argon2id", b"Argon2i": "Argon2i", b"Argon2d": "Argon2d"}
_MAC_2 = b"putty-private-key-file-mac-key"


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a passphrase gives: a cipher key, a start value, and the key of the MAC."""

    cipher: bytes = field(repr=False)
    start: bytes = field(repr=False)
    mac: bytes = field(repr=False)


def read(source: Source) -> list[Entry]:
    """Return the key in *source*."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    stated = _stated(source.data)
    version = _VERSIONS[stated["version"]]
    keys = _keys(source, stated, version)
    protected = base64.b64decode(stated["Private-Lines"], validate=True)
    private = _decrypted(keys, protected) if stated["Encryption"] != b"none" else protected
    public = base64.b64decode(stated["Public-Lines"], validate=True)
    signed = (stated["algorithm"], stated["Encryption"], stated["Comment"], public, private)
    mac = hmac.new(keys.mac, b"".join(map(_string, signed)), version.digest).hexdigest()
    if not hmac.compare_digest(mac.encode(), stated["Private-MAC"].lower()):
        raise source.wrong() if keys.cipher else ValueError("its MAC is wrong")
    line = stated["algorithm"] + b" " + base64.b64encode(public)
    built = _KINDS[stated["algorithm"].partition(b"-nistp")[0]]
    return [Entry(private_key=built(load_ssh_public_key(line), list(_strings(private))))]


def _stated(data: bytes) -> dict[str, bytes]:
    """Return the header fields, the lines that follow two of them joined."""
    lines = iter(data.splitlines())
    version, _, algorithm = next(lines).removeprefix(MAGIC).partition(b": ")
    fields = {"version": version, "algorithm": algorithm.strip()}
    for line in lines:
        name, _, text = line.partition(b": ")
        if name.endswith(b"-Lines"):
            text = b"".join(next(lines).strip() for _ in range(min(int(text), len(data))))
        fields[name.decode()] = text
    return fields


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _strings(data: bytes) -> Iterator[bytes]:
    """Yield the strings in *data* (RFC 4251 section 5); the padding at its end is none."""
    at = 0
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            return
        yield data[at + 4 : end]
        at = end


# ---- what protects a key ----


def _keys(source: Source, stated: dict[str, bytes], version: _Version) -> _Keys:
    if stated["Encryption"] == b"none":
        return _Keys(b"", b"", version.plain_mac)
    if stated["Encryption"] != b"aes256-cbc":
        raise ValueError("has an unknown cipher")
    if not source.key_password:
        raise source.locked()
    return version.derive(source, stated)


def _keys_2(source: Source, stated: dict[str, bytes]) -> _Keys:  # noqa: ARG001 - versions are alike
    first, second, mac = (
        hashlib.sha1(before + source.key_password.reveal().encode()).digest()  # noqa: S324
        for before in (bytes(4), bytes([0, 0, 0, 1]), _MAC_2)
    )
    return _Keys((first + second)[:32], bytes(16), mac)


def _keys_3(source: Source, stated: dict[str, bytes]) -> _Keys:
    memory, passes, lanes = (
        int(stated[f"Argon2-{name}"]) for name in ("Memory", "Passes", "Parallelism")
    )
    work.check_argon2(memory, passes, lanes)
    derived = _argon2(source, stated["Key-Derivation"])(
        salt=bytes.fromhex(stated["Argon2-Salt"].decode()),
        length=80,
        iterations=passes,
        lanes=lanes,
        memory_cost=memory,
    ).derive(source.key_password.reveal().encode())
    return _Keys(derived[:32], derived[32:48], derived[48:])


def _argon2(source: Source, stated: bytes) -> Any:  # noqa: ANN401 - the library's class
    """Return the function of that name; older versions of the library have fewer of them."""
    name = _ARGON2[stated]
    try:
        return getattr(import_module("cryptography.hazmat.primitives.kdf.argon2"), name)
    except (AttributeError, ImportError):
        raise missing_extra(name, source.name) from None


@dataclass(frozen=True, slots=True)
class _Version:
    """How a version derives keys, its MAC's digest, and the MAC's key without a password."""

    derive: Callable[[Source, dict[str, bytes]], _Keys]
    digest: str
    plain_mac: bytes


_VERSIONS = {
    b"2": _Version(_keys_2, "sha1", hashlib.sha1(_MAC_2).digest()),  # noqa: S324 - as above
    b"3": _Version(_keys_3, "sha256", b""),
}


def _decrypted(keys: _Keys, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES(keys.cipher), modes.CBC(keys.start)).decryptor()
    return cipher.update(data) + cipher.finalize()


# ---- what a key is made of: the public key, and the private strings in their order ----


def _rsa(public: Any, parts: list[bytes]) -> Any:  # noqa: ANN401 - a key of one kind
    d, p, q, qi = (int.from_bytes(part) for part in parts[:4])
    stated = public.public_numbers()
    return numbers.rsa(n=stated.n, e=stated.e, d=d, p=p, q=q, qi=qi)[1]


def _ecdsa(public: Any, parts: list[bytes]) -> Any:  # noqa: ANN401 - a key of one kind
    point = public.public_numbers()
    curve = type(point.curve).__name__
    return numbers.ec(curve, x=point.x, y=point.y, d=int.from_bytes(parts[0]))[1]


def _eddsa(public: Any, parts: list[bytes]) -> Any:  # noqa: ANN401 - a key of one kind
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return numbers.okp("ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw), parts[0])[1]


_KINDS: dict[bytes, Callable[[Any, list[bytes]], Any]] = {
    b"ssh-rsa": _rsa,
    b"ecdsa-sha2": _ecdsa,
    b"ssh-ed25519": _eddsa,
}
