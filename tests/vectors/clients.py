"""Mails as mail programs write them: which structure, which names, which fields."""

from __future__ import annotations

from tests.vectors.writing import (
    ENCODED_SUBJECT,
    HEADER,
    WORDS,
    Keys,
    ciphertext,
    control,
    crlf,
    encrypted,
    file,
    joined,
    lines,
    mail,
    part,
    public_key,
    signature,
    signed,
    text,
    vector,
)

INNER_FIELDS = tuple(f"{name}: {HEADER[name]}" for name in ("From", "To", "Subject", "Message-ID"))


def thunderbird_content(*fields: str, keys: bool = True) -> bytes:
    """Thunderbird's payload: protected fields of before RFC 9788, and the sender's key."""
    outer, inner = "------------e0WPqXk2", "------------uJ3nOv7b"
    message = part(joined(inner, text()), f'Content-Type: multipart/mixed; boundary="{inner}"')
    key = part(
        public_key(),
        'Content-Type: application/pgp-keys; name="OpenPGP_0x1122334455667788.asc"',
        'Content-Disposition: attachment; filename="OpenPGP_0x1122334455667788.asc"',
        "Content-Description: OpenPGP public key",
    )
    parts = (message, key) if keys else (message,)
    kind = f'Content-Type: multipart/mixed; boundary="{outer}";\r\n protected-headers="v1"'
    return part(joined(outer, *parts), kind, *(fields or INNER_FIELDS))


@vector
def thunderbird_signed(keys: Keys) -> bytes:
    boundary, inner = "------------kNq5xwZ0", thunderbird_content()
    field = (
        "Content-Type: multipart/signed; micalg=pgp-sha256;\r\n"
        f' protocol="application/pgp-signature";\r\n boundary="{boundary}"'
    )
    body = joined(
        boundary,
        inner,
        signature(keys.sign(inner), "OpenPGP_signature.asc"),
        preamble="This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n",
    )
    return mail(body, "User-Agent: Mozilla Thunderbird", field)


def _thunderbird(armor: bytes, *fields: str, subject: str = "...") -> bytes:
    boundary = "------------Zr81mTfC"
    field = (
        'Content-Type: multipart/encrypted;\r\n protocol="application/pgp-encrypted";\r\n'
        f' boundary="{boundary}"'
    )
    body = joined(
        boundary,
        control("Content-Description: PGP/MIME version identification"),
        ciphertext(armor),
        preamble="This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n",
    )
    return mail(body, "User-Agent: Mozilla Thunderbird", *fields, field, Subject=subject)


@vector
def thunderbird_encrypted(keys: Keys) -> bytes:
    return _thunderbird(keys.seal(thunderbird_content()))


@vector
def thunderbird_encrypted_only(keys: Keys) -> bytes:
    return _thunderbird(keys.seal(thunderbird_content(), signed=False))


@vector
def thunderbird_other_subject(keys: Keys) -> bytes:
    """Nobody signed what stands inside, and the subject outside is a real one."""
    return _thunderbird(keys.seal(thunderbird_content(), signed=False), subject="Rechnung")


@vector
def thunderbird_draft(keys: Keys) -> bytes:
    draft = _thunderbird(
        keys.seal(thunderbird_content(keys=False), signed=False),
        "X-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0; DSN=0; uuencode=0",
        "X-Enigmail-Draft-Status: N11222",
    )
    return draft.replace(b"From: Sender <sender@example.org>\r\nTo: alice@example.org\r\n", b"")


FLOWED = "Guten Tag Alice,\r\n eingerückt steht das hier,\r\nFrom hier an nicht.\r\n"


@vector
def enigmail_signed(keys: Keys) -> bytes:
    """Text signed in clear, and then made format=flowed, which puts blanks before lines."""
    clear = keys.clear(FLOWED).replace(b"\r\n ", b"\r\n  ").replace(b"\r\nFrom ", b"\r\n From ")
    fields = ("Content-Type: text/plain; charset=utf-8; format=flowed",)
    return mail(clear, "User-Agent: Thunderbird 60", *fields, "Content-Transfer-Encoding: 8bit")


@vector
def enigmail_encrypted(keys: Keys) -> bytes:
    """Armor that names the charset of the text inside, in a mail that says ASCII."""
    armor = keys.seal(WORDS.encode("iso-8859-1"))
    armor = armor.replace(b"-----\r\n", b"-----\r\nCharset: iso-8859-1\r\nVersion: GnuPG v2\r\n", 1)
    return mail(armor, "Content-Type: text/plain; charset=us-ascii", "X-Enigmail-Version: 2.0.8")


@vector
def apple_mail_signed(keys: Keys) -> bytes:
    boundary = "Apple-Mail=_0C1B5A1F-1111-4222"
    html = part(
        b"<html><body>Guten Tag Alice</body></html>\r\n",
        "Content-Type: text/html; charset=us-ascii",
    )
    inner = part(
        joined(boundary, text(), html),
        f'Content-Type: multipart/alternative;\r\n\tboundary="{boundary}"',
    )
    field, body = signed(
        "Apple-Mail=_9DE0-4333", inner, keys.sign(inner, "--digest-algo", "SHA512")
    )
    return mail(body, "X-Mailer: Apple Mail (2.3654)", field.replace("sha256", "sha512"))


@vector
def apple_mail_encrypted(keys: Keys) -> bytes:
    field = (
        'Content-Type: multipart/encrypted;\r\n\tboundary="Apple-Mail=_77AA";\r\n'
        '\tprotocol="application/pgp-encrypted"'
    )
    described = part(
        keys.seal(text()),
        "Content-Transfer-Encoding: 7bit",
        "Content-Disposition: inline;\r\n\tfilename=encrypted.asc",
        "Content-Type: application/octet-stream;\r\n\tname=encrypted.asc",
        "Content-Description: OpenPGP encrypted message",
    )
    body = joined(
        "Apple-Mail=_77AA",
        control(
            "Content-Transfer-Encoding: 7bit",
            "Content-Description: PGP/MIME Versions Identification",
        ),
        described,
        preamble="This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)\r\n",
    )
    return mail(body, "X-Mailer: Apple Mail (2.3654)", field)


@vector
def gpgol_encrypted(keys: Keys) -> bytes:
    field, body = encrypted("=-=0ew8hz5b6e=-=", keys.seal(text()))
    return mail(body, "X-Mailer: Microsoft Outlook 16.0", field)


@vector
def k9_encrypted(keys: Keys) -> bytes:
    inner = part(
        joined("----KPVQ", text(), file(b"%PDF-1.4", "a.pdf", "application/pdf")),
        'Content-Type: multipart/mixed; boundary="----KPVQ"',
    )
    field, body = encrypted("----7I2Z4VBG", keys.seal(inner))
    return mail(body, "User-Agent: K-9 Mail for Android", field)


@vector
def proton_pgpmime(keys: Keys) -> bytes:
    armor = keys.seal(text()).replace(
        b"-----\r\n", b"-----\r\nVersion: ProtonMail\r\nComment: https://protonmail.com\r\n", 1
    )
    field, body = encrypted("---------------------4f1b8c", armor)
    return mail(body, "X-Pm-Origin: external", field)


@vector
def proton_inline(keys: Keys) -> bytes:
    """Body and attachments are messages of their own, attachments without armor."""
    armor = keys.seal(WORDS.encode()).replace(b"-----\r\n", b"-----\r\nVersion: ProtonMail\r\n", 1)
    parts = (
        part(armor, "Content-Type: text/plain; charset=utf-8"),
        file(keys.seal(b"a,b\r\n", armor=False), "zahlen.csv.pgp", "application/pgp-encrypted"),
    )
    return mail(joined("b1_x", *parts), 'Content-Type: multipart/mixed; boundary="b1_x"')


@vector
def mutt_signed(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("fUYQa+Pmc3FrFX/N", inner, keys.sign(inner))
    return mail(body, "Content-Disposition: inline", "User-Agent: Mutt/2.2.9", field)


@vector
def mutt_traditional_signed(keys: Keys) -> bytes:
    fields = ("Content-Type: application/pgp; x-action=sign; format=text; charset=utf-8",)
    body = keys.clear(WORDS)
    return mail(body, *fields, "Content-Transfer-Encoding: 8bit", "Content-Disposition: inline")


@vector
def mutt_traditional_encrypted(keys: Keys) -> bytes:
    fields = ("Content-Type: application/pgp; x-action=encrypt; format=text", "User-Agent: Mutt")
    return mail(keys.seal(WORDS.encode()), *fields)


@vector
def gnus_signed(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("=-=-=", inner, keys.sign(inner))
    return mail(body, "User-Agent: Gnus/5.13 (Gnus v5.13) Emacs/28.2", field)


@vector
def kmail_signed_encrypted(keys: Keys) -> bytes:
    """KMail puts multipart/signed inside multipart/encrypted."""
    inner = text()
    field, body = signed("nextPart2207345.irdbgypaU6", inner, keys.sign(inner), "pgp-sha512")
    sealed = keys.seal(part(body, field), signed=False)
    field, body = encrypted("nextPart1862437.TLkxdtWsSY", sealed)
    return mail(body, "User-Agent: KMail/5.22", field)


@vector
def evolution_signed(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("=-mYqGd1Zr0c", inner, keys.sign(inner), '"pgp-sha512"')
    return mail(body, "User-Agent: Evolution 3.46.4-2", field)


@vector
def flowcrypt_inline(keys: Keys) -> bytes:
    """Armor in the body, with MIME inside, and attachments that are armored as binary."""
    inner = part(
        joined("sinikael-?=_1", text()), 'Content-Type: multipart/mixed; boundary="sinikael-?=_1"'
    )
    armor = keys.seal(inner, signed=False).replace(
        b"-----\r\n", b"-----\r\nVersion: FlowCrypt Email Encryption 8.5.10\r\n", 1
    )
    parts = (
        part(armor, "Content-Type: text/plain"),
        file(keys.seal(b"a,b\r\n", signed=False, armor=False), "zahlen.csv.pgp"),
    )
    return mail(joined("x-2", *parts), 'Content-Type: multipart/mixed; boundary="x-2"')


@vector
def mailvelope_attachment(keys: Keys) -> bytes:
    """A whole PGP/MIME ciphertext as an attached file behind an empty text."""
    parts = (
        part(b"\r\n", "Content-Type: text/plain; charset=utf-8"),
        file(keys.seal(text()), "encrypted.asc", "application/octet-stream"),
    )
    return mail(joined("0000ab", *parts), 'Content-Type: multipart/mixed; boundary="0000ab"')


@vector
def mailvelope_html(keys: Keys) -> bytes:
    """Armor as text and once more as HTML."""
    armor = keys.seal(WORDS.encode())
    html = b"<div dir=ltr><pre>" + armor.replace(b"+", b"&#43;") + b"</pre></div>\r\n"
    parts = (
        part(armor, "Content-Type: text/plain; charset=utf-8"),
        part(html, "Content-Type: text/html; charset=utf-8"),
    )
    field = 'Content-Type: multipart/alternative; boundary="0000cd"'
    return mail(joined("0000cd", *parts), field)


@vector
def outlook_html(keys: Keys) -> bytes:
    """Armor that a mail program turned into HTML, a line in a paragraph."""
    rows = keys.seal(WORDS.encode()).decode().split("\r\n")
    paragraphs = "".join(
        f'<p class="MsoNormal">{row or "&nbsp;"}<o:p></o:p></p>\r\n' for row in rows
    )
    html = f"<html><head><style>p {{margin:0}}</style></head><body>\r\n{paragraphs}</body></html>"
    return mail(html.encode(), "Content-Type: text/html; charset=utf-8")


@vector
def hp_cipher(keys: Keys) -> bytes:
    """RFC 9788: the sender says inside what stands outside."""
    inner = text().replace(b"charset=utf-8", b'charset=utf-8; hp="cipher"', 1)
    fields = (
        *INNER_FIELDS,
        "HP-Outer: Subject: [...]",
        "HP-Outer: From: Sender <sender@example.org>",
    )
    field, body = encrypted("hp1", keys.seal(lines(*fields) + inner))
    return mail(body, field, Subject="[...]")


@vector
def hp_clear(keys: Keys) -> bytes:
    inner = lines(*INNER_FIELDS) + text().replace(b"charset=utf-8", b'charset=utf-8; hp="clear"', 1)
    field, body = signed("hp2", inner, keys.sign(inner))
    return mail(body, field, Subject=f"[list] {ENCODED_SUBJECT}")


@vector
def symmetric(keys: Keys) -> bytes:
    field, body = encrypted("sym", keys.symmetric(text()))
    return mail(body, field)


@vector
def opaque_signed(keys: Keys) -> bytes:
    return mail(keys.opaque(WORDS.encode()), "Content-Type: text/plain; charset=utf-8")


@vector
def nested_signed(keys: Keys) -> bytes:
    """Signed by alice, then the whole by sender."""
    first = text()
    inner = crlf(keys.alice("-u", "alice@example.org", "-b", "--armor", stdin=first))
    field, body = signed("first", first, inner)
    second = part(body, field)
    field, body = signed("second", second, keys.sign(second))
    return mail(body, field)


@vector
def two_signers(keys: Keys) -> bytes:
    inner = text()
    both = keys.alice("-u", "alice@example.org", "-b", stdin=inner)
    both += keys.sign(inner, armor=False)
    armor = keys.sender("--enarmor", stdin=both).replace(b"ARMORED FILE", b"SIGNATURE")
    field, body = signed("two", inner, crlf(armor))
    return mail(body, field)
