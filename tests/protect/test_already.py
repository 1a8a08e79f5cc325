"""What passes as it is: ciphertext to its last line, or what is signed; not what only says so."""

from __future__ import annotations

import base64

import pytest

from gpgmail.message.carried import Carried
from gpgmail.message.handed import taken_apart
from gpgmail.protect.already import Already, already
from tests.crypto.helpers import Gpg
from tests.support.keyrings import fixture_key, keyring_copy

ALICE = fixture_key("modern", "alice").fingerprint
SIGNED_ALONE = ("--sign", "--armor")
TEXT = b"secret words\n" * 3
MIXED = b"".join(bytes((number % 251,)) for number in range(1_000_000))


@pytest.fixture(scope="module")
def gpg():
    with keyring_copy("modern") as home:
        yield Gpg(home)


@pytest.fixture(scope="module")
def armor(gpg):
    return gpg("--armor", "--trust-model", "always", "-r", ALICE, "-e", stdin=TEXT)


@pytest.fixture(scope="module")
def large(gpg):
    """Ciphertext of more than is looked at in memory."""
    return gpg("--armor", "-z0", "--trust-model", "always", "-r", ALICE, "-e", stdin=MIXED)


def judged(mail):
    handed = taken_apart(mail)
    content = (one for one in handed.fields if one.key.startswith("content-"))
    carried = Carried(content, handed.body)
    return already(carried), carried


def sealed(armor, *, preamble=b"", control=b"Version: 1", behind=b""):
    return (
        b'Content-Type: multipart/encrypted; boundary="b";\n protocol="application/pgp-encrypted"\n'
        b"\n" + preamble + b"--b\nContent-Type: application/pgp-encrypted\n"
        b"Content-Description: PGP/MIME version identification\n\n" + control + b"\n\n--b\n"
        b'Content-Type: application/octet-stream;\n name="encrypted.asc"\n\n'
        + armor
        + b"\n--b--\n"
        + behind
    )


def test_a_mail_that_is_encrypted_passes_with_its_bytes(armor):
    mail = sealed(armor, preamble=b"This is an OpenPGP/MIME encrypted message (RFC 4880)\n")
    found, carried = judged(mail)
    assert found is Already.ENCRYPTED
    assert carried.kept().data() == mail.replace(b"\n", b"\r\n")


def test_a_large_one_passes_too(large):
    assert len(large) > 1 << 18
    mail = sealed(large)
    found, carried = judged(mail)
    assert found is Already.ENCRYPTED
    assert carried.kept().data() == mail.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("where", ["preamble", "control", "behind"])
def test_a_line_in_clear_beside_the_ciphertext_is_noticed(armor, where):
    beside = {where: b"the password is sesame\n"}
    found, carried = judged(sealed(armor, **beside))
    assert found is Already.NOTHING
    assert b"sesame" in b"".join(carried.exact().render())


def test_a_line_in_clear_far_behind_is_noticed_before_it_is_kept(large):
    mail = sealed(large, behind=b"the password is sesame\n")
    found, carried = judged(mail)
    assert found is Already.NOTHING
    assert b"".join(carried.exact().render()).endswith(b"--b--\r\nthe password is sesame\r\n")


def test_an_inline_message_is_the_whole_body_or_nothing(armor):
    assert judged(b"\n" + armor)[0] is Already.ENCRYPTED
    assert judged(b"Content-Type: text/plain\n\n\n" + armor + b"\n\n")[0] is Already.ENCRYPTED
    assert judged(b"\nHello,\n" + armor)[0] is Already.NOTHING
    assert judged(b"\n" + armor + b"PS: sesame\n")[0] is Already.NOTHING
    assert judged(b"\n" + armor[:-40] + b"\n")[0] is Already.NOTHING


def test_a_message_that_is_only_signed_is_not_encrypted(gpg):
    opaque = gpg(*SIGNED_ALONE, stdin=TEXT)
    assert b"BEGIN PGP MESSAGE" in opaque
    assert judged(b"\n" + opaque)[0] is Already.NOTHING
    assert judged(sealed(opaque))[0] is Already.NOTHING


def test_signed_text(gpg):
    clear = gpg("--clearsign", stdin=TEXT)
    assert judged(b"\n" + clear)[0] is Already.SIGNED
    assert judged(b"\n" + clear + b"more\n")[0] is Already.NOTHING


@pytest.mark.parametrize(
    ("protocol", "found"),
    [
        ("application/pgp-signature", Already.SIGNED),
        ("application/pkcs7-signature", Already.SIGNED),
        ("application/x-odd", Already.NOTHING),
    ],
)
def test_multipart_signed(protocol, found):
    mail = f"Content-Type: multipart/signed; boundary=b; protocol={protocol}\n\n--b\n\nx\n--b--\n"
    assert judged(mail.encode())[0] is found


ENVELOPED = "06092a864886f70d010703"
SIGNED_DATA = "06092a864886f70d010702"


@pytest.mark.parametrize(
    ("oid", "behind", "found"),
    [
        (ENVELOPED, b"", Already.ENCRYPTED),
        ("060b2a864886f70d0109100117", b"", Already.ENCRYPTED),
        (ENVELOPED, b"in clear!\n", Already.NOTHING),
        (SIGNED_DATA, b"", Already.SIGNED),
        ("06092a864886f70d010701", b"", Already.NOTHING),
    ],
)
def test_smime_is_known_by_its_content_and_not_by_its_name(oid, behind, found):
    der = bytes.fromhex("3080" + oid + "a080") + bytes(300)
    mail = b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
    mail += b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(der) + behind
    assert judged(mail)[0] is found
