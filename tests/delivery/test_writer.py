"""A finished mail in a file: all of it or nothing, and for its owner alone."""

from __future__ import annotations

import os
import stat

import pytest

from gpgmail.core.errors import Cancelled, GpgmailError, MessageError, UsageError
from gpgmail.delivery.mailer import Mailer
from gpgmail.delivery.writer import write_mail
from gpgmail.message.content import Attachment
from gpgmail.protect.read import read
from tests.delivery.helpers import ALICE, BOB, draft, fingerprint


@pytest.fixture
def mailer(sender):
    with Mailer(None, keyring=sender.home) as made:
        yield made


def test_the_file_is_the_whole_mail(mailer, readers, tmp_path):
    target = tmp_path / "mail.eml"
    receipt = write_mail(mailer, draft(), str(target), sign=True, encrypt=True)
    assert receipt.size == target.stat().st_size
    assert receipt.accepted == ()
    assert receipt.signers == (fingerprint("sender"),)
    assert dict(receipt.keys) == {ALICE: fingerprint("alice")}
    assert read(target, keyring=readers.home).verdict.by_author
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [target]


def test_an_older_file_is_replaced_and_loses_its_mode(mailer, tmp_path):
    target = tmp_path / "mail.eml"
    target.write_text("old")
    target.chmod(0o644)
    write_mail(mailer, draft(), str(target))
    assert b"The words." in target.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_symbolic_link_stays_one(mailer, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "mail.eml")
    write_mail(mailer, draft(), str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "mail.eml").is_file()


@pytest.mark.parametrize("there", [None, b"old"])
def test_a_mail_that_fails_leaves_what_was_there(there, mailer, tmp_path):
    target, file = tmp_path / "mail.eml", tmp_path / "log"
    if there:
        target.write_bytes(there)
    file.write_bytes(b"x" * 100_000)
    mail = draft(attachments=(Attachment(source=file),))
    shrunk = Shrinking(mailer, file)
    with pytest.raises(MessageError):
        write_mail(shrunk, mail, str(target))
    assert (target.read_bytes() if target.exists() else None) == there
    assert {path.name for path in tmp_path.iterdir()} <= {"log", "mail.eml"}


class Shrinking:
    """A mailer after whose work a file gets shorter, so that the mail cannot be rendered."""

    def __init__(self, mailer, file):
        self._mailer = mailer
        self._file = file

    def write(self, *arguments, then, **options):
        def shrink_first(letter, run):
            self._file.write_bytes(b"x")
            then(letter, run)

        return self._mailer.write(*arguments, then=shrink_first, **options)


def test_an_interrupt_stops_the_writing_and_leaves_nothing(mailer, tmp_path):
    def endless():
        while True:
            mailer.interrupt()
            yield b"x" * 65_536

    class Stream:
        """A stream without an end, which interrupts the mailer whenever it is read."""

        def __init__(self):
            self._chunks = endless()

        def read(self, size):
            return next(self._chunks)[:size]

        def seekable(self):
            return False

    mail = draft(attachments=(Attachment(source=Stream(), name="x"),))
    with pytest.raises(Cancelled):
        write_mail(mailer, mail, str(tmp_path / "mail.eml"))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.proves("OpenPGP 116")
@pytest.mark.parametrize("target", ["", ".", "/nowhere/mail", "a\0b", "x" * 300])
def test_a_target_that_cannot_be_written_is_a_typed_error(target, mailer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GpgmailError) as caught:
        write_mail(mailer, draft(), target)
    assert caught.value.code.number == 116
    assert [*tmp_path.iterdir()] == []


def test_bcc_is_refused(mailer, tmp_path):
    with pytest.raises(UsageError, match=BOB):
        write_mail(mailer, draft(bcc=BOB), str(tmp_path / "mail"), encrypt=True)
    assert [*tmp_path.iterdir()] == []


def test_what_is_no_file_is_written_to_and_stays(mailer, tmp_path):
    pipe = tmp_path / "pipe"  # and never a device of the machine: a regression would replace it
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        receipt = write_mail(mailer, draft(), str(pipe))
        assert len(os.read(reader, 1 << 16)) == receipt.size
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [*tmp_path.iterdir()] == [pipe]


def test_standard_output_gets_the_mail_and_nothing_else(mailer, capfdbinary):
    receipt = write_mail(mailer, draft(), "-")
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"Date: ")
    assert (len(out), err) == (receipt.size, b"")
