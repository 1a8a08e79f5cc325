"""How much work a store may ask for before its password can be tried.

Who made the store chooses how often a password is hashed. Nothing can interrupt the library while
it does that, so what would take longer than some seconds, or more than 256 MiB, is refused before.
"""

from __future__ import annotations

from gpgmail.certificates import der

_MOST_ITERATIONS = 10_000_000  # of PBKDF2 and its elders; OWASP asks for 600 000
_MOST_ROUNDS = 2_000  # of bcrypt, 5 to 10 ms each; ssh-keygen takes 16 or 24, the cautious 500
_MOST_MEMORY = 256 * 1024  # KiB
_MOST_PASSES = 8 * 1024 * 1024  # KiB of memory times passes over it; puttygen takes some 200 000
_MOST_LANES = 16
_MOST_SCRYPT = 64 * 1024 * 1024  # N * r * p, each 128 bytes of work; openssl takes 2 ** 17

_DATA = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_ENCRYPTED_DATA = bytes.fromhex("2a864886f70d010706")  # 1.2.840.113549.1.7.6
_SHROUDED_KEY = bytes.fromhex("2a864886f70d010c0a0102")  # 1.2.840.113549.1.12.10.1.2
_PBES2 = bytes.fromhex("2a864886f70d01050d")  # 1.2.840.113549.1.5.13
_PBMAC1 = bytes.fromhex("2a864886f70d01050e")  # 1.2.840.113549.1.5.14
_SCRYPT = bytes.fromhex("2b06010401da47040b")  # 1.3.6.1.4.1.11591.4.11
_OPENSSH = b"openssh-key-v1\0"


class TooMuchError(Exception):
    """A store asks for more than is done for it."""


def check_argon2(memory: int, passes: int, lanes: int) -> None:
    """Refuse too much of Argon2; *memory* is in KiB.

    Raises:
        TooMuchError: If it is.
    """
    within = memory <= _MOST_MEMORY and memory * passes <= _MOST_PASSES and lanes <= _MOST_LANES
    _require(within=within)


def check_openssh(key: bytes) -> None:
    """Refuse too many rounds of bcrypt in a private key of OpenSSH (its PROTOCOL.key).

    Raises:
        TooMuchError: If there are.
    """
    at, strings = len(_OPENSSH), []
    for _ in range(3):  # cipher, key derivation, the options of that
        end = at + 4 + int.from_bytes(key[at : at + 4])
        strings.append(key[at + 4 : end])
        at = end
    options = strings[-1]
    _require(within=int.from_bytes(options[-4:]) <= _MOST_ROUNDS)


def check_pkcs8(key: bytes) -> None:
    """Refuse too much for a private key in PKCS #8 (RFC 5958); one in clear asks for none.

    Raises:
        TooMuchError: If it is.
        ValueError: If it is no DER.
    """
    first = der.value(der.value(key).content)
    if first.tag == der.SEQUENCE:  # of a key in clear it is the version
        _check_algorithm(first.content)


def check_pfx(store: bytes) -> None:
    """Refuse too much for anything that is protected in PKCS #12 (RFC 7292 section 4).

    What is in a part that is encrypted itself is not seen: no program encrypts twice.

    Raises:
        TooMuchError: If it is.
        ValueError: If it is no DER.
    """
    _, safe, *mac = der.members(der.value(store).content)
    if mac:
        digest, _, *iterations = der.members(mac[0].content)
        _check_algorithm(der.value(digest.content).content)
        _check_iterations(iterations)
    for part in der.members(der.value(_wrapped(safe)).content):
        kind, wrapped = der.value(part.content).content, _wrapped(part)
        if kind == _ENCRYPTED_DATA:
            content = der.members(wrapped)[1]
            _check_algorithm(der.members(content.content)[1].content)
        elif kind == _DATA:
            _check_bags(wrapped)


def _check_bags(content: bytes) -> None:
    for bag in der.members(der.value(content).content):
        if der.value(bag.content).content == _SHROUDED_KEY:
            _check_algorithm(der.value(_wrapped(bag)).content)


def _wrapped(named: der.Value) -> bytes:
    """Return the content of what stands behind a type, in a tag of its own."""
    return der.value(der.members(named.content)[1].content).content


def _check_algorithm(algorithm: bytes) -> None:
    """Look at the parameters of an AlgorithmIdentifier (RFC 8018 appendix A, RFC 7914)."""
    name, *rest = der.members(algorithm)
    if not rest or rest[0].tag != der.SEQUENCE:
        return
    parameters = der.members(rest[0].content)
    if name.content in {_PBES2, _PBMAC1}:
        _check_algorithm(parameters[0].content)
        return
    numbers = [one for one in parameters if one.tag == der.INTEGER]
    if name.content == _SCRYPT:
        cost, block, lanes = (int.from_bytes(one.content) for one in numbers[:3])
        within = cost * block * lanes <= _MOST_SCRYPT and cost * block <= _MOST_MEMORY * 8
        _require(within=within)
    else:
        _check_iterations(numbers)


def _check_iterations(numbers: list[der.Value]) -> None:
    """Look at the first of *numbers*; what may follow is a length."""
    for number in numbers[:1]:
        _require(within=int.from_bytes(number.content) <= _MOST_ITERATIONS)


def _require(*, within: bool) -> None:
    if not within:
        raise TooMuchError("asks for too much work before a password can be tried")
