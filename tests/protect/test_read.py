"""Reading mails that gpg made: what holds for which piece of content, and for nothing else."""

from __future__ import annotations

import email
import email.header
import email.policy
import io
import subprocess
import sys

import pytest

from gpgmail.core.errors import (
    CryptoError,
    GpgmailError,
    KeySelectionError,
    MessageError,
    PassphraseError,
    PolicyError,
)
from gpgmail.crypto.engine import SignatureStatus
from gpgmail.protect.read import read
from gpgmail.protect.verdict import Cover
from tests.crypto.helpers import Gpg
from tests.protect.helpers import (
    OTHER,
    TEXT,
    clearsigned,
    detached,
    encrypted,
    fingerprint,
    leaf,
    mail,
    multipart,
    sealed,
    signed,
)
from tests.support.keyrings import fixture_key, keyring_copy

WHOLE, PART, NONE = Cover.WHOLE, Cover.PART, Cover.NONE


def covers(got):
    return got.verdict.signed, got.verdict.encrypted


def as_it_came(message, data):
    """Whether a message is *data* as it came: its generator would change it (cpython#99533)."""
    came = email.message_from_bytes(data, policy=email.policy.default)
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in came.walk()] == [
        (part.get_content_type(), part.get_payload(decode=True)) for part in message.walk()
    ] and came.items() == message.items()


def statuses(got):
    return [seen.status for seen in got.verdict.signatures]


def contents(got):
    return [part.content for part in got.parts]


# ------------------------------------------------------------------------------- what is whole


def test_a_plain_mail_is_read_as_it_is(opened):
    data = mail(TEXT)
    got = opened(data)
    assert covers(got) == (NONE, NONE)
    assert got.verdict.problems == ()
    assert as_it_came(got.message, data)


def test_a_signed_mail_names_its_signer(sender, opened):
    got = opened(mail(signed(sender, TEXT)))
    verdict = got.verdict
    assert covers(got) == (WHOLE, NONE)
    assert verdict.problems == ()
    assert verdict.signer.primary == fingerprint("sender")
    assert verdict.signer.validity == "full"
    assert (verdict.author, verdict.author_validity) == ("sender@example.org", "full")
    assert verdict.by_author
    assert contents(got) == [b"The words.\r\n"]
    assert got.message.get_content_type() == "text/plain"
    assert got.message["Subject"] == "A mail"


def test_an_encrypted_mail_names_key_and_cipher(sender, opened):
    got = opened(mail(encrypted(sender, TEXT, "--cipher-algo", "AES192")))
    key = fixture_key("modern", "alice").subkeys[0]
    assert covers(got) == (NONE, WHOLE)
    assert got.verdict.decrypted_with == key.fingerprint
    assert got.verdict.recipients == (key.fingerprint[-16:],)
    assert got.verdict.cipher == "AES192"
    assert (got.verdict.signer, got.verdict.problems) == (None, ())
    assert got.message.get_content().splitlines() == ["The words."]


def test_signed_and_encrypted_in_one_message(sender, opened):
    got = opened(mail(encrypted(sender, TEXT, "--sign", "-u", fingerprint("sender"))))
    assert covers(got) == (WHOLE, WHOLE)
    assert got.verdict.by_author


def test_signed_then_encrypted(sender, opened):
    got = opened(mail(encrypted(sender, signed(sender, TEXT))))
    assert covers(got) == (WHOLE, WHOLE)
    assert got.verdict.problems == ()
    assert got.message.get_content().splitlines() == ["The words."]


def test_encrypted_then_signed(sender, opened):
    got = opened(mail(signed(sender, encrypted(sender, TEXT))))
    assert covers(got) == (WHOLE, WHOLE)


def test_all_parts_of_a_signed_multipart_are_signed(sender, opened):
    inner = multipart("mixed", TEXT, leaf(b"%PDF", "application/pdf; name=a.pdf"))
    got = opened(mail(signed(sender, inner)))
    assert covers(got) == (WHOLE, NONE)
    assert [part.name for part in got.parts] == ["", "a.pdf"]


def test_two_signatures_on_the_whole(sender, alice, opened):
    armor = alice("-u", fingerprint("bob"), "-u", fingerprint("alice"), "-b", "-a", stdin=TEXT)
    got = opened(mail(signed(sender, TEXT, signature=armor)))
    assert statuses(got) == [SignatureStatus.GOOD] * 2
    assert covers(got) == (WHOLE, NONE)


@pytest.mark.parametrize("wrap", [signed, encrypted])
def test_a_mail_with_lf_line_ends(wrap, sender, opened):
    got = opened(mail(wrap(sender, TEXT)).replace(b"\r\n", b"\n"))
    assert WHOLE in covers(got)
    assert got.verdict.problems == ()


def test_a_stream_and_a_path_are_read_too(sender, opened, tmp_path):
    data = mail(signed(sender, TEXT))
    (tmp_path / "mail").write_bytes(data)
    assert covers(opened(tmp_path / "mail")) == (WHOLE, NONE)
    assert covers(opened(str(tmp_path / "mail"))) == (WHOLE, NONE)
    assert covers(opened(io.BytesIO(data))) == (WHOLE, NONE)


@pytest.mark.parametrize("source", ["/nowhere/mail", "/", "a\0b", io.StringIO("From: a@b\n"), b""])
def test_what_is_no_mail_is_refused(source, opened):
    with pytest.raises(MessageError):
        opened(source)


def test_the_signers_key_may_be_in_another_keyring(sender):
    data = mail(signed(sender, TEXT))
    with keyring_copy("own-key") as home, keyring_copy("recipients") as files:
        bobs = mail(signed(sender, TEXT), sender="Bob <bob@example.org>")
        assert covers(read(data, keyring=files / "public.gpg", more_keyrings=[home])) == (
            WHOLE,
            NONE,
        )
        assert covers(read(bobs, keyring=home, more_keyrings=[files / "public.gpg"])) == (
            WHOLE,
            NONE,
        )


# ------------------------------------------------------------------- verdicts that do not spread


def spread(wrap, sender):
    """Mails in which something stands beside what is protected."""
    inner = wrap(sender, TEXT)
    forwarded = leaf(mail(inner), "message/rfc822")
    return {
        "before": multipart("mixed", OTHER, inner),
        "after": multipart("mixed", inner, OTHER),
        "around": multipart(
            "mixed", leaf(b'<img src="', "text/html"), inner, leaf(b'">', "text/html")
        ),
        "an alternative": multipart("alternative", inner, leaf(b"<p>Evil", "text/html")),
        "the last alternative": multipart("alternative", OTHER, inner),
        "a related part": multipart("related", inner, leaf(b"GIF", "image/gif")),
        "a footer": multipart("mixed", multipart("mixed", inner), OTHER),
        "an attachment": multipart("mixed", inner, leaf(b"x", "application/pdf; name=a.pdf")),
        "a forwarded mail": multipart("mixed", OTHER, forwarded),
    }


@pytest.mark.parametrize("case", [*spread(lambda *_: b"", None)])
@pytest.mark.parametrize("wrap", [signed, encrypted])
def test_a_verdict_does_not_spread(wrap, case, sender, opened):
    data = mail(spread(wrap, sender)[case])
    got = opened(data)
    held = PART if case != "a forwarded mail" else NONE
    assert covers(got) == ((held, NONE) if wrap is signed else (NONE, held))
    assert got.verdict.signer is None
    assert not got.verdict.by_author
    for part in got.parts:
        inside = part.content == b"The words.\r\n"
        assert part.signed is (inside and wrap is signed)
        assert part.encrypted is (inside and wrap is encrypted)
    assert (held is NONE) or got.verdict.problems
    assert as_it_came(got.message, data)
    for required in ("require_signature", "require_encryption"):
        with pytest.raises(PolicyError):
            opened(data, **{required: True})


def test_two_parts_signed_by_different_people_have_no_signer(sender, alice, opened):
    data = mail(multipart("mixed", signed(sender, TEXT), signed(alice, OTHER, "bob")))
    got = opened(data)
    assert [part.signed for part in got.parts] == [True, True]
    assert covers(got) == (PART, NONE)
    assert got.verdict.signer is None
    assert "different keys" in " ".join(got.verdict.problems)
    with pytest.raises(PolicyError) as caught:
        opened(data, require_signature=True)
    assert caught.value.code.number == 142


def test_two_signed_mails_glued_together_are_told_apart(sender, opened):
    got = opened(mail(multipart("mixed", signed(sender, TEXT), signed(sender, OTHER))))
    assert any("nothing ties it" in problem for problem in got.verdict.problems)


def test_a_forwarded_signed_mail_is_not_this_mails_signature(sender, opened):
    got = opened(mail(leaf(mail(signed(sender, TEXT)), "message/rfc822")))
    assert covers(got) == (NONE, NONE)
    assert got.verdict.signatures == ()


def test_a_signature_over_another_part_is_bad(sender, opened):
    got = opened(mail(signed(sender, OTHER, signature=detached(sender, TEXT))))
    assert statuses(got) == [SignatureStatus.BAD]
    assert covers(got) == (NONE, NONE)
    assert got.verdict.problems


def test_a_signed_part_that_was_changed_is_not_signed(sender, opened):
    got = opened(mail(signed(sender, TEXT)).replace(b"The words", b"The worms"))
    assert statuses(got) == [SignatureStatus.BAD]
    assert covers(got) == (NONE, NONE)
    assert contents(got) == [b"The worms.\r\n"]


def test_preamble_and_epilogue_are_no_content(sender, opened):
    armor = detached(sender, TEXT)
    data = mail(
        multipart(
            "signed",
            TEXT,
            leaf(armor, "application/pgp-signature"),
            parameters='; protocol="application/pgp-signature"',
            preamble=b"Evil preamble\r\n",
            epilogue=b"Evil epilogue\r\n",
        )
    )
    got = opened(data)
    assert covers(got) == (WHOLE, NONE)
    assert b"Evil" not in b"".join(contents(got)) + got.message.as_bytes()


def broken_signed(sender):
    part, signature = TEXT, leaf(detached(sender, TEXT), "application/pgp-signature")
    ours = '; protocol="application/pgp-signature"'
    return {
        "swapped": multipart("signed", signature, part, parameters=ours),
        "a third part": multipart("signed", part, signature, OTHER, parameters=ours),
        "a part before": multipart("signed", OTHER, part, signature, parameters=ours),
        "no signature": multipart("signed", part, parameters=ours),
        "two parts": multipart("signed", part, part, parameters=ours),
        "wrong protocol": multipart(
            "signed", part, signature, parameters='; protocol="application/pkcs7-signature"'
        ),
        "no protocol": multipart("signed", part, signature),
        "a signature that is none": multipart(
            "signed", part, leaf(b"garbage\r\n", "application/pgp-signature"), parameters=ours
        ),
        "an opaque signature in its place": multipart(
            "signed",
            part,
            leaf(sender("--armor", "--sign", stdin=TEXT), "application/pgp-signature"),
            parameters=ours,
        ),
        "a clear signature in its place": multipart(
            "signed",
            part,
            leaf(clearsigned(sender, b"words"), "application/pgp-signature"),
            parameters=ours,
        ),
    }


@pytest.mark.parametrize("case", [*broken_signed(lambda *_, **__: b"")])
def test_a_multipart_signed_of_another_shape_is_not_signed(case, sender, opened):
    got = opened(mail(broken_signed(sender)[case]))
    assert covers(got) == (NONE, NONE)
    assert b"The words.\r\n" in contents(got)
    with pytest.raises(PolicyError):
        opened(mail(broken_signed(sender)[case]), require_signature=True)


def test_header_fields_inside_do_not_replace_those_outside(sender, opened):
    inner = (
        b"Subject: Pay now\r\nFrom: boss@example.org\r\nAuthentication-Results: dkim=pass\r\n"
        + TEXT
    )
    got = opened(mail(encrypted(sender, inner), fields=("Authentication-Results: dkim=fail",)))
    assert got.message["Subject"] == "A mail"
    assert got.message["From"].addresses[0].addr_spec == "sender@example.org"
    assert got.message.get_all("Authentication-Results") == ["dkim=fail"]
    assert got.message.get_content().splitlines() == ["The words."]


def test_a_lone_cr_in_a_header_field_begins_no_other_field(sender, opened):
    data = mail(signed(sender, TEXT), fields=("X-Note: a\rBcc: eve@example.org",))
    got = opened(data)
    assert got.message["Bcc"] is None


# ---------------------------------------------------------------------------- signer and author


def test_a_good_signature_by_another_than_the_author_is_said_so(sender, alice, opened):
    got = opened(mail(signed(alice, TEXT, "bob")))
    assert got.verdict.signer.primary == fingerprint("bob")
    assert covers(got) == (WHOLE, NONE)
    assert not got.verdict.by_author
    assert any("sender@example.org" in problem for problem in got.verdict.problems)


@pytest.mark.parametrize(
    "author",
    [
        "sender@example.org, bob@example.org",
        "sender@example.org\r\nFrom: bob@example.org",
        "",
        '"sender@example.org" <bob@example.org>',
        "=?utf-8?q?sender=40example=2Eorg?= <bob@example.org>",
        "not an address",
    ],
)
def test_only_one_plain_author_counts(author, sender, opened):
    got = opened(mail(signed(sender, TEXT), sender=author))
    assert covers(got) == (WHOLE, NONE)
    assert not got.verdict.by_author
    assert got.verdict.problems


@pytest.mark.parametrize("author", ["Sender@Example.ORG", "X <sender@example.org> (note)"])
def test_the_author_is_known_however_the_address_is_written(author, sender, opened):
    assert opened(mail(signed(sender, TEXT), sender=author)).verdict.by_author


def test_validity_is_that_of_the_user_id_with_the_from_address():
    with keyring_copy("several-uids") as signing, keyring_copy("uid-revoked") as dora:
        many = Gpg(signing)
        many_key = fixture_key("several-uids", "many").fingerprint
        armor = many("-u", many_key, "-ba", stdin=TEXT)
        got = read(
            mail(signed(many, TEXT, signature=armor), sender="many.work@example.org"),
            keyring=signing,
        )
        assert got.verdict.author_validity == "ultimate"
        left = Gpg(dora)
        armor = left("-ba", stdin=TEXT)
        revoked = read(
            mail(signed(left, TEXT, signature=armor), sender="dora@left.example.org"), keyring=dora
        )
        assert not revoked.verdict.by_author


def test_a_key_file_gives_no_validity_but_names_the_author(sender):
    with keyring_copy("exports") as files:
        got = read(mail(signed(sender, TEXT)), keyring=files / "public.asc")
    assert got.verdict.by_author
    assert got.verdict.author_validity == "unknown"


# ------------------------------------------------------------------------ signatures not good


@pytest.fixture(scope="module")
def throwaway(tmp_path_factory):
    with keyring_copy("own-key") as path:
        yield Gpg(path)


def test_a_signature_without_its_key(sender):
    with keyring_copy("no-encryption") as home:
        got = read(mail(signed(sender, TEXT)), keyring=home)
    assert statuses(got) == [SignatureStatus.MISSING_KEY]
    assert covers(got) == (NONE, NONE)
    assert fingerprint("sender")[-16:] in " ".join(got.verdict.problems)


def test_an_expired_signature(sender, opened):
    options = ("--faked-system-time", "20240301T000000", "--default-sig-expire", "1d")
    got = opened(mail(signed(sender, TEXT, "sender", *options)))
    assert statuses(got) == [SignatureStatus.EXPIRED_SIGNATURE]
    assert covers(got) == (NONE, NONE)


def test_a_signature_by_an_expired_key():
    with keyring_copy("expired") as path:
        home, key = Gpg(path), fixture_key("expired", "expired")
        when = f"{key.created + 60}!"
        armor = home("--faked-system-time", when, "-u", key.fingerprint, "-ba", stdin=TEXT)
        got = read(mail(signed(home, TEXT, signature=armor)), keyring=path)
    assert statuses(got) == [SignatureStatus.EXPIRED_KEY]
    assert covers(got) == (NONE, NONE)


def test_a_signature_by_a_key_that_was_revoked_later(throwaway):
    key = throwaway.new_key("ed25519", "gone")
    armor = throwaway("-u", key, "-ba", stdin=TEXT)
    revocation = throwaway.home / "openpgp-revocs.d" / f"{key}.rev"
    throwaway("--import", stdin=revocation.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
    got = read(mail(signed(throwaway, TEXT, signature=armor)), keyring=throwaway.home)
    assert statuses(got) == [SignatureStatus.REVOKED_KEY]
    assert covers(got) == (NONE, NONE)


def test_one_good_signature_beside_a_bad_one_is_told_completely(sender, alice, opened):
    good, bad = detached(sender, TEXT), detached(alice, OTHER, "bob")
    both = sender(
        "--enarmor", stdin=b"".join(sender("--dearmor", stdin=one) for one in (good, bad))
    )
    armor = both.replace(b"PGP ARMORED FILE", b"PGP SIGNATURE")
    got = opened(mail(signed(sender, TEXT, signature=armor)))
    assert SignatureStatus.BAD in statuses(got) or got.verdict.signed is NONE
    assert got.verdict.problems


# ------------------------------------------------------------------------- mails that do not open


def test_a_mail_for_another_key_names_the_keys(sender):
    data = mail(encrypted(sender, TEXT, to="bob"))
    with keyring_copy("own-key") as home, pytest.raises(KeySelectionError) as caught:
        read(data, keyring=home)
    assert fixture_key("modern", "bob").subkeys[0].fingerprint[-16:] in str(caught.value)


def test_a_mail_without_integrity_protection_is_refused(sender, opened):
    old = sealed(sender, TEXT, "--rfc2440", "--disable-mdc")
    data = mail(encrypted(sender, TEXT, message=old))
    with pytest.raises(CryptoError):
        opened(data)


def test_a_bad_signature_inside_the_encryption_is_a_verdict(sender, opened):
    inner = signed(sender, TEXT).replace(b"The words", b"The worms")
    got = opened(mail(encrypted(sender, inner)))
    assert covers(got) == (NONE, WHOLE)
    assert statuses(got) == [SignatureStatus.BAD]


@pytest.mark.parametrize(
    "parts",
    [
        lambda control, _: (control,),
        lambda control, _: (control, leaf(b"no armor\r\n", "application/octet-stream")),
        lambda control, _: (control, leaf(b"", "application/octet-stream")),
        lambda control, message: (control, message[: len(message) // 2]),
    ],
)
def test_a_multipart_encrypted_of_another_shape_is_a_typed_error(parts, sender, opened):
    control = leaf(b"Version: 1\r\n", "application/pgp-encrypted")
    message = leaf(sealed(sender, TEXT), "application/octet-stream")
    ours = '; protocol="application/pgp-encrypted"'
    with pytest.raises((CryptoError, MessageError)):
        opened(mail(multipart("encrypted", *parts(control, message), parameters=ours)))


def test_a_control_part_in_another_place_changes_nothing(sender, opened):
    control = leaf(b"Version: 1\r\n", "application/pgp-encrypted")
    message = leaf(sealed(sender, TEXT), "application/octet-stream")
    ours = '; protocol="application/pgp-encrypted"'
    got = opened(mail(multipart("encrypted", message, control, parameters=ours)))
    assert (covers(got), contents(got)) == ((NONE, WHOLE), [b"The words.\r\n"])


def test_a_part_beside_the_ciphertext_is_not_encrypted(sender, opened):
    control = leaf(b"Version: 1\r\n", "application/pgp-encrypted")
    message = leaf(sealed(sender, TEXT), "application/octet-stream")
    ours = '; protocol="application/pgp-encrypted"'
    got = opened(mail(multipart("encrypted", control, message, OTHER, parameters=ours)))
    assert covers(got) == (NONE, PART)
    assert [(part.content, part.outside) for part in got.parts] == [
        (b"The words.\r\n", False),
        (b"Other words.\r\n", True),
    ]
    assert any("nothing ties it" in problem for problem in got.verdict.problems)


def test_the_passphrase_is_asked_for_and_may_be_wrong(sender):
    with keyring_copy("protected") as home:
        locked = fixture_key("protected", "locked")
        plain = Gpg(home)("--trust-model", "always", "-r", locked.address, "-ae", stdin=TEXT)
        data = mail(encrypted(sender, TEXT, message=plain))
        asked = []

        def ask(event):
            asked.append(event.fingerprint)
            return locked.passphrase if len(asked) > 1 else "wrong"

        assert covers(read(data, keyring=home, passphrase=locked.passphrase)) == (NONE, WHOLE)
        assert covers(read(data, keyring=home, passphrase=ask)) == (NONE, WHOLE)
        assert len(asked) == 2
        for wrong in ("wrong", lambda _: None):
            with pytest.raises(PassphraseError) as caught:
                read(data, keyring=home, passphrase=wrong)
            assert caught.value.code.number == 122


def test_protection_in_endless_layers_is_refused(sender, opened):
    entity = TEXT
    for _ in range(6):
        entity = encrypted(sender, entity)
    with pytest.raises(MessageError, match="inside one another"):
        opened(mail(entity))


def test_ever_so_many_signatures_are_refused(opened, monkeypatch):
    monkeypatch.setattr("gpgmail.protect.limits.MOST_RUNS", 3)
    block = leaf(b"-----BEGIN PGP SIGNED MESSAGE-----\r\nx\r\n-----END PGP SIGNATURE-----\r\n")
    with pytest.raises(MessageError, match="more than 3"):
        opened(mail(multipart("mixed", *[block] * 4)))


# -------------------------------------------------------------------------------- requirements


@pytest.mark.proves("OpenPGP 142", "OpenPGP 143")
@pytest.mark.parametrize(
    ("content", "options", "number"),
    [
        (TEXT, {"require_signature": True}, 142),
        (TEXT, {"require_encryption": True}, 143),
        (TEXT, {"require_encryption": True, "require_signature": True}, 142),
    ],
)
def test_what_is_required_and_not_so_is_an_error(content, options, number, opened):
    with pytest.raises(PolicyError) as caught:
        opened(mail(content), **options)
    assert caught.value.code.number == number
    assert "none of the content" in str(caught.value)


def test_what_is_required_and_so_is_read(sender, opened):
    data = mail(encrypted(sender, TEXT, "--sign", "-u", fingerprint("sender")))
    got = opened(data, require_signature=True, require_encryption=True)
    assert covers(got) == (WHOLE, WHOLE)


def test_an_error_is_typed_whatever_the_keyring(sender, tmp_path):
    for where in (tmp_path / "none", b"garbage", tmp_path):
        with pytest.raises(GpgmailError):
            read(mail(TEXT), keyring=where)


def test_reading_loads_no_transport_and_nothing_heavy():
    code = (
        "import sys, gpgmail.protect.read\n"
        "heavy = {'smtplib', 'rich', 'click', 'cryptography', 'email_validator', 'gnupg', 'ssl'}\n"
        "loaded = [name for name in sys.modules if name in heavy or '.transport' in name]\n"
        "print(*loaded)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


@pytest.mark.parametrize("name", ["upgraded", "legacy"])
def test_reading_changes_no_keyring(name, sender):
    with keyring_copy(name) as home:
        gpg = Gpg(home) if name == "upgraded" else None
        rings = {path: path.read_bytes() for path in home.glob("*ring.*")}
        key = fixture_key(name, "legacy")
        with keyring_copy("upgraded") as other:
            writer = gpg or Gpg(other)
            words = ("--trust-model", "always", "--lock-never", "-r", key.fingerprint)
            message = writer(*words, "-u", key.fingerprint, "-a", "-s", "-e", stdin=TEXT)
            armor = writer("-u", key.fingerprint, "-ba", stdin=TEXT)
        rings = {path: path.read_bytes() for path in home.glob("*ring.*")}
        got = read(mail(encrypted(sender, TEXT, message=message)), keyring=home)
        assert covers(got) == (WHOLE, WHOLE)
        assert covers(read(mail(signed(sender, TEXT, signature=armor)), keyring=home)) == (
            WHOLE,
            NONE,
        )
        assert {path: path.read_bytes() for path in home.glob("*ring.*")} == rings


@pytest.mark.parametrize("name", ["From", "To"])
def test_a_field_that_the_library_fails_over_is_read_as_text(name, opened):
    garbage = b"Ser (tst) <sample.org>, a\xff: b@c, d;?utf-8?q?x?= <@"
    mail = opened(name.encode() + b": " + garbage + b"\r\nSubject: A mail\r\n\r\nHello\r\n")
    assert mail.message["Subject"] == "A mail"
    assert mail.message[name].startswith("Ser")
    assert b"Hello" in mail.message.as_bytes()


@pytest.mark.parametrize("name", ["From", "Content-Type", "Content-Disposition"])
def test_a_field_that_the_library_cannot_fold_is_written_as_text(name, opened):
    field = f'{name}: a@b.example{"x" * 80}"x""'
    mail = opened(field.encode() + b"\r\nSubject: A mail\r\n\r\nHello\r\n")
    written = email.message_from_bytes(mail.message.as_bytes())
    assert written["Subject"] == "A mail"
    (decoded, charset), *_ = email.header.decode_header(written[name])
    assert decoded.decode(charset) == field.partition(": ")[2]
