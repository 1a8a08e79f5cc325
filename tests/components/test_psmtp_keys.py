"""Many keys in one operation: signers of several keyrings, many recipients, the same key twice."""

from __future__ import annotations

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import PassphraseError, UnsupportedError
from tests.components.support import ALICE, CAROL, SENDER, failing, psmtp, text_of
from tests.crypto.helpers import Gpg
from tests.servers.readers import Gpg as Reader
from tests.support.keyrings import empty_home, situations

PROTECTED = next(key for key in situations()["protected"].keys.values() if key.passphrase)
OTHER = next(iter(situations()["signing-subkey"].keys.values()))


@pytest.fixture(scope="module")
def everybody():
    """A home with the public keys of all signers, and the secret ones of recipients."""
    with empty_home() as path:
        gpg = Gpg(path)
        for name in ("own-key", "signing-subkey", "protected"):
            source = situations()[name].path
            for ring in (*source.glob("*.asc"), *source.glob("pubring.*")):
                exported = gpg.run("--no-default-keyring", "--keyring", str(ring), "--export")
                gpg.run("--import", stdin=exported.stdout)
        yield Reader(path)


def snapshot(path):
    return {
        one.name: one.read_bytes()
        for one in path.rglob("*")
        if one.is_file() and (one.suffix == ".key" or one.name.startswith("pubring"))
    }


@pytest.mark.proves("keys", "Key.keyring", "Key.passphrase")
@pytest.mark.parametrize("form", ["INLINE", "PGPMIME"])
def test_signers_of_three_keyrings_sign_together(sink, home, everybody, form):
    places = [home(name) for name in ("own-key", "signing-subkey", "protected")]
    before = [snapshot(place) for place in places]
    with psmtp(sink, message_format=form) as mailer:
        mailer.keys.append(Key(places[0]))
        mailer.keys.append(Key(places[1], fingerprint=OTHER.fingerprint))
        protected = Key(places[2], fingerprint=PROTECTED.fingerprint)
        protected.passphrase = PROTECTED.passphrase
        mailer.keys.append(protected)
        mailer.sign()
        mailer.send()
    mail = sink.received[0]
    if form == "PGPMIME":
        verdict = everybody.verify_signed(mail.data)
    else:
        verdict = everybody.read(text_of(mail).encode())
    told = [line.split()[-1] for line in verdict.status if line.startswith("VALIDSIG")]
    assert sorted(told) == sorted([SENDER.fingerprint, OTHER.fingerprint, PROTECTED.fingerprint])
    assert verdict.signature == "good good good"
    assert [snapshot(place) for place in places] == before


def test_they_sign_and_encrypt_to_keys_of_a_fourth(sink, home, reader):
    with psmtp(sink, b_cc=CAROL.address) as mailer:
        mailer.keys.extend([Key(home("own-key")), Key(home("signing-subkey"))])
        place = home("recipients") / "public.asc"
        mailer.recipient_keys.extend([Key(place, one.address) for one in (ALICE, CAROL)])
        mailer.sign_and_encrypt()
        mailer.send()
    for mail in sink.received:
        verdict = reader.read(text_of(mail).encode())
        assert verdict.decrypted
        assert len([line for line in verdict.status if line.startswith("NEWSIG")]) == 2


@pytest.mark.proves("on_key_passphrase")
def test_each_protected_signer_is_asked_for(sink, home):
    passphrases = {PROTECTED.fingerprint: PROTECTED.passphrase}
    with psmtp(sink) as mailer:
        mailer.keys.extend(
            [Key(home("own-key")), Key(home("protected"), fingerprint=PROTECTED.fingerprint)]
        )
        asked = []

        def answer(event):
            asked.append(event.fingerprint)
            event.passphrase = passphrases[event.fingerprint]

        mailer.on_key_passphrase = answer
        mailer.sign()
    assert asked == [PROTECTED.fingerprint]


def test_a_protected_signer_without_passphrase_is_named(sink, home):
    with psmtp(sink) as mailer:
        mailer.keys.extend(
            [Key(home("own-key")), Key(home("protected"), fingerprint=PROTECTED.fingerprint)]
        )
        with failing(122, PassphraseError):
            mailer.sign()


def test_a_keyring_with_a_card_does_not_sign_with_another(sink, home):
    with_card = home("signing-subkey")
    stub = with_card / "private-keys-v1.d" / f"{'A' * 40}.key"
    stub.write_bytes(b"(20:shadowed-private-key(3:rsa))")
    with psmtp(sink) as mailer:
        mailer.keys.extend([Key(home("own-key")), Key(with_card)])
        with failing(1, UnsupportedError) as caught:
            mailer.sign()
        assert str(with_card) in str(caught.value)
        stub.unlink()
        mailer.message_text = "again"
        mailer.sign()


def test_the_same_key_twice_signs_and_opens_once(sink, own, home, reader):
    with psmtp(sink) as mailer:
        mailer.keys.extend([Key(own, SENDER.address), Key(own, fingerprint=SENDER.fingerprint)])
        mailer.keys.append(Key(home("own-key")))  # the same key in another keyring
        mailer.recipient_keys.extend([Key(own, ALICE.address)] * 2)
        mailer.recipient_keys.append(Key(home("recipients") / "public.asc", ALICE.fingerprint))
        mailer.sign_and_encrypt()
        mailer.send()
    verdict = reader.read(text_of(sink.received[0]).encode())
    assert (verdict.signature, len(verdict.recipients)) == ("good", 1)


@pytest.fixture(scope="module", params=[25, pytest.param(200, marks=pytest.mark.interop)])
def crowd(request):
    """A home with many keys, their addresses, and their subkeys' ids."""
    addresses = [f"n{number}@example.org" for number in range(request.param)]
    with empty_home() as path:
        gpg = Gpg(path)
        script = "".join(
            "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\n"
            f"Subkey-Curve: cv25519\nName-Email: {address}\n%commit\n"
            for address in addresses
        )
        gpg("--gen-key", stdin=script.encode())
        listed = gpg("--with-colons", "--list-keys").decode().splitlines()
        ids = {line.split(":")[4] for line in listed if line.startswith("sub:")}
        yield gpg, addresses, ids


@pytest.mark.proves("recipient_keys")
def test_many_recipients_of_one_copy(sink, crowd):
    gpg, addresses, ids = crowd
    with psmtp(sink, send_to=", ".join(addresses)) as mailer:
        mailer.recipient_keys.extend(Key(gpg.home, address) for address in addresses)
        mailer.encrypt()
        mailer.send()
    (mail,) = sink.received
    assert len(mail.recipients) == len(addresses)
    assert set(gpg.recipients(text_of(mail).encode())) == ids


def test_many_bcc_recipients_with_a_copy_each(sink, crowd):
    gpg, addresses, ids = crowd
    with psmtp(sink, send_to=addresses[0], b_cc=", ".join(addresses[1:])) as mailer:
        mailer.recipient_keys.extend(Key(gpg.home, address) for address in addresses)
        mailer.encrypt()
        mailer.send()
    found = [gpg.recipients(text_of(mail).encode()) for mail in sink.received]
    assert all(len(one) == 1 for one in found)
    assert {one[0] for one in found} == ids
    assert gpg("--decrypt", stdin=text_of(sink.received[-1]).encode())
