"""Whatever bytes a store has, it opens or says in the project's own words that it does not."""

from __future__ import annotations

import functools

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gpgmail.certificates import der, stores
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.core.errors import GpgmailError
from gpgmail.core.secret import Secret
from tests.certificates.stores_of import PASSWORD, VECTORS

CONTENT = [number for number, kind in stores.KINDS.items() if not kind.is_file]
SEEDS = (
    *("both.pem", "locked.pem", "rsa.der", "rsa.key.der", "modern.pfx", "none.pfx", "der.p7b"),
    *("two.jks", "one.jceks", "rsa-2.ppk", "ed25519-3-protected.ppk", "ecdsa.pub"),
)
fuzz = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def foreign(data, numbers):
    """Open *data* as every type in *numbers*; return what is raised and is no error of ours."""
    found = []
    for number in numbers:
        for password in ("", PASSWORD):
            try:
                for entry in stores.open_store(number, data, store_password=Secret(password)):
                    CertificateFacts.of(entry)
            except GpgmailError:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not to be
                found.append((number, repr(error)))
    return found


@functools.cache
def seed(directory, name):
    """A store that opens."""
    place = VECTORS if (VECTORS / name).exists() else directory
    return (place / name).read_bytes()


def types_for(data):
    """The types of content, and the one that looks where it takes this for content."""
    return [*CONTENT, *([stores.AUTO] if stores.is_content(data) else [])]


@fuzz
@given(st.binary(max_size=200))
@example(b"")
@example(b"-----BEGIN ")
@example(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----")
@example(b"-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----")
@example(b"0\x80")
@example(b"0\x84\xff\xff\xff\xff")
@example(b'{"kty":' * 100_000)
@example(b"PuTTY-User-Key-File-3: ")
@example(bytes.fromhex("feedfeed") + b"\xff" * 30)
@example(b"---- BEGIN SSH2 PUBLIC KEY ----")
@example(b"\0\0\0\x07ssh-rsa")
@example(b"<" * 10_000)
def test_noise(data):
    assert foreign(data, types_for(data)) == []


@fuzz
@given(data=st.data(), name=st.sampled_from(SEEDS))
def test_stores_that_are_cut_off(made, data, name):
    whole = seed(made, name)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    numbers = [number for number in types_for(cut) if number in right_types(name)]
    assert foreign(cut, numbers) == []


@fuzz
@given(data=st.data(), name=st.sampled_from(SEEDS))
def test_stores_with_a_changed_byte(made, data, name):
    changed = bytearray(seed(made, name))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    assert foreign(bytes(changed), right_types(name)) == []


def right_types(name):
    """The types that would read the store as it was."""
    by_end = {"pem": (7,), "der": (7, 9), "pfx": (3,), "p7b": (12,), "jks": (5,), "jceks": (5,)}
    return (by_end | {"ppk": (15,), "pub": (10,)})[name.rpartition(".")[2]]


@given(st.binary(max_size=50))
def test_der_values_end_where_they_say(data):
    try:
        found = der.value(data)
    except ValueError:
        return
    assert found.end <= len(data)
    assert data[: found.end].endswith(found.content)
    assert der.value(data[: found.end] + b"more") == found
