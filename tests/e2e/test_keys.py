"""A recipient or signer without exactly one usable key: an error that explains, no connection."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.e2e.faces import Job
from tests.servers.readers import Gpg
from tests.support.keyrings import fixture_key

OPENPGP, OURS = "OpenPGP", "gpgmail"


class Row(NamedTuple):
    """An address in a situation; the names of the keys that the error lists, and a reason in it."""

    situation: str
    address: str
    names: tuple[str, ...]
    code: tuple[str, int]
    reason: str


RECIPIENTS = {
    "missing": Row("modern", "nobody@example.org", (), (OPENPGP, 114), "no "),
    "expired": Row("expired", "expired@example.org", ("expired",), (OURS, 8), "expired"),
    "revoked": Row("revoked", "revoked@example.org", ("revoked",), (OURS, 8), "revoked"),
    "disabled": Row("disabled", "disabled@example.org", ("disabled",), (OURS, 8), "disabled"),
    "subkey expired": Row("expired-subkey", "stale@example.org", ("stale",), (OURS, 8), "expired"),
    "not made for it": Row(
        "no-encryption",
        "signonly@example.org",
        ("signonly",),
        (OPENPGP, 128),
        "encrypt",
    ),
    "ambiguous": Row(
        "two-keys-one-address",
        "twin@example.org",
        ("older", "newer"),
        (OURS, 7),
        "fingerprint",
    ),
    "user id revoked": Row("uid-revoked", "dora@left.example.org", ("dora",), (OURS, 8), "revoked"),
    "user id not valid": Row(
        "uid-unsigned",
        "dana@claimed.example.org",
        ("dana",),
        (OURS, 9),
        "validity",
    ),
    "key not valid": Row("modern", "carol@example.org", ("carol",), (OURS, 9), "validity"),
}

SIGNERS = {
    "missing": Row("modern", "nobody@example.org", (), (OPENPGP, 114), "no "),
    "no secret part": Row("modern", "alice@example.org", ("alice",), (OURS, 8), "secret"),
    "expired": Row("expired", "expired@example.org", ("expired",), (OURS, 8), "expired"),
    "revoked": Row("revoked", "revoked@example.org", ("revoked",), (OURS, 8), "revoked"),
    "ambiguous": Row(
        "two-keys-one-address",
        "twin@example.org",
        ("older", "newer"),
        (OURS, 7),
        "fingerprint",
    ),
}


def explained(report, row):
    keys = {fixture_key(row.situation, name).fingerprint for name in row.names}
    assert report.code == row.code
    assert set(report.candidates) == keys
    for word in (row.address, row.reason, report.hint, *keys):
        assert word
        assert word in report.text


@pytest.mark.parametrize("name", RECIPIENTS)
def test_a_recipient_without_a_usable_key(face, place, server, name):
    row = RECIPIENTS[name]
    job = Job(port=server.port, to=(row.address,), sign=False, keyring=place(row.situation))

    explained(face(job), row)
    assert server.settled() == []


@pytest.mark.parametrize("name", SIGNERS)
def test_a_signer_without_a_usable_key(face, place, server, name):
    row = SIGNERS[name]
    job = Job(port=server.port, from_=row.address, encrypt=False, keyring=place(row.situation))

    explained(face(job), row)
    assert server.settled() == []


def test_one_recipient_without_a_key_holds_the_mail_back_from_all(face, place, server):
    job = Job(
        port=server.port, to=("alice@example.org", "carol@example.org"), keyring=place("modern")
    )

    assert face(job).code == (OURS, 9)
    assert server.settled() == []


@pytest.mark.parametrize(
    ("key", "address"),
    [
        (("expired-beside-usable", "new"), "renewed@example.org"),
        (("uid-revoked", "dora"), "dora@example.org"),
        (("uid-unsigned", "dana"), "dana@example.org"),
    ],
)
def test_what_is_unusable_beside_a_usable_key_is_in_nobodys_way(face, place, server, key, address):
    home = place(key[0])

    assert face(Job(port=server.port, to=(address,), sign=False, keyring=home)).number == 0
    (connection,) = server.settled()
    (content,) = connection.contents
    subkeys = [
        one.fingerprint[-16:] for one in fixture_key(*key).subkeys if "e" in one.capabilities
    ]
    assert Gpg(home).read_encrypted(content).recipients == (*subkeys,)
