"""Bcc recipients of an encrypted message: nobody finds the id of their keys in what he received.

`gpg --list-packets` on what each mailbox received is the judge.
"""

from __future__ import annotations

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gpgmail.components import Attachment, Key
from gpgmail.core.errors import (
    DeliveryError,
    KeySelectionError,
    MessageError,
    PolicyError,
    UnsupportedError,
)
from gpgmail.spool import store
from gpgmail.testing.script import Drop, Honest, Phase, Reply
from tests.components.support import (
    ALICE,
    BOB,
    CAROL,
    SENDER,
    Ears,
    failing,
    parsed,
    psmtp,
)
from tests.crypto.helpers import Gpg as RawGpg
from tests.servers.hostile import Hostile
from tests.support.keyrings import situations

ZEROS = "0" * 16
FORMATS = ["INLINE", "PGPMIME"]
NOT_WANTED = Reply(b"554 5.7.1 Not wanted\r\n")


def key_id(key):
    return next(part.fingerprint[-16:] for part in key.subkeys if "e" in part.capabilities)


def armored(mail):
    """The ciphertexts in a mail: those in the text, in PGP/MIME's part and in attached files."""
    found = []
    for part in message_from_bytes(mail, policy=policy.default).walk():
        data = part.get_payload(decode=True) or b""
        if b"-----BEGIN PGP MESSAGE-----" in data:
            found.append(data)
    return found


def ids(reader, mail):
    """The key ids of every ciphertext in a mail; all name the same."""
    found = {tuple(sorted(RawGpg(reader.home).recipients(one))) for one in armored(mail)}
    assert len(found) == 1
    return found.pop()


def mailed(sink):
    """What each mailbox received."""
    return {one.recipients: one.data for one in sink.received}


@pytest.fixture
def blind(sink, own):
    """`blind(form)`: to alice, bcc bob and carol, keys for all three."""
    opened = []

    def make(form="PGPMIME", *, signs=False, **values):
        values = {"b_cc": f"{BOB.address}, {CAROL.address}", **values}
        mailer = psmtp(values.pop("server", sink), message_format=form, **values)
        opened.append(mailer)
        if signs:
            mailer.keys.append(Key(own, SENDER.address))
        mailer.recipient_keys.extend(Key(own, key.fingerprint) for key in (ALICE, BOB, CAROL))
        return mailer

    yield make
    for mailer in opened:
        mailer.close()


# --------------------------------------------------------------------------- copies of their own


@pytest.mark.proves("b_cc", "sign_and_encrypt", "BccPolicy")
@pytest.mark.parametrize(("form", "sign"), [(form, sign) for form in FORMATS for sign in (0, 1)])
def test_each_mailbox_sees_its_own_keys_alone(sink, reader, blind, form, sign):
    mailer = blind(form, signs=bool(sign), process_attachments=True)
    mailer.attachments.append(Attachment(data=os.urandom(300_000), name="a.bin"))
    (mailer.sign_and_encrypt if sign else mailer.encrypt)()
    shown = mailer.message_text
    mailer.send()

    got = mailed(sink)
    assert {who: ids(reader, mail) for who, mail in got.items()} == {
        (ALICE.address,): (key_id(ALICE),),
        (BOB.address,): (key_id(BOB),),
        (CAROL.address,): (key_id(CAROL),),
    }
    opened = {tuple(reader.read(one).content for one in armored(mail)) for mail in got.values()}
    assert len(opened) == 1
    if sign:
        verdicts = [reader.read(armored(mail)[0]) for mail in got.values()]
        assert {(one.signature, one.signer) for one in verdicts} == {("good", SENDER.fingerprint)}
    heads = {mail.partition(b"Content-Type")[0] for mail in got.values()}
    assert len(heads) == 1 or form == "PGPMIME"
    assert len({parsed(mail)["Message-ID"] for mail in sink.received}) == 1
    for mail in got.values():
        assert b"bob@" not in mail.lower()
        assert b"carol@" not in mail.lower()
    inside = message_from_bytes(got[ALICE.address,], policy=policy.default)
    text = inside.get_body().get_content() if form == "INLINE" else ""
    assert text.split() == shown.split() if text else "encrypted.asc" in shown


def test_a_passphrase_is_asked_for_once_and_one_signature_is_made(sink, home, own, reader):
    protected = next(key for key in situations()["protected"].keys.values() if key.passphrase)
    with psmtp(sink, b_cc=f"{BOB.address}, {CAROL.address}", from_=protected.address) as mailer:
        mailer.keys.append(Key(home("protected"), fingerprint=protected.fingerprint))
        mailer.recipient_keys.extend(Key(own, key.fingerprint) for key in (ALICE, BOB, CAROL))
        asked = []

        def answer(event):
            asked.append(event.key_id)
            event.passphrase = protected.passphrase

        mailer.on_key_passphrase = answer
        mailer.sign_and_encrypt()
        mailer.send()
    assert len(asked) == 1
    assert len(sink.received) == 3


def test_the_shown_copy_has_the_keys_that_match_no_address(sink, reader, blind):
    mailer = blind(b_cc=BOB.address)
    mailer.encrypt()
    mailer.send()
    got = mailed(sink)
    assert ids(reader, got[ALICE.address,]) == tuple(sorted([key_id(ALICE), key_id(CAROL)]))
    assert ids(reader, got[BOB.address,]) == (key_id(BOB),)


def test_who_is_in_to_as_well_is_no_secret(sink, reader, blind):
    mailer = blind(b_cc=f"{ALICE.address}, {BOB.address.upper()}", cc=CAROL.address)
    mailer.encrypt()
    mailer.send()
    got = mailed(sink)
    assert ids(reader, got[ALICE.address, CAROL.address]) == tuple(
        sorted([key_id(ALICE), key_id(CAROL)])
    )
    (bob,) = [who for who in got if who != (ALICE.address, CAROL.address)]
    assert ids(reader, got[bob]) == (key_id(BOB),)


@pytest.mark.proves("AllowEmptyTo")
def test_only_bcc_recipients(sink, reader, blind):
    mailer = blind(send_to="", cc="", b_cc=f"{BOB.address},{CAROL.address}")
    del mailer.recipient_keys[0]
    mailer.config("AllowEmptyTo=True")
    mailer.encrypt()
    mailer.send()
    got = mailed(sink)
    assert {who: ids(reader, mail) for who, mail in got.items()} == {
        (BOB.address,): (key_id(BOB),),
        (CAROL.address,): (key_id(CAROL),),
    }
    assert mailer.config("TransferText") in {
        mail.split(b"\r\n\r\n", 1)[1].decode() for mail in got.values()
    }


def test_what_gpg_conf_adds_is_in_every_copy(sink, own, reader, blind):
    (own / "gpg.conf").write_text(f"encrypt-to {SENDER.fingerprint}\nthrow-keyids\n")
    mailer = blind(b_cc=BOB.address)
    del mailer.recipient_keys[2]
    mailer.encrypt()
    mailer.send()
    assert {ids(reader, mail) for mail in mailed(sink).values()} == {(ZEROS, ZEROS)}
    for mail in mailed(sink).values():
        assert b"Content-Type: text/plain" in RawGpg(own).run("-d", stdin=armored(mail)[0]).stdout


@pytest.mark.parametrize("order", ["sign encrypt", "encrypt sign", "encrypt encrypt"])
def test_two_steps(sink, reader, blind, order):
    mailer = blind(signs="sign" in order, b_cc=BOB.address)
    for step in order.split():
        getattr(mailer, step)()
    mailer.send()
    got = mailed(sink)
    bob, alice = got[BOB.address,], got[ALICE.address,]
    assert key_id(BOB) not in ids(reader, alice)
    assert ids(reader, bob) == (key_id(BOB),)
    if order == "encrypt sign":
        assert {reader.verify_signed(mail).signer for mail in (alice, bob)} == {SENDER.fingerprint}
    else:
        inner = [reader.read_encrypted(mail).content for mail in (alice, bob)]
        if order == "encrypt encrypt":
            assert ids(reader, inner[0]) == tuple(sorted([key_id(ALICE), key_id(CAROL)]))
            assert ids(reader, inner[1]) == (key_id(BOB),)
        else:
            assert inner[0] == inner[1]


def test_a_stream_that_can_be_read_once_is_in_every_copy(sink, reader, blind):
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        mailer = blind("INLINE", process_attachments=True)
        mailer.attachments.append(Attachment(stream=stream, name="a"))
        mailer.encrypt()
        mailer.send()
    for mail in mailed(sink).values():
        assert [reader.read(one).content for one in armored(mail)][1] == b"once"


def test_without_encryption_bcc_recipients_stay_in_one_transaction(sink, blind):
    for sign in (True, False):
        mailer = blind(signs=sign)
        mailer.recipient_keys.clear()
        if sign:
            mailer.sign()
        mailer.send()
        assert [one.recipients for one in sink.received] == [
            (ALICE.address, BOB.address, CAROL.address)
        ]
        sink.received.clear()


def test_a_passphrase_names_nobody_and_one_copy_is_for_all(sink, blind):
    mailer = blind(symmetric_passphrase="hunter2 hunter2")
    mailer.encrypt()
    mailer.send()
    assert len(sink.received) == 1


# ------------------------------------------------------------------------------- other policies


@pytest.mark.proves("BccPolicy")
def test_hidden_keys_are_in_one_copy_for_all(sink, reader, blind):
    mailer = blind()
    assert mailer.config("BccPolicy") == "separate"
    mailer.config("BccPolicy=hidden")
    mailer.encrypt()
    mailer.send()
    (mail,) = sink.received
    assert mail.recipients == (ALICE.address, BOB.address, CAROL.address)
    assert ids(reader, mail.data) == (ZEROS, ZEROS, key_id(ALICE))
    assert reader.read_encrypted(mail.data).decrypted


@pytest.mark.proves("BccPolicy")
def test_forbidden_bcc_recipients_stop_the_encryption(sink, blind):
    mailer = blind(bcc_policy="forbid")
    with failing(3, PolicyError) as caught:
        mailer.encrypt()
    assert BOB.address in str(caught.value)
    with failing(14):
        mailer.send()
    mailer = blind(bcc_policy="forbid", b_cc="")
    mailer.encrypt()
    mailer.b_cc = "dave@example.org"
    with failing(3, PolicyError):
        mailer.send()
    assert sink.received == []


@pytest.mark.parametrize("value", ["", "separately", "none"])
def test_there_are_no_other_policies(sink, value):
    with failing(2):
        psmtp(sink).config(f"BccPolicy={value}")


# ------------------------------------------------------------------------------------- refusals


def test_a_bcc_recipient_without_a_key_is_an_error(sink, blind):
    mailer = blind(b_cc="archive@example.net")
    with failing(114, KeySelectionError) as caught:
        mailer.encrypt()
    assert "archive@example.net" in str(caught.value)
    mailer = blind(b_cc="archive@example.net", bcc_policy="hidden")
    mailer.encrypt()
    mailer.send()
    assert sink.received[0].recipients == (ALICE.address, "archive@example.net")


@pytest.mark.parametrize("change", ["to", "cc"])
def test_who_becomes_visible_after_encryption_could_not_read_it(sink, blind, change):
    mailer = blind()
    mailer.encrypt()
    mailer.b_cc = CAROL.address
    setattr(mailer, {"to": "send_to", "cc": "cc"}[change], f"{ALICE.address}, {BOB.address}")
    with failing(3, PolicyError) as caught:
        mailer.send()
    assert BOB.address in str(caught.value)
    assert sink.received == []
    mailer.send_to, mailer.cc, mailer.b_cc = ALICE.address, "", BOB.address
    mailer.send()
    assert [one.recipients for one in sink.received] == [(ALICE.address,), (BOB.address,)]


def test_only_bcc_keys_leave_nothing_for_to(sink, blind):
    mailer = blind()
    del mailer.recipient_keys[0]
    with failing(114, KeySelectionError) as caught:
        mailer.encrypt()
    assert ALICE.address in str(caught.value)


def test_a_second_encryption_makes_no_copy_that_the_first_did_not(sink, blind):
    mailer = blind(b_cc=BOB.address)
    mailer.encrypt()
    mailer.b_cc = f"{BOB.address}, {CAROL.address}"
    with failing(3, PolicyError):
        mailer.encrypt()


# ------------------------------------------------------------------- servers that take only some


@pytest.fixture
def scripted(blind):
    """`scripted(script, **rows)`: an encrypted mail for a server that follows a script."""
    servers = []

    def start(script, **values):
        server = Hostile(script)
        servers.append(server)
        mailer = blind(server=server, **values)
        mailer.encrypt()
        return mailer, server

    yield start
    for server in servers:
        server.close()


def named(server):
    lines = [line for one in server.settled() for line in one.commands if b"RCPT" in line]
    return [line.split(b"<")[1].split(b">")[0].decode() for line in lines]


@pytest.mark.proves("StopOnBccErrors")
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DOT])
def test_a_refused_bcc_recipient_is_told_and_the_others_get_theirs(scripted, phase):
    mailer, server = scripted({phase: (Honest(), NOT_WANTED, Honest())})
    ears = Ears(mailer, "error")
    mailer.send()
    assert len(ears.error) == 1
    assert BOB.address in ears.error[0].description
    assert "554" in ears.error[0].description
    assert named(server) == [ALICE.address, BOB.address, CAROL.address]
    assert sum(len(one.contents) for one in server.settled()) == (3 if phase is Phase.DOT else 2)


def test_a_refused_to_recipient_stops_the_mail_before_any_bcc(scripted):
    mailer, server = scripted({Phase.RCPT: NOT_WANTED})
    with failing(161) as caught:
        mailer.send()
    assert caught.value.accepted == ()
    mailer.disconnect()
    assert named(server) == [ALICE.address]


@pytest.mark.proves("StopOnBccErrors")
def test_bcc_recipients_that_stop_a_mail_are_asked_first(scripted):
    mailer, server = scripted(
        {Phase.RCPT: NOT_WANTED}, stop_on_bcc_errors=True, stop_on_to_errors=False
    )
    with failing(161):
        mailer.send()
    mailer.disconnect()
    assert named(server) == [BOB.address]
    assert sum(len(one.contents) for one in server.settled()) == 0


def test_a_lost_connection_names_who_has_the_mail(scripted):
    mailer, server = scripted({Phase.RCPT: (Honest(), Drop())})
    with pytest.raises(DeliveryError) as caught:
        mailer.send()
    assert caught.value.accepted == (ALICE.address,)
    assert ALICE.address in caught.value.__notes__[0]
    assert CAROL.address not in named(server)


# ---------------------------------------------------------------------------------------- queue


@pytest.mark.proves("queue", "process_queue")
def test_a_queued_message_is_a_file_for_each_copy(sink, reader, blind, tmp_path):
    mailer = blind()
    mailer.encrypt()
    path = mailer.queue(str(tmp_path))
    assert len(list(tmp_path.glob("*.queued"))) == 3
    assert ALICE.address.encode() in Path(path).read_bytes()
    mailer.process_queue(str(tmp_path))
    assert {who: ids(reader, mail) for who, mail in mailed(sink).items()} == {
        (key.address,): (key_id(key),) for key in (ALICE, BOB, CAROL)
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.proves("queue")
def test_one_text_cannot_hold_several_copies(blind):
    mailer = blind()
    mailer.encrypt()
    with failing(1, UnsupportedError):
        mailer.queue("*")
    hidden = blind(bcc_policy="hidden")
    hidden.encrypt()
    assert BOB.address in hidden.queue("*")


def test_a_copy_that_cannot_be_queued_takes_the_others_back(blind, tmp_path, monkeypatch):
    mailer = blind()
    mailer.encrypt()
    real, added = store.add, []

    def add(*arguments):
        if len(added) == 2:
            raise OSError(28, "No space left on device")
        added.append(real(*arguments))
        return added[-1]

    monkeypatch.setattr(store, "add", add)
    with pytest.raises((MessageError, OSError)) as caught:
        mailer.queue(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert not getattr(caught.value, "__notes__", [])


def test_a_copy_that_is_on_its_way_already_is_told(blind, tmp_path, monkeypatch):
    mailer = blind(b_cc=BOB.address)
    mailer.encrypt()
    real, added = store.add, []

    def add(*arguments):
        if added:
            raise OSError(28, "No space left on device")
        added.append(real(*arguments))
        taken.append(store.claim(added[0]))
        return added[0]

    taken = []
    monkeypatch.setattr(store, "add", add)
    with pytest.raises(OSError, match="space") as caught:
        mailer.queue(str(tmp_path))
    taken[0].close()
    assert added[0].name in caught.value.__notes__[0]
