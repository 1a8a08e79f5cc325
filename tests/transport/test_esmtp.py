"""What goes behind MAIL and RCPT, and what is refused since the server lacks it."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.errors import PolicyError, ServerError, UnsupportedError, UsageError
from gpgmail.transport.esmtp import (
    Needs,
    envelope_parameters,
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


@pytest.mark.proves("MessageRecipient.options")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("NOTIFY=SUCCESS,FAILURE", ("NOTIFY=SUCCESS,FAILURE",)),
        ("NOTIFY SUCCESS,FAILURE,DELAY", ("NOTIFY=SUCCESS,FAILURE,DELAY",)),
        ("notify=never", ("NOTIFY=NEVER",)),
        ("NOTIFY=NEVER ORCPT=rfc822;b@x", ("NOTIFY=NEVER", "ORCPT=rfc822;b@x")),
        ("ORCPT rfc822;b+2Bc@x NOTIFY DELAY", ("ORCPT=rfc822;b+2Bc@x", "NOTIFY=DELAY")),
        ("RRVS=2014-04-03T23:01:00Z", ("RRVS=2014-04-03T23:01:00Z",)),
        ("XFLAG  XY=z", ("XFLAG", "XY=z")),
    ],
)
def test_recipient_options_are_parameters(options, expected):
    offered = {**ALL, "RRVS": "", "XFLAG": "", "XY": ""}
    assert recipient_parameters(Recipient("b@x", options=options), offered, "mx") == expected


@pytest.mark.parametrize(
    ("options", "lacking"),
    [("NOTIFY=NEVER", "DSN"), ("ORCPT=rfc822;b@x", "DSN"), ("RRVS=x", "RRVS"), ("A B", "no A")],
)
def test_recipient_options_need_the_extension_that_has_them(options, lacking):
    with pytest.raises(UnsupportedError, match=lacking):
        recipient_parameters(Recipient("b@x", options=options), {}, "mx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("NOTIFY=NEVER,SUCCESS", "NEVER alone"),
        ("NOTIFY=SOMETIMES", "NEVER alone"),
        ("NOTIFY=SUCCESS,", "NEVER alone"),
        ("NOTIFY", "value"),
        ("NOTIFY=", "value"),
        ("NOTIFY=\tX", "value"),
        ("NOTIFY=é", "value"),
        ("NOTIFY=DELAY NOTIFY=SUCCESS", "twice"),
        ("ORCPT=b@x", "type;address"),
        ("ORCPT=rfc822;", "type;address"),
        ("ORCPT=rfc822;a+b@x", "\\+2B"),
        ("ORCPT=rfc822;a+2b@x", "\\+2B"),
        ("ORCPT=rfc822;a=b@x", "value"),
        ("ORCPT=rfc822;" + "x" * 500, "500"),
        ("<x>", "no parameter"),
        ("X=>a\x7f", "value"),
    ],
)
def test_recipient_options_that_are_none(options, words):
    with pytest.raises(UsageError, match=words) as caught:
        recipient_parameters(Recipient("b@x", options=options), ALL, "mx")
    assert "b@x" in str(caught.value)


# ---------------------------------------------------------------------------------- of the mail

OFFERED = {"DSN": "", "REQUIRETLS": "", "DELIVERBY": "240", "MT-PRIORITY": "MIXER", "AUTH": "PLAIN"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ()),
        ("RET=HDRS", ("RET=HDRS",)),
        ("ret full ENVID=QQ+2B3", ("RET=FULL", "ENVID=QQ+2B3")),
        ("REQUIRETLS BY=240;R", ("REQUIRETLS", "BY=240;R")),
        ("by=-1;nt", ("BY=-1;NT",)),
        ("MT-PRIORITY=-9", ("MT-PRIORITY=-9",)),
        ("MT-PRIORITY 4", ("MT-PRIORITY=4",)),
        ("AUTH=<>", ("AUTH=<>",)),
    ],
)
def test_mail_options_are_parameters(options, expected):
    assert envelope_parameters(options, OFFERED, "mx", secured=True) == expected


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ("RET=HDRS", "DSN"),
        ("ENVID=1", "DSN"),
        ("REQUIRETLS", "REQUIRETLS"),
        ("BY=1;N", "DELIVERBY"),
        ("MT-PRIORITY=1", "MT-PRIORITY"),
        ("HOLDFOR=1", "HOLDFOR"),
    ],
)
def test_mail_options_need_the_extension_that_has_them(options, lacking):
    with pytest.raises(UnsupportedError, match=f"no {lacking}, needed for"):
        envelope_parameters(options, {}, "mx", secured=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("RET=ALL", "FULL or HDRS"),
        ("RET", "value"),
        ("ENVID=", "value"),
        ("ENVID=a+b", "\\+2B"),
        ("ENVID=" + "x" * 101, "100"),
        ("REQUIRETLS=yes", "no value"),
        ("BY=10", "seconds;N"),
        ("BY=1234567890;N", "seconds;N"),
        ("BY=0;R", "a second at least"),
        ("BY=-5;R", "a second at least"),
        ("MT-PRIORITY=10", "from -9 to 9"),
        ("MT-PRIORITY=-0", "from -9 to 9"),
        ("MT-PRIORITY=+1", "from -9 to 9"),
        ("SIZE=1", "by themselves"),
        ("BODY=8BITMIME", "by themselves"),
        ("SMTPUTF8", "by themselves"),
        ("RET=FULL RET=HDRS", "twice"),
        ("<x>", "no parameter"),
    ],
)
def test_mail_options_that_are_none(options, words):
    with pytest.raises(UsageError, match=words):
        envelope_parameters(options, OFFERED, "mx", secured=True)


@pytest.mark.parametrize("least", ["", "240"])
def test_a_time_that_is_too_short_is_not_asked_for(least):
    asked = {"DELIVERBY": least}
    assert envelope_parameters("BY=239;N", asked, "mx", secured=False) == ("BY=239;N",)
    if least:
        with pytest.raises(UnsupportedError, match="at least 240 seconds"):
            envelope_parameters("BY=239;R", asked, "mx", secured=False)
    else:
        assert envelope_parameters("BY=239;R", asked, "mx", secured=False) == ("BY=239;R",)


def test_requiretls_is_not_said_in_clear():
    with pytest.raises(PolicyError, match="REQUIRETLS without TLS"):
        envelope_parameters("REQUIRETLS", OFFERED, "mx", secured=False)
