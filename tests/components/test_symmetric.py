"""A passphrase in place of keys: who can open the message, and where the passphrase never shows."""

from __future__ import annotations

import traceback

import pytest

from gpgmail.components import Attachment
from gpgmail.core.errors import PolicyError, UnsupportedError, UsageError
from tests.components.openpgp import refused, started
from tests.components.support import TEXT, Ears, failing, parsed, psmtp, text_of
from tests.crypto.helpers import Gpg
from tests.support.keyrings import empty_home

__all__ = ["started"]


PASSPHRASE = "pass wörd ✓ c0rrect"


@pytest.fixture
def without_home(tmp_path, monkeypatch):
    """A user who has no keyring; the directory must stay as empty as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GNUPGHOME", raising=False)
    return tmp_path


@pytest.fixture
def stranger():
    """A gpg without keys that knows the passphrase."""
    with empty_home() as path:
        gpg = Gpg(path)
        loopback = ("--pinentry-mode", "loopback", "--no-symkey-cache", "--passphrase")
        yield lambda data, passphrase=PASSPHRASE: gpg.run(
            *loopback, passphrase, "--decrypt", stdin=data
        )


def only_a_passphrase_opens(armored):
    with empty_home() as path:
        packets = Gpg(path).packets(armored)
    return packets.count(":symkey enc packet:") == 1 and ":pubkey enc packet:" not in packets


@pytest.mark.proves("SymmetricPassphrase", "encrypt", "ProcessAttachments")
def test_a_text_and_attachments_with_a_passphrase(sink, without_home, stranger):
    with psmtp(sink) as mailer:
        mailer.config(f"SymmetricPassphrase={PASSPHRASE}")
        mailer.attachments.append(Attachment(data=b"\0content", name="a.bin"))
        mailer.config("ProcessAttachments=True")
        ears = Ears(mailer, "status", "progress", "key_passphrase")
        mailer.encrypt()
        mailer.send()
    assert not list(without_home.iterdir())
    mail = sink.received[0]
    attached = next(parsed(mail).iter_attachments())
    assert attached.get_filename() == "a.bin.asc"
    for armored, plain in (
        (text_of(mail).encode(), TEXT.encode()),
        (attached.get_content(), b"\0content"),
    ):
        assert only_a_passphrase_opens(armored)
        assert stranger(armored).stdout == plain
        wrong = stranger(armored, "another")
        assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert any("with a passphrase" in event.message for event in ears.status)
    assert ears.progress[-1].percent_processed == 100
    assert not ears.key_passphrase


@pytest.mark.proves("SymmetricPassphrase")
def test_pgpmime_with_a_passphrase(sink, without_home, stranger):
    with psmtp(sink, message_format="PGPMIME") as mailer:
        mailer.attachments.append(Attachment(data=b"content", name="secret.bin"))
        mailer.symmetric_passphrase = PASSPHRASE
        mailer.encrypt()
        mailer.send()
    assert not list(without_home.iterdir())
    mail = parsed(sink.received[0])
    assert mail.get_content_type() == "multipart/encrypted"
    assert b"secret.bin" not in sink.received[0].data
    armored = list(mail.iter_parts())[1].get_content()
    assert only_a_passphrase_opens(armored)
    inner = stranger(armored).stdout
    assert b"secret.bin" in inner
    assert b"Gr=C3=BC=C3=9Fe" in inner


@pytest.mark.proves("SymmetricPassphrase")
def test_attachments_in_clear_beside_it_are_refused_unless_that_was_said(sink):
    with psmtp(sink, symmetric_passphrase=PASSPHRASE) as mailer:
        mailer.attachments.append(Attachment(data=b"content", name="a.bin"))
        refused(mailer, sink, 3, "encrypt")


@pytest.mark.proves("SymmetricPassphrase", "OpenPGP 112")
@pytest.mark.parametrize("method", ["sign", "sign_and_encrypt"])
def test_with_a_passphrase_nothing_can_be_signed(sink, mailer, method):
    mailer.symmetric_passphrase = PASSPHRASE
    assert "encrypt()" in refused(mailer, sink, 112, method)


@pytest.mark.proves("SymmetricPassphrase", "OpenPGP 143")
def test_a_passphrase_that_was_not_used_is_not_forgotten(sink):
    with psmtp(sink, symmetric_passphrase=PASSPHRASE) as mailer:
        with failing(143, PolicyError):
            mailer.send()
        assert not sink.received
        mailer.config("RequireProtection=False")
        mailer.send()
        assert "Grüße" in text_of(sink.received[0])


@pytest.mark.proves("SymmetricPassphrase")
def test_no_recipient_key_is_used_beside_a_passphrase(sink, mailer, stranger):
    mailer.keys.clear()
    mailer.symmetric_passphrase = PASSPHRASE
    mailer.encrypt()
    mailer.send()
    armored = text_of(sink.received[0]).encode()
    assert only_a_passphrase_opens(armored)
    assert stranger(armored).stdout.decode() == TEXT


@pytest.mark.proves("SymmetricPassphrase")
@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "a\0b", "\x04abc", "half \ud800", "x" * 256, "ü" * 128]
)
def test_a_passphrase_that_gpg_would_not_take_whole_is_refused_when_it_is_set(sink, value):
    mailer = psmtp(sink)
    with pytest.raises(UsageError) as caught:
        mailer.symmetric_passphrase = value
    assert value not in "".join(traceback.format_exception(caught.value))
    assert mailer.symmetric_passphrase == ""


@pytest.mark.proves("SymmetricPassphrase")
@pytest.mark.parametrize("value", [" ", "x" * 255, "ü" * 127, '"quoted" #%=\\'])
def test_every_other_passphrase_is_taken_as_it_is(sink, stranger, value):
    with psmtp(sink, symmetric_passphrase=value) as mailer:
        mailer.encrypt()
        assert stranger(mailer.message_text.encode(), value).stdout.decode() == TEXT


@pytest.mark.proves("SymmetricPassphrase")
def test_the_passphrase_shows_nowhere(sink, started, capfd, caplog):
    caplog.set_level(0)
    with psmtp(sink, log_level=3, symmetric_passphrase=PASSPHRASE) as mailer:
        ears = Ears(mailer)
        mailer.encrypt()
        mailer.send()
        shown = [repr(mailer), repr(vars(mailer)["_done"]), repr(ears.heard), caplog.text]
    assert any("--symmetric" in line for line in started)
    assert any("--symmetric" in event.message for event in ears.status)
    for text in (*shown, *started, *capfd.readouterr()):
        assert PASSPHRASE not in text
        assert "c0rrect" not in text


@pytest.mark.proves("encrypting_algorithm", "SymmetricPassphrase")
@pytest.mark.parametrize("name", ["AES256", "AES256-OCB", "AES256-GCM"])
def test_with_a_passphrase_the_mode_of_a_cipher_is_ignored(sink, stranger, empty_packets, name):
    with psmtp(sink, symmetric_passphrase=PASSPHRASE, encrypting_algorithm=name) as mailer:
        mailer.encrypt()
        armored = mailer.message_text.encode()
    assert ":symkey enc packet: version 4, cipher 9," in empty_packets(armored)
    assert stranger(armored).stdout.decode() == TEXT


@pytest.fixture
def empty_packets():
    with empty_home() as path:
        yield Gpg(path).packets


@pytest.mark.proves("UseArgon2", "OpenPGP 112")
def test_argon2_is_refused_when_it_is_set(sink, stranger):
    with psmtp(sink, symmetric_passphrase=PASSPHRASE) as mailer:
        with failing(112, UnsupportedError) as caught:
            mailer.config("UseArgon2=True")
        assert "no gpg" in str(caught.value)
        assert mailer.config("UseArgon2") == "False"
        assert mailer.config("UseArgon2=False") == "False"
        mailer.encrypt()
        assert stranger(mailer.message_text.encode()).stdout.decode() == TEXT
