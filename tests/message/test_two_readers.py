"""What goes in comes out: a mail is read by the standard library and by a parser of other origin.

That is fast-mail-parser, the Rust crate mailparse: neither reader has code in common with ours, nor
with the other. Where one of them cannot read what the RFCs allow, the test says which and why.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from fast_mail_parser import parse_email, parse_email_tree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpgmail.core.envelope import Recipient, RecipientType
from gpgmail.message.addresses import Mailbox
from gpgmail.message.charsets import of_name
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, compose
from gpgmail.transport.content import DotStuffer, blocks

if TYPE_CHECKING:
    from email.message import EmailMessage

EXAMPLES = settings(max_examples=60)

ANY = st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])
VISIBLE = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
# Both readers take blanks off the ends of a value, and one reads runs of them as one.
LINE = st.text(ANY, max_size=120).map(lambda text: " ".join(text.split()))
NAMES = st.text(VISIBLE, max_size=60).map(lambda text: " ".join(text.split()))
LOCALS = st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,10}(\.[a-z0-9]{1,5})?", fullmatch=True)
DOMAINS = st.sampled_from(["example.org", "münchen.de", "localhost", "nas.local", "例え.jp"])
BOXES = st.builds(Mailbox, NAMES, st.builds("{}@{}".format, LOCALS, DOMAINS))
# As a value any name may be written; a text with an encoded word in quotes is refused as ambiguous.
AUTHORS = BOXES.filter(lambda box: "=?" not in box.name)
WIDTHS = st.sampled_from([40, 78, 80, 998])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.lists(
    st.sampled_from([".", "..", "\n", "\r\n", "\r", "From ", " ", "=", "ü", "-- ", "x" * 80, "日"])
).map("".join)


def rendered(**values) -> bytes:
    draft = Draft(**{"from_": "a@example.org", "to": "b@example.org", **values})
    return b"".join(compose(draft).render())


def library(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=policy.default)
    assert [part for part in message.walk() if part.defects] == []
    return message


def read(data: bytes):
    mail = parse_email(data)
    assert [(one.kind, one.detail) for one in mail.warnings] == []
    return mail


def header_lines(data: bytes) -> list[bytes]:
    return data.partition(b"\r\n\r\n")[0].split(b"\r\n")


def squeezed(text: str | None) -> str:
    """Python 3.11 reads a blank between two encoded words of a name that is not there."""
    return "".join((text or "").split())


# ----------------------------------------------------------------------------------------- headers


@EXAMPLES
@given(LINE, WIDTHS)
@example("=?utf-8?q?not_an_encoded_word?=", 78)
@example("Grüße aus München, " * 30, 40)
@example("👩‍👩‍👧" * 40, 78)
@example('an "unclosed quote', 78)
@example("x" * 2000, 78)
@pytest.mark.proves("subject", "MaxHeaderLength", "FoldHeaders")
def test_a_subject_is_read_as_it_was_given(text, width):
    data = rendered(subject=text, width=width)
    assert library(data).get("Subject", "") == text
    assert read(data).subject == text
    assert max(map(len, header_lines(data))) <= 998


SCRIPTS = {
    "utf-8": VISIBLE,
    "ISO-8859-1": st.characters(codec="iso-8859-1", exclude_categories=["Cc"]),
    "ISO-8859-15": st.characters(codec="iso-8859-15", exclude_categories=["Cc"]),
    "KOI8-R": st.sampled_from("абвгдежзийклмнопрстуфхцчшщъыьэюяЖ ,.?="),
    "windows-1251": st.sampled_from("абвгдежзийклмноп№ 'x"),
    "ISO-2022-JP": st.sampled_from("日本語の題名あいうアイウ abc,"),
    "Shift_JIS": st.sampled_from("日本語の題名ソ表アイウ abc,"),
    "EUC-JP": st.sampled_from("日本語の題名あいうアイウ abc,"),
    "EUC-KR": st.sampled_from("한국어제목 abc,"),
    "Big5": st.sampled_from("中文測試許功蓋 abc,"),
    "GB18030": VISIBLE,
}


@EXAMPLES
@given(st.data(), st.sampled_from(sorted(SCRIPTS)), WIDTHS)
@pytest.mark.proves("Charset")
def test_headers_in_another_charset_are_read_as_they_were_given(data, name, width):
    text = data.draw(st.text(SCRIPTS[name], min_size=1, max_size=120))
    text = " ".join(text.split())
    mail = rendered(subject=text, header_charset=of_name(name), width=width)
    assert library(mail).get("Subject", "") == text
    assert read(mail).subject == text
    words = re.findall(rb"=\?([^?]*)\?[bq]\?[^?]*\?=", b"".join(header_lines(mail)))
    assert {word.decode() for word in words} <= {name}
    assert bool(words) == (not text.isascii() or "=?" in text)


@EXAMPLES
@given(st.text(VISIBLE, min_size=1, max_size=200), WIDTHS, st.sampled_from(["utf-8", "GB18030"]))
@pytest.mark.proves("Charset", "MaxHeaderLength")
def test_every_encoded_word_is_whole_characters_and_short(text, width, name):
    charset = of_name(name)
    data = rendered(subject=f"ü{text}", header_charset=charset, width=width)
    unfolded = b"".join(header_lines(data)).partition(b"Subject: ")[2].partition(b"MIME-")[0]
    words = unfolded.split(b" ")
    alone = [library(b"Subject: " + word + b"\r\n\r\n")["Subject"] for word in words]
    assert "".join(alone) == f"ü{text}"
    assert max(map(len, words)) <= 75
    assert max(map(len, words)) <= max(width - 1, 37)


@EXAMPLES
@given(LINE, WIDTHS)
@example('a "quoted string with blanks" b ' * 30, 40)
@pytest.mark.proves("MaxHeaderLength", "FoldHeaders")
def test_unfolded_lines_are_those_of_a_mail_that_was_not_folded(text, width):
    fixed = {"date": "", "message_id": "<x@y>", "headers": (("X-A", text),)}
    folded, straight = (
        [line + b"\r\n" for line in header_lines(rendered(**fixed, width=one))]
        for one in (width, 998)
    )
    if text.isascii():  # encoded words are made to fit the line
        assert unfold(folded) == unfold(straight)
    for line in folded:
        assert line.strip()
        one_word = b" " not in line.strip().partition(b": ")[2]
        assert len(line) - 2 <= width or one_word or b'"' in line


def unfold(lines: list[bytes]) -> bytes:
    """RFC 5322 section 2.2.3: a line end before a blank is no part of a field."""
    return re.sub(rb"\r\n(?=[ \t])", b"", b"".join(lines))


# --------------------------------------------------------------------------------------- addresses


@EXAMPLES
@given(AUTHORS, st.lists(BOXES, min_size=1, max_size=4), st.lists(BOXES, max_size=3), WIDTHS)
@example(Mailbox('q "u" o\\te', "a@b"), [Mailbox("=?utf-8?q?x?=", "j@d")], [], 40)
@example(Mailbox("Doe, Jane", "a@b"), [Mailbox("a (comment) b", "j@d")], [], 40)
@pytest.mark.proves("from_", "send_to", "cc")
def test_names_and_addresses_are_read_as_they_were_given(author, to, cc, width):
    data = rendered(
        from_=compose_text(author), to=tuple(to), cc=tuple(cc), subject="x", width=width
    )
    composed = compose(Draft(from_="x@y", to=tuple(to), cc=tuple(cc))).envelope.recipients
    kinds = [(RecipientType.TO, to, "To", "to"), (RecipientType.CC, cc, "Cc", "cc")]
    mail, other = library(data), read(data)
    for kind, given_boxes, field, attribute in kinds:
        wanted = distinct(given_boxes)
        boxes = mail[field].addresses if wanted else ()
        assert [(squeezed(one.display_name), one.addr_spec) for one in boxes] == wanted
        found = getattr(other, attribute)
        assert [(squeezed(one.display_name), one.address) for one in found] == wanted
        named = [one.address for one in composed if one.recipient_type == kind]
        assert set(named) <= {address for _, address in wanted}
    assert squeezed(other.from_.display_name) == squeezed(author.name)


def compose_text(box: Mailbox) -> str:
    """What a caller writes: the name in a quoted string."""
    escaped = box.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{box.address}>' if box.name else box.address


def distinct(boxes: list[Mailbox]) -> list[tuple[str, str]]:
    """Each address once as IDNA has it, with the first name that it was given."""
    named: dict[str, str] = {}
    for box in boxes:
        address = box.address.replace("münchen", "xn--mnchen-3ya").replace("例え", "xn--r8jz45g")
        named[address] = named.get(address) or squeezed(box.name)
    return [(name, address) for address, name in named.items()]


@EXAMPLES
@given(
    st.lists(
        st.builds(
            Recipient,
            st.sampled_from(["a@b.org", "A@B.org", "a@B.ORG", "c@d.org", "e@f.org"]),
            st.sampled_from(["", "One", "Two"]),
            st.sampled_from(RecipientType),
            st.sampled_from(["", "NOTIFY=NEVER"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_each_mailbox_is_named_to_the_server_once_and_no_bcc_in_a_header(recipients):
    composed = compose(Draft(from_="x@y.org", recipients=tuple(recipients)))
    data = b"".join(composed.render())
    keys = [key(one.address) for one in composed.envelope.recipients]
    assert sorted(keys) == sorted({key(one.address) for one in recipients})
    for one in composed.envelope.recipients:
        same = [other for other in recipients if key(other.address) == key(one.address)]
        assert one.recipient_type == min(other.recipient_type for other in same)
        assert one.options in {other.options for other in same}
        assert bool(one.options) == any(other.options for other in same)
        assert one.name == next((other.name for other in same if other.name), "")
    shown = {key(box.address) for field in (read(data).to, read(data).cc) for box in field}
    open_ones = {key(one.address) for one in recipients if one.recipient_type != RecipientType.BCC}
    assert shown == open_ones


def key(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local}@{domain.lower()}"


# ----------------------------------------------------------------------------------------- content


@EXAMPLES
@given(TEXTS, TEXTS)
@example("ends without a line end", ".\n..\n")
@example("From me\nlone \r cr", "\n.\n")
@pytest.mark.proves("message_text")
def test_texts_are_read_as_they_were_given_after_dots_were_doubled(text, html):
    data = unstuffed(stuffed(rendered(text=text, html=html)))
    leaves = [part for part in library(data).walk() if not part.is_multipart()]
    assert [part.get_payload(decode=True) for part in leaves] == [exact(text), exact(html)]
    tree = parse_email_tree(data)
    contents = [part.content for part in tree.children]
    assert contents == [ended(text, contents[0]), ended(html, contents[1])]
    assert [part.content_type for part in tree.children] == ["text/plain", "text/html"]


TEXT_IN = {name: SCRIPTS[name] for name in SCRIPTS.keys() - {"GB18030"}}


@EXAMPLES
@given(st.data(), st.sampled_from(sorted(TEXT_IN)))
@pytest.mark.proves("CodePage")
def test_a_text_in_another_charset_is_read_as_it_was_given(data, name):
    text = data.draw(st.text(TEXT_IN[name] | st.sampled_from("\n. "), max_size=200))
    mail = rendered(text=text, text_charset=of_name(name))
    assert mail.isascii()
    message = library(mail)
    assert message.get_content_charset() == name.lower()
    assert message.get_content().replace("\r\n", "\n") == text
    (found,) = read(mail).text_plain
    assert found.encode() == ended(text, found.encode())


@EXAMPLES
@given(st.binary(max_size=300), st.text(VISIBLE, min_size=1, max_size=40).map(str.strip))
@example(b"\r\n.\r\n" * 30, "semi;colon = \"quotes\" 'and' %.txt")
@example(b"", "ä b.txt")
@example(b"x", "a;b.txt")
@example(b"x", "<a>")
def test_a_file_and_its_name_are_read_as_they_were_given(content, name):
    name = name or "x"
    attachment = Attachment(source=content, name=name, content_type="application/octet-stream")
    data = unstuffed(stuffed(rendered(text="t", attachments=(attachment,))))
    (part,) = library(data).iter_attachments()
    stated = part["Content-Disposition"].params["filename"]  # get_filename() takes brackets off
    assert (part.get_content(), stated) == (content, name)
    (found,) = read(data).attachments
    assert (found.content, found.filename) == (content, name)


def exact(text: str) -> bytes:
    """Text with line ends that are all alike has CRLF; any other keeps its bytes."""
    return (text if "\r" in text else text.replace("\n", "\r\n")).encode()


def ended(text: str, found: bytes) -> bytes:
    """What mailparse makes of a text: after a soft line break that ends a body it has a line end.

    RFC 2045 section 6.7 allows such a body (a `qp-part` may be empty), and it has none there.
    """
    added = found.endswith(b"\r\n") and not exact(text).endswith(b"\r\n")
    return exact(text) + (b"\r\n" if added else b"")


def stuffed(data: bytes) -> bytes:
    stuffer = DotStuffer(eight_bit=False)
    return b"".join(map(stuffer.feed, blocks([data]))) + stuffer.end()


def unstuffed(wire: bytes) -> bytes:
    """RFC 5321 section 4.5.2, from the server's side: line by line, until the one dot."""
    lines: list[bytes] = []
    for line in wire.split(b"\r\n"):
        if line == b".":
            assert wire.endswith(b"\r\n.\r\n")
            assert len(lines) == wire.count(b"\r\n") - 1
            return b"".join(one + b"\r\n" for one in lines)
        lines.append(line.removeprefix(b"."))
    raise AssertionError("no dot ends the content")
