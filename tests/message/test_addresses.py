from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpgmail.core.errors import UsageError
from gpgmail.message.addresses import (
    Mailbox,
    check_address,
    format_header,
    format_list,
    mailboxes,
    one_mailbox,
    parse_header,
    parse_list,
)

ACCEPTED = {
    "root@localhost": "root@localhost",
    "cron@host": "cron@host",
    "alarm@nas.local": "alarm@nas.local",
    "box@router.home.arpa": "box@router.home.arpa",
    "Mixed.Case+tag@Example.ORG": "Mixed.Case+tag@Example.ORG",
    "u@[127.0.0.1]": "u@[127.0.0.1]",
    "u@[IPv6:::1]": "u@[IPv6:::1]",
    "u@my_host": "u@my_host",
    '"john doe"@host': '"john doe"@host',
    r'"a\"b"@host': r'"a\"b"@host',
    "Jörg@example.org": "Jörg@example.org",
    "用户@example.org": "用户@example.org",
    "u@münchen.de": "u@xn--mnchen-3ya.de",
    "u@münchen.local": "u@xn--mnchen-3ya.local",
    "u@faß.de": "u@xn--fa-hia.de",
    "u@xn--mnchen-3ya.de": "u@xn--mnchen-3ya.de",
    "Jörg@München.DE": "Jörg@xn--mnchen-3ya.de",
    f"{'v' * 100}@example.org": f"{'v' * 100}@example.org",
}

REFUSED = [
    "",
    "root",
    "@host",
    "a@",
    "a b@host",
    "a..b@host",
    ".a@host",
    "a@host.",
    "a@-host",
    "a@host-",
    "a@a..b",
    "a@b c",
    "a@b@c",
    "<a@host>",
    "A <a@host>",
    "a@[1.2.3]",
    "a@[::1]",
    "a@[host]",
    "a,b@host",
    "a\x01@host",
    '"unclosed@host',
    "a@ho\u2028st",
    "\u202ea@host",
    "ü\ud800@host",
    f"a@{'x' * 64}",
    f"{'a' * 250}@host",
    f"a@{'.'.join(['x' * 60] * 5)}",
]


@pytest.mark.parametrize(("text", "envelope"), ACCEPTED.items())
def test_addresses_that_mail_goes_to(text, envelope):
    assert check_address(text) == envelope


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_address(text):
    with pytest.raises(UsageError) as caught:
        check_address(text)
    assert caught.value.code.name == "BAD_ADDRESS"
    str(caught.value).encode()  # can be shown whatever the address held


@pytest.mark.parametrize("control", ["\r", "\n", "\0"])
@pytest.mark.parametrize("read", [check_address, parse_list, lambda text: Mailbox(text, "a@b")])
def test_controls_are_refused(read, control):
    with pytest.raises(UsageError) as caught:
        read(f"a{control}b@host")
    assert caught.value.code.name == "INJECTION"


def test_a_control_inside_of_an_encoded_word_is_refused():
    with pytest.raises(UsageError):
        parse_list("=?utf-8?q?a=0D=0ABcc:_x?= <a@host>")


LISTS = {
    "": [],
    "a@b": [("", "a@b")],
    '"Doe, Jane" <j@d>, e@f': [("Doe, Jane", "j@d"), ("", "e@f")],
    'group: a@b, "x, y" <c@d>;, e@f': [("", "a@b"), ("x, y", "c@d"), ("", "e@f")],
    "undisclosed-recipients:;": [],
    "Jane (hi, there) <j@d>": [("Jane", "j@d")],
    "John Q. Public <j@d>": [("John Q. Public", "j@d")],
    "Jörg Müller <jörg@d>": [("Jörg Müller", "jörg@d")],
    "=?utf-8?q?J=C3=B6rg=2C_M?= <j@d>": [("Jörg, M", "j@d")],
    "a@b,, c@d,": [("", "a@b"), ("", "c@d")],
    '"john doe"@host': [("", '"john doe"@host')],
    "u@[IPv6:::1]": [("", "u@[IPv6:::1]")],
}


@pytest.mark.parametrize(("text", "expected"), LISTS.items())
def test_lists_are_read(text, expected):
    assert [(box.name, box.address) for box in parse_list(text)] == expected


@pytest.mark.parametrize(
    "text", ["a@b c@d", "a@b <c@d>", "root", "x <a@b", "A <a@b> junk", '"open <a@b>', "a@b@c", "<>"]
)
def test_a_list_with_something_unreadable_loses_nothing_silently(text):
    with pytest.raises(UsageError) as caught:
        parse_list(f"good@example.org, {text}")
    assert caught.value.code.name == "BAD_ADDRESS"


@given(st.text(max_size=60))
@example("a@=?utf-8?q?b?=")
@example(":;0")
@example(".:")
def test_reading_garbage_raises_nothing_else(text):
    try:
        found = parse_list(text)
    except UsageError:
        return
    assert all(check_address(box.address) == box.address for box in found)


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)


@given(st.lists(st.tuples(NAMES, st.sampled_from(list(ACCEPTED.values()))), max_size=5))
def test_what_is_written_is_read_again(pairs):
    boxes = tuple(Mailbox(" ".join(name.split()), address) for name, address in pairs)
    again = parse_list(format_list(boxes))
    assert [box.address for box in again] == [box.address for box in boxes]
    # The header classes of Python 3.11 put a blank between two encoded words of a name.
    squeezed = [["".join(box.name.split()) for box in found] for found in (again, boxes)]
    assert squeezed[0] == squeezed[1]


def test_groups_are_kept_in_a_header():
    text = "friends: a@b, J <c@d>;, e@f, none: ;"
    assert format_header(parse_header(text)) == text


def test_lists_come_as_text_and_as_mailboxes():
    given_both = ("a@b, c@d", Mailbox("E", "e@münchen.de"))
    assert format_list(mailboxes(given_both)) == "a@b, c@d, E <e@xn--mnchen-3ya.de>"


@pytest.mark.parametrize("text", ["", "a@b, c@d"])
def test_one_means_one(text):
    with pytest.raises(UsageError, match="From"):
        one_mailbox(text, "From")


def test_plain_addresses_load_no_validator():
    code = (
        "import sys; from gpgmail.message.addresses import check_address\n"
        "for a in ('root@localhost', 'a.b+c@nas.local', '\"x y\"@h', 'u@[127.0.0.1]'):\n"
        "    check_address(a)\n"
        "assert not {'email_validator', 'idna', 'email.headerregistry'} & set(sys.modules)\n"
        "check_address('ü@host'); assert 'email_validator' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
