"""`Mailer` from the mail to the server: what arrives, what the receipt says, what stays behind."""

from __future__ import annotations

import email
import email.policy
import os
import threading
import time

import pytest

from gpgmail.core.errors import (
    Cancelled,
    GpgmailError,
    KeySelectionError,
    MessageError,
    StateError,
    TimeLimitError,
    UsageError,
)
from gpgmail.core.events import ConnectionStatus, PITrail, Status
from gpgmail.crypto.engine import Algorithms
from gpgmail.delivery.mailer import Mailer
from gpgmail.keys.keyring import Keyring
from gpgmail.message.content import Attachment
from gpgmail.protect.read import read
from gpgmail.testing.script import Phase, Stall
from tests.delivery.helpers import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    draft,
    encryption_id,
    fingerprint,
    message,
    seen_by,
    url,
)
from tests.servers.hostile import Hostile
from tests.support.counting import count_gpg
from tests.support.keyrings import empty_home, keyring_copy


@pytest.fixture
def mailer(sender, sink):
    with Mailer(sink.url, keyring=sender.home) as made:
        yield made


# ------------------------------------------------------------------------------ what arrives


@pytest.mark.parametrize("make", [draft, message])
@pytest.mark.parametrize("form", ["pgpmime", "inline"])
@pytest.mark.parametrize("wish", [(True, True), (True, False), (False, True)])
def test_a_protected_mail_arrives_and_is_read(make, form, wish, mailer, sink, readers):  # noqa: PLR0917 - fixtures
    sign, encrypt = wish
    receipt = mailer.send(make(), sign=sign, encrypt=encrypt, format=form)
    (arrived,) = sink.received
    assert arrived.recipients == receipt.accepted == (ALICE,)
    assert arrived.sender == receipt.sender == SENDER
    got = read(
        arrived.data, keyring=readers.home, require_signature=sign, require_encryption=encrypt
    )
    assert got.verdict.by_author is sign
    assert got.verdict.problems == ()
    assert got.parts[0].text.splitlines() == ["The words."]
    assert got.message["Subject"] == "Grüße"
    assert got.message["Message-ID"] == receipt.message_id


def test_a_plain_mail_arrives_as_it_is(mailer, sink):
    receipt = mailer.send(message())
    arrived = email.message_from_bytes(sink.received[0].data, policy=email.policy.default)
    assert arrived.get_content().splitlines() == ["The words."]
    assert (receipt.signers, dict(receipt.keys), receipt.encrypted) == ((), {}, False)


def test_the_receipt_says_what_became_of_the_mail(mailer, sink):
    receipt = mailer.send(draft((ALICE, BOB)), sign=True, encrypt=True)
    assert receipt.accepted == (ALICE, BOB)
    assert dict(receipt.refused) == {}
    assert receipt.signers == (fingerprint("sender"),)
    assert dict(receipt.keys) == {ALICE: fingerprint("alice"), BOB: fingerprint("bob")}
    assert receipt.encrypted
    assert str(receipt.reply) == "250 2.0.0 kept as mail 1"
    assert receipt.tls == ""
    assert receipt.size == len(sink.received[0].data)


def test_algorithms_are_those_that_were_asked_for(sender, sink, readers):
    wanted = Algorithms(cipher="AES192", digest="SHA384", compression="none", comment="A test")
    with Mailer(sink.url, keyring=sender.home, algorithms=wanted) as mailer:
        mailer.send(draft(), sign=True, encrypt=True)
    data = sink.received[0].data
    assert b"\r\nComment: A test\r\n" in data
    verdict = read(data, keyring=readers.home).verdict
    assert (verdict.cipher, verdict.signer.digest) == ("AES192", "SHA384")


def test_recipient_keys_may_be_in_another_keyring(sink, readers):
    with (
        keyring_copy("own-key") as home,
        keyring_copy("recipients") as files,
        Mailer(sink.url, keyring=home, more_keyrings=[files / "public.asc"]) as mailer,
    ):
        mailer.send(draft(CAROL), sign=True, encrypt=True)
    assert read(sink.received[0].data, keyring=readers.home).verdict.by_author


# ------------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("encrypt", [True, ["alice", "bob", "carol"]])
def test_no_copy_shows_the_key_of_a_bcc_recipient_to_another(encrypt, sender, sink, readers):
    wish = encrypt if encrypt is True else [fingerprint(name) for name in encrypt]
    with Mailer(sink.url, keyring=sender.home, trust="always") as mailer:
        receipt = mailer.send(
            draft(ALICE, cc=SENDER if wish is True else (), bcc=(BOB, CAROL)),
            sign=True,
            encrypt=wish,
        )
    others = {encryption_id("alice"), *([encryption_id("sender")] if wish is True else [])}
    shown = seen_by(sink, sender)
    assert shown[BOB,] == {encryption_id("bob")}
    assert shown[CAROL,] == {encryption_id("carol")}
    (open_copy,) = [keys for recipients, keys in shown.items() if ALICE in recipients]
    assert open_copy == others
    assert set(receipt.accepted) >= {ALICE, BOB, CAROL}
    assert len(receipt.replies) == 3
    for arrived in sink.received:
        assert BOB.encode() not in arrived.data
        assert CAROL.encode() not in arrived.data
        assert (
            read(arrived.data, keyring=readers.home).verdict.by_author
            or ALICE in arrived.recipients
        )


@pytest.mark.parametrize("form", ["pgpmime", "inline"])
def test_a_bcc_copy_has_the_attachments_too(form, mailer, sink, readers):
    attached = (Attachment(source=bytes(range(256)) * 9000, name="a.bin"),)
    mailer.send(draft(ALICE, bcc=BOB, attachments=attached), encrypt=True, format=form)
    for arrived in sink.received:
        got = read(arrived.data, keyring=readers.home)
        assert [part.content for part in got.parts][1] == bytes(range(256)) * 9000


def test_an_attachment_that_can_be_read_once_is_in_every_copy(sender, sink, readers):
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream, Mailer(sink.url, keyring=sender.home) as mailer:
        mail = draft(ALICE, bcc=BOB, attachments=(Attachment(source=stream, name="a"),))
        mailer.send(mail, encrypt=True)
    got = [read(one.data, keyring=readers.home).parts for one in sink.received]
    assert [parts[1].content for parts in got] == [b"once", b"once"]


# ----------------------------------------------------------- keys that cannot be had: no connection


@pytest.mark.parametrize(
    ("situation", "address", "reason"),
    [
        ("modern", "dave@example.org", None),
        ("modern", CAROL, "validity"),
        ("expired", "expired@example.org", "expired"),
        ("revoked", "revoked@example.org", "revoked"),
        ("disabled", "disabled@example.org", "disabled"),
        ("expired-subkey", "stale@example.org", "expired"),
        ("no-encryption", "signonly@example.org", "no encryption subkey"),
        ("two-keys-one-address", "twin@example.org", "usable"),
        ("uid-unsigned", "dana@claimed.example.org", "validity"),
        ("uid-revoked", "dora@left.example.org", "revoked"),
    ],
)
def test_a_recipient_without_a_usable_key_stops_the_mail(situation, address, reason, nobody_comes):
    with keyring_copy(situation) as home, Mailer(url(nobody_comes), keyring=home) as mailer:
        with pytest.raises(KeySelectionError) as caught:
            mailer.send(draft(address), encrypt=True)
        assert address in str(caught.value)
        told = [candidate.reason for candidate in caught.value.candidates]
        assert all(reason in one for one in told) if reason else told == []
        assert bool(told) is bool(reason)


@pytest.mark.parametrize(
    ("situation", "address"),
    [
        ("modern", "dave@example.org"),
        ("modern", ALICE),
        ("expired", "expired@example.org"),
        ("revoked", "revoked@example.org"),
        ("two-keys-one-address", "twin@example.org"),
    ],
)
def test_a_signer_without_a_usable_key_stops_the_mail(situation, address, nobody_comes):
    with keyring_copy(situation) as home, Mailer(url(nobody_comes), keyring=home) as mailer:
        with pytest.raises(KeySelectionError) as caught:
            mailer.send(draft(sender=address), sign=True)
        assert address in str(caught.value)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda: draft(text="a\n", html="<p>a</p>"), {"sign": True, "format": "inline"}),
        (lambda: draft(text="a\n"), {"sign": True, "format": "smime"}),
        (lambda: draft(to=()), {}),
        (lambda: draft(sender=""), {}),
        (lambda: draft(attachments=(Attachment(source="/nowhere/a.txt"),)), {"sign": True}),
    ],
)
def test_what_cannot_be_made_stops_the_mail(make, options, sender, nobody_comes):
    with Mailer(url(nobody_comes), keyring=sender.home) as mailer, pytest.raises(GpgmailError):
        mailer.send(make(), **options)


def test_a_file_that_gets_shorter_meanwhile_stops_the_mail(sender, nobody_comes, tmp_path):
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100_000)
    with Mailer(url(nobody_comes), keyring=sender.home) as mailer:

        def shorten(event):
            if event.level == 3 and "--encrypt" in event.message:
                file.write_bytes(b"x")

        mailer.on(Status, shorten)
        with pytest.raises(MessageError, match="log"):
            mailer.send(draft(attachments=(Attachment(source=file),)), encrypt=True)


# -------------------------------------------------------------------------------- processes, time


def test_a_warm_mail_costs_one_gpg_process(sender, sink, tmp_path, monkeypatch):
    counted = count_gpg(tmp_path, monkeypatch)
    with Mailer(sink.url, keyring=sender.home) as mailer:
        for _ in range(2):
            mailer.send(draft((ALICE, BOB)), sign=True, encrypt=True)
        before = counted()
        mailer.send(draft((ALICE, BOB)), sign=True, encrypt=True)
        assert counted() == before + 1
        mailer.send(draft((ALICE, BOB)))
        assert counted() == before + 1


@pytest.mark.parametrize("phase", [Phase.BANNER, Phase.MAIL, Phase.DATA, Phase.DOT])
def test_an_interrupt_from_another_thread_ends_the_call_within_a_second(phase, sender):
    with Hostile({phase: Stall()}) as server, Mailer(url(server), keyring=sender.home) as mailer:
        threading.Timer(0.5, mailer.interrupt).start()
        begun = time.monotonic()
        with pytest.raises(GpgmailError) as caught:
            mailer.send(draft())
        assert time.monotonic() - begun < 1.5
        assert isinstance(caught.value, Cancelled) or phase is Phase.DOT


class Endless:
    """A slow stream without an end."""

    def seekable(self):
        return False

    def read(self, size=-1, /):
        time.sleep(0.02)
        return b"x" * min(size, 4096)


@pytest.mark.parametrize("form", ["pgpmime", "inline"])
@pytest.mark.parametrize("wish", [{"sign": True}, {"encrypt": True}])
def test_an_interrupt_ends_reading_within_a_second(wish, form, sender, nobody_comes):
    with Mailer(url(nobody_comes), keyring=sender.home) as mailer:
        threading.Timer(0.5, mailer.interrupt).start()
        begun = time.monotonic()
        mail = draft(attachments=(Attachment(source=Endless(), name="a"),))
        with pytest.raises(Cancelled):
            mailer.send(mail, format=form, **wish)
        assert time.monotonic() - begun < 1.5


def test_an_interrupt_of_nothing_does_nothing(mailer, sink):
    mailer.interrupt()
    mailer.send(draft())
    assert len(sink.received) == 1


def test_a_time_limit_ends_a_wait(sender):
    with (
        Hostile({Phase.MAIL: Stall()}) as server,
        Mailer(url(server), keyring=sender.home, timeout=0.5) as mailer,
        pytest.raises(TimeLimitError) as caught,
    ):
        mailer.send(draft())
    assert caught.value.code.number == 201


def test_a_mailer_does_one_thing_at_a_time(sender, sink):
    with Mailer(sink.url, keyring=sender.home) as mailer:
        errors = []

        def meddle(_):
            for call in (lambda: mailer.send(draft()), lambda: mailer.write(draft()), mailer.close):
                with pytest.raises(StateError) as caught:
                    call()
                errors.append(caught.value.code.number)

        end = mailer.on(ConnectionStatus, meddle)
        mailer.send(draft())
        end()
        assert errors == [166] * 3
        assert len(sink.received) == 1


# ------------------------------------------------------------------------------ events, the end


def test_events_reach_their_handlers_until_they_end(mailer):
    heard = []
    end = mailer.on(PITrail, lambda event: heard.append(event.message))
    mailer.send(draft())
    assert any(line.startswith("MAIL FROM:<sender@example.org>") for line in heard)
    end()
    end()
    before = len(heard)
    mailer.send(draft())
    assert len(heard) == before


def test_a_handler_that_raises_stops_the_mail(mailer, sink):
    def stop(event):
        if event.message.startswith("RCPT"):
            raise ZeroDivisionError

    end = mailer.on(PITrail, stop)
    with pytest.raises(ZeroDivisionError):
        mailer.send(draft())
    end()
    assert sink.received == []
    mailer.send(draft())
    assert len(sink.received) == 1


def test_a_mailer_without_a_server_only_writes(sender):
    for server in (None, ""):
        with Mailer(server, keyring=sender.home) as mailer:
            with pytest.raises(UsageError) as caught:
                mailer.send(draft())
            assert caught.value.code.number == 163
            assert mailer.write(draft(), sign=True).plan.protects


def test_closing_twice_and_using_it_again(sender, sink):
    mailer = Mailer(sink.url, keyring=sender.home)
    mailer.send(draft(), sign=True)
    mailer.close()
    mailer.close()
    mailer.send(draft(), sign=True)
    mailer.close()
    assert len(sink.received) == 2


def test_nothing_is_left_after_the_end(sink, monkeypatch):
    with (
        empty_home() as runtime,
        keyring_copy("legacy") as home,
        keyring_copy("recipients") as files,
    ):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        with Mailer(
            sink.url, keyring=home, more_keyrings=[files / "public.asc"], passphrase="x"
        ) as mailer:
            mailer.send(draft(ALICE, sender="legacy@example.org"), sign=True, encrypt=True)
            assert [*runtime.iterdir()]
        assert [*runtime.iterdir()] == []


def test_a_keyring_given_open_stays_open(sender, sink):
    with Keyring.open(sender.home) as keyring:
        with Mailer(sink.url, keyring=keyring) as mailer:
            mailer.send(draft(), sign=True)
        assert keyring.keys("sender@example.org")
