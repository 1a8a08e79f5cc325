"""The life of a message: every pair of the table, and what each means for a real PSMTP."""

from __future__ import annotations

import pytest

from gpgmail.components import Attachment, Key
from gpgmail.components.life import TRANSITIONS, Act, Step, advance
from gpgmail.core.errors import PolicyError, StateError
from tests.components.support import ALICE, BOB, failing, parsed, psmtp, text_of

C, R, P, F = Step.COMPOSE, Step.PROTECTING, Step.PROTECTED, Step.FAILED
LIFE = {
    Act.CHANGE: {C: C, P: C, F: C},
    Act.ADDRESS: {C: C, R: R, P: P, F: F},
    Act.PROTECT: {C: R, P: R},
    Act.SUCCEED: {R: P},
    Act.FAIL: {R: F},
    Act.SEND: {C: C, P: P},
}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("act", Act)
def test_every_pair_leads_where_it_should_or_is_refused(step, act):
    if step in LIFE[act]:
        assert advance(step, act) is TRANSITIONS[step, act] is LIFE[act][step]
        return
    with failing(14, StateError) as caught:
        advance(step, act)
    assert str(step) in str(caught.value)


def nothing_sent(sink):
    return not sink.received


# ------------------------------------------------------------------------------------- compose


@pytest.mark.proves("OpenPGP 142", "OpenPGP 143")
def test_keys_that_were_not_used_are_not_forgotten(sink, mailer):
    with failing(143, PolicyError):
        mailer.send()
    mailer.encrypt()
    with failing(142, PolicyError):
        mailer.send()
    assert nothing_sent(sink)
    mailer.keys.clear()
    mailer.send()
    assert len(sink.received) == 1


@pytest.mark.proves("RequireProtection")
def test_without_require_protection_a_plain_mail_goes_out(sink, mailer):
    mailer.config("RequireProtection=False")
    mailer.send()
    assert "Grüße" in text_of(sink.received[0])


def test_plain_mail_without_keys_is_sent_as_it_is(sink):
    with psmtp(sink) as mailer:
        mailer.send()
    assert "Grüße" in text_of(sink.received[0])


@pytest.mark.parametrize("missing", ["keys", "recipient_keys"])
def test_what_cannot_be_done_is_not_left_out_of_sign_and_encrypt(sink, mailer, missing):
    getattr(mailer, missing).clear()
    with failing(114) as caught:
        mailer.sign_and_encrypt()
    assert missing in str(caught.value)
    with failing(14):
        mailer.send()
    assert nothing_sent(sink)


@pytest.mark.proves("sign", "encrypt", "sign_and_encrypt", "OpenPGP 114")
@pytest.mark.parametrize("method", ["sign", "encrypt", "sign_and_encrypt"])
def test_without_any_key_nothing_can_be_protected(sink, method):
    with psmtp(sink) as mailer:
        before = mailer.message_text
        with failing(114):
            getattr(mailer, method)()
        assert mailer.message_text == before
    assert nothing_sent(sink)


# -------------------------------------------------------------------------------------- failed


def test_a_failed_protection_stops_send_until_the_text_is_set_anew(sink, mailer):
    mailer.recipient_keys[0].user_id = "nobody@example.org"
    before = mailer.message_text
    with failing(114):
        mailer.encrypt()
    assert mailer.message_text == before
    for setting in ("RequireProtection=False", "MessageFormat=PGPMIME"):
        mailer.config(setting)
        with failing(14, StateError):
            mailer.send()
    with failing(14, StateError):
        mailer.encrypt()
    mailer.config("RequireProtection=True")
    mailer.recipient_keys[0].user_id = ALICE.address
    mailer.subject = "an address is no new message"
    with failing(14, StateError):
        mailer.send()
    assert nothing_sent(sink)
    mailer.message_text = "anew"
    mailer.sign_and_encrypt()
    mailer.send()
    assert len(sink.received) == 1


def test_a_failed_second_step_stops_send_too(sink, mailer):
    mailer.sign()
    mailer.recipient_keys[0].user_id = "nobody@example.org"
    with failing(114):
        mailer.encrypt()
    with failing(14):
        mailer.send()
    assert nothing_sent(sink)


def test_new_attachments_do_not_pay_what_a_failed_protection_owes(sink, mailer):
    mailer.config("RequireProtection=False")
    mailer.recipient_keys[0].user_id = "nobody@example.org"
    with failing(114):
        mailer.encrypt()
    mailer.attachments.append(Attachment(data=b"x", name="x"))
    with failing(143):
        mailer.send()
    assert nothing_sent(sink)
    mailer.message_text = "plain on purpose"
    mailer.send()
    assert "plain on purpose" in text_of(sink.received[0])


def test_a_bad_bcc_address_is_refused_at_once_and_nothing_hangs(sink, mailer):
    with failing(16):
        mailer.b_cc = "no address"
    assert mailer.b_cc == ""
    mailer.sign_and_encrypt()
    mailer.send()
    assert len(sink.received) == 1


def test_a_missing_attachment_fails_the_protection(sink, mailer):
    mailer.attachments.append(Attachment("/nowhere/a.bin"))
    mailer.config("MessageFormat=PGPMIME")
    with failing(302) as caught:
        mailer.sign_and_encrypt()
    assert "/nowhere/a.bin" in str(caught.value)
    with failing(14):
        mailer.send()


# ----------------------------------------------------------------------------------- protected


def test_setting_the_text_after_protection_begins_anew(sink, mailer):
    mailer.sign_and_encrypt()
    mailer.message_text = "new"
    with failing(143):
        mailer.send()
    mailer.recipient_keys.clear()
    with failing(142):
        mailer.send()
    assert nothing_sent(sink)


CHANGES = {
    "append": lambda mailer: mailer.attachments.append(Attachment(data=b"2", name="2")),
    "count": lambda mailer: mailer.set_attachment_count(2),
    "clear": lambda mailer: mailer.attachments.clear(),
    "replace": lambda mailer: mailer.attachments.__setitem__(0, Attachment(data=b"2", name="2")),
    "delete": lambda mailer: mailer.attachments.__delitem__(0),
    "assign": lambda mailer: setattr(mailer, "attachments", [Attachment(data=b"2", name="2")]),
    "item": lambda mailer: setattr(mailer.attachments[0], "data", b"2"),
    "accessor": lambda mailer: mailer.set_attachment_name(0, "other"),
}


@pytest.mark.parametrize("form", ["INLINE", "PGPMIME"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changing_attachments_after_protection_begins_anew(sink, mailer, form, change):
    text = mailer.message_text
    mailer.attachments.append(Attachment(data=b"1", name="1"))
    mailer.config("ProcessAttachments=True")
    mailer.config(f"MessageFormat={form}")
    mailer.sign_and_encrypt()
    assert mailer.message_text != text
    change(mailer)
    for setting in ("RequireProtection=True", "RequireProtection=False"):
        mailer.config(setting)
        with failing(143, PolicyError):
            mailer.send()
    assert nothing_sent(sink)
    assert mailer.message_text == text


def test_after_new_attachments_the_composed_text_is_protected_and_not_its_ciphertext(
    sink, mailer, reader
):
    text = mailer.message_text
    mailer.config("ProcessAttachments=True")
    mailer.sign_and_encrypt()
    mailer.attachments.append(Attachment(data=b"2", name="2.bin"))
    mailer.sign_and_encrypt()
    mailer.send()
    assert reader.read(text_of(sink.received[0]).encode()).content.decode() == text
    part = next(parsed(sink.received[0]).iter_attachments())
    assert reader.read(part.get_content()).content == b"2"


@pytest.mark.parametrize(
    ("name", "value"), [("subject", "later"), ("cc", BOB.address), ("mail_port", None)]
)
def test_addressing_after_protection_keeps_it(sink, mailer, name, value):
    mailer.sign_and_encrypt()
    setattr(mailer, name, sink.port if value is None else value)
    mailer.send()
    assert "PGP MESSAGE" in text_of(sink.received[0])


def test_a_refused_value_changes_nothing(sink, mailer):
    mailer.sign_and_encrypt()
    for wrong in (lambda: setattr(mailer, "message_text", 1), lambda: mailer.attachments.append(1)):
        with failing(2):
            wrong()
    mailer.send()
    assert "PGP MESSAGE" in text_of(sink.received[0])


def test_the_format_cannot_change_to_inline_halfway(sink, mailer):
    mailer.config("MessageFormat=PGPMIME")
    mailer.sign()
    mailer.config("MessageFormat=INLINE")
    with failing(1):
        mailer.encrypt()
    with failing(14):
        mailer.send()
    assert nothing_sent(sink)


def test_inline_signed_text_can_be_encrypted_as_pgpmime(sink, mailer, reader):
    mailer.sign()
    mailer.config("MessageFormat=PGPMIME")
    mailer.encrypt()
    mailer.send()
    inner = reader.read_encrypted(sink.received[0].data).content
    assert b"BEGIN PGP SIGNED MESSAGE" in inner


def test_mime_fields_of_ones_own_stay_with_the_content_they_describe(sink, mailer, reader):
    mailer.other_headers = "Content-Type: text/html; charset=us-ascii\r\nX-Own: 1\r\n"
    mailer.message_text = "<p>html</p>"
    with failing(1):
        mailer.sign()
    mailer.message_text = "<p>html</p>"
    mailer.config("MessageFormat=PGPMIME")
    mailer.sign_and_encrypt()
    mailer.send()
    assert parsed(sink.received[0])["X-Own"] == "1"
    assert parsed(sink.received[0]).get_content_type() == "multipart/encrypted"
    inner = reader.read_encrypted(sink.received[0].data).content
    assert b"text/html" in inner.partition(b"\r\n\r\n")[0]


# ---------------------------------------------------------------------------------- protecting


@pytest.mark.parametrize(
    "change",
    [
        lambda mailer: setattr(mailer, "message_text", "swapped"),
        lambda mailer: mailer.attachments.append(Attachment(data=b"x", name="x")),
    ],
)
def test_a_handler_cannot_change_what_is_being_protected(sink, home, change):
    with psmtp(sink) as mailer:
        mailer.keys.append(Key(home("protected")))
        mailer.on_key_passphrase = lambda _: change(mailer)
        with failing(14):
            mailer.sign()
        with failing(14):
            mailer.send()
        assert mailer.message_text != "swapped"
        assert not mailer.attachments


# ------------------------------------------------------------------- attachments beside inline


def test_attachments_in_clear_beside_an_encrypted_text_are_refused(sink, mailer):
    mailer.attachments.append(Attachment(data=b"secret", name="a.bin"))
    with failing(3, PolicyError) as caught:
        mailer.encrypt()
    assert "ProcessAttachments" in str(caught.value)
    with failing(14):
        mailer.send()
    assert nothing_sent(sink)


@pytest.mark.proves("ProcessAttachments")
@pytest.mark.parametrize("process", [True, False])
def test_unless_it_was_said_what_to_do_with_them(sink, mailer, process):
    mailer.attachments.append(Attachment(data=b"secret", name="a.bin"))
    mailer.config(f"ProcessAttachments={process}")
    mailer.sign_and_encrypt()
    mailer.send()
    part = next(parsed(sink.received[0]).iter_attachments())
    assert (part.get_content() == b"secret") is not process


# ------------------------------------------------------------------------------------------ Bcc


@pytest.mark.parametrize("form", ["INLINE", "PGPMIME"])
def test_a_bcc_recipient_added_after_encryption_is_refused_if_it_names_his_key(
    sink, mailer, own, form
):
    mailer.config(f"MessageFormat={form}")
    mailer.recipient_keys.append(Key(own, BOB.address))
    mailer.sign_and_encrypt()
    mailer.b_cc = BOB.address
    with failing(3, PolicyError) as caught:
        mailer.send()
    assert BOB.address in str(caught.value)
    assert nothing_sent(sink)
    mailer.b_cc = "someone.else@example.org"
    with failing(3, PolicyError):
        mailer.send()
    mailer.b_cc = ""
    mailer.send()
    assert len(sink.received) == 1


@pytest.mark.parametrize("collection", ["keys", "recipient_keys"])
def test_keys_that_are_changed_after_they_were_used_are_not_taken_for_used(
    sink, own, mailer, collection
):
    mailer.sign_and_encrypt()
    getattr(mailer, collection).append(Key(own, BOB.fingerprint))
    with failing(142 if collection == "keys" else 143, PolicyError):
        mailer.send()
    assert not sink.received
    del getattr(mailer, collection)[1]
    mailer.send()
    assert len(sink.received) == 1


def test_a_protected_text_is_not_made_something_else(sink, mailer):
    mailer.encrypt()
    mailer.keys.clear()
    mailer.other_headers = "Content-Type: text/html"
    with failing(2):
        mailer.send()
    assert not sink.received


def test_the_header_can_be_read_before_anything_is_protected(mailer):
    assert "\r\nSubject: " in mailer.message_headers_string
    assert mailer.message_header_count
