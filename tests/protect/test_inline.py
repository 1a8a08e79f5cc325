"""Inline OpenPGP: what is made is good for gpg, and what gpg makes is read block by block."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.mime.text import MIMEText

import pytest

from gpgmail.core.errors import (
    CryptoError,
    MessageError,
    PolicyError,
    UnsupportedError,
    UsageError,
)
from gpgmail.core.run import Run
from gpgmail.crypto.engine import SignatureMode, SignatureStatus
from gpgmail.crypto.engines import engine
from gpgmail.message.charsets import of_page
from gpgmail.message.content import Attachment
from gpgmail.message.draft import Draft, body
from gpgmail.protect import inline
from gpgmail.protect.verdict import Cover
from tests.crypto.helpers import ALICE, SENDER, TEXT, job
from tests.message.test_charsets import PAGES
from tests.protect.helpers import clearsigned, fingerprint, leaf, mail, multipart, sealed

WHOLE, PART, NONE = Cover.WHOLE, Cover.PART, Cover.NONE
TEXTS = {
    "plain": "Words.\n",
    "empty": "",
    "no newline at the end": "Words",
    "beyond ASCII": "Grüße, 日本\n",
    "dashes and armor": "-\n- a\n-----BEGIN PGP MESSAGE-----\n-----END PGP SIGNATURE-----\n--\n",
    "signature delimiter": "Words\n-- \nName\n",
    "From and dots": "From here\n.\n..\n",
    "blanks at line ends": "a  \nb\t\n",
    "long lines": "x" * 3000 + "\n",
    "lone CR": "a\rb\n",
    "CRLF": "a\r\nb\r\n",
}
FILE = bytes(range(256)) * 300


def protected(gpg, draft, **facts):
    """The draft protected inline, as a mail."""
    made = job(gpg, **facts)
    if made.recipients:
        (done,) = inline.encrypt(draft, engine(), made, [made.recipients], Run())
    else:
        done = inline.sign(draft, engine(), made, Run())
    return mail(b"".join(body(done).render()))


def covers(got):
    return got.verdict.signed, got.verdict.encrypted


def lines(text):
    """What a cleartext signature covers: lines without the blanks at their ends (RFC 9580 7.2)."""
    return "\n".join(line.rstrip(" \t\r") for line in text.split("\n")).rstrip("\n")


# --------------------------------------------------------------------------------------- making


@pytest.mark.parametrize("name", TEXTS)
def test_a_signed_text_is_good_for_gpg_and_read_back(name, sender, opened):
    got = opened(protected(sender, Draft(text=TEXTS[name]), signers=(SENDER,)))
    assert covers(got) == (WHOLE, NONE)
    assert got.verdict.problems == ()
    assert lines(got.parts[0].text) == lines(TEXTS[name])


@pytest.mark.parametrize("name", TEXTS)
def test_an_encrypted_text_is_read_back_to_the_byte(name, sender, opened):
    draft = Draft(text=TEXTS[name])
    got = opened(protected(sender, draft, signers=(SENDER,), recipients=(ALICE,)))
    assert covers(got) == (WHOLE, WHOLE)
    assert got.parts[0].text == TEXTS[name]
    shown = got.message.get_content()
    assert shown.split() == TEXTS[name].split()


def test_an_opaque_signature_is_read_back(sender, opened):
    made = inline.sign_text(
        "Grüße\n", SignatureMode.OPAQUE, engine(), job(sender, signers=(SENDER,)), Run()
    )
    assert "BEGIN PGP MESSAGE" in made.text
    got = opened(mail(b"".join(body(Draft(text=made.text)).render())))
    assert covers(got) == (WHOLE, NONE)
    assert got.parts[0].text == "Grüße\n"


NOT_ARMOR = {65000, 10004}  # where + is +-, and where blanks and dashes are bytes above 127
WAYS = {
    "sign": {"signers": (SENDER,)},
    "encrypt": {"signers": (SENDER,), "recipients": (ALICE,)},
}


@pytest.mark.once
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page", sorted(set(PAGES) - NOT_ARMOR))
def test_a_text_of_any_code_page_is_good_for_gpg_and_read_back(page, way, sender, opened):
    text = f"{PAGES[page][1]}\n- dash\n{PAGES[page][1]} a+b~\n"
    got = opened(protected(sender, Draft(text=text, text_charset=of_page(page)), **WAYS[way]))
    assert covers(got) == (WHOLE, WHOLE if way == "encrypt" else NONE)
    assert got.verdict.problems == ()
    assert got.parts[0].content.decode(of_page(page).codec).splitlines() == text.splitlines()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page", sorted(NOT_ARMOR))
def test_a_code_page_that_writes_armor_otherwise_is_refused(page, way, sender):
    draft = Draft(text=PAGES[page][1], text_charset=of_page(page))
    with pytest.raises(UsageError, match="MessageFormat=PGPMIME") as caught:
        protected(sender, draft, **WAYS[way])
    assert (caught.value.code.family, caught.value.code.number) == ("TCPClient", 434)


def test_attachments_are_encrypted_each_by_itself(sender, alice, opened):
    draft = Draft(
        text="See.\n",
        attachments=(
            Attachment(source=FILE, name="ä.bin"),
            Attachment(source=b"", name="empty.txt"),
            Attachment(source=b"x"),
        ),
    )
    data = protected(sender, draft, signers=(SENDER,), recipients=(ALICE,))
    assert base64.b64encode(FILE[:30]) not in data
    got = opened(data)
    assert covers(got) == (WHOLE, WHOLE)
    assert [part.name for part in got.parts] == ["", "ä.bin", "empty.txt", "attachment"]
    assert [part.content for part in got.parts[1:]] == [FILE, b"", b"x"]
    attached = list(got.message.iter_attachments())
    assert [one.get_filename() for one in attached] == ["ä.bin", "empty.txt", "attachment"]
    assert attached[0].get_content() == FILE


def test_attachments_are_signed_by_a_file_beside_each(sender, opened, tmp_path):
    draft = Draft(text="See.\n", attachments=(Attachment(source=FILE, name="a.bin"),))
    data = protected(sender, draft, signers=(SENDER,))
    got = opened(data)
    assert covers(got) == (WHOLE, NONE)
    assert [(part.name, part.signed) for part in got.parts] == [("", True), ("a.bin", True)]
    signature = opened_file(data, "a.bin.sig")
    status = sender.verify(FILE, signature, tmp_path)
    assert f"VALIDSIG {SENDER.fingerprint}" in status


def opened_file(data, name):
    import email

    parts = email.message_from_bytes(data).walk()
    return next(part for part in parts if part.get_filename() == name).get_payload(decode=True)


def test_a_changed_attachment_is_not_signed(sender, opened):
    draft = Draft(text="See.\n", attachments=(Attachment(source=b"good file", name="a.txt"),))
    data = protected(sender, draft, signers=(SENDER,))
    evil = data.replace(base64.b64encode(b"good file"), base64.b64encode(b"evil file"))
    got = opened(evil)
    assert [part.signed for part in got.parts] == [True, False]
    assert covers(got) == (PART, NONE)
    assert got.verdict.problems


def test_an_attachment_that_lost_its_signature_is_not_signed(sender, opened):
    draft = Draft(text="See.\n", attachments=(Attachment(source=b"file", name="a.txt"),))
    data = protected(sender, draft, signers=(SENDER,)).replace(b"a.txt.sig", b"b.txt.sig")
    got = opened(data)
    assert [part.signed for part in got.parts] == [True, False, False]


@pytest.mark.parametrize(
    "draft",
    [
        Draft(text="a", html="<p>a</p>"),
        Draft(html="<p>a</p>"),
        Draft(text="a", headers=(("Content-Type", "text/html"),)),
        Draft(text="a", headers=(("From", "a@b.example"),), own_headers=True),
    ],
)
def test_what_inline_cannot_hold_is_refused(draft, sender):
    with pytest.raises(UnsupportedError):
        protected(sender, draft, signers=(SENDER,))


def html_mail():
    message = EmailMessage()
    message.set_content("<p>a</p>", subtype="html")
    return message


def alternatives():
    message = EmailMessage()
    message.set_content("a")
    message.add_alternative("<p>a</p>", subtype="html")
    return message


def forwarding():
    message = EmailMessage()
    message.set_content("a")
    message.add_attachment(alternatives())
    return message


@pytest.mark.parametrize("make", [html_mail, alternatives, forwarding, lambda: MIMEText("a")])
def test_messages_of_another_shape_are_refused(make):
    with pytest.raises(UnsupportedError):
        inline.draft_of(make())


def test_a_text_in_no_known_charset_is_a_typed_error():
    message = EmailMessage()
    message["Content-Type"] = "text/plain; charset=no-such"
    message.set_payload("a")
    with pytest.raises(MessageError):
        inline.draft_of(message)


def test_a_message_keeps_text_and_attachments():
    message = EmailMessage()
    message.set_content("Grüße\n")
    message.add_attachment("Öl\n", charset="latin-1", filename="a.txt")
    message.add_attachment(FILE, maintype="application", subtype="pdf", filename="b.pdf")
    draft = inline.draft_of(message)
    assert draft.text == "Grüße\n"
    first, second = draft.attachments
    assert (first.name, first.source) == ("a.txt", "Öl\n".encode("latin-1"))
    assert first.content_type == 'text/plain; charset="iso-8859-1"'
    assert (second.name, second.source, second.content_type) == ("b.pdf", FILE, "application/pdf")


# -------------------------------------------------------------------------------------- reading


def test_text_around_a_block_is_not_signed(sender, opened):
    armor = clearsigned(sender, TEXT)
    got = opened(mail(leaf(b"Before\r\n" + armor + b"After\r\n")))
    before, inside, after = got.parts
    assert [part.signed for part in got.parts] == [False, True, False]
    assert (before.content, after.content.strip()) == (b"Before\r\n", b"After")
    assert b"Before" not in inside.content
    assert b"After" not in inside.content
    assert covers(got) == (PART, NONE)
    assert "outside" in " ".join(got.verdict.problems)
    with pytest.raises(PolicyError):
        opened(mail(leaf(b"Before\r\n" + armor)), require_signature=True)


def test_text_around_an_encrypted_block_is_not_encrypted(sender, opened):
    data = mail(leaf(b"Before\r\n" + sealed(sender, b"secret") + b"After\r\n"))
    got = opened(data)
    assert (got.parts[1].content, got.parts[1].encrypted) == (b"secret", True)
    assert [part.outside for part in got.parts] == [True, False, True]
    assert covers(got) == (NONE, PART)
    assert b"secret" not in got.message.as_bytes()


def test_several_blocks_are_told_apart(sender, alice, opened):
    one, other = clearsigned(sender, b"one\n"), clearsigned(alice, b"other\n", "bob")
    got = opened(mail(leaf(one + b"\r\n" + other)))
    assert [part.content.strip() for part in got.parts] == [b"one", b"other"]
    assert [part.signatures[0].primary for part in got.parts] == [
        fingerprint("sender"),
        fingerprint("bob"),
    ]
    assert covers(got) == (PART, NONE)
    twice = opened(mail(leaf(one + one)))
    assert any("nothing ties them" in problem for problem in twice.verdict.problems)


def test_a_changed_block_is_not_signed(sender, opened):
    armor = clearsigned(sender, b"the words\n").replace(b"the words", b"the worms")
    got = opened(mail(leaf(armor)))
    assert [seen.status for seen in got.verdict.signatures] == [SignatureStatus.BAD]
    assert covers(got) == (NONE, NONE)
    assert b"the worms" in got.parts[0].content


def smuggled(armor):
    """Clear-signed texts with more in them than what was signed."""
    begin, signature = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----"
    return {
        "a header field": armor.replace(b"Hash: ", b"Evil: words\nHash: "),
        "text in the head": armor.replace(b"\n\n", b"\nevil words\n\n", 1),
        "a second head": begin + b"\n\nevil words\n" + armor,
        "undashed armor": armor.replace(signature, begin + b"\nevil words\n" + signature),
        "text after the signature": armor.replace(b"-----END", b"evil words\n-----END"),
        "truncated": armor[: armor.index(signature)] + b"-----END PGP SIGNATURE-----\n",
    }


@pytest.mark.parametrize("case", [*smuggled(b"-----BEGIN PGP SIGNATURE-----")])
def test_what_is_smuggled_into_a_block_is_never_signed(case, sender, opened):
    got = opened(mail(leaf(smuggled(clearsigned(sender, b"the words\n"))[case])))
    assert not any(part.signed and b"evil" in part.content for part in got.parts)
    if got.verdict.signed is WHOLE:
        assert b"evil" not in got.message.as_bytes()


def test_an_html_part_with_a_block_is_not_opened(sender, opened):
    armor = clearsigned(sender, b"the words\n")
    got = opened(mail(leaf(armor, "text/html")))
    assert covers(got) == (NONE, NONE)
    assert got.parts[0].content.replace(b"\r\n", b"\n") == armor


def test_a_block_that_does_not_open_is_an_error(sender, opened):
    armor = sealed(sender, b"secret")
    half = armor.splitlines(keepends=True)
    with pytest.raises(CryptoError):
        opened(mail(leaf(b"".join(half[:4] + half[-1:]))))


def test_an_attachment_that_does_not_open_is_a_problem_and_stays(sender, opened):
    closed = sealed(sender, b"secret").replace(b"\nh", b"\nX", 1)
    data = multipart(
        "mixed", leaf(b"See.\r\n"), leaf(closed, "application/octet-stream; name=a.txt.asc")
    )
    half = closed[:100]
    broken = data.replace(closed, half)
    got = opened(mail(broken))
    assert got.parts[1].content == half
    assert covers(got) == (NONE, NONE)
    assert "a.txt.asc" in " ".join(got.verdict.problems)


def test_a_key_block_is_plain_text(alice, opened):
    block = alice("--armor", "--export", fingerprint("alice"))
    got = opened(mail(leaf(block)))
    assert covers(got) == (NONE, NONE)
    assert got.verdict.problems == ()


def test_an_opened_text_has_the_charset_of_its_content_not_of_the_armor(sender, opened):
    armor = sealed(sender, "Grüße".encode())
    got = opened(mail(leaf(armor, "text/plain; charset=us-ascii")))
    assert got.parts[0].text == "Grüße"


def test_a_signed_text_in_latin_1_keeps_its_charset(sender, opened):
    armor = clearsigned(sender, "Grüße\n".encode("latin-1"))
    part = leaf(armor, "text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit")
    got = opened(mail(part))
    assert covers(got) == (WHOLE, NONE)
    assert got.parts[0].text.strip() == "Grüße"


def test_a_quoted_block_is_no_block(sender, opened):
    armor = b"".join(b"> " + line for line in sealed(sender, b"secret").splitlines(keepends=True))
    assert covers(opened(mail(leaf(armor)))) == (NONE, NONE)


@pytest.mark.parametrize("name", ["a%0D%0AX-Evil: 1", "a%00b", "a%E2%80%AEtxt.exe"])
def test_a_file_name_cannot_rewrite_anything(name, sender, opened):
    armor = sealed(sender, b"x")
    data = multipart(
        "mixed",
        leaf(armor),
        leaf(
            armor,
            "application/octet-stream",
            f"Content-Disposition: attachment; filename*=utf-8''{name}",
        ),
    )
    got = opened(mail(data))
    assert got.parts[1].name.isprintable()
    assert got.message["X-Evil"] is None
    assert covers(got) == (NONE, WHOLE)
