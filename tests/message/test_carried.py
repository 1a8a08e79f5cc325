"""Content is carried byte by byte where it is encrypted, and survives relays where it is not."""

from __future__ import annotations

import email
import email.policy

import pytest

from gpgmail.core.errors import MessageError
from gpgmail.message.carried import Carried
from gpgmail.message.handed import taken_apart

TYPED = b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"


def carried(mail):
    handed = taken_apart(mail)
    content = (one for one in handed.fields if one.key.startswith("content-"))
    return Carried(content, handed.body)


def rendered(part):
    return b"".join(part.render())


def text_of(part):
    """The text that a reader has."""
    message = email.message_from_bytes(rendered(part), policy=email.policy.default)
    return message.get_content()


@pytest.mark.parametrize(
    ("body", "added"),
    [
        (b"plain\n", b"Content-Type: text/plain; charset=us-ascii\r\n"),
        ("Grüße\n".encode(), b"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"),
        ("Grüße\n".encode("latin-1"), b"charset=unknown-8bit\r\nContent-Transfer-Encoding: 8bit"),
        ("ü".encode() * 300_000, b"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"),
    ],
)
def test_what_is_encrypted_is_exact_and_says_what_it_is(body, added):
    exact = rendered(carried(b"Subject: x\n\n" + body).exact())
    head, _, rest = exact.partition(b"\r\n\r\n")
    assert added.strip() in head
    assert rest == body.replace(b"\n", b"\r\n") + b"\r\n" * (not body.endswith(b"\n"))


def test_what_says_its_type_gets_nothing_added():
    exact = rendered(carried(TYPED + b"Content-Odd:  x\n\na\rb\0\xff\n").exact())
    assert exact == TYPED.replace(b"\n", b"\r\n") + b"Content-Odd:  x\r\n\r\na\rb\0\xff\r\n"


def test_exact_content_is_read_once():
    part = carried(b"\nx\n").exact()
    assert rendered(part)
    with pytest.raises(MessageError, match="read already"):
        rendered(part)


def test_a_signed_text_stays_as_it_came_if_it_can():
    mail = b"Content-Type: text/plain\nContent-Language:  de\n\nsafe\nlines\n"
    assert rendered(carried(mail).kept().to_sign()) == mail.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("body", ["Grüße\n", "ends in a blank \nx\n", "From here\n", "a\rb\n"])
def test_a_signed_text_that_a_relay_would_change_is_encoded(body):
    part = carried(TYPED + b"\n" + body.encode()).kept().to_sign()
    assert rendered(part).isascii()
    assert not part.eight_bit
    assert text_of(part).replace("\r\n", "\n") == body


def test_a_signed_multipart_is_encoded_where_a_part_must_be():
    mail = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + TYPED + b"\nGr\xc3\xbc\xc3\x9fe\n"
        b"--b\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n\neA==\n--b--\n"
    )
    part = carried(mail).kept().to_sign()
    assert rendered(part).isascii()
    message = email.message_from_bytes(rendered(part), policy=email.policy.default)
    first, second = message.iter_parts()
    assert first.get_content().strip() == "Grüße"
    assert second.get_payload(decode=True) == b"x"


@pytest.mark.parametrize(
    ("body", "can"),
    [
        (b"8-bit \xff is fine\n", True),
        (b"x" * 998 + b"\n", True),
        (b"x" * 999 + b"\n", False),
        (b"progress 1%\rprogress 2%\n", False),
        (b"\0\n", False),
    ],
)
def test_what_a_server_takes(body, can):
    kept = carried(b"\n" + body).kept()
    assert kept.can_be_sent() is can
    behind = kept.behind(())
    assert rendered(behind) == b"\r\n" + body.replace(b"\n", b"\r\n")
    assert behind.eight_bit == (not body.isascii())
    assert behind.size == len(rendered(behind))


def test_a_carriage_return_alone_is_encoded_and_stays():
    part = carried(b"Subject: backup\n\n10%\r20%\rdone\n").kept().encoded()
    assert b"=0D" in rendered(part)
    assert text_of(part).encode() == b"10%\r20%\rdone\r\n"


def test_what_must_not_be_kept_can_still_be_had():
    body = b"".join(b"line %d\n" % number for number in range(100_000))
    one = carried(b"\n" + body)
    pieces = []

    def look(piece):
        pieces.append(piece)
        return len(pieces) < 4

    assert not one.keep(look)
    assert rendered(one.exact()).endswith(b"\r\n\r\n" + body.replace(b"\n", b"\r\n"))
