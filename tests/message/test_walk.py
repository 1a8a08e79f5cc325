from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpgmail.core.errors import MessageError
from gpgmail.message import walk
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, compose
from gpgmail.message.walk import MOST_LEVELS, parse

NESTED = b"""From: a@b
Subject: =?utf-8?q?x?=
 folded
Content-Type: multipart/signed; boundary="outer boundary";
\tmicalg=pgp-sha256; protocol="application/pgp-signature"

preamble
--outer boundary
Content-Type: multipart/mixed; boundary=inner

--inner
content-type:text/plain

one

--inner
Content-Type: message/rfc822

Subject: forwarded
Content-Type: text/html

<b>
--inner--
epilogue of the inner

--outer boundary \t
Content-Type: application/pgp-signature

signature
--outer boundary--
epilogue
"""


def both_line_ends(data):
    return pytest.mark.parametrize("data", [data, data.replace(b"\n", b"\r\n")], ids=["LF", "CRLF"])


def shape(entity):
    return [entity.content_type, *map(shape, entity.children)]


@both_line_ends(NESTED)
def test_every_part_is_the_bytes_between_its_delimiters(data):
    mail = parse(data)
    end = b"\r\n" if b"\r\n" in data else b"\n"
    assert shape(mail) == [
        "multipart/signed",
        ["multipart/mixed", ["text/plain"], ["message/rfc822", ["text/html"]]],
        ["application/pgp-signature"],
    ]
    assert mail.raw == data
    assert mail.params["micalg"] == "pgp-sha256"
    assert mail.get("subject") == "=?utf-8?q?x?= folded"
    signed, signature = mail.children
    start = data.index(b"Content-Type: multipart/mixed")
    assert signed.raw == data[start : data.index(end + b"--outer boundary \t")]
    assert signed.raw.endswith(b"epilogue of the inner" + end)
    assert signature.body == b"signature"
    one, forwarded = signed.children
    assert one.body == b"one" + end
    assert forwarded.children[0].get("Subject") == "forwarded"
    assert forwarded.children[0].body == b"<b>"
    assert mail.terminated
    assert [entity.content_type for entity in mail.walk()][2] == "text/plain"


@pytest.mark.parametrize(
    ("body", "children", "terminated"),
    [
        (b"--x\n\none\n--x\n\ntwo\n--x--\n", [b"one", b"two"], True),
        (b"--x\n\none\n--x--", [b"one"], True),
        (b"--x\n\none\n--x--\n--x\n\nafter the end\n--x--\n", [b"one"], True),
        (b"--x\n\none\n--x\n\ntwo", [b"one", b"two"], False),
        (b"--x\n\none\n--x\n", [b"one"], False),
        (b"--x\n\none\n", [b"one\n"], False),
        (b"--x\n--x\n\ntwo\n--x--\n", [b"", b"two"], True),
        (b"--x--\n", [], True),
        (b"no delimiter\n", [], False),
        (b"", [], False),
        (b"--x\n\n--xy\n--x-\n --x\n--x--\n", [b"--xy\n--x-\n --x"], True),
    ],
)
def test_delimiters(body, children, terminated):
    for data in (body, body.replace(b"\n", b"\r\n")):
        mail = parse(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + data)
        found = [child.body.replace(b"\r\n", b"\n") for child in mail.children]
        assert (found, mail.terminated) == (children, terminated)


def test_a_boundary_is_what_stands_between_the_quotes():
    data = b'Content-Type: multipart/mixed; boundary="<x>"\n\n--<x>\n\none\n--<x>--\n'
    assert [child.body for child in parse(data).children] == [b"one"]


def test_an_inner_part_does_not_reach_past_an_outer_delimiter():
    data = (
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"
        b"Content-Type: multipart/mixed; boundary=y\n\n--y\n\none\n--x\n\ntwo\n--y--\n--x--\n"
    )
    inner, two = parse(data).children
    assert [child.body for child in inner.children] == [b"one"]
    assert not inner.terminated
    assert two.body == b"two\n--y--"


def test_headers_end_where_others_see_their_end():
    assert parse(b"Subject: a\n\n\nbody").body == b"\nbody"
    assert parse(b"Subject: a\nbody without an empty line").body == b"body without an empty line"
    assert parse(b"\nbody").fields == ()
    assert parse(b"From me@host Mon\nSubject: a\n\nbody").get("Subject") == "a"
    assert parse(b"Subject: a").get("Subject") == "a"
    assert parse(b"Subject :a\n\n").get("Subject") == "a"
    assert parse("Subject: ä\n\n".encode()).get("Subject") == "ä"


@pytest.mark.parametrize(
    ("encoding", "body", "decoded"),
    [
        (b"base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"Quoted-Printable", b"a=3Db=\r\nc\r\n", b"a=bc\r\n"),
        (b"8bit", b"\xc3\xa4\r\n", b"\xc3\xa4\r\n"),
        (b" 7bit ", b"x", b"x"),
    ],
)
def test_bodies_are_decoded(encoding, body, decoded):
    data = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    assert parse(data).decoded() == decoded


@pytest.mark.parametrize("header", [b"base64\r\n\r\nabcde", b"x-unheard-of\r\n\r\nabc"])
def test_bodies_that_cannot_be_decoded_are_refused(header):
    with pytest.raises(MessageError):
        parse(b"Content-Transfer-Encoding: " + header).decoded()


AMBIGUOUS = {
    "two types": b"Content-Type: text/plain\nContent-Type: text/html\n\n",
    "two encodings": b"Content-Transfer-Encoding: 7bit\nContent-transfer-encoding: base64\n\n",
    "two boundaries": b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n",
    "a boundary beyond ASCII": b"Content-Type: multipart/mixed; boundary*=utf-8''%C3%A4\n\n",
    "broken continuations": b"Content-Type: text/plain; a*=utf-8''x; a*1=y\n\n",
    "nothing": b"",
    "blanks": b" \r\n\t",
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_readers_would_read_in_two_ways_is_refused(data):
    with pytest.raises(MessageError) as caught:
        parse(data)
    assert caught.value.code.name == "BAD_MESSAGE"


def test_depth_and_number_are_limited(monkeypatch):
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200)
    )
    with pytest.raises(MessageError, match=f"{MOST_LEVELS} levels"):
        parse(nested)
    forwarded = b"Content-Type: message/rfc822\n\n" * 1000
    with pytest.raises(MessageError, match="levels"):
        parse(forwarded)
    monkeypatch.setattr(walk, "MOST_PARTS", 10)
    with pytest.raises(MessageError, match="10 parts"):
        parse(b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 20)
    with pytest.raises(MessageError, match="header"):
        parse(b"X: y\n" * 300_000)


TOKENS = st.sampled_from(
    (
        *(b"Content-Type: ", b"multipart/mixed", b"; boundary=", b"a", b'"a b"', b"--a", b"--a--"),
        *(b"\r\n", b"\n", b"\r", b" ", b"\t", b"message/rfc822", b"\0", b"\xff", b'"', b"=", b";"),
        *(b"Content-Transfer-Encoding: base64\n", b"*0*=", b"utf-7''+2AA-", b"; boundary*="),
        *(b"; x*=punycode''%ff", b"idna''%ff", b"From x\n", b":", b"text/plain", b"%", b"; a*1=z"),
    )
)
GARBAGE = st.lists(TOKENS, max_size=40).map(b"".join)
PREFIXES = st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"])


@given(PREFIXES, st.one_of(GARBAGE, st.binary()))
@example(b"Content-Type: ", b"text/plain; boundary*=utf-7''+2AA-")
@example(b"Content-Type: ", b"text/plain; a*=utf-8''x; a*1=y")
def test_garbage_is_taken_apart_or_refused(prefix, garbage):
    data = prefix + garbage
    try:
        mail = parse(data)
        bodies = [entity.decoded() for entity in mail.walk()]
    except MessageError:
        return
    assert mail.raw == data
    assert len(bodies) == len(list(mail.walk()))
    for entity in mail.walk():
        assert entity.start <= entity.body_start <= entity.end
        assert all(
            entity.start <= child.start <= child.end <= entity.end for child in entity.children
        )


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3),
    st.booleans(),
)
def test_what_is_composed_is_taken_apart_as_the_standard_library_does(texts, html):
    draft = Draft(
        from_="a@b",
        to="c@d",
        subject="x",
        text=texts[0],
        html="<b>" if html else None,
        attachments=tuple(Attachment(source=text.encode(), name="ä.txt") for text in texts),
    )
    data = b"".join(compose(draft).render())
    ours = list(parse(data).walk())
    theirs = list(message_from_bytes(data, policy=policy.default).walk())
    assert [one.content_type for one in ours] == [one.get_content_type() for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        if not other.is_multipart():
            assert one.decoded() == other.get_payload(decode=True)
