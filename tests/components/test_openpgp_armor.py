"""Header lines of armor wherever there is armor, and what is signed in clear."""

from __future__ import annotations

import pytest

from gpgmail.components import Attachment
from gpgmail.core.errors import UsageError
from tests.components.openpgp import refused
from tests.components.support import SENDER, TEXT, text_of

LINES = "Version: 9.1 (ours)\nComment: a: b #1\n"


def protect(mailer, form, method, *, clear=True):
    mailer.config(f"MessageFormat={form}")
    mailer.config(f"ClearSignature={clear}")
    getattr(mailer, method)()
    return mailer.message_text.replace("\r\n", "\n")


FORMS = [
    ("INLINE", "sign", True, "SIGNATURE"),
    ("INLINE", "sign", False, "MESSAGE"),
    ("INLINE", "encrypt", True, "MESSAGE"),
    ("INLINE", "sign_and_encrypt", True, "MESSAGE"),
    ("PGPMIME", "sign", True, "SIGNATURE"),
    ("PGPMIME", "encrypt", True, "MESSAGE"),
    ("PGPMIME", "sign_and_encrypt", True, "MESSAGE"),
]


@pytest.mark.proves("VersionHeader", "Comment", "ClearSignature")
@pytest.mark.parametrize("case", FORMS)
def test_header_lines_of_armor(sink, mailer, reader, case):
    form, method, clear, block = case
    first = f"-----BEGIN PGP {block}-----\n"
    plain = protect(mailer, form, method, clear=clear)
    assert f"{first}\n" in plain
    mailer.message_text = TEXT
    mailer.config("VersionHeader=9.1 (ours)")
    mailer.config("Comment=a: b #1")
    text = protect(mailer, form, method, clear=clear)
    assert f"{first}{LINES}\n" in text
    assert text.count("Version: 9") == text.count("Comment:") == 1
    assert ("BEGIN PGP SIGNED MESSAGE" in text) == (case == FORMS[0])
    mailer.config("RequireProtection=False")
    mailer.send()
    mail = sink.received[0]
    assert f"{first}{LINES}\n".replace("\n", "\r\n").encode() in mail.data
    look = {
        ("PGPMIME", "sign"): lambda: reader.verify_signed(mail.data),
        ("PGPMIME", "encrypt"): lambda: reader.read_encrypted(mail.data),
        ("PGPMIME", "sign_and_encrypt"): lambda: reader.read_encrypted(mail.data),
    }.get((form, method), lambda: reader.read(text_of(mail).encode()))
    verdict = look()
    assert verdict.decrypted == (method != "sign")
    assert (verdict.signer == SENDER.fingerprint) == (method != "encrypt")


@pytest.mark.proves("VersionHeader", "Comment", "ProcessAttachments")
@pytest.mark.parametrize(("method", "block"), [("sign", "SIGNATURE"), ("encrypt", "MESSAGE")])
def test_header_lines_in_the_armor_of_attachments(mailer, method, block):
    mailer.version_header, mailer.comment = "9.1 (ours)", "a: b #1"
    mailer.process_attachments = True
    mailer.attachments.append(Attachment(data=b"content", name="a.bin"))
    getattr(mailer, method)()
    *_, made = mailer._done.shown.attachments
    armor = made.source if isinstance(made.source, bytes) else made.source.read(1 << 20)
    assert armor.startswith(f"-----BEGIN PGP {block}-----\n{LINES}\n".encode())


@pytest.mark.proves("VersionHeader", "Comment")
@pytest.mark.parametrize("name", ["VersionHeader", "Comment"])
@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Injected: 1", "a\0", "\x1b[31m", "ü", "x" * 901])
def test_what_cannot_be_a_header_line_is_refused_when_it_is_set(mailer, name, value):
    assert mailer.config(name) == ""
    with pytest.raises(UsageError):
        mailer.config(f"{name}={value}")
    assert mailer.config(name) == ""


@pytest.mark.proves("ClearSignature", "OpenPGP 112")
def test_a_line_that_gpg_would_cut_from_signed_text_is_refused(sink, mailer, reader):
    long = "y" * 20_000
    mailer.message_text = long
    mailer.recipient_keys.clear()
    refused(mailer, sink, 112, "sign")
    mailer.message_text = long
    mailer.config("ClearSignature=False")
    mailer.sign()
    mailer.send()
    assert reader.read(text_of(sink.received[0]).encode()).content.decode() == long
