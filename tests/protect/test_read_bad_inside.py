"""A mail with a bad signature inside its encryption: the text is shown, and is not signed."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import EngineError, PolicyError
from gpgmail.crypto.engine import SignatureStatus
from gpgmail.protect.findings import Rule
from gpgmail.protect.verdict import Cover, Outcome
from gpgmail.protect.verify import verify
from tests.protect.helpers import (
    TEXT,
    detached,
    encrypted,
    fingerprint,
    leaf,
    mail,
    multipart,
    sealed,
    signed,
)
from tests.support.engines import EACH

CHANGED = TEXT.replace(b"words", b"worms")
PLAIN = ("--compress-algo", "none")


@pytest.fixture(params=EACH)
def reading(request, opened):
    """Reads a mail as alice, with each engine."""

    def read_with(data, **options):
        return opened(data, engine=request.param, **options)

    return read_with


def opaque(gpg, entity=TEXT):
    """An entity signed as a whole, and changed after it."""
    made = gpg(*PLAIN, "-u", fingerprint("sender"), "--sign", stdin=entity)
    assert b"words" in made
    return made.replace(b"words", b"worms")


def message(gpg, entity=TEXT):
    """That one encrypted, as gpg does with what it has signed itself."""
    return sealed(gpg, opaque(gpg, entity), "--no-literal", *PLAIN)


def in_file(gpg):
    """A file that is such a message, beside a text."""
    file = 'application/octet-stream; name="report.txt.pgp"'
    made = gpg(*PLAIN, "-u", fingerprint("sender"), "--sign", stdin=b"The words.\r\n")
    made = sealed(gpg, made.replace(b"words", b"worms"), "--no-literal", *PLAIN)
    return multipart("mixed", leaf(b"See below.\r\n"), leaf(made, file))


WHOLE = {
    "signed and encrypted": lambda gpg: encrypted(gpg, b"", message=message(gpg)),
    "multipart/signed, encrypted": lambda gpg: encrypted(
        gpg, signed(gpg, CHANGED, signature=detached(gpg, TEXT))
    ),
    "signed and encrypted, in multipart/encrypted": lambda gpg: encrypted(
        gpg, encrypted(gpg, b"", message=message(gpg))
    ),
    "inline": lambda gpg: leaf(message(gpg, b"The words.\r\n")),
}


@pytest.mark.parametrize("name", WHOLE)
def test_it_is_read_and_its_signature_is_bad(reading, sender, name):
    got = reading(mail(WHOLE[name](sender)))
    assert [part.content.replace(b"\r\n", b"\n") for part in got.parts] == [b"The worms.\n"]
    verdict = got.verdict
    assert (verdict.signed, verdict.encrypted) == (Cover.NONE, Cover.WHOLE)
    assert verdict.outcome is Outcome.BAD
    assert (verdict.signer, verdict.by_author, verdict.author_validity) == (None, False, "")
    assert [seen.status for seen in verdict.signatures] == [SignatureStatus.BAD]
    assert fingerprint("sender").endswith(verdict.signatures[0].key_id)
    assert any("sender@example.org" in problem and "bad" in problem for problem in verdict.problems)
    (part,) = got.parts
    assert (part.signed, part.by_author, part.encrypted, part.good) == (False, False, True, ())
    with pytest.raises(PolicyError) as caught:
        reading(mail(WHOLE[name](sender)), require_signature=True)
    assert caught.value.code.number == 142


def test_it_is_that_of_a_file_alone(reading, sender):
    got = reading(mail(in_file(sender)))
    assert [part.content for part in got.parts] == [b"See below.\r\n", b"The worms.\r\n"]
    assert [part.name for part in got.parts] == ["", "report.txt"]
    assert (got.verdict.signed, got.verdict.encrypted) == (Cover.NONE, Cover.PART)
    assert got.verdict.outcome is Outcome.BAD


def test_a_good_signature_around_it_is_about_the_ciphertext(reading, sender):
    got = reading(mail(signed(sender, encrypted(sender, b"", message=message(sender)))))
    assert [seen.status for seen in got.verdict.signatures] == [
        SignatureStatus.GOOD,
        SignatureStatus.BAD,
    ]
    assert any("bad" in problem for problem in got.verdict.problems)


def test_one_that_is_signed_and_not_encrypted(reading, sender):
    got = reading(mail(leaf(sender("--enarmor", stdin=opaque(sender)))))
    assert got.verdict.signed is Cover.NONE
    whole = sender("-u", fingerprint("sender"), *PLAIN, "--sign", stdin=b"The words.\r\n")
    file = leaf(whole.replace(b"words", b"worms"), 'application/octet-stream; name="a.txt.gpg"')
    got = reading(mail(multipart("mixed", leaf(b"See below.\r\n"), file)))
    assert [part.content for part in got.parts] == [b"See below.\r\n", b"The worms.\r\n"]
    assert got.verdict.outcome is Outcome.BAD
    assert got.verdict.signed is Cover.NONE


def test_a_ciphertext_that_was_changed_too_gives_nothing(reading, sender):
    raw = bytearray(sealed(sender, opaque(sender), "--no-literal", *PLAIN, armor=False))
    for place in (-1, -10, -30, len(raw) // 2):
        raw[place] ^= 1
        made = sender("--enarmor", stdin=bytes(raw)).replace(b"ARMORED FILE", b"MESSAGE")
        with pytest.raises(EngineError):
            reading(mail(encrypted(sender, b"", message=made)))
        raw[place] ^= 1


def test_verify_says_which_signature_is_bad(sender, alice):
    report = verify(mail(encrypted(sender, b"", message=message(sender))), keyring=alice.home)
    assert report.decrypted
    assert report.failure is None
    assert [seen.status for seen in report.signatures] == [SignatureStatus.BAD]
    assert Rule.SIGNATURE in {finding.rule for finding in report.errors}
    assert Rule.NOT_OPENED not in {finding.rule for finding in report.findings}
