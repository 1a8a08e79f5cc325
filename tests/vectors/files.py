"""Mails with files that are signed, encrypted, or about keys; and signatures that are not good."""

from __future__ import annotations

from tests.support.keyrings import fixture_key
from tests.vectors.writing import (
    WORDS,
    Keys,
    crlf,
    encrypted,
    file,
    joined,
    mail,
    part,
    public_key,
    signed,
    text,
    vector,
)

DATA = b"a,b\r\n1,2\r\n"
NOTE = part(b"See the file.\r\n", "Content-Type: text/plain")


def with_files(*parts: bytes) -> bytes:
    return mail(joined("files", NOTE, *parts), 'Content-Type: multipart/mixed; boundary="files"')


@vector
def file_with_signature(keys: Keys) -> bytes:
    made = part(
        keys.sign(DATA),
        'Content-Type: application/pgp-signature; name="zahlen.csv.asc"',
        'Content-Disposition: attachment; filename="zahlen.csv.asc"',
    )
    return with_files(file(DATA, "zahlen.csv", "text/csv"), made)


@vector
def file_with_binary_signature(keys: Keys) -> bytes:
    made = file(keys.sign(DATA, armor=False), "zahlen.csv.sig")
    return with_files(file(DATA, "zahlen.csv", "text/csv"), made)


@vector
def file_encrypted(keys: Keys) -> bytes:
    return with_files(file(keys.seal(DATA), "zahlen.csv.asc", "text/plain"))


@vector
def file_encrypted_binary(keys: Keys) -> bytes:
    return with_files(file(keys.seal(DATA, armor=False), "zahlen.csv.gpg"))


@vector
def file_signed_binary(keys: Keys) -> bytes:
    return with_files(file(keys.opaque(DATA, armor=False), "zahlen.csv.pgp"))


@vector
def file_signed_in_clear(keys: Keys) -> bytes:
    return with_files(file(keys.clear("Eins\r\n"), "note.txt.asc", "text/plain"))


@vector
def file_for_somebody_else(keys: Keys) -> bytes:
    data = keys.stranger("-r", "signer@example.org", "--trust-model", "always", "-e", stdin=DATA)
    return with_files(file(data, "zahlen.csv.gpg"))


@vector
def file_is_a_key(keys: Keys) -> bytes:
    return with_files(file(public_key(), "sender.asc", "application/pgp-keys"))


@vector
def file_is_a_key_by_another_type(keys: Keys) -> bytes:
    return with_files(file(public_key(), "0x1122334455667788.asc"))


@vector
def bad_signature(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("bad", inner.replace(b"4 %", b"5 %"), keys.sign(inner))
    return mail(body, field)


@vector
def expired_signature(keys: Keys) -> bytes:
    inner = text()
    ago = ("--faked-system-time", "20240301T000000", "--default-sig-expire", "1d")
    field, body = signed("old", inner, keys.sign(inner, *ago))
    return mail(body, field)


@vector
def expired_key(keys: Keys) -> bytes:
    key, inner = fixture_key("expired", "expired"), text()
    when = ("--faked-system-time", f"{key.created + 60}!")
    made = crlf(keys.expired(*when, "-u", key.fingerprint, "--armor", "-b", stdin=inner))
    field, body = signed("exp", inner, made)
    return mail(body, field, From=key.address)


@vector
def revoked_key(keys: Keys) -> bytes:
    inner = text()
    made = crlf(keys.gone("-u", "gone@example.org", "--armor", "-b", stdin=inner))
    field, body = signed("rev", inner, made)
    return mail(body, field, From="gone@example.org")


@vector
def missing_key(keys: Keys) -> bytes:
    inner = text()
    made = crlf(keys.stranger("-u", "signer@example.org", "--armor", "-b", stdin=inner))
    field, body = signed("who", inner, made)
    return mail(body, field)


@vector
def wrong_signer(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("wrong", inner, keys.sign(inner))
    return mail(body, field, From='"Sender <sender@example.org>" <bob@example.org>')


@vector
def partly_signed(keys: Keys) -> bytes:
    inner = part(b"Pay what is agreed.\r\n", "Content-Type: text/plain")
    field, body = signed("some", inner, keys.sign(inner))
    more = part(b"That is a million.\r\n", "Content-Type: text/plain")
    return mail(
        joined("all", part(body, field), more), 'Content-Type: multipart/mixed; boundary="all"'
    )


@vector
def signed_nothing(keys: Keys) -> bytes:
    """A good signature over an empty text, beside a text that has none."""
    inner = part(b"\r\n", "Content-Type: text/plain")
    field, body = signed("none", inner, keys.sign(inner))
    more = part(b"Pay a million.\r\n", "Content-Type: text/plain")
    return mail(
        joined("all", part(body, field), more), 'Content-Type: multipart/mixed; boundary="all"'
    )


@vector
def bad_signature_inside(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("bad", inner.replace(b"4 %", b"5 %"), keys.sign(inner))
    field, body = encrypted("enc", keys.seal(part(body, field), signed=False))
    return mail(body, field)


@vector
def wrong_micalg(keys: Keys) -> bytes:
    inner = text()
    field, body = signed("alg", inner, keys.sign(inner), "pgp-md5")
    return mail(body, field)


@vector
def names_that_lie(keys: Keys) -> bytes:
    """A file name inside the ciphertext, and a notation, that look like gpg's own words."""
    words = "x\n[GNUPG:] GOODSIG 0000000000000000 Boss <boss@example.org>\n[GNUPG:] TRUST_ULTIMATE"
    notation = "note@example.org=[GNUPG:] VALIDSIG 0000000000000000"
    armor = keys.seal(text(), "--set-filename", words, "--sig-notation", notation, signed=False)
    field, body = encrypted("lie", armor)
    return mail(body, field)


@vector
def plain(keys: Keys) -> bytes:
    return mail(
        text().partition(b"\r\n\r\n")[2],
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )


@vector
def quoted_block(keys: Keys) -> bytes:
    """A reply that quotes armor: nothing of it is this mail's."""
    armor = keys.seal(WORDS.encode()).decode()
    quoted = "".join(f"> {line}\r\n" for line in armor.split("\r\n"))
    return mail(quoted.encode() + b"I cannot open this.\r\n", "Content-Type: text/plain")


@vector
def block_for_somebody_else(keys: Keys) -> bytes:
    """A text with a block that does not open is a text all the same."""
    words = ("-r", "signer@example.org", "--trust-model", "always", "--armor", "-e")
    block = crlf(keys.stranger(*words, stdin=DATA))
    return mail(b"What is this?\r\n" + block, "Content-Type: text/plain")
