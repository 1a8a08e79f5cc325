"""The variants of a mail: what comes out is what was chosen, and every reader of ours takes it."""

from __future__ import annotations

import base64
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

import gpgmail
from gpgmail.crypto.armor import ChecksumWriter
from gpgmail.delivery.writer import write_mail
from gpgmail.gpg.armor import readable
from gpgmail.message import walk
from gpgmail.message.storage import Spooled
from gpgmail.protect.variant import Variant
from gpgmail.testing import Drop, SmtpSink
from tests.delivery.helpers import ALICE, BOB
from tests.support.engines import EACH

ME = "sender@example.org"
TEXT = "some words\n.a dot\n=abcd\nGrüße\n"
ASCII = TEXT.replace("Grüße", "words")
CHECKSUM = re.compile(rb"^=[A-Za-z0-9+/]{4}\r?\n-----END", re.MULTILINE)
NOISE = random.Random(1).randbytes(700_000)  # noqa: S311 - noise that is the same each time
BOTH = {"sign": True, "encrypt": True}


def mail(to=ALICE, **fields):
    return gpgmail.Draft(from_=ME, to=to, subject="x", text=TEXT, **fields)


def written(sender, variant, message=None, **options):
    with gpgmail.Mailer(None, keyring=sender.home) as mailer:
        letter = mailer.write(message or mail(), variant=variant, **options)
        return [b"".join(copy.render()) for copy in letter.copies]


def inside(data, readers):
    """The MIME entity that is encrypted in a mail."""
    ciphertext = readable(walk.parse(data).children[1].decoded())
    return walk.parse(readers("--decrypt", stdin=ciphertext))


@pytest.mark.parametrize(
    ("layout", "inner"), [("combined", "text/plain"), ("nested", "multipart/signed")]
)
def test_layout(sender, readers, layout, inner):
    (data,) = written(sender, Variant(layout=layout), **BOTH)

    assert inside(data, readers).content_type == inner
    opened = gpgmail.read(data, keyring=readers.home)
    assert (opened.verdict.signed, opened.verdict.encrypted) == ("whole", "whole")
    assert opened.verdict.signer.user_id.endswith(f"<{ME}>")
    assert opened.parts[0].text == TEXT.replace("\n", "\r\n")


def test_the_signature_of_a_nested_mail_is_over_its_part(sender, readers, tmp_path):
    (data,) = written(sender, Variant(layout="nested", micalg="pgp-sha512"), **BOTH)
    entity = inside(data, readers)
    signed, signature = entity.children

    assert entity.params["micalg"] == "pgp-sha512"
    assert signed.raw.startswith(b"Content-Type: text/plain")
    readers.verify(signed.raw, signature.decoded(), tmp_path)


def test_copies_of_a_nested_mail_hold_the_same(sender, readers):
    copies = written(sender, Variant(layout="nested"), mail(bcc=BOB), **BOTH)

    assert len(copies) == 2
    assert inside(copies[0], readers).raw == inside(copies[1], readers).raw


def test_a_large_nested_mail_lies_on_no_disk_in_clear(sender, monkeypatch):
    on_disk = bytearray()
    real = Spooled._append

    def append(self, data):
        on_disk.extend(data)
        real(self, data)

    monkeypatch.setattr(Spooled, "_append", append)
    at = 57 * 8000  # bytes of so many lines in base64: what comes first stays in memory
    clear = base64.b64encode(NOISE[at : at + 45])
    attached = gpgmail.Attachment(source=NOISE, name="x.bin")
    for layout, sign in (("nested", True), ("combined", False)):
        message = mail(attachments=(attached,))
        written(sender, Variant(layout=layout), message, sign=sign, encrypt=True)
    assert on_disk
    assert clear not in on_disk
    written(sender, None, mail(attachments=(attached,)), sign=True)
    assert clear in on_disk  # what is only signed may lie there: the test can see it


def test_only_signed_or_only_encrypted_has_no_layout(sender, readers):
    (signed,) = written(sender, Variant(layout="nested"), sign=True)
    assert walk.parse(signed).content_type == "multipart/signed"
    (encrypted,) = written(sender, Variant(layout="nested"), encrypt=True)
    assert inside(encrypted, readers).content_type == "text/plain"


def test_inline_cannot_be_nested(sender):
    with pytest.raises(gpgmail.UsageError, match="pgpmime alone"):
        written(sender, Variant(layout="nested"), format="inline", **BOTH)


@pytest.mark.parametrize("name", ["sha224", "sha256", "sha384", "sha512"])
def test_micalg_names_the_hash_that_was_used(sender, name):
    (data,) = written(sender, Variant(micalg=f"pgp-{name}"), sign=True)

    assert walk.parse(data).params["micalg"] == f"pgp-{name}"
    (seen,) = gpgmail.read(data, keyring=sender.home).verdict.signatures
    assert seen.digest == name.upper()


def test_micalg_and_another_hash_of_the_mailer(sender):
    algorithms = gpgmail.Algorithms(digest="SHA512")
    with (
        gpgmail.Mailer(None, keyring=sender.home, algorithms=algorithms) as mailer,
        pytest.raises(gpgmail.UsageError, match="SHA512"),
    ):
        mailer.write(mail(), sign=True, variant=Variant(micalg="pgp-sha256"))


@pytest.mark.parametrize("wish", [{"sign": True}, {"encrypt": True}, BOTH], ids=str)
@pytest.mark.parametrize("checksum", ["gpg", "with", "without"])
@pytest.mark.parametrize("form", ["pgpmime", "inline"])
def test_armor_with_and_without_its_checksum(sender, readers, wish, checksum, form):
    variant = Variant(armor_checksum=checksum)
    message = replace(mail(), text=ASCII)  # in quoted-printable its lines would be others
    (data,) = written(sender, variant, message, format=form, **wish)

    assert bool(CHECKSUM.search(data)) == (checksum != "without")
    opened = gpgmail.read(data, keyring=readers.home)
    assert not opened.verdict.problems
    assert opened.parts[0].text.splitlines() == ASCII.splitlines()


def test_copies_without_checksum(sender, readers):
    for copy in written(sender, Variant(armor_checksum="without"), mail(bcc=BOB), encrypt=True):
        assert not CHECKSUM.search(copy)
        assert not gpgmail.read(copy, keyring=readers.home).verdict.problems


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_a_checksum_in_pieces(size):
    armor = (
        b"=text\n- -----BEGIN PGP SIGNATURE-----\n=abcd\n-----BEGIN PGP SIGNATURE-----\n\n"
        b"abcd\n=AbC+\n-----END PGP SIGNATURE-----\nbehind"
    )
    out = bytearray()
    writer = ChecksumWriter(out.extend, wanted=False)
    for at in range(0, len(armor), size):
        writer(armor[at : at + size])
    writer.end()
    assert bytes(out) == armor.replace(b"=AbC+\n", b"")


def test_a_checksum_that_gpg_does_not_write_is_not_promised():
    writer = ChecksumWriter(lambda _: None, wanted=True)
    writer(b"-----BEGIN PGP MESSAGE-----\n\nabcd\n-----END PGP MESSAGE-----\n")
    with pytest.raises(gpgmail.UnsupportedError):
        writer.end()


WHEN = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


def as_email():
    message = EmailMessage()
    message["From"], message["To"] = ME, ALICE
    message.set_content(TEXT)
    return message


@pytest.mark.parametrize("make", [mail, as_email])
@pytest.mark.parametrize("at", ["2025-03-04T05:06:07", "2025-03-04T06:06:07+01:00"])
def test_a_fixed_time(sender, make, at):
    variant = Variant(at=at)
    first, second = (written(sender, variant, make(), sign=True)[0] for _ in range(2))

    opened = gpgmail.read(first, keyring=sender.home)
    (seen,) = opened.verdict.signatures
    assert seen.created == WHEN
    assert opened.message["Date"].datetime == WHEN
    # EdDSA is deterministic (RFC 8032): the same text at the same time has the same signature.
    one, other = (walk.parse(data).children[1].body for data in (first, second))
    assert one == other


def test_a_date_that_the_mail_has_stays(sender):
    message = as_email()
    message["Date"] = "Mon, 01 Jan 2024 00:00:00 +0000"
    (data,) = written(sender, Variant(at="2025-03-04"), message, sign=True)
    assert data.count(b"\r\nDate: ") == 1
    assert b"Date: Mon, 01 Jan 2024 00:00:00" in data


@pytest.mark.parametrize("at", ["yesterday", "1066-10-14", "2200-01-01"])
def test_a_time_that_is_none(at):
    with pytest.raises(gpgmail.UsageError, match="at"):
        Variant(at=at)


def test_keys_of_later_make_no_signature(sender):
    with pytest.raises(gpgmail.GpgmailError):
        written(sender, Variant(at="2001-01-01"), sign=True)


@pytest.mark.parametrize("engine_name", EACH)
def test_both_engines_build_the_same(sender, readers, engine_name):
    chosen = {"layout": "nested", "micalg": "pgp-sha384", "armor_checksum": "without"}
    variant = Variant(**chosen, at="2025-03-04")
    with gpgmail.Mailer(None, keyring=sender.home, engine=engine_name) as mailer:
        (copy,) = mailer.write(mail(), variant=variant, **BOTH).copies
        data = b"".join(copy.render())
    entity = inside(data, readers)
    (seen,) = gpgmail.read(data, keyring=readers.home).verdict.signatures

    assert entity.params["micalg"] == "pgp-sha384"
    assert seen.created == datetime(2025, 3, 4, tzinfo=UTC)
    assert not CHECKSUM.search(data)
    assert not CHECKSUM.search(entity.children[1].decoded())


# ------------------------------------------------------------------------------ line ends of files


@pytest.mark.parametrize("line_ends", ["crlf", "lf"])
def test_line_ends_of_a_file(sender, readers, tmp_path, line_ends):
    target = tmp_path / "mail"
    with gpgmail.Mailer(None, keyring=sender.home) as mailer:
        variant = Variant(line_ends=line_ends)
        receipt = write_mail(mailer, mail(), str(target), sign=True, variant=variant)
    data = target.read_bytes()

    assert receipt.size == len(data)
    assert data.count(b"\r\n") == (data.count(b"\n") if line_ends == "crlf" else 0)
    assert gpgmail.read(target, keyring=readers.home).verdict.signed == "whole"


# -------------------------------------------------------------------------------------- save_wire


@pytest.mark.parametrize("chunked", [(), ("CHUNKING",)], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("wish", [{}, BOTH], ids=["plain", "protected"])
def test_the_wire_is_what_the_server_got(sender, tmp_path, wish, chunked):
    wire = tmp_path / "wire.eml"
    with SmtpSink(offers=chunked) as sink, gpgmail.Mailer(sink.url, keyring=sender.home) as mailer:
        for _ in range(2):  # over the one of before
            mailer.send(mail(), save_wire=wire, **wish)

    assert wire.read_bytes() == sink.mails[1].data
    assert wire.stat().st_mode & 0o777 == 0o600


def test_every_copy_has_a_file(sender, tmp_path):
    wire = tmp_path / "wire"
    with SmtpSink() as sink, gpgmail.Mailer(sink.url, keyring=sender.home) as mailer:
        mailer.send(mail(bcc=BOB), encrypt=True, save_wire=wire)

    files = [wire, tmp_path / "wire.2"]
    assert [path.read_bytes() for path in files] == [mail.data for mail in sink.mails]


def test_what_broke_off_leaves_what_went_out(sender, tmp_path):
    wire = tmp_path / "wire"
    with SmtpSink(script={"BODY": Drop(after=100)}) as sink:
        with gpgmail.Mailer(sink.url) as mailer, pytest.raises(gpgmail.DeliveryError):
            mailer.send(mail(), save_wire=wire)
        sent = bytes(sink.connections[0].clear).partition(b"DATA\r\n")[2]
    assert sent[:100]
    assert wire.read_bytes().replace(b"\r\n.", b"\r\n..").startswith(sent[:100])


@pytest.mark.parametrize("name", ["missing/wire", "."])
def test_a_wire_that_cannot_be_written_sends_nothing(tmp_path, name):
    with SmtpSink() as sink:
        with gpgmail.Mailer(sink.url) as mailer, pytest.raises(gpgmail.MessageError):
            mailer.send(mail(), save_wire=tmp_path / name)
        assert sink.connections == []
