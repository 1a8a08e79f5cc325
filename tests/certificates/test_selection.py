"""Which entry of a store is meant."""

from __future__ import annotations

import pytest

from gpgmail.certificates import stores
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.certificates.selection import select, subject
from gpgmail.core.errors import TlsError, UsageError
from tests.certificates.stores_of import make, said

SUBJECTS = ("/C=DE/CN=mail.example", "/CN=mail.example.org", "/CN=mail.example", "/CN=own key")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three certificates without keys, then one with its key."""
    directory = tmp_path_factory.mktemp("selection")
    pairs = [make(directory, str(at), subject=text) for at, text in enumerate(SUBJECTS)]
    files = [pem for _, pem in pairs] + [pairs[-1][0]]
    entries = stores.open_store(7, b"".join(path.read_bytes() for path in files))
    return entries, [pem for _, pem in pairs]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("CN=mail.example, C=DE", 0),
        ("CN=mail.example.org", 1),
        ("CN=mail.example", 2),  # exactly, though it is inside the two before
        ("cn=MAIL.example", 2),
        ("mail.example", 0),  # inside three: the first
        ("example.org", 1),
        ("C=DE", 0),
        (" own key ", 3),
        ("*", 3),  # any: the first that has a private key
        ("", 3),
    ],
)
def test_by_subject(store, wanted, meant):
    entries, _ = store
    assert select(entries, wanted, "store") is entries[meant]


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("name", ["Thumbprint=", "thumbprint = "])
def test_by_thumbprint_as_openssl_prints_it_and_without_colons(store, digest, name):
    entries, files = store
    for entry, pem in zip(entries, files, strict=True):
        printed = said("x509", "-in", pem, "-noout", "-fingerprint", f"-{digest}")
        shown = printed.partition("=")[2].strip()
        for written in (shown, shown.lower(), shown.replace(":", ""), shown.replace(":", " ")):
            assert select(entries, name + written, "store") is entry


@pytest.mark.proves("SSL 272")
@pytest.mark.parametrize("wanted", ["nobody", "CN=mail.example.orgs", f"Thumbprint={'00' * 20}"])
def test_no_match_lists_what_is_there(store, wanted):
    entries, _ = store
    with pytest.raises(TlsError, match=r"a\.pem: nothing matches .+CN=own key") as caught:
        select(entries, wanted, "a.pem")
    assert (caught.value.code.family, caught.value.code.number) == ("SSL", 272)


@pytest.mark.parametrize("value", ["", "00", "zz" * 20, "00" * 21])
def test_a_thumbprint_that_is_none(store, value):
    with pytest.raises(UsageError, match="thumbprint"):
        select(store[0], f"Thumbprint={value}", "store")


def test_an_entry_without_a_certificate_is_found_by_the_star_alone(made):
    entries = stores.open_store(6, str(made / "rsa.key").encode())
    assert subject(entries[0]) == ""
    assert CertificateFacts.of(select(entries, "*", "store")).private_key_available
    with pytest.raises(TlsError, match="keys alone"):
        select(entries, "x", "store")
