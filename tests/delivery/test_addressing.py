"""Whom a mail is from and goes to: arguments, fields, aliases, and names without a domain."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest

from gpgmail.core.envelope import RecipientType
from gpgmail.core.errors import UsageError
from gpgmail.delivery.addressing import Names, Wanted, address
from gpgmail.delivery.aliases import Aliases
from gpgmail.delivery.options import AccountOptions
from gpgmail.message.handed import taken_apart

TO, CC, BCC = RecipientType
NAMES = Names("home.example", "cron", "Cron Tab", frozenset({"localhost", "box"}))


def addressed(mail, *recipients, options=None, aliases=None, **wanted):
    rows = AccountOptions(**(options or {}))
    return address(taken_apart(mail), Wanted(recipients=recipients, **wanted), rows, NAMES, aliases)


def header(found):
    return b"".join(one.rendered() for one in found.fields).decode()


def whom(found):
    return {one.address: one.recipient_type for one in found.envelope.recipients}


MAIL = b"From: a@example.org\nTo: b@example.org\nCc: c@example.org\nBcc: d@example.org\n\nx\n"


def test_arguments_alone_count_without_t():
    found = addressed(MAIL, "b@example.org", "e@example.org")
    assert whom(found) == {"b@example.org": TO, "e@example.org": BCC}


def test_with_t_fields_and_arguments_count_and_nobody_reads_of_bcc():
    found = addressed(MAIL, "e@example.org", read_recipients=True)
    assert whom(found) == {
        "e@example.org": BCC,
        "b@example.org": TO,
        "c@example.org": CC,
        "d@example.org": BCC,
    }
    assert "bcc" not in header(found).lower()


def test_bcc_stays_in_no_mail_without_t_either():
    assert "d@example.org" not in header(addressed(MAIL, "b@example.org"))


def test_what_is_resent_goes_to_whom_it_is_resent_to():
    mail = b"Resent-To: r@example.org\nResent-Bcc: s@example.org\n" + MAIL
    found = addressed(mail, read_recipients=True)
    assert whom(found) == {"r@example.org": TO, "s@example.org": BCC}
    assert "s@example.org" not in header(found)
    assert "Resent-To: r@example.org" in header(found)


@pytest.mark.parametrize("mail", [b"Subject: x\n\n", b"Subject: x\nTo:\n\n"])
def test_a_mail_to_nobody_is_refused(mail):
    with pytest.raises(UsageError, match="goes to nobody"):
        addressed(mail, read_recipients=True)


def test_several_addresses_in_one_argument_and_one_address_twice():
    found = addressed(b"\nx\n", "a@example.org, b@example.org", "A <a@EXAMPLE.org>")
    assert list(whom(found)) == ["a@example.org", "b@example.org"]


def test_names_get_the_domain_in_header_and_envelope():
    found = addressed(
        b'From: root (Cron Daemon)\nTo: root, "Ops, all" <ops>\nReply-To: z@example.org\n\nx\n',
        "root",
    )
    assert whom(found) == {"root@home.example": TO}
    assert "From: Cron Daemon <root@home.example>\r\n" in header(found)
    assert 'To: root@home.example, "Ops, all" <ops@home.example>\r\n' in header(found)
    assert "Reply-To: z@example.org\r\n" in header(found)


def test_fields_that_are_complete_stay_as_they_came():
    odd = b"From:  a@example.org (a comment)\nTo: x:a@b,\n\tc@d;\n\nx\n"
    assert header(addressed(odd, "q@example.org")).startswith(
        "From:  a@example.org (a comment)\r\nTo: x:a@b,\r\n\tc@d;\r\n"
    )


def test_a_field_with_bytes_beyond_ascii_keeps_its_addresses():
    mail = "From: Jürgen <a@example.org>\nSubject: Grüße\n\nx\n".encode()
    found = addressed(mail, "q@example.org")
    assert header(found).isascii()
    assert found.author == "=?utf-8?q?J=C3=BCrgen?= <a@example.org>"
    assert "<a@example.org>" in header(found)


@pytest.mark.parametrize(
    ("wanted", "options", "sender", "author"),
    [
        ({}, {}, "cron@home.example", "Cron Tab <cron@home.example>"),
        ({"full_name": "CronDaemon"}, {}, "cron@home.example", "CronDaemon <cron@home.example>"),
        ({"sender": "w@example.org"}, {}, "w@example.org", "w@example.org"),
        ({"sender": "w"}, {}, "w@home.example", "w@home.example"),
        ({"sender": ""}, {}, "", "Cron Tab <cron@home.example>"),
        ({}, {"from_": "Ops <o@example.org>"}, "o@example.org", "Ops <o@example.org>"),
        ({"sender": "w@x.org"}, {"from_": "o@example.org"}, "w@x.org", "w@x.org"),
        ({"sender": ""}, {"from_": "o@example.org"}, "", "o@example.org"),
    ],
)
def test_who_sends(wanted, options, sender, author):
    found = addressed(b"Subject: x\n\nx\n", "q@example.org", options=options, **wanted)
    assert found.envelope.sender == sender
    assert f"From: {author}\r\n" in header(found)


def test_from_in_the_mail_stays_whatever_the_envelope_says():
    found = addressed(MAIL, "q@example.org", sender="bounces@example.org", full_name="X")
    assert found.envelope.sender == "bounces@example.org"
    assert found.author == "a@example.org"


def test_date_and_message_id_are_added_and_kept():
    made = header(addressed(b"\nx\n", "q@example.org"))
    assert parsedate_to_datetime(re.search("^Date: (.*)\r$", made, re.MULTILINE)[1])
    assert re.search(r"^Message-ID: <[^@]+@home.example>\r$", made, re.MULTILINE)
    own = b"Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-Id: <own@x>\n\nx\n"
    kept = addressed(own, "q@example.org")
    assert header(kept).count("Date:") == header(kept).lower().count("message-id:") == 1
    assert kept.message_id == "<own@x>"


def test_aliases_are_for_names_of_this_machine(tmp_path):
    path = tmp_path / "aliases"
    path.write_text("root: A <a@example.org>, ops\nnull: /dev/null\nq: wrong@example.org\n")
    path.chmod(0o600)
    aliases = Aliases(path)
    mail = b"To: root\n\nx\n"
    for name in ("root", "root@localhost", "ROOT@Box"):
        found = addressed(mail, name, aliases=aliases)
        assert list(whom(found)) == ["a@example.org", "ops@home.example"]
    assert whom(addressed(mail, "root", aliases=aliases))["a@example.org"] is TO
    assert whom(addressed(b"\nx\n", "root", aliases=aliases))["a@example.org"] is BCC
    assert list(whom(addressed(mail, "q@example.org", aliases=aliases))) == ["q@example.org"]
    assert addressed(mail, "null", aliases=aliases).envelope.recipients == ()


def test_parameters_of_notifications():
    found = addressed(
        MAIL, "q@example.org", notify="SUCCESS,DELAY", returned="HDRS", envelope_id="a+b c"
    )
    assert found.envelope.options == "RET=HDRS ENVID=a+2Bb+20c"
    assert [one.options for one in found.envelope.recipients] == ["NOTIFY=SUCCESS,DELAY"]


@pytest.mark.parametrize("bad", ["a b@example.org", "a@b@c", "<x@y> z", "a@example.org\r\nRCPT"])
def test_addresses_that_are_none_are_refused(bad):
    with pytest.raises(UsageError):
        addressed(MAIL, bad)


def test_a_display_name_like_an_address_is_not_taken_for_the_address():
    mail = b"To: alice@example.org <mallory@example.org>\n\nx\n"
    assert list(whom(addressed(mail, read_recipients=True))) == ["mallory@example.org"]
