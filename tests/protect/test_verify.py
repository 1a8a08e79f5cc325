"""`verify`: mails of ours break no rule, and each rule is seen when it is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

import gpgmail
from gpgmail.protect.findings import Rule, Severity
from gpgmail.protect.variant import Variant
from gpgmail.protect.verify import verify
from tests.crypto.helpers import Gpg
from tests.support.keyrings import keyring_copy

ME, ALICE = "sender@example.org", "alice@example.org"
BOTH = {"sign": True, "encrypt": True}
KINDS = {"signed": {"sign": True}, "encrypted": {"encrypt": True}, "both": BOTH}


@pytest.fixture(scope="module")
def mails(sender_home):
    """One mail of each kind, made once."""
    with gpgmail.Mailer(None, keyring=sender_home) as mailer:
        draft = gpgmail.Draft(from_=ME, to=ALICE, subject="x", text="some words\nand more\n")
        variant = Variant(micalg="pgp-sha256")  # which is not what every gpg takes by itself
        return {
            kind: rendered(mailer.write(draft, variant=variant, **wish))
            for kind, wish in KINDS.items()
        }


def rendered(letter):
    (copy,) = letter.copies
    return b"".join(copy.render())


def words(report):
    return {finding.rule.word for finding in report.findings}


# ----------------------------------------------------------------------------- what keeps the rules


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_send_breaks_no_rule(kind, mails, reader_home):
    report = verify(mails[kind], keyring=reader_home)
    assert report.findings == ()
    assert report.ok
    assert report.decrypted == (kind != "signed")
    assert [seen.status for seen in report.signatures] == ["good"] * (kind != "encrypted")


@pytest.mark.parametrize("layout", ["combined", "nested"])
@pytest.mark.parametrize("checksum", ["with", "without"])
def test_nor_does_a_variant(sender_home, reader_home, layout, checksum):
    draft = gpgmail.Draft(
        from_=ME,
        to=ALICE,
        text="Grüße, \nFrom here on, a blank \n",
        attachments=(gpgmail.Attachment(source=bytes(range(256)) * 99, name="Überblick.bin"),),
    )
    variant = Variant(layout=layout, armor_checksum=checksum, micalg="pgp-sha512")
    with gpgmail.Mailer(None, keyring=sender_home) as mailer:
        data = rendered(mailer.write(draft, variant=variant, **BOTH))
    assert verify(data, keyring=reader_home).findings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_that_is_stored_with_lf_is_the_same_but_for_a_warning(kind, mails, reader_home):
    report = verify(mails[kind].replace(b"\r\n", b"\n"), keyring=reader_home)
    assert words(report) == {"stored-lf"}
    assert report.ok
    assert "RFC 5322 section 2.3" in str(report.findings[0])


# ------------------------------------------------------------------------------- what breaks a rule


@dataclass(frozen=True)
class Break:
    """How a rule is broken: what is put in whose place, and what else is seen then."""

    kind: str
    old: bytes
    new: bytes
    others: frozenset[str] = frozenset()


FORGED = frozenset({"signature"})
BROKEN = frozenset({"signature", "signed-form"})
BREAKS = {
    Rule.LINE_ENDS: Break("signed", b"Subject: x\r\n", b"Subject: x\n"),
    Rule.LONG_LINE: Break("signed", b"Subject: x", b"Subject: " + b"x" * 1000),
    Rule.NUL: Break("signed", b"Subject: x", b"Subject: \0x"),
    Rule.HEADER_8BIT: Break("signed", b"Subject: x", "Subject: ü".encode()),
    Rule.FIELD_MISSING: Break("signed", b"From: ", b"X-From: "),
    Rule.FIELD_TWICE: Break("signed", b"Subject: x", b"Subject: x\r\nSubject: y"),
    Rule.MIME_VERSION: Break("signed", b"MIME-Version: 1.0", b"MIME-Version: 2.0"),
    Rule.SIGNED_PROTOCOL: Break(
        "signed",
        b'protocol="application/pgp-signature"',
        b'protocol="application/pgp"',
        frozenset({"unprotected"}),
    ),
    Rule.SIGNATURE_TYPE: Break(
        "signed", b"Content-Type: application/pgp-signature", b"Content-Type: text/x-other"
    ),
    Rule.SIGNATURE_ENCODED: Break(
        "signed",
        b"Content-Description: OpenPGP digital",
        b"Content-Transfer-Encoding: quoted-printable\r\nContent-Description: OpenPGP digital",
        frozenset({"armor-checksum", "armor-data", "signature"}),
    ),
    Rule.MICALG_MISSING: Break("signed", b"; micalg=", b"; x-micalg="),
    Rule.MICALG_FORM: Break("signed", b"pgp-sha", b"SHA", frozenset({"micalg-untrue"})),
    Rule.MICALG_UNTRUE: Break("signed", b"pgp-sha256", b"pgp-sha512"),
    Rule.SIGNED_8BIT: Break("signed", b"some words", b"some w\xf6rds", FORGED),
    Rule.SIGNED_BLANKS: Break("signed", b"some words", b"some words ", FORGED),
    Rule.SIGNED_FROM: Break("signed", b"some words", b"From words", FORGED),
    Rule.SIGNED_FORM: Break("signed", b"and more\r\n", b"and more\r\n\r\n", FORGED),
    Rule.SIGNATURE: Break("signed", b"some words", b"same words"),
    Rule.ENCRYPTED_PROTOCOL: Break(
        "encrypted", b'"application/pgp-encrypted"', b'"application/x"', frozenset({"unprotected"})
    ),
    Rule.CONTROL_TYPE: Break(
        "encrypted", b"Content-Type: application/pgp-encrypted", b"Content-Type: text/x-other"
    ),
    Rule.CONTROL_VERSION: Break("encrypted", b"Version: 1\r\n", b"Version: 2\r\n"),
    Rule.DATA_TYPE: Break("encrypted", b"application/octet-stream", b"application/x-other"),
    Rule.DATA_ENCODED: Break(
        "encrypted",
        b"Content-Description: OpenPGP encrypted",
        b"Content-Transfer-Encoding: base64\r\nContent-Description: OpenPGP encrypted",
        frozenset({"not-armored", "not-opened"}),
    ),
    Rule.ARMOR_KIND: Break(
        "encrypted", b"PGP MESSAGE", b"PGP SIGNATURE", frozenset({"not-opened", "armor-end"})
    ),
    Rule.ARMOR_AROUND: Break("encrypted", b"-----BEGIN PGP", b"Hello\r\n-----BEGIN PGP"),
    Rule.ARMOR_HEADER: Break(
        "encrypted",
        b"PGP MESSAGE-----\r\n\r\n",
        b"PGP MESSAGE-----\r\nA b: c\r\n\r\n",
        frozenset({"not-opened"}),
    ),
    Rule.ARMOR_EMPTY_LINE: Break("encrypted", b"PGP MESSAGE-----\r\n\r\n", b"PGP MESSAGE-----\r\n"),
    Rule.ARMOR_END: Break(
        "encrypted", b"-----END PGP MESSAGE-----", b"", frozenset({"not-opened"})
    ),
}
OWN_TESTS = {
    *(Rule.STORED_LF, Rule.NOT_ENDED, Rule.ENCODED_MULTIPART, Rule.UNPROTECTED, Rule.INLINE),
    *(Rule.SIGNED_PARTS, Rule.ENCRYPTED_PARTS, Rule.INSIDE_LINE_ENDS, Rule.NOT_OPENED),
    *(Rule.NOT_ARMORED, Rule.ARMOR_LONG_LINE, Rule.ARMOR_DATA, Rule.ARMOR_CHECKSUM, Rule.HASH_WEAK),
}


def test_every_rule_is_broken_by_a_test():
    assert set(BREAKS) | OWN_TESTS == set(Rule)
    assert not set(BREAKS) & OWN_TESTS


@pytest.mark.parametrize("rule", BREAKS, ids=lambda rule: rule.word)
def test_a_broken_rule_is_named(rule, mails, reader_home):
    how = BREAKS[rule]
    data = mails[how.kind]
    assert how.old in data
    report = verify(data.replace(how.old, how.new, 1), keyring=reader_home)

    assert rule.word in words(report)
    assert words(report) - {rule.word} <= how.others
    (finding,) = [one for one in report.findings if one.rule is rule]
    assert finding.section.startswith("RFC ")
    assert rule.severity is Severity.WARNING or not report.ok
    assert rule.word in str(finding)


def test_a_finding_names_the_line_and_the_part(mails, reader_home):
    data = mails["signed"].replace(b"some words", b"some words ")
    found = {one.rule: one for one in verify(data, keyring=reader_home).findings}
    blanks = found[Rule.SIGNED_BLANKS]
    assert data.split(b"\r\n")[blanks.line - 1] == b"some words "
    assert blanks.part == "1"
    assert str(blanks).endswith(f"(line {blanks.line}, part 1) [signed-blanks, RFC 3156 section 3]")


def test_a_wrong_checksum(mails, reader_home):
    for kind, line in (("signed", "BEGIN PGP SIGNATURE"), ("encrypted", "BEGIN PGP MESSAGE")):
        data = re.sub(rb"\r\n=[^\r]{4}\r\n-----END", b"\r\n=AAAA\r\n-----END", mails[kind])
        report = verify(data, keyring=reader_home)
        (finding,) = [one for one in report.findings if one.rule is Rule.ARMOR_CHECKSUM]
        assert data.split(b"\r\n")[finding.line - 1] == b"=AAAA", line


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (Rule.ARMOR_LONG_LINE, rb"([^\r-]{64})\r\n([^\r-]{64})\r\n", rb"\1\2\r\n"),
        (Rule.ARMOR_DATA, rb"([^\r-]{63})[^\r-]\r\n", rb"\1!\r\n"),
        (Rule.NOT_ARMORED, rb"(?s)-----BEGIN.*?END PGP MESSAGE-----", rb"nothing"),
    ],
    ids=lambda value: getattr(value, "word", ""),
)
def test_armor(rule, old, new, mails, reader_home):
    data, number = re.subn(old, new, mails["encrypted"], count=1)
    assert number
    assert rule.word in words(verify(data, keyring=reader_home))


def test_structure_that_is_none(mails, reader_home):
    signed, encrypted = mails["signed"], mails["encrypted"]
    boundary = re.search(rb'boundary="([^"]+)"', signed)[1]
    third = b"--%s\r\n\r\nx\r\n" % boundary
    end = b"--%s--" % boundary
    assert "signed-parts" in words(verify(signed.replace(end, third + end), keyring=reader_home))
    assert "not-ended" in words(verify(signed.replace(end, b""), keyring=reader_home))
    data = signed.replace(
        b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64"
    )
    assert "encoded-multipart" in words(verify(data, keyring=reader_home))
    boundary = re.search(rb'boundary="([^"]+)"', encrypted)[1]
    third, end = b"--%s\r\n\r\nx\r\n" % boundary, b"--%s--" % boundary
    assert "encrypted-parts" in words(
        verify(encrypted.replace(end, third + end), keyring=reader_home)
    )


def test_a_mail_without_protection_and_one_with_it_in_the_text(sender_home, reader_home):
    with gpgmail.Mailer(None, keyring=sender_home) as mailer:
        draft = gpgmail.Draft(from_=ME, to=ALICE, text="x\n")
        plain, inline = (
            rendered(mailer.write(draft, format="inline", **wish)) for wish in ({}, BOTH)
        )
    assert words(verify(plain, keyring=reader_home)) == {"unprotected"}
    report = verify(inline, keyring=reader_home)
    assert words(report) == {"inline"}
    assert (report.ok, report.decrypted, len(report.signatures)) == (True, True, 1)


def test_what_is_inside_the_encryption_is_looked_at(sender_home, reader_home, mails):
    """A signed part that was changed, then encrypted, with LF for CRLF."""
    inner = mails["signed"].partition(b"MIME-Version: 1.0\r\n")[2]
    changed = inner.replace(b"some words", b"same words ").replace(b"\r\n", b"\n")
    ring = Gpg(sender_home)
    armor = ring("--armor", "--trust-model=always", "-r", ALICE, "--encrypt", stdin=changed)
    head, _, tail = mails["encrypted"].partition(b"-----BEGIN PGP MESSAGE-----")
    end = tail.partition(b"-----END PGP MESSAGE-----\r\n")[2]
    report = verify(head + armor.replace(b"\n", b"\r\n") + end, keyring=reader_home)

    found = {one.rule: one for one in report.findings}
    assert set(found) == {Rule.INSIDE_LINE_ENDS, Rule.SIGNED_BLANKS, Rule.SIGNATURE}
    assert found[Rule.SIGNED_BLANKS].part == "inside 1"
    assert found[Rule.SIGNED_BLANKS].line == 0


def test_a_hash_that_can_be_forged(sender_home, reader_home):
    draft = gpgmail.Draft(from_=ME, to=ALICE, text="x\n")
    algorithms = gpgmail.Algorithms(digest="RIPEMD160")
    with gpgmail.Mailer(None, keyring=sender_home, algorithms=algorithms) as mailer:
        data = rendered(mailer.write(draft, sign=True))
    assert "hash-weak" in words(verify(data, keyring=reader_home))


def test_keys_that_are_not_here(mails):
    with keyring_copy("own-key") as other:
        report = verify(mails["encrypted"], keyring=other)
    assert words(report) == {"not-opened"}
    assert isinstance(report.failure, gpgmail.KeySelectionError)
    with keyring_copy("protected") as other:
        report = verify(mails["signed"], keyring=other)
    (finding,) = report.findings
    assert finding.rule is Rule.SIGNATURE
    assert "missing key" in finding.text


def test_an_embedded_mail_is_another_mail(sender_home, reader_home, mails):
    broken = mails["signed"].replace(b"some words", b"same words")
    data = (
        b"From: a@b.c\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: message/rfc822\r\n\r\n"
    ) + broken
    assert "signature" not in words(verify(data, keyring=reader_home))


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n"])
def test_what_is_no_mail(data, reader_home):
    with pytest.raises(gpgmail.MessageError):
        verify(data, keyring=reader_home)


def test_a_limit_of_bytes(mails, reader_home):
    with pytest.raises(gpgmail.MessageError, match="more than"):
        verify(mails["signed"], keyring=reader_home, most_bytes=100)
