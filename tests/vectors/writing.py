"""What the mails of these vectors are built from: header lines, parts, and gpg called directly.

A builder gets `Keys` and returns the bytes of a mail as a program of its kind writes it: its own
header lines, names, boundaries and line ends. Nothing here goes through the code under test.
"""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.protect.helpers import fingerprint
from tests.support.keyrings import fixture_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crypto.helpers import Gpg

PASSPHRASE = "correct horse battery staple"
WORDS = "Guten Tag Alice,\r\n\r\ndie Zahlen für März: 4 % mehr.\r\n-- \r\nSender\r\n"
SUBJECT = "Zahlen für März"
ENCODED_SUBJECT = "=?UTF-8?Q?Zahlen_f=C3=BCr_M=C3=A4rz?="
HEADER = {
    "From": "Sender <sender@example.org>",
    "To": "alice@example.org",
    "Subject": ENCODED_SUBJECT,
    "Date": "Tue, 14 Oct 2025 09:30:00 +0200",
    "Message-ID": "<20251014093000.1@example.org>",
    "MIME-Version": "1.0",
}


@dataclass(frozen=True)
class Keys:
    """The homes that sign and encrypt: sender's, alice's and those of other keys.

    That of `gone` is revoked later; nobody who reads has that of `stranger`.
    """

    sender: Gpg
    alice: Gpg
    expired: Gpg
    gone: Gpg
    stranger: Gpg

    def sign(self, data: bytes, *options: str, armor: bool = True) -> bytes:
        """Sender's detached signature."""
        form = ("--armor",) if armor else ()
        made = self.sender("-u", fingerprint("sender"), *options, *form, "-b", stdin=data)
        return crlf(made) if armor else made

    def clear(self, text: str, charset: str = "utf-8") -> bytes:
        """Sender's signature around a text in clear."""
        data = text.replace("\r\n", "\n").encode(charset)
        return crlf(self.sender("-u", fingerprint("sender"), "--clearsign", stdin=data))

    def seal(
        self, data: bytes, *options: str, signed: bool = True, armor: bool = True, to: str = "alice"
    ) -> bytes:
        """*data* encrypted, and as a rule signed inside."""
        words = ["--trust-model", "always", "-r", fingerprint(to), *options, "-e"]
        words += ["-u", fingerprint("sender"), "-s"] if signed else []
        made = self.sender(*words, *(["--armor"] if armor else []), stdin=data)
        return crlf(made) if armor else made

    def opaque(self, data: bytes, *, armor: bool = True) -> bytes:
        """*data* inside a signature, not encrypted."""
        form = ("--armor",) if armor else ()
        made = self.sender("-u", fingerprint("sender"), *form, "-s", stdin=data)
        return crlf(made) if armor else made

    def symmetric(self, data: bytes) -> bytes:
        """*data* encrypted with a passphrase."""
        words = ("--pinentry-mode", "loopback", "--passphrase", PASSPHRASE)
        return crlf(self.sender(*words, "--armor", "-c", stdin=data))


VECTORS: dict[str, Callable[[Keys], bytes]] = {}


def vector(build: Callable[[Keys], bytes]) -> Callable[[Keys], bytes]:
    """Enter a builder under the name of its file."""
    VECTORS[build.__name__.replace("_", "-")] = build
    return build


def crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def lines(*fields: str) -> bytes:
    return "".join(f"{field}\r\n" for field in fields).encode()


def mail(body: bytes, *fields: str, without: tuple[str, ...] = (), **changed: str) -> bytes:
    """A mail: the usual header fields, changed and left out as asked, then *fields*."""
    changed = {name.replace("_", "-"): value for name, value in changed.items()}
    kept = {name: value for name, value in {**HEADER, **changed}.items() if name not in without}
    return lines(*(f"{name}: {value}" for name, value in kept.items()), *fields, "") + body


def part(body: bytes, *fields: str) -> bytes:
    return lines(*fields, "") + body


def joined(boundary: str, *parts: bytes, preamble: str = "", epilogue: str = "") -> bytes:
    """The body of a multipart."""
    delimiter = f"--{boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + one + b"\r\n" for one in parts)
    return preamble.encode() + body + delimiter + b"--\r\n" + epilogue.encode()


def text(words: str = WORDS, charset: str = "utf-8") -> bytes:
    """A text part in quoted-printable."""
    body = quopri.encodestring(words.replace("\r\n", "\n").encode(charset))
    kind = f"Content-Type: text/plain; charset={charset}"
    return part(crlf(body), kind, "Content-Transfer-Encoding: quoted-printable")


def in_base64(data: bytes) -> bytes:
    return crlf(base64.encodebytes(data))


def file(data: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    """An attachment in base64."""
    return part(
        in_base64(data),
        f'Content-Type: {kind}; name="{name}"',
        f'Content-Disposition: attachment; filename="{name}"',
        "Content-Transfer-Encoding: base64",
    )


def control(*fields: str, body: bytes = b"Version: 1\r\n") -> bytes:
    return part(body, "Content-Type: application/pgp-encrypted", *fields)


def ciphertext(armor: bytes, name: str = "encrypted.asc") -> bytes:
    return part(
        armor,
        f'Content-Type: application/octet-stream; name="{name}"',
        f'Content-Disposition: inline; filename="{name}"',
    )


def encrypted(boundary: str, armor: bytes) -> tuple[str, bytes]:
    """The field and the body of a multipart/encrypted."""
    field = (
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
        f' boundary="{boundary}"'
    )
    return field, joined(boundary, control(), ciphertext(armor))


def signature(armor: bytes, name: str = "signature.asc") -> bytes:
    return part(
        armor,
        f'Content-Type: application/pgp-signature; name="{name}"',
        "Content-Description: OpenPGP digital signature",
    )


def signed(
    boundary: str, inner: bytes, armor: bytes, micalg: str = "pgp-sha256"
) -> tuple[str, bytes]:
    """The field and the body of a multipart/signed."""
    field = (
        f"Content-Type: multipart/signed; micalg={micalg};\r\n"
        f' protocol="application/pgp-signature"; boundary="{boundary}"'
    )
    return field, joined(boundary, inner, signature(armor))


def public_key(name: str = "sender") -> bytes:
    from pathlib import Path

    from tests.support.keyrings import KEYRINGS

    assert fixture_key("modern", name)
    return crlf(Path(KEYRINGS, "exports", "public.asc").read_bytes())
