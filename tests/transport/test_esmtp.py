"""What goes behind MAIL and RCPT, and what is refused since the server lacks it."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.errors import ServerError, UnsupportedError, UsageError
from gpgmail.transport.esmtp import (
    Needs,
    mail_parameters,
    needs_of,
    path,
    recipient_parameters,
)

ALL = {"SIZE": "1000", "8BITMIME": "", "SMTPUTF8": "", "DSN": ""}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (Needs(), ()),
        (Needs(size=1000), ("SIZE=1000",)),
        (Needs(eight_bit=True), ("BODY=8BITMIME",)),
        (Needs(utf8=True), ("SMTPUTF8",)),
        (Needs(10, utf8=True, eight_bit=True), ("SIZE=10", "SMTPUTF8", "BODY=8BITMIME")),
    ],
)
def test_only_what_is_needed_is_said(needs, expected):
    assert mail_parameters(needs, ALL, "mx") == expected


@pytest.mark.parametrize("needs", [Needs(utf8=True), Needs(eight_bit=True)])
def test_what_the_server_lacks_is_refused(needs):
    with pytest.raises(UnsupportedError) as caught:
        mail_parameters(needs, {}, "mx")
    assert (caught.value.code.family, caught.value.code.number) == ("gpgmail", 20)


def test_a_mail_that_is_too_large_is_refused():
    with pytest.raises(ServerError, match=r"1000 bytes .* 1001") as caught:
        mail_parameters(Needs(size=1001), ALL, "mx")
    assert caught.value.code.number == 161


@pytest.mark.parametrize("limit", ["", "0", "none"])
def test_a_server_may_name_no_limit(limit):
    assert mail_parameters(Needs(size=10**9), {"SIZE": limit}, "mx") == ("SIZE=1000000000",)


def test_an_old_server_is_told_no_size():
    assert mail_parameters(Needs(size=10), {}, "mx") == ()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "root@localhost",
        "Cron@Host",
        "u@[127.0.0.1]",
        '"a b"@example.org',
        '"a>b"@example.org',
        "jürgen@bücher.example",
        "o'neil+x@example.org",
    ],
)
def test_an_address_stands_exactly_as_given(address):
    assert path(address) == f"<{address}>"


@pytest.mark.parametrize(
    "address",
    [
        "a> SIZE=1 <b@example.org",
        "a b@example.org",
        "<a@example.org>",
        '"a\tb"@example.org',
        '"unclosed <x@example.org',
        "a@example.org\x7f",
    ],
)
def test_an_address_that_would_be_two_words_is_refused(address):
    with pytest.raises(UsageError):
        path(address)


@pytest.mark.parametrize(
    ("envelope", "said", "expected"),
    [
        (Envelope("a@x", (Recipient("b@x"),)), {}, Needs()),
        (Envelope("ä@x", (Recipient("b@x"),)), {}, Needs(utf8=True)),
        (Envelope("a@x", (Recipient("b@ü"),)), {}, Needs(utf8=True)),
        (Envelope("a@x"), {"utf8": True}, Needs(utf8=True, eight_bit=True)),
        (Envelope("a@x"), {"eight_bit": True}, Needs(eight_bit=True)),
    ],
)
def test_what_a_mail_needs(envelope, said, expected):
    arguments = {"size": None, "utf8": False, "eight_bit": False} | said
    assert needs_of(envelope, **arguments) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ()),
        ("NOTIFY=SUCCESS,FAILURE", ("NOTIFY=SUCCESS,FAILURE",)),
        ("NOTIFY SUCCESS,FAILURE", ("NOTIFY=SUCCESS,FAILURE",)),
        ("NOTIFY=NEVER ORCPT=rfc822;b@x", ("NOTIFY=NEVER ORCPT=rfc822;b@x",)),
    ],
)
def test_recipient_options_are_parameters(options, expected):
    assert recipient_parameters(Recipient("b@x", options=options), ALL, "mx") == expected


def test_recipient_options_need_dsn():
    with pytest.raises(UnsupportedError, match="DSN"):
        recipient_parameters(Recipient("b@x", options="NOTIFY=NEVER"), {}, "mx")


@pytest.mark.parametrize("options", ["NOTIFY=\tX", "NOTIFY=é", "A  B"])
def test_recipient_options_are_printable_words(options):
    with pytest.raises(UsageError):
        recipient_parameters(Recipient("b@x", options=options), ALL, "mx")
