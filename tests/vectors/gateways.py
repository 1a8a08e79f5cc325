"""Mails as servers, lists and gateways leave them: another structure, other lines, more text."""

from __future__ import annotations

from tests.vectors.clients import INNER_FIELDS, gnus_signed, mutt_signed, thunderbird_signed
from tests.vectors.writing import (
    ENCODED_SUBJECT,
    HEADER,
    WORDS,
    Keys,
    control,
    encrypted,
    file,
    in_base64,
    joined,
    lines,
    mail,
    part,
    signature,
    signed,
    text,
    vector,
)

FOOTER = "_______________\r\nlist mailing list\r\nhttps://lists.example.org/\r\n"
EMPTY_HTML = (
    b'<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=us-ascii">'
    b"\r\n"
    b"</head>\r\n<body>\r\n</body>\r\n</html>\r\n"
)


def mixed(*parts: bytes, boundary: str = "_002_EXCH_") -> bytes:
    return mail(
        joined(boundary, *parts),
        "X-MS-Exchange-Organization-AuthSource: EX1.example.org",
        f'Content-Type: multipart/mixed;\r\n\tboundary="{boundary}"',
    )


def exchange_parts(keys: Keys) -> tuple[bytes, bytes]:
    """The two parts of a multipart/encrypted as Exchange writes them."""
    version = part(
        in_base64(b"Version: 1\r\n"),
        'Content-Type: application/pgp-encrypted;\r\n\tname="PGPMIME version identification"',
        "Content-Description: PGP/MIME version identification",
        'Content-Disposition: attachment;\r\n\tfilename="PGPMIME version identification"',
        "Content-Transfer-Encoding: base64",
    )
    return version, file(keys.seal(text()), "encrypted.asc")


@vector
def exchange_mixed(keys: Keys) -> bytes:
    empty = part(
        b"\r\n", 'Content-Type: text/plain; charset="us-ascii"', "Content-Transfer-Encoding: 7bit"
    )
    return mixed(empty, *exchange_parts(keys))


@vector
def exchange_mixed_html(keys: Keys) -> bytes:
    empty = part(EMPTY_HTML, 'Content-Type: text/html; charset="us-ascii"')
    return mixed(empty, *exchange_parts(keys))


@vector
def exchange_mixed_only_two(keys: Keys) -> bytes:
    return mixed(*exchange_parts(keys))


@vector
def exchange_lost_control(keys: Keys) -> bytes:
    empty = part(b"\r\n", 'Content-Type: text/plain; charset="us-ascii"')
    return mixed(empty, file(keys.seal(text()), "OpenPGP encrypted message.asc"))


@vector
def exchange_signed_mixed(keys: Keys) -> bytes:
    """multipart/signed that became multipart/mixed, with its parts as they were."""
    inner = text()
    return mixed(inner, signature(keys.sign(inner)))


@vector
def exchange_mixed_with_text(keys: Keys) -> bytes:
    """There is something to read before: it is not encrypted, and the mail not as a whole."""
    seen = part(b"Please open the attachment.\r\n", "Content-Type: text/plain")
    return mixed(*exchange_parts(keys), seen)


@vector
def proton_bridge_mixed(keys: Keys) -> bytes:
    empty = part(
        b"Empty Message\r\n",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    version = file(b"Version: 1\r\n\r\n", "attachment.pgp", "application/pgp-encrypted")
    return mixed(empty, version, file(keys.seal(text()), "encrypted.asc"), boundary="b1_01FB8")


@vector
def gpgol_structure(keys: Keys) -> bytes:
    """What Outlook shows of a GpgOL mail when it lost its structure."""
    version = file(b"Version: 1\r\n", "GpgOL_MIME_structure.txt")
    return mixed(version, file(keys.seal(text()), "gpgolPGP.dat"))


@vector
def outlook_version_identification(keys: Keys) -> bytes:
    version = file(b"Version: 1\r\n", "PGP_MIME Versions Identification.dat")
    return mixed(version, file(keys.seal(text()), "encrypted.asc"))


def with_footer(whole: bytes, kind: bytes) -> bytes:
    """What Mailman does to a mail: another multipart around it, and a text behind."""
    header, _, body = whole.partition(b"\r\n\r\n")
    at = header.index(b"Content-Type: " + kind)
    inner = header[at:] + b"\r\n\r\n" + body
    footer = part(
        FOOTER.encode(),
        'Content-Type: text/plain; charset="us-ascii"',
        "MIME-Version: 1.0",
        "Content-Transfer-Encoding: 7bit",
        "Content-Disposition: inline",
    )
    field = b'Content-Type: multipart/mixed; boundary="===============0123=="\r\n\r\n'
    return header[:at] + field + joined("===============0123==", inner, footer)


@vector
def mailman_footer(keys: Keys) -> bytes:
    return with_footer(gnus_signed(keys), b"multipart/signed")


@vector
def mailman_footer_encrypted(keys: Keys) -> bytes:
    field, body = encrypted("inner", keys.seal(text()))
    return with_footer(mail(body, field), b"multipart/encrypted")


@vector
def list_footer_inline(keys: Keys) -> bytes:
    body = keys.clear(WORDS) + FOOTER.encode()
    return mail(body, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


@vector
def list_footer_in_signed_text(keys: Keys) -> bytes:
    """The footer got between the signed text and its signature."""
    body = keys.clear(WORDS)
    mark = b"-----BEGIN PGP SIGNATURE-----"
    body = body.replace(mark, FOOTER.encode() + mark)
    return mail(body, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")


@vector
def list_footer_behind_ciphertext(keys: Keys) -> bytes:
    """Appended to the body of the part with the armor, where no reader shows it."""
    field, body = encrypted("tail", keys.seal(text()))
    end = b"-----END PGP MESSAGE-----\r\n"
    return mail(body.replace(end, end + FOOTER.encode()), field)


@vector
def list_subject(keys: Keys) -> bytes:
    """The list changed the subject outside; the signed one inside is the author's."""
    changed = f"Subject: [list] {ENCODED_SUBJECT}".encode()
    return thunderbird_signed(keys).replace(f"Subject: {ENCODED_SUBJECT}".encode(), changed, 1)


@vector
def gateway_disclaimer(keys: Keys) -> bytes:
    field, body = encrypted("inner", keys.seal(text()))
    disclaimer = part(b"<p>Confidential.</p>\r\n", "Content-Type: text/html; charset=us-ascii")
    return mixed(part(body, field), disclaimer, boundary="gw")


@vector
def forwarded_as_attachment(keys: Keys) -> bytes:
    """A signed mail inside another one says nothing about that."""
    note = part(b"See below.\r\n", "Content-Type: text/plain")
    inner = part(gnus_signed(keys), "Content-Type: message/rfc822")
    return mixed(note, inner, boundary="fwd")


@vector
def lf_line_ends(keys: Keys) -> bytes:
    return gnus_signed(keys).replace(b"\r\n", b"\n")


@vector
def cr_line_ends(keys: Keys) -> bytes:
    return gnus_signed(keys).replace(b"\r\n", b"\r")


@vector
def mixed_line_ends(keys: Keys) -> bytes:
    """Every other line end lost its CR."""
    rows = mutt_signed(keys).split(b"\r\n")
    return b"".join(row + (b"\r\n" if at % 2 else b"\n") for at, row in enumerate(rows))


@vector
def mbox_from(keys: Keys) -> bytes:
    """From an mbox: a line before the header, and a From in the text that was marked."""
    inner = text(WORDS + "From here on it is short.\r\n")
    field, body = signed("mbox", inner, keys.sign(inner))
    whole = mail(body, field).replace(b"\r\nFrom here", b"\r\n>From here")
    return b"From sender@example.org Tue Oct 14 09:30:00 2025\n" + whole.replace(b"\r\n", b"\n")


@vector
def lost_last_line_end(keys: Keys) -> bytes:
    """The empty line that ended the signed part went on the way."""
    inner = text(WORDS + "\r\n")
    field, body = signed("cut", inner, keys.sign(inner))
    return mail(body.replace(inner, inner.removesuffix(b"\r\n")), field)


@vector
def byte_order_mark(keys: Keys) -> bytes:
    return b"\xef\xbb\xbf" + gnus_signed(keys)


@vector
def eight_bit_header(keys: Keys) -> bytes:
    raw = b"X-Note: M\xe4rz und \xc3\xa4hnlich\r\nSubject: Zahlen f\xfcr M\xe4rz\r\n"
    return gnus_signed(keys).replace(f"Subject: {ENCODED_SUBJECT}\r\n".encode(), raw)


@vector
def doubled_lines(keys: Keys) -> bytes:
    """Each line end became two, and lines are indented by a blank that does not break."""
    armor = keys.seal(WORDS.encode()).decode()
    body = "".join(f"\u00a0{line}  \r\n\r\n" if line else "\r\n" for line in armor.split("\r\n"))
    body = body.replace("\u00a0-----", "-----")
    fields = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    return mail(body.encode(), *fields)


@vector
def lost_empty_line(keys: Keys) -> bytes:
    """The line between the armor's header and its data is gone."""
    armor = keys.seal(WORDS.encode()).replace(b"-----\r\n\r\n", b"-----\r\nVersion: 1\r\n", 1)
    return mail(armor, "Content-Type: text/plain; charset=utf-8")


@vector
def lost_encoding(keys: Keys) -> bytes:
    """Quoted-printable, and nobody says so any more."""
    armor = keys.seal(WORDS.encode())
    return mail(armor.replace(b"=", b"=3D"), "Content-Type: text/plain; charset=utf-8")


@vector
def encoded_armor(keys: Keys) -> bytes:
    fields = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64")
    return mail(in_base64(keys.seal(WORDS.encode())), *fields)


@vector
def several_blocks(keys: Keys) -> bytes:
    body = keys.seal(b"One.\r\n") + b"\r\n" + keys.seal(b"Two.\r\n")
    return mail(body, "Content-Type: text/plain; charset=utf-8")


@vector
def protected_other_author(keys: Keys) -> bytes:
    """From inside is not the From outside: it is told, and never shown in its place."""
    fields = (*INNER_FIELDS[1:], "From: Boss <boss@example.org>")
    inner = text().replace(b"charset=utf-8", b'charset=utf-8; protected-headers="v1"', 1)
    field, body = encrypted("boss", keys.seal(lines(*fields) + inner))
    return mail(body, field, From=HEADER["From"], Subject="...")


@vector
def control_without_version(keys: Keys) -> bytes:
    armor = part(keys.seal(text()), "Content-Type: application/octet-stream")
    return _odd(control(body=b"\r\n"), armor)


@vector
def ciphertext_in_base64(keys: Keys) -> bytes:
    return _odd(control(), file(keys.seal(text()), "encrypted.asc"))


@vector
def ciphertext_without_armor(keys: Keys) -> bytes:
    return _odd(control(), file(keys.seal(text(), armor=False), "encrypted.pgp"))


@vector
def extra_part(keys: Keys) -> bytes:
    armor = part(keys.seal(text()), "Content-Type: application/octet-stream")
    seen = part(b"Scanned by a gateway.\r\n", "Content-Type: text/plain")
    return _odd(control(), armor, seen)


def _odd(*parts: bytes) -> bytes:
    field = (
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="odd"'
    )
    return mail(joined("odd", *parts), field)
