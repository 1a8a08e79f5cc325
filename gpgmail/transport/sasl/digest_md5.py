"""DIGEST-MD5: hashes of password, challenge and server prove both sides (RFC 2831).

Written here: pysasl has no such mechanism, and the only wheel of pure-sasl is for Python 2.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.transport.sasl.base import NonsenseError, UnprovenError, heard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.transport.sasl.base import Credentials, Exchange

_DIRECTIVE = re.compile(rb'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,[\s,]*|$)')
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LONGEST = 2048  # bytes of a challenge (section 2.1.1)
_COUNT = b"00000001"  # this is the first use of a nonce
_QOP = b"auth"  # no layer of its own: TLS is ours


def exchange(credentials: Credentials) -> Exchange:
    """Prove that we know the password, and have the server prove that it does."""
    challenge = _directives(heard((yield None)))
    if b"md5-sess" not in challenge.get("algorithm", b"") or "nonce" not in challenge:
        raise NonsenseError("no nonce, or another algorithm than md5-sess")
    if _QOP not in re.split(rb"[\s,]+", challenge.get("qop", _QOP)):
        raise NonsenseError("the server wants a security layer of its own")
    charset = "utf-8" if "charset" in challenge else "iso-8859-1"
    said = {
        "username": _encoded(credentials.user, charset),
        "realm": challenge.get("realm", b""),
        "nonce": challenge["nonce"],
        "cnonce": secrets.token_urlsafe(24).encode(),
        "digest-uri": f"smtp/{credentials.host}".encode(),
        "authzid": credentials.identity.reveal().encode(),
    }
    key = _key(said, _encoded(credentials.password.reveal(), charset))
    answer = _proof(key, said, b"AUTHENTICATE:")
    proof = _directives(heard((yield _response(said, answer, charset))))
    if not hmac.compare_digest(proof.get("rspauth", b""), _proof(key, said, b":")):
        raise UnprovenError("its answer does not come from the password")
    yield b""


def _directives(challenge: bytes) -> dict[str, bytes]:
    """Take a challenge apart; of several realms the first counts (section 2.1.1)."""
    found: dict[str, bytes] = {}
    position = 0
    while position < len(challenge) <= _LONGEST:
        match = _DIRECTIVE.match(challenge, position)
        if match is None:
            break
        name, quoted, word = match.groups()
        value = word if quoted is None else _ESCAPED.sub(rb"\1", quoted)
        if name.lower() == b"nonce" and "nonce" in found:
            break
        found.setdefault(name.decode().lower(), value)
        position = match.end()
    if position != len(challenge):
        raise NonsenseError("no directives, or too many")
    return found


def _response(said: Mapping[str, bytes], answer: bytes, charset: str) -> bytes:
    quoted = [
        b'%s="%s"' % (name.encode(), re.sub(rb'(["\\])', rb"\\\1", value))
        for name, value in said.items()
        if value
    ]
    words = [b"nc=" + _COUNT, b"qop=" + _QOP, b"response=" + answer]
    if charset == "utf-8":
        words.append(b"charset=utf-8")
    return b",".join([*quoted, *words])


def _key(said: Mapping[str, bytes], password: bytes) -> bytes:
    """Return A1 of section 2.1.2.1, where what Latin-1 can write is hashed as Latin-1."""
    who = b":".join(map(_narrow, (said["username"], said["realm"], password)))
    parts = [_md5(who), said["nonce"], said["cnonce"], said["authzid"]]
    return b":".join(parts if said["authzid"] else parts[:-1])


def _proof(key: bytes, said: Mapping[str, bytes], what: bytes) -> bytes:
    """Return the hash that one side proves itself by; *what* is the start of A2."""
    secret = _md5(key).hex().encode()
    about = _md5(what + said["digest-uri"]).hex().encode()
    whole = (secret, said["nonce"], _COUNT, said["cnonce"], _QOP, about)
    return _md5(b":".join(whole)).hex().encode()


def _narrow(text: bytes) -> bytes:
    try:
        return text.decode().encode("iso-8859-1")
    except UnicodeError:
        return text


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        raise Situation.CODE_PAGE.error(
            "the server's DIGEST-MD5 takes Latin-1 alone", subject="user or password", hint=""
        ) from None


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
