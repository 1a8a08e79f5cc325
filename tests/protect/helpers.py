"""Mails made by hand and by gpg called directly, so that reading is tested on what others write.

Nothing here goes through the code under test.
"""

from __future__ import annotations

from itertools import count

from tests.support.keyrings import fixture_key

FROM = "Sender (test) <sender@example.org>"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe words.\r\n"
OTHER = b"Content-Type: text/plain; charset=utf-8\r\n\r\nOther words.\r\n"
_numbers = count()


def fingerprint(name, situation="modern"):
    return fixture_key(situation, name).fingerprint


def leaf(body, content_type="text/plain; charset=utf-8", *fields):
    """A part of a mail."""
    lines = [f"Content-Type: {content_type}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def multipart(subtype, *parts, parameters="", preamble=b"", epilogue=b""):
    """Parts joined by a boundary of their own."""
    boundary = f"bound-{next(_numbers)}"
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"{parameters}\r\n\r\n'.encode()
    delimiter = f"--{boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
    return head + preamble + body + delimiter + b"--\r\n" + epilogue


def mail(content, *, sender=FROM, fields=()):
    """A mail with that content; its own header lines follow those of the mail."""
    lines = [f"From: {sender}", "To: alice@example.org", "Subject: A mail", *fields]
    return "\r\n".join([*lines, "MIME-Version: 1.0", ""]).encode() + content


def detached(gpg, data, signer="sender", *options):
    """An armored detached signature over *data*."""
    return gpg("-u", fingerprint(signer), *options, "--armor", "--detach-sign", stdin=data)


def signed(gpg, part, signer="sender", *options, signature=None):
    """The part inside multipart/signed; another *signature* than its own if given."""
    armor = signature or detached(gpg, part, signer, *options)
    return multipart(
        "signed",
        part,
        leaf(armor, 'application/pgp-signature; name="signature.asc"'),
        parameters='; micalg=pgp-sha256; protocol="application/pgp-signature"',
    )


def sealed(gpg, plain, *options, to="alice", armor=True):
    """*plain* as an OpenPGP message."""
    words = ("--trust-model", "always", "-r", fingerprint(to), *options)
    return gpg(*words, *(("--armor",) if armor else ()), "--encrypt", stdin=plain)


def encrypted(gpg, plain, *options, to="alice", message=None):
    """The entity *plain* inside multipart/encrypted."""
    return multipart(
        "encrypted",
        leaf(b"Version: 1\r\n", "application/pgp-encrypted"),
        leaf(message or sealed(gpg, plain, *options, to=to), "application/octet-stream"),
        parameters='; protocol="application/pgp-encrypted"',
    )


def clearsigned(gpg, text, signer="sender"):
    """*text* with an inline signature."""
    return gpg("-u", fingerprint(signer), "--armor", "--clearsign", stdin=text)
