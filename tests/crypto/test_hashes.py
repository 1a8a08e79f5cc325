"""Hashes and the DSA and ECDSA keys that sign them: our table held against gpg itself."""

from __future__ import annotations

from itertools import product

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import UnsupportedError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.crypto.engine import Algorithms, ChosenKey, SignatureMode
from gpgmail.gpg.home import Home
from gpgmail.gpg.librarian import Librarian
from gpgmail.keys.key import key_from_record
from tests.crypto.helpers import TEXT, Gpg, job
from tests.support.keyrings import empty_home

DIGESTS = ("MD5", "SHA1", "RIPEMD160", "SHA224", "SHA256", "SHA384", "SHA512")
# What FIPS 186-4 and the reference's table want, by the kind of key; rsa2048 and ed25519 take all.
FITTING = {
    "dsa1024": "SHA1",
    "dsa2048": "SHA256",
    "dsa3072": "SHA256",
    "nistp256": "SHA256",
    "nistp384": "SHA384",
    "nistp521": "SHA512",
    "secp256k1": "SHA256",
    "rsa2048": "",
    "ed25519": "",
}


@pytest.fixture(scope="module")
def keys():
    """A home, and a signing key of each kind in it as a plan names it."""
    with empty_home() as path:
        gpg = Gpg(path)
        for kind in FITTING:
            gpg.new_key(kind, kind)
        records = Librarian(Home(directory=path), Run(timeout=30)).list_keys()
        found = map(key_from_record, records)
        yield (
            gpg,
            {
                key.user_ids[0].name: ChosenKey(
                    key.fingerprint,
                    key.fingerprint,
                    key.user_id,
                    shortest_hash=key.primary.shortest_hash,
                )
                for key in found
            },
        )


def signed(engine, gpg, signers, run=None, **wanted):
    pieces = []
    work = job(gpg, signers=signers, algorithms=Algorithms(**wanted))
    run = run or Run(timeout=30)
    made = engine.sign(work, [TEXT], pieces.append, SignatureMode.DETACHED, run)
    return [one.digest for one in made.signatures], b"".join(pieces)


def refused(engine, gpg, key, digest):
    """Whether gpg itself refuses a hash, which is then a typed error that names it."""
    try:
        signed(engine, gpg, (key,), digest=digest)
    except UnsupportedError as error:
        return error.code is ErrorCode.PGP_HASH and digest in str(error)
    return False


@pytest.mark.parametrize(("kind", "digest"), list(product(FITTING, DIGESTS)))
def test_what_gpg_refuses_is_replaced_and_nothing_else(gnupg, keys, tmp_path, kind, digest):
    gpg, chosen = keys
    key, told = chosen[kind], []
    run = Run(timeout=30, emit=told.append)
    (used,), signature = signed(gnupg, gpg, (key,), run, digest=digest, fit_digest=True)
    said = [e.message for e in told if isinstance(e, Status) and "too short" in e.message]
    if refused(gnupg, gpg, key, digest):
        assert used == FITTING[kind]
        (message,) = said
        assert all(words in message for words in (digest, used, key.fingerprint, key.user_id))
    else:
        assert (used, said) == (digest, [])
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "sig").write_bytes(signature)
    files = (str(tmp_path / "sig"), str(tmp_path / "text"))
    assert "GOODSIG" in gpg.status("--allow-weak-digest-algos", "--verify", *files)


def test_several_signers_get_what_the_strictest_needs(gnupg, keys):
    gpg, chosen = keys
    several = [chosen[kind] for kind in ("rsa2048", "nistp256", "nistp521")]
    used, _ = signed(gnupg, gpg, several, digest="SHA256", fit_digest=True)
    assert used == ["SHA512"] * 3
