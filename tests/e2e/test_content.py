"""Whatever is in a mail arrives byte-exact after decoding, and its signature is good.

gpg called directly opens and verifies what the server got; the standard library only decodes. The
server takes dot-stuffing out again, so a line that starts with a dot is compared as it was given.
"""

from __future__ import annotations

import email
import email.policy
import re

import pytest

import gpgmail
from tests.e2e.faces import FACES, Job
from tests.servers.readers import Gpg, signed_parts
from tests.support.keyrings import fixture_key

TEXTS = {
    "empty": "",
    "no line end": "one line",
    "one LF": "\n",
    "long lines": ("x" * 1000 + "\n") * 3,
    "long words": "wörd " * 400 + "\n",
    "lone CR": "one\rtwo\r\rthree\n",
    "lone LF among CRLF": "one\r\ntwo\nthree\r\n",
    "CR at the end": "one\r",
    "dots": ".\n..\n.one\n\n.\n",
    "From": "From here\n>From there\nFrom\n\nFrom: x\n",
    "dashes": "-- \n- \n--x\n-----BEGIN PGP MESSAGE-----\n",
    "blanks": "one \t\n \n\ttwo \n",
    "NUL and controls": "a\0b\x01\x7f\x1b[31m\n",
    "beyond the BMP": "𝄞 ✓ \u2028 \ufeff\n",
}

FILES = {
    "empty.bin": b"",
    "long lines.txt": (b"x" * 1000 + b"\n") * 3,
    "line ends.txt": b"\r\r\n\n\r.\r\n.\nFrom \rFrom \n",
    "all bytes.bin": bytes(range(256)) * 300,
    "übung ✓.pdf": b"%PDF-\0\r\n.\r\nQUIT\r\n",
    "armored.asc": b"-----BEGIN PGP MESSAGE-----\n\nnone\n-----END PGP MESSAGE-----\n",
    "mail.eml": b"Subject: inner\n\nFrom here\n.\n",
}


def canonical(text, face=None):
    """How a text stands in a mail: only line ends that are all LF become CRLF.

    A component's text is lines: each of them gets CRLF, the last one too.
    """
    data = text.encode()
    if face is FACES["component"]:
        data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
        return data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    return data if b"\r" in data else data.replace(b"\n", b"\r\n")


@pytest.fixture
def files(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tuple(tmp_path / name for name in FILES)


def sent(server):
    (connection,) = server.settled()
    (content,) = connection.contents
    return content


def opened(home, content, *, encrypted):
    """The signed MIME entity of a mail, as gpg gives or verifies it."""
    if encrypted:
        verdict = Gpg(home).read_encrypted(content)
        assert verdict.decrypted
        entity = verdict.content
    else:
        verdict = Gpg(home).verify_signed(content)
        entity, _ = signed_parts(content)
    assert (verdict.signature, verdict.signer) == (
        "good",
        fixture_key("modern", "sender").fingerprint,
    )
    return email.message_from_bytes(entity, policy=email.policy.default)


def home_of(place, *, encrypted):
    """Where gpg can read it: the recipient's home, or the sender's for a signature."""
    return place("recipients-home") if encrypted else place("modern")


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_arrives_exactly(face, place, server, name, encrypted):
    text = TEXTS[name]
    job = Job(port=server.port, text=text, keyring=place("modern"), encrypt=encrypted)

    assert face(job).text == ""
    content = sent(server)
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    entity = opened(home_of(place, encrypted=encrypted), content, encrypted=encrypted)
    assert entity.get_content_type() == "text/plain"
    assert entity.get_payload(decode=True) == canonical(text, face)
    mail = gpgmail.read(content, keyring=home_of(place, encrypted=encrypted))
    assert mail.verdict.signed is gpgmail.Cover.WHOLE
    assert mail.parts[0].content == canonical(text, face)


@pytest.mark.parametrize("encrypted", [False, True])
def test_attachments_arrive_exactly(face, place, server, files, encrypted):
    job = Job(port=server.port, attach=files, keyring=place("modern"), encrypt=encrypted)

    assert face(job).text == ""
    content = sent(server)
    entity = opened(home_of(place, encrypted=encrypted), content, encrypted=encrypted)
    found = {part.get_filename(): exact(part) for part in entity.iter_attachments()}
    assert found == FILES


def exact(part):
    """The content of an attachment; one that is itself a mail is read as its source."""
    if part.get_content_type() != "message/rfc822":
        return part.get_payload(decode=True)
    return part.get_payload(0).as_bytes()


@pytest.mark.parametrize("name", TEXTS)
def test_an_inline_message_reads_as_it_was_written(face, place, server, name):
    text = TEXTS[name]
    job = Job(port=server.port, text=text, keyring=place("modern"), inline=True)

    assert face(job).text == ""
    content = sent(server)
    verdict = Gpg(place("recipients-home")).read(content)
    assert (verdict.decrypted, verdict.signature) == (True, "good")
    assert verdict.content.replace(b"\r\n", b"\n") == text.encode().replace(b"\r\n", b"\n")


def test_a_standard_message_arrives_as_the_caller_made_it(place, server):
    message = email.message.EmailMessage()
    message["From"] = "sender@example.org"
    message["To"] = "alice@example.org"
    message["Subject"] = "Grüße ✓ " + "long " * 40
    message.set_content("From here\n.\n" + "x" * 1000 + "\n")
    message.add_alternative("<p>Grüße</p>\n", subtype="html")
    for name, data in FILES.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    with gpgmail.Mailer(f"smtp://127.0.0.1:{server.port}", keyring=place("modern")) as mailer:
        mailer.send(message, sign=True, encrypt=True)

    content = sent(server)
    outer = email.message_from_bytes(content, policy=email.policy.default)
    assert outer["Subject"] == message["Subject"]
    entity = opened(place("recipients-home"), content, encrypted=True)
    assert {part.get_filename(): exact(part) for part in entity.iter_attachments()} == FILES
    text = entity.get_body(("plain",)).get_payload(decode=True)
    assert text.replace(b"\r\n", b"\n") == b"From here\n.\n" + b"x" * 1000 + b"\n"
