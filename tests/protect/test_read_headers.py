"""Header fields inside the protection: which are shown in place of those outside, and said."""

from __future__ import annotations

import pytest

from tests.protect.helpers import detached, encrypted, fingerprint, leaf, mail, multipart, signed

SIGN = ("-s", "-u", fingerprint("sender"))


def inner(*fields, kind='hp="cipher"', body=b"The words.\r\n"):
    head = "".join(f"{field}\r\n" for field in fields).encode()
    return head + leaf(body, f"text/plain; charset=utf-8; {kind}")


def outside(content, subject="...", *fields):
    return mail(content, fields=fields).replace(b"Subject: A mail", f"Subject: {subject}".encode())


@pytest.mark.parametrize("scheme", ['hp="cipher"', 'protected-headers="v1"'])
@pytest.mark.parametrize("options", [(), SIGN], ids=["encrypted", "signed too"])
def test_the_subject_behind_a_stand_in_is_shown_and_said(scheme, options, sender, opened):
    part = inner("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", kind=scheme)
    got = opened(outside(encrypted(sender, part, *options)))
    protected = got.verdict.protected
    field = protected.get("subject")
    assert got.message["Subject"] == "Grüße"
    assert (field.value, field.outer, field.shown, field.differs) == ("Grüße", "...", True, True)
    assert (protected.encrypted, protected.signed) == (True, bool(options))
    assert got.message.get_all("Subject") == ["Grüße"]


@pytest.mark.parametrize("outer", ["Invoice", "Re: [...]", ".. ."])
def test_an_unsigned_subject_does_not_take_the_place_of_a_real_one(outer, sender, opened):
    got = opened(outside(encrypted(sender, inner("Subject: Pay now")), outer))
    assert got.message["Subject"] == outer
    assert not got.verdict.protected.get("Subject").shown
    assert any("Subject" in problem for problem in got.verdict.problems)


def test_what_the_sender_says_he_wrote_outside_is_taken_as_it_is_there(sender, opened):
    part = inner("Subject: Pay now", "HP-Outer: Subject: Mail")
    assert opened(outside(encrypted(sender, part), "Mail")).message["Subject"] == "Pay now"
    assert opened(outside(encrypted(sender, part), "Mail!")).message["Subject"] == "Mail!"


def test_who_signed_may_say_more_fields(sender, opened):
    fields = ("To: bob@example.org", "Date: Tue, 14 Oct 2025 09:30:00 +0200", "Cc: eve@example.net")
    got = opened(outside(encrypted(sender, inner(*fields), *SIGN)))
    assert (got.message["To"], got.message["Cc"]) == ("bob@example.org", "eve@example.net")
    got = opened(outside(encrypted(sender, inner(*fields))))
    assert (got.message["To"], got.message["Cc"]) == ("alice@example.org", None)
    assert [one.shown for one in got.verdict.protected.fields] == [False] * 3


@pytest.mark.parametrize("options", [(), SIGN], ids=["encrypted", "signed too"])
def test_another_author_inside_is_told_and_never_shown(options, sender, opened):
    got = opened(outside(encrypted(sender, inner("From: Boss <boss@example.org>"), *options)))
    assert got.message["From"] == "Sender <sender@example.org>"
    assert got.verdict.author == "sender@example.org"
    assert any("boss@example.org" in problem for problem in got.verdict.problems)


def test_the_same_author_with_another_name_is_shown(sender, opened):
    got = opened(outside(encrypted(sender, inner("From: Sen Der <sender@example.org>"), *SIGN)))
    assert got.message["From"] == "Sen Der <sender@example.org>"
    assert got.verdict.by_author


def test_only_what_says_so_is_protected(sender, opened):
    """RFC 9788 section 2.1: without the parameter a field inside is none of the mail's."""
    got = opened(outside(encrypted(sender, inner("Subject: Pay now", kind="x=y"), *SIGN)))
    assert (got.message["Subject"], got.verdict.protected) == ("...", None)


def test_fields_that_are_no_fields_of_a_mail_stay_inside(sender, opened):
    fields = ("Authentication-Results: pass", "Bcc: eve@example.net", "Received: x", "Subject: Pay")
    got = opened(outside(encrypted(sender, inner(*fields), *SIGN)))
    assert [got.message[name] for name in ("Authentication-Results", "Bcc", "Received")] == [
        None
    ] * 3
    assert got.message["Subject"] == "Pay"


def test_fields_of_a_part_beside_others_are_shown_nowhere(sender, opened):
    part = encrypted(sender, inner("Subject: Pay now"), *SIGN)
    got = opened(outside(multipart("mixed", part, leaf(b"Footer.\r\n", "text/plain"))))
    assert (got.message["Subject"], got.verdict.protected) == ("...", None)


def test_a_bad_signature_gives_no_field_any_weight(sender, opened):
    part = inner("Subject: Pay now", kind='hp="clear"')
    other = detached(sender, inner("Subject: Do not pay", kind='hp="clear"'))
    got = opened(outside(signed(sender, part, signature=other), "A subject"))
    assert got.message["Subject"] == "A subject"
    assert not got.verdict.protected.signed


def test_a_field_inside_is_one_line(sender, opened):
    part = inner("Subject: =?utf-8?q?a=0D=0ABcc:_eve@example.net?=")
    got = opened(outside(encrypted(sender, part, *SIGN)))
    assert "\n" not in got.verdict.protected.get("Subject").value
    assert got.message["Bcc"] is None
