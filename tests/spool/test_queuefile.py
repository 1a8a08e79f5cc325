"""The form of a queue file: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import MessageError, UsageError
from gpgmail.spool.queuefile import Queued, dumps, encode, parse
from tests.spool.support import (
    ALICE,
    BOB,
    CAROL,
    CONTENT,
    SENDER,
    content_of,
    loads,
    mail,
    parsed,
    resealed,
)

WHOLE = b"".join(encode(mail()))


def refused(data):
    with pytest.raises(MessageError) as caught:
        parsed(data)
    assert caught.value.code.name == "QUEUE_DAMAGED"
    assert caught.value.subject == "a.queued"
    return caught.value.detail


def test_the_file_as_people_see_it():
    head, content, end = WHOLE.partition(CONTENT)
    assert content == CONTENT
    assert head.decode().split("\r\n") == [
        "gpgmail-queue 1",
        "{",
        ' "verb": "MAIL",',
        ' "smtputf8": false,',
        ' "8bitmime": false,',
        ' "sender": "sender@example.org",',
        ' "options": "",',
        ' "recipients": [',
        "  {",
        '   "type": "to",',
        '   "address": "alice@example.org",',
        '   "name": "Alice, of A",',
        '   "options": "NOTIFY=SUCCESS,DELAY"',
        "  },",
        "  {",
        '   "type": "cc",',
        '   "address": "bob@example.org",',
        '   "name": "Bøb",',
        '   "options": ""',
        "  },",
        "  {",
        '   "type": "bcc",',
        '   "address": "carol@example.org",',
        '   "name": "",',
        '   "options": "NOTIFY=NEVER"',
        "  }",
        " ]",
        "}",
        "",
        "",
    ]
    assert end.startswith(b"\r\nend 00000000000000000050 ")
    assert end.endswith(b" unsent\r\n")


def test_the_whole_envelope_survives():
    one = parsed(WHOLE)
    assert one.envelope == Envelope(SENDER, (ALICE, BOB, CAROL))
    assert (one.verb, one.needs_utf8, one.eight_bit, one.size) == ("MAIL", False, False, 50)
    two = loads(dumps(mail(verb="SOML", needs_utf8=True, eight_bit=True, sender="")))
    assert (two.verb, two.needs_utf8, two.eight_bit) == ("SOML", True, True)
    assert two.envelope.sender == ""
    options = Envelope(SENDER, (ALICE,), "RET=HDRS ENVID=4711")
    three = loads(dumps(Queued(envelope=options, content=lambda: iter([CONTENT]))))
    assert three.envelope == options


@pytest.mark.parametrize(
    "content",
    [b"", b"no line end", b"\r\n", WHOLE, WHOLE * 2, b"\x00\xff\xfe\r\n", "Grüße\r\n".encode()],
)
def test_any_content_survives_exactly(content):
    assert content_of(loads(dumps(mail(content)))) == content


def test_content_is_read_as_often_as_wanted():
    one = parsed(WHOLE)
    assert content_of(one) == content_of(one) == CONTENT


text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\0"), max_size=30)
people = st.builds(Recipient, text, text, st.sampled_from(RecipientType), text)


@given(sender=text, recipients=st.lists(people, max_size=4), content=st.binary(max_size=300))
def test_what_goes_in_comes_out(sender, recipients, content):
    one = loads(dumps(mail(content, sender=sender, recipients=recipients)))
    assert one.envelope == Envelope(sender, tuple(recipients))
    assert content_of(one) == content


# ------------------------------------------------------------------------------------- as a text


def test_the_text_written_as_utf8_is_the_file(tmp_path):
    made = mail("Grüße\r\n".encode(), eight_bit=True)
    path = tmp_path / "a.queued"
    path.write_text(dumps(made), "utf-8")
    assert path.read_bytes() == b"".join(encode(made))
    assert content_of(parsed(path.read_bytes())) == "Grüße\r\n".encode()


def test_other_bytes_are_not_written_wrongly_without_a_word(tmp_path):
    made = mail(b"Gr\xfc\xdfe\r\n", eight_bit=True)
    path = tmp_path / "a.queued"
    with pytest.raises(UnicodeEncodeError):
        path.write_text(dumps(made), "utf-8")
    path.write_text(dumps(made), "utf-8", "surrogateescape")
    assert path.read_bytes() == b"".join(encode(made))
    path.write_text(dumps(mail("ü".encode())), "latin-1")
    refused(path.read_bytes())


def test_a_text_with_changed_line_ends_is_damaged():
    with pytest.raises(MessageError) as caught:
        loads(dumps(mail()).replace("\r\n", "\n"))
    assert caught.value.code.name == "QUEUE_DAMAGED"


# --------------------------------------------------------------------------------- what is refused


def test_every_truncation_is_noticed():
    for length in range(len(WHOLE)):
        refused(WHOLE[:length])


def test_every_changed_byte_is_noticed():
    word = len(WHOLE) - len(b"unsent\r\n")
    for position in range(len(WHOLE)):
        changed = bytearray(WHOLE)
        changed[position] ^= 0x20
        refused(bytes(changed))
    assert content_of(parsed(WHOLE[:word] + b"unsure\r\n")) == CONTENT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no queue file"),
        (b"From: a@b.org\r\n\r\nText\r\n" * 20, "no queue file"),
        (WHOLE.replace(b"queue 1", b"queue 2", 1), "version '2'"),
        (WHOLE.replace(b"queue 1", b"queue 11", 1), "version '11'"),
        (WHOLE.replace(b"queue 1", b"queue \xff", 1), "version '\\ufffd'"),
        (WHOLE[:-100], "cut off"),
        (WHOLE + b"\n", "cut off"),
        (WHOLE + WHOLE, "SHA-256"),
        (WHOLE.replace(b"words", b"", 1), "SHA-256"),
        (WHOLE.replace(b"0000050", b"9999999", 1), "size"),
        (WHOLE.replace(b"words", b"Words", 1), "SHA-256"),
        (WHOLE.replace(b"alice@", b"mallo@", 1), "SHA-256"),
    ],
)
def test_what_is_no_whole_queue_file_says_why(data, words):
    assert words in refused(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sender@example.org", b"a@b.org>\\r\\nRCPT TO:<evil@example.org"),
        (b"alice@example.org", b"a\\u0000b@example.org"),
        (b"NOTIFY=NEVER", b"NOTIFY=NEVER\\n"),
        (b"Alice, of A", b"\\ud800"),
        (b'"to"', b'"too"'),
        (b'"MAIL"', b'"EXPN"'),
        (b'"MAIL"', b'"MAIL\\r\\n"'),
        (b'"8bitmime": false', b'"8bitmime": 0'),
        (b'"smtputf8": false', b'"smtputf8": "no"'),
        (b'"sender": "sender@example.org"', b'"sender": null'),
        (b'"sender": "sender@example.org"', b'"sender": "a@b", "sender": "c@d"'),
        (b'"recipients"', b'"receivers"'),
        (b'"options": ""', b'"options": "", "more": 1'),
        (b"{", b"[" * 5000),
        (b"}\r\n\r\n", b"}\r\n \r\n"),
        (b"}\r\n\r\n", b"\r\n\r\n"),
        (b"B\xc3\xb8b", b"B\xff"),
    ],
)
def test_an_envelope_that_was_forged_is_refused(old, new):
    """The sum is right here: somebody made it so."""
    data = resealed(WHOLE, old, new)
    size = len(content_of(mail()))
    assert int(data[-94:-74]) == size
    assert "envelope" in refused(data)


def test_a_verb_that_begins_no_mail_cannot_be_queued():
    with pytest.raises(UsageError):
        mail(verb="VRFY")


def test_what_utf8_cannot_say_cannot_be_queued():
    with pytest.raises(UsageError):
        dumps(mail(recipients=[Recipient("a@b.org", "\ud800")]))


def test_a_head_without_end_is_not_read():
    """A foreign file whose end line claims nearly nothing as content."""
    asked = []
    size = 1 << 40
    end = b"\r\nend %020d %064d unsent\r\n" % (0, 0)

    def read_at(start, length):
        asked.append(length)
        return b"gpgmail-queue 1\r\n" if start == 0 else end

    with pytest.raises(MessageError, match="size"):
        parse(read_at, size, "a.queued")
    assert sum(asked) < 1000


def test_a_large_mail_is_never_in_memory_as_a_whole(tmp_path):
    chunk = bytes(1 << 20)
    made = Queued(envelope=Envelope(SENDER, (ALICE,)), content=lambda: (chunk for _ in range(64)))
    path = tmp_path / "large"
    tracemalloc.start()
    try:
        with path.open("wb") as file:
            for piece in encode(made):
                file.write(piece)
        with path.open("rb") as file:

            def read_at(start, size):
                file.seek(start)
                return file.read(size)

            one = parse(read_at, path.stat().st_size, "large")
            assert sum(map(len, one.content())) == one.size == 64 << 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
